import type { CelNode, CelType } from './engine.ts';
import { REPLACED } from './functions/text.ts';

/** What the library says of an expression that does not compile; its checker's codes are stable words. */
export interface LibraryError {
  readonly code: string;
  readonly summary: string;
  readonly node?: CelNode;
  readonly range?: { readonly start: number; readonly end: number };
}

/**
 * The first mistake in the form of cel-go: its sentence, and the place in the text with a caret. cel-go lists every mistake,
 * the library only the first; sentences about syntax are the library's own, as ANTLR's list what its grammar expects.
 */
export function compileErrorText(expression: string, error: LibraryError): string {
  const node = error.node?.op === undefined ? undefined : error.node;
  if (node === undefined) return located(expression, syntaxSentence(error.summary), error.range?.start ?? 0);
  const { sentence, at } = explain(expression, error, node);
  return located(expression, sentence, at);
}

const EXPECTED = "expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

function syntaxSentence(summary: string): string {
  if (summary === 'Unexpected token: EOF') return `Syntax error: mismatched input '<EOF>' ${EXPECTED}`;
  // The end after a dot: ANTLR blames the dot.
  return `Syntax error: ${/^Expected IDENTIFIER, got EOF/.test(summary) ? "no viable alternative at input '.'" : summary}`;
}

/** `ERROR: <input>:1:6: …`, the line, and a caret under the place. */
export function located(expression: string, sentence: string, offset: number): string {
  const before = expression.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - (before.lastIndexOf('\n') + 1);
  return `ERROR: <input>:${line}:${column + 1}: ${sentence}\n | ${expression.split('\n')[line - 1]}\n | ${'.'.repeat(column)}^`;
}

interface Explained {
  readonly sentence: string;
  readonly at: number;
}

function explain(expression: string, error: LibraryError, node: CelNode): Explained {
  const here = positionOf(expression, node);
  switch (error.code) {
    case 'unknown_variable': return { sentence: `undeclared reference to '${String(node.args)}' (in container '')`, at: node.start };
    case 'no_such_key': return { sentence: `undefined field '${fieldOf(node)}'`, at: here };
    case 'cannot_index_type': return { sentence: `type '${typeText(childOf(node, 0)?.checkedType)}' does not support field selection`, at: here };
    case 'no_such_overload': return binary(expression, node);
    case 'no_matching_overload': return call(expression, node);
    case 'invalid_index_type': return noOverload('_[_]', [childOf(node, 0), childOf(node, 1)], here);
    case 'incompatible_ternary_branches': return noOverload('_?_:_', node.args as readonly CelNode[], here);
    case 'invalid_logical_operand': return operandMismatch(expression, node);
    // A test inside a macro is told by its label from the condition before a question mark.
    case 'invalid_condition_type': return node.meta.label === undefined
      ? noOverload('_?_:_', [node, undefined, undefined], Math.max(0, expression.indexOf('?', node.end)))
      : { sentence: `expected type 'bool' but found '${typeText(node.checkedType)}'`, at: here };
    case 'heterogeneous_list_element':
    case 'heterogeneous_map_key':
    case 'heterogeneous_map_value': return { sentence: error.summary.slice(error.summary.indexOf('expected type')), at: here };
    default: return { sentence: error.summary, at: here };
  }
}

/** Where cel-go says that a node is: the dot of a field, the operator, the parenthesis of a call. */
export function positionOf(expression: string, node: CelNode): number {
  const after = (text: string, from: number) => {
    const found = expression.indexOf(text, from);
    return found < 0 ? node.start : found;
  };
  const left = childOf(node, 0);
  switch (node.op) {
    case 'id': case 'value': case 'list': case 'map': case '!_': case '-_': return node.start;
    case 'call': return after('(', node.start);
    case 'rcall': return after('(', (childOf(node, 1) ?? node).end);
    case '.': case '.?': return after('.', left?.end ?? node.start);
    case '[]': case '[?]': return after('[', left?.end ?? node.start);
    case '?:': return after('?', left?.end ?? node.start);
    default: return left === undefined ? node.start : after(node.op, left.end);
  }
}

function noOverload(name: string, operands: readonly (CelNode | undefined)[], at: number): Explained {
  return { sentence: `found no matching overload for '${name}' applied to '(${operands.map((operand) => typeText(operand?.checkedType)).join(', ')})'`, at };
}

function operandMismatch(expression: string, node: CelNode): Explained {
  const operand = (node.args as readonly CelNode[]).find(({ checkedType }) => checkedType !== undefined && checkedType.name !== 'bool' && checkedType.kind !== 'dyn') ?? node;
  return { sentence: `expected type 'bool' but found '${typeText(operand.checkedType)}'`, at: positionOf(expression, operand) };
}

function binary(expression: string, node: CelNode): Explained {
  const operands = (Array.isArray(node.args) ? node.args : [node.args]) as readonly CelNode[];
  const name = operands.length === 1 ? node.op : node.op === 'in' ? '@in' : `_${node.op}_`;
  return noOverload(name, operands, positionOf(expression, node));
}

function call(expression: string, node: CelNode): Explained {
  const isMethod = node.op === 'rcall';
  const [said, second, third] = node.args as readonly [string, unknown, readonly CelNode[] | undefined];
  const receiver = isMethod ? (second as CelNode) : undefined;
  const parameters = (isMethod ? third : (second as readonly CelNode[])) ?? [];
  const name = originalName(said);
  const { declarations } = node as CelNode & { readonly declarations?: unknown };
  const at = positionOf(expression, node);
  if (declarations === 0) return { sentence: `undeclared reference to '${name}' (in container '')`, at };
  const types = `(${parameters.map(({ checkedType }) => typeText(checkedType)).join(', ')})`;
  return { sentence: `found no matching overload for '${name}' applied to '${receiver === undefined ? '' : `${typeText(receiver.checkedType)}.`}${types}'`, at };
}

export function originalName(name: string): string {
  for (const [original, replacement] of REPLACED) if (replacement === name) return original;
  return name;
}

function childOf(node: CelNode, index: number): CelNode | undefined {
  const child: unknown = Array.isArray(node.args) ? node.args[index] : undefined;
  return typeof child === 'object' && child !== null && 'op' in child ? (child as CelNode) : undefined;
}

export function fieldOf(node: CelNode): string {
  return Array.isArray(node.args) ? String(node.args[1]) : '';
}

const NAMES: Readonly<Record<string, string>> = { 'google.protobuf.Duration': 'duration', 'google.protobuf.Timestamp': 'timestamp', optional: 'optional_type' };

/** A type as cel-go writes it: `list(string)`. Types of schemas have made-up names there, so `object` stands for them here. */
export function typeText(type: CelType | undefined): string {
  if (type === undefined) return 'dyn';
  switch (type.kind) {
    case 'list': return `list(${typeText(type.valueType)})`;
    case 'map': return `map(${typeText(type.keyType)}, ${typeText(type.valueType)})`;
    case 'optional': return `optional_type(${typeText(type.valueType)})`;
    case 'dyn': return 'dyn';
    default: return NAMES[type.name] ?? (/^Object\d+$/.test(type.name) ? 'object' : type.name);
  }
}
