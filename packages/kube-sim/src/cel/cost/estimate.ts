import { fieldOf, originalName } from '../compile-error.ts';
import type { CelNode, CelType } from '../engine.ts';
import { additionCost, callCost, comparisonCost } from './call-cost.ts';
import type { Operand } from './call-cost.ts';
import type { DeclaredSize } from './declared-size.ts';
import { either, exactly, plus, times, UNKNOWN_SIZE } from './numbers.ts';
import type { Size } from './numbers.ts';

const LIST_COST = 10;
const MAP_COST = 30;
/** What a loop adds for each entry, beside its body: whether to go on, and keeping the result (cel-go parser/macro.go). */
const LOOPS: Readonly<Record<string, { readonly perEntry: number; readonly after: number }>> = {
  all: { perEntry: 3, after: 1 }, exists: { perEntry: 4, after: 1 }, exists_one: { perEntry: 2, after: 2 }, existsOne: { perEntry: 2, after: 2 },
  map: { perEntry: 12, after: 11 }, filter: { perEntry: 13, after: 11 }, transformList: { perEntry: 12, after: 11 },
  transformMap: { perEntry: 3, after: 31 }, transformMapEntry: { perEntry: 3, after: 31 }, sortBy: { perEntry: 12, after: 11 },
};

/** The most that an expression costs, and what is known of its value. */
interface Estimate {
  readonly cost: number;
  readonly type: CelType | undefined;
  readonly size?: Size;
  readonly itemSize?: Size;
  readonly declared?: DeclaredSize;
}

type Variables = ReadonlyMap<string, Omit<Estimate, 'cost'>>;

/**
 * The most that one evaluation of an expression costs, for values of what `self` is declared to be (cel-go checker/cost.go).
 * Whole numbers up to 2^64.
 */
export function costMax(root: CelNode, self: DeclaredSize): number {
  return new Estimator(self).of(root, new Map()).cost;
}

class Estimator {
  readonly #self: DeclaredSize;

  constructor(self: DeclaredSize) {
    this.#self = self;
  }

  of(node: CelNode, variables: Variables): Estimate {
    const type = node.checkedType;
    const args = (Array.isArray(node.args) ? node.args : [node.args]) as readonly CelNode[];
    switch (node.op) {
      case 'value': return { cost: 0, type, ...literalSize(node.args) };
      case 'id': return this.#name(node, variables);
      case '.': case '.?': return this.#field(node, variables);
      case '[]': case '[?]': return this.#index(args, type, variables);
      case 'list': return this.#list(args, type, variables);
      case 'map': return this.#map(node, variables);
      case 'call': case 'rcall': return this.#call(node, variables);
      case '?:': return this.#choice(args, type, variables);
      case '&&': case '||': return { cost: plus(...args.map((arg) => this.of(arg, variables).cost)), type };
      default: return this.#operator(node.op, args, type, variables);
    }
  }

  #name(node: CelNode, variables: Variables): Estimate {
    const known = variables.get(node.args as string);
    const type = node.checkedType;
    return known === undefined ? { cost: 1, type, declared: this.#self } : { cost: 1, ...known, type: type ?? known.type };
  }

