/**
 * The types behind the built-in kinds, as Kubernetes' Go structs have them: enough to decode JSON as the real server does
 * (what is dropped, what is always written, how a mismatch is worded) and to merge lists in patches.
 */
export type GoType = GoStruct | GoMap | GoList | GoScalar;

export interface GoStruct {
  readonly kind: 'struct';
  /** The published definition: `io.k8s.api.core.v1.Container`. */
  readonly definition: string;
  /** As errors name it: `Container`. */
  readonly name: string;
  readonly goType: string;
  readonly fields: ReadonlyMap<string, GoField>;
  readonly required: readonly string[];
  /** Fields that are written even when the object lacks them, with what is written. */
  readonly always: readonly (readonly [string, unknown])[];
  readonly mapType: string | undefined;
}

export interface GoMap {
  readonly kind: 'map';
  readonly goType: string;
  readonly values: GoType;
}

export interface GoList {
  readonly kind: 'list';
  readonly goType: string;
  readonly items: GoType;
}

export type ScalarKind = 'string' | 'bool' | 'int32' | 'int64' | 'float64' | 'bytes' | 'time' | 'microTime' | 'quantity' | 'intOrString' | 'any';

export interface GoScalar {
  readonly kind: ScalarKind;
  readonly goType: string;
}

export interface GoField {
  readonly name: string;
  readonly type: GoType;
  /** A zero or empty value is kept, since it differs from an absent one. */
  readonly keepsZero: boolean;
  readonly listType: 'atomic' | 'set' | 'map' | undefined;
  readonly listMapKeys: readonly string[];
  readonly mapType: 'granular' | 'atomic' | undefined;
  readonly patchStrategy: readonly string[];
  readonly patchMergeKey: string | undefined;
  readonly enum: readonly unknown[] | undefined;
  readonly itemEnum: readonly unknown[] | undefined;
  readonly defaultValue: unknown;
  /** Field numbers in protobuf, from the outside in. */
  readonly protobufPath: readonly number[];
}
