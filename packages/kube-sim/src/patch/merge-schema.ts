/** How lists and maps of a type merge: what strategic merge patch and server-side apply need to know of it. */
export interface MergeSchema {
  /** What is below a field of an object; undefined where the schema says nothing. */
  field(name: string): MergeSchema | undefined;
  /** What the items of a list, or the values of a map, are. */
  readonly items?: MergeSchema;
  /** x-kubernetes-patch-strategy: merge, replace, retainKeys, or two of them. */
  readonly patchStrategy: readonly string[];
  readonly patchMergeKey?: string;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys: readonly string[];
  readonly mapType?: 'granular' | 'atomic';
  /** Defaults of key fields, which a list item may leave out (protocol TCP). */
  readonly defaultValue?: unknown;
  /** `unknown` is told from the value: objects merge, lists are replaced. `scalar` is a leaf of more than one type. */
  readonly type: 'object' | 'map' | 'list' | 'string' | 'numeric' | 'boolean' | 'scalar' | 'unknown';
}

/** Knows nothing: maps merge, lists are replaced. */
export const unknownMergeSchema: MergeSchema = { field: () => undefined, patchStrategy: [], listMapKeys: [], type: 'unknown' };