  #field(node: CelNode, variables: Variables): Estimate {
    const operand = this.of((node.args as readonly [CelNode])[0], variables);
    const declared = this.#below(operand, (size) => size.fields?.get(fieldOf(node)));
    return { cost: plus(operand.cost, 1), type: node.checkedType, ...(declared && { declared }) };
  }

  #index([of, at]: readonly CelNode[], type: CelType | undefined, variables: Variables): Estimate {
    const [container, index] = [this.of(of!, variables), this.of(at!, variables)];
    const declared = this.#below(container, (size) => size.element);
    return { cost: plus(container.cost, index.cost, 1), type, ...(declared && { declared }), ...(container.itemSize && { size: container.itemSize }) };
  }

  /** What lies below a value that no path leads to is looked for at the root: so does the real server. */
  #below({ declared, type }: Estimate, step: (size: DeclaredSize) => DeclaredSize | undefined): DeclaredSize | undefined {
    if (declared !== undefined) return step(declared);
    return type === undefined ? undefined : this.#self;
  }

  #list(items: readonly CelNode[], type: CelType | undefined, variables: Variables): Estimate {
    const parts = items.map((item) => this.of(item, variables));
    const itemSize = parts.length === 0 ? exactly(0) : parts.map((part) => sizeOf(part)).reduce(either);
    return { cost: plus(LIST_COST, ...parts.map(({ cost }) => cost)), type, size: exactly(items.length), itemSize };
  }

  #map(node: CelNode, variables: Variables): Estimate {
    const entries = node.args as readonly (readonly CelNode[])[];
    return { cost: plus(MAP_COST, ...entries.flat().map((part) => this.of(part, variables).cost)), type: node.checkedType, size: exactly(entries.length) };
  }

  #choice(args: readonly CelNode[], type: CelType | undefined, variables: Variables): Estimate {
    const [condition, yes, no] = args.map((arg) => this.of(arg, variables)) as [Estimate, Estimate, Estimate];
    return { cost: plus(condition.cost, Math.max(yes.cost, no.cost)), type, size: either(sizeOf(yes), sizeOf(no)) };
  }

  #operator(op: string, args: readonly CelNode[], type: CelType | undefined, variables: Variables): Estimate {
    const operands = args.filter(isNode).map((arg) => this.of(arg, variables));
    const own = this.#operatorCost(op, operands.map(operandOf));
    return { type, ...own, cost: plus(own.cost, ...operands.map(({ cost }) => cost)) };
  }

  #operatorCost(op: string, [left, right]: readonly Operand[]): { readonly cost: number; readonly size?: Size } {
    if (left === undefined || right === undefined) return { cost: 1 };
    switch (op) {
      case '==': case '!=': return { cost: isConstant(left.type) ? 1 : comparisonCost(left, right) };
      case '<': case '<=': case '>': case '>=': return { cost: left.type?.name === 'string' || left.type?.name === 'bytes' ? comparisonCost(left, right) : 1 };
      case '+': return additionCost(left, right);
      case 'in': return { cost: right.type?.kind === 'list' ? right.size.max : 1 };
      default: return { cost: 1 };
    }
  }

  #call(node: CelNode, variables: Variables): Estimate {
    const [said, second, third] = node.args as readonly [string, CelNode | readonly CelNode[], readonly CelNode[] | undefined];
    const name = originalName(said);
    const target = node.op === 'rcall' ? (second as CelNode) : undefined;
    const args = target === undefined ? (second as readonly CelNode[]) : (third ?? []);
    if (name === 'has') return { cost: plus(1, this.#fieldsCost(args[0]!, variables)), type: node.checkedType };
    if (target !== undefined && Object.hasOwn(LOOPS, name) && args.length > 1 && isName(args[0])) return this.#loop(node, name, target, args, variables);
    const on = target === undefined ? undefined : this.of(target, variables);
    const given = args.map((arg) => this.of(arg, variables));
    const own = callCost(name, on && operandOf(on), given.map(operandOf));
    return { type: node.checkedType, ...(own.size && { size: own.size }), cost: plus(own.cost, on?.cost ?? 0, ...given.map(({ cost }) => cost)) };
  }

  /** Of `has(a.b.c)`, whose last step costs nothing. */
  #fieldsCost(chain: CelNode, variables: Variables): number {
    if (chain.op !== '.') return this.of(chain, variables).cost;
    const operand = (chain.args as readonly [CelNode])[0];
    return operand.op === '.' ? plus(1, this.#fieldsCost(operand, variables)) : this.of(operand, variables).cost;
  }

  #loop(node: CelNode, name: string, target: CelNode, args: readonly CelNode[], variables: Variables): Estimate {
    const range = this.of(target, variables);
    const names = args.filter(isName).slice(0, name === 'map' || name === 'filter' || args.length === 2 ? 1 : 2);
    const isMap = range.type?.kind === 'map';
    const inner = new Map(variables);
    const value = this.#entry(range, isMap && names.length === 1 ? 'key' : 'element');
    if (names.length === 2) inner.set(names[0]!.args as string, isMap ? this.#entry(range, 'key') : { type: undefined, size: exactly(1) });
    inner.set(names.at(-1)!.args as string, value);
    const bodies = args.slice(names.length).map((body) => this.of(body, inner));
    const { perEntry, after } = LOOPS[name]!;
    const count = sizeOf(range);
    const step = plus(perEntry, ...bodies.map(({ cost }) => cost));
    const isCollecting = node.checkedType?.kind === 'list' || node.checkedType?.kind === 'map';
    return { cost: plus(range.cost, times(count.max, step), after), type: node.checkedType, ...(isCollecting && { size: count }) };
  }

  #entry(range: Estimate, part: 'key' | 'element'): Omit<Estimate, 'cost'> {
    const declared = range.declared === undefined ? this.#self : range.declared[part];
    const type = part === 'key' ? range.type?.keyType : range.type?.valueType;
    // What is declared goes before what is known of the range.
    return declared === undefined ? { type, ...(range.itemSize && { size: range.itemSize }) } : { type, declared };
  }
}

function isNode(value: unknown): value is CelNode {
  return typeof value === 'object' && value !== null && 'op' in value;
}

function isName(node: CelNode | undefined): node is CelNode {
  return node?.op === 'id';
}

function operandOf(estimate: Estimate): Operand {
  const item = estimate.itemSize ?? (estimate.declared?.element && declaredMax(estimate.declared.element));
  return { type: estimate.type, size: sizeOf(estimate), ...(item && { itemSize: item }) };
}

function sizeOf({ size, declared, type }: Estimate): Size {
  return size ?? (declared === undefined ? (isScalar(type) ? exactly(1) : UNKNOWN_SIZE) : declaredMax(declared));
}

function declaredMax({ elementsMax }: DeclaredSize): Size {
  return { min: 0, max: elementsMax };
}

const SCALARS: readonly string[] = ['bool', 'double', 'int', 'uint', 'google.protobuf.Duration', 'google.protobuf.Timestamp'];
/** Types of Kubernetes' libraries whose values are compared at once. */
const CONSTANT: readonly string[] = ['net.IP', 'net.CIDR', 'kubernetes.Quantity', 'kubernetes.Semver'];

function isScalar(type: CelType | undefined): boolean {
  return type !== undefined && (SCALARS.includes(type.name) || (type.kind === 'optional' && isScalar(type.valueType)));
}

function isConstant(type: CelType | undefined): boolean {
  return type !== undefined && CONSTANT.includes(type.name);
}

function literalSize(value: unknown): { readonly size?: Size } {
  if (typeof value === 'string') return { size: exactly([...value].length) };
  return value instanceof Uint8Array ? { size: exactly(value.length) } : { size: exactly(1) };
}
