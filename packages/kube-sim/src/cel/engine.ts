/**
 * The parts of the CEL library's insides that its macros work with, as version 8.0.0 has them; its published types leave
 * them open. The library is pinned to that version, and the tests of this folder hold each of these parts to what is said here.
 */
export interface CelNode {
  readonly op: string;
  args: unknown;
  readonly pos: number;
  readonly start: number;
  readonly end: number;
  readonly input: string;
  readonly meta: { readonly alternate?: CelNode; readonly macro?: object; readonly label?: string; evaluate?: Evaluate };
  /** Set when the node has been checked. */
  readonly checkedType?: CelType;
  setMeta(key: string, value: unknown): CelNode;
}

export type Evaluate = (evaluator: Evaluator, node: CelNode, scope: Scope) => unknown;

export interface CelType {
  readonly kind: string;
  readonly name: string;
  readonly type: string;
  readonly keyType?: CelType;
  readonly valueType?: CelType;
  readonly hasPlaceholderType: boolean;
  unify(registry: unknown, other: CelType): CelType | null;
}

export interface Checker {
  readonly registry: { getListType(item: CelType): CelType; getMapType(key: CelType, value: CelType): CelType; getOptionalType(value: CelType): CelType };
  check(node: CelNode, scope: Scope): CelType;
  getType(name: string): CelType;
  createError(code: string, message: string, node: CelNode): Error;
}

export interface Evaluator {
  run(node: CelNode, scope: Scope): unknown;
}

/** The variables in reach. */
export interface Scope {
  forkWithVariable(name: string, type: CelType): Scope;
  /** This fork above `parent` in another evaluation. */
  reuse(parent: Scope): Scope;
  setIterValue(value: unknown, evaluator: Evaluator): Scope;
}

export interface MacroCall {
  readonly ast: CelNode;
  readonly args: readonly CelNode[];
  readonly receiver: CelNode;
}

export interface Macro {
  /** Nodes under their own names, so that walks over a tree find them. */
  readonly nodes: readonly CelNode[];
  typeCheck(checker: Checker, macro: Macro, scope: Scope): CelType;
  evaluate(evaluator: Evaluator, macro: Macro, scope: Scope): unknown;
}

/** The name that a macro's argument introduces. */
export function nameOf(node: CelNode, fail: (text: string) => never): string {
  return node.op === 'id' ? (node.args as string) : fail('argument must be a simple name');
}
