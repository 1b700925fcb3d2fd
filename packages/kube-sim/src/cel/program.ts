import type { CelNode, CelType } from './engine.ts';
import type { Environment } from './library.ts';
import { compileErrorText, fieldOf, located, originalName, positionOf } from './compile-error.ts';
import type { LibraryError } from './compile-error.ts';
import { REPLACED } from './functions/text.ts';

/** A compiled expression. */
export interface Program {
  /** `bool`, `string`, `list<int>` … */
  readonly outputType: string;
  /** The checked expression, for the estimate of its cost. */
  readonly root: CelNode;
  /** Whether the expression names a variable. */
  uses(variable: string): boolean;
  /** Never spends more than `costLimit`, which counts the parts of an expression that were run in its loops. */
  evaluate(variables: Readonly<Record<string, unknown>>, costLimit: number): Outcome;
}

export type Outcome = { readonly ok: true; readonly value: unknown; readonly cost: number } | { readonly ok: false; readonly error: string; readonly cost: number };

export type Compiled = { readonly ok: true; readonly program: Program } | { readonly ok: false; readonly error: string };

/** What an evaluation that goes on for too long is ended with, in cel-go's words. */
export const COST_EXCEEDED = 'operation cancelled: actual cost limit exceeded';

class CostExceeded extends Error {}

/** Fields of the object types that an environment declares: `has()` is checked against them, which the library does not do. */
export type FieldsOf = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

interface Meter {
  left: number;
}

/** Compiles an expression: its syntax, its types, its names. The error's text has the place in it. */
export function compileProgram(environment: Environment, expression: string, fields: FieldsOf): Compiled {
  const meter: Meter = { left: 0 };
  let parsed: ReturnType<Environment['parse']>;
  try {
    parsed = environment.parse(expression);
  } catch (error) {
    return { ok: false, error: compileErrorText(expression, error as LibraryError) };
  }
  // The published type of a node leaves out what only the library's macros are meant to see: engine.ts.
  const root = parsed.ast as unknown as CelNode;
  const names = new Set<string>();
  walk(root, (node) => rename(node, names));
  const bound = bindings(root, expression);
  if (bound !== undefined) return { ok: false, error: bound };
  const checked = parsed.check();
  if (!checked.valid) return { ok: false, error: compileErrorText(expression, withOverloads(environment, checked.error as unknown as LibraryError)) };
  const mistakes = [missingField(root, expression, fields), ...wrongLiterals(root, expression, environment)].filter((mistake) => mistake !== undefined);
  if (mistakes.length > 0) return { ok: false, error: mistakes.join('\n') };
  walk(root, (node) => limitLoops(node, meter));
  return {
    ok: true,
    program: { outputType: checked.type!, root, uses: (variable) => names.has(variable), evaluate: (variables, costLimit) => evaluate(parsed, meter, variables, costLimit) },
  };
}

function evaluate(parsed: (variables: Record<string, unknown>) => unknown, meter: Meter, variables: Readonly<Record<string, unknown>>, costLimit: number): Outcome {
  meter.left = costLimit;
  const spent = () => costLimit - Math.max(0, meter.left);
  try {
    const value = parsed(variables);
    return meter.left < 0 ? { ok: false, error: COST_EXCEEDED, cost: costLimit } : { ok: true, value, cost: spent() };
  } catch (error) {
    if (error instanceof CostExceeded || meter.left < 0) return { ok: false, error: COST_EXCEEDED, cost: costLimit };
    return { ok: false, error: runtimeText(error), cost: spent() };
  }
}

/** A failure of an evaluation in cel-go's words (common/types/err.go and where operators fail). */
function runtimeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, summary } = error as Error & { readonly code?: string; readonly summary?: string };
  const said = summary ?? error.message;
  switch (code) {
    case 'no_such_key': return said.replace(/^No such key/, 'no such key');
    case 'index_out_of_bounds': return `index out of bounds: ${/index (-?\d+)/.exec(said)?.[1] ?? '0'}`;
    case 'numeric_overflow': return 'integer overflow';
    case 'division_by_zero': return 'division by zero';
    case 'modulo_by_zero': return 'modulus by zero';
    case 'optional_value_missing': return 'optional.none() dereference';
    case 'no_such_overload':
    case 'no_matching_overload':
    case 'invalid_logical_operand':
    case 'invalid_condition_type':
    case 'field_type_mismatch':
    case 'list_item_type_mismatch': return 'no such overload';
    default: return said;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Walks over the tree
// ---------------------------------------------------------------------------------------------------------------------

function isNode(value: unknown): value is CelNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'meta' in value;
}

/** Visits every node once, macros' and their expansions' too. */
function walk(root: unknown, visit: (node: CelNode) => void, seen: Set<unknown> = new Set()): void {
  if (typeof root !== 'object' || root === null || seen.has(root)) return;
  seen.add(root);
  if (Array.isArray(root)) {
    for (const item of root) walk(item, visit, seen);
  } else if (isNode(root)) {
    visit(root);
    walk(root.args, visit, seen);
    if (root.meta.alternate !== undefined) walk(root.meta.alternate, visit, seen);
    if (root.meta.macro !== undefined) walk(root.meta.macro, visit, seen);
  } else if (Object.getPrototypeOf(root) === Object.prototype) {
    for (const value of Object.values(root)) walk(value, visit, seen);
  }
}

function rename(node: CelNode, names: Set<string>): void {
  if (node.op === 'id') names.add(node.args as string);
  if (node.op !== 'rcall') return;
  const [method, ...rest] = node.args as readonly [string, ...unknown[]];
  const replacement = REPLACED.get(method);
  if (replacement !== undefined) node.args = [replacement, ...rest];
}

/** Counts the nodes of a loop's body each time it is run. */
function limitLoops(node: CelNode, meter: Meter): void {
  for (const body of bodiesOf(node)) {
    let cost = 0;
    walk(body, () => cost++);
    const run = body.meta.evaluate;
    if (run === undefined) continue;
    body.setMeta('evaluate', (...[evaluator, self, scope]: Parameters<typeof run>) => {
      meter.left -= cost;
      if (meter.left < 0) throw new CostExceeded(COST_EXCEEDED);
      return run(evaluator, self, scope);
    });
  }
}

function bodiesOf(node: CelNode): readonly CelNode[] {
  if (node.op === 'comprehension') return [(node.args as { readonly step: CelNode }).step];
  const macro = node.meta.macro as { readonly nodes?: readonly CelNode[] } | undefined;
  return macro?.nodes?.slice(1) ?? [];
}

/** Where a function has no overload at all, its name is unknown: another sentence. */
function withOverloads(environment: Environment, error: LibraryError): LibraryError {
  const node = error.node;
  if (node === undefined || error.code !== 'no_matching_overload') return error;
  const [name] = node.args as readonly [string];
  const declared = environment.getDefinitions().functions.some((known) => known.name === name);
  return { code: error.code, summary: error.summary, node: Object.assign(node, { declarations: declared ? 1 : 0 }), ...(error.range === undefined ? {} : { range: error.range }) };
}

/** `cel.bind`, which the library has and Kubernetes' rules have not: nobody knows its names. */
function bindings(root: CelNode, expression: string): string | undefined {
  let found: string | undefined;
  walk(root, (node) => {
    const [method, receiver, args] = node.op === 'rcall' ? (node.args as readonly [string, CelNode, readonly CelNode[]]) : [];
    if (found !== undefined || method !== 'bind' || receiver?.op !== 'id' || receiver.args !== 'cel') return;
    const unknown: (readonly [string, number])[] = [['cel', receiver.start], ['bind', positionOf(expression, node)]];
    const name = args?.[0]?.args;
    walk(args, (inner) => {
      if (inner.op === 'id' && inner.args === name) unknown.push([String(name), inner.start]);
    });
    const places = new Map(unknown.map(([text, at]) => [at, text]));
    found = [...places].sort(([a], [b]) => a - b).map(([at, text]) => located(expression, `undeclared reference to '${text}' (in container '')`, at)).join('\n');
  });
  return found;
}

/** The first `has(a.b.c)` whose fields are not all there. */
function missingField(root: CelNode, expression: string, fields: FieldsOf): string | undefined {
  let found: string | undefined;
  walk(root, (call) => {
    const chain = (call.meta.macro as { readonly macroHasProps?: readonly CelNode[] } | undefined)?.macroHasProps;
    if (chain === undefined || found !== undefined) return;
    let type: CelType | undefined = chain.at(-1)!.checkedType;
    for (const node of chain.slice(0, -1).toReversed()) {
      const declared = type === undefined ? undefined : fields.get(type.name);
      if (declared === undefined) {
        type = type?.valueType;
        if (type === undefined) return;
        continue;
      }
      const name = fieldOf(node);
      if (!declared.has(name)) {
        found = located(expression, `undefined field '${name}'`, positionOf(expression, call));
        return;
      }
      // Only the type's name is wanted of the next field: its own fields are found by it.
      type = { kind: 'message', name: (declared.get(name) as { readonly type: { readonly name: string } }).type.name, type: '', hasPlaceholderType: false, unify: () => null };
    }
  });
  return found;
}

const LITERALS: ReadonlySet<string> = new Set(['duration', 'timestamp', 'matches']);

/** Texts written down as a duration, a time or a pattern that are none (cel-go's validators of literals). */
function wrongLiterals(root: CelNode, expression: string, environment: Environment): readonly string[] {
  const found: string[] = [];
  walk(root, (node) => {
    if (node.op !== 'call' && node.op !== 'rcall') return;
    const [said] = node.args as readonly [string];
    const name = originalName(said);
    const literal = (node.args as readonly unknown[]).flat().findLast((argument) => isNode(argument) && argument !== node.args);
    if (!LITERALS.has(name) || !isNode(literal) || literal.op !== 'value' || typeof literal.args !== 'string') return;
    const trial = name === 'matches' ? `"".find(${JSON.stringify(literal.args)})` : `${name}(${JSON.stringify(literal.args)})`;
    try {
      environment.evaluate(trial);
    } catch {
      found.push(located(expression, `invalid ${name} argument`, literal.start));
    }
  });
  return found;
}
