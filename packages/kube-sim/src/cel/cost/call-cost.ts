import type { CelType } from '../engine.ts';
import { either, exactly, plus, scaled, sizesTogether, times } from './numbers.ts';
import type { Size } from './numbers.ts';

/** Reading a text once, per character (cel-go common/cost.go). */
const TRAVERSAL = 0.1;
/** A pattern's cost per character of it. */
const PATTERN = 0.25;

/** An operand or argument, with its cost already counted. */
export interface Operand {
  readonly type: CelType | undefined;
  readonly size: Size;
  /** Of the items of a list, where they are known. */
  readonly itemSize?: Size;
}

export interface CallCost {
  readonly cost: number;
  /** Of the result, where a call says so. */
  readonly size?: Size;
}

/**
 * The most that one call of a function costs, without its arguments: Kubernetes' own functions (apiserver
 * pkg/cel/library/cost.go), then those of cel-go (checker/cost.go). What is not named here costs one.
 */
export function callCost(name: string, target: Operand | undefined, args: readonly Operand[]): CallCost {
  const [first, second] = args;
  if (target !== undefined) return methodCost(name, target, args);
  switch (name) {
    case 'url': return { cost: scaled(first!.size.max, TRAVERSAL), size: first!.size };
    case 'cidr': case 'isIP': case 'isCIDR': case 'ip': case 'quantity': case 'isQuantity': case 'semver': case 'isSemver': return { cost: scaled(first!.size.max, TRAVERSAL) };
    case 'ip.isCanonical': return { cost: scaled(first!.size.max, 2 * TRAVERSAL) };
    case 'string': return first!.type?.name === 'bytes' ? { cost: scaled(first!.size.max, TRAVERSAL), size: { min: Math.floor(first!.size.min / 4), max: first!.size.max } } : { cost: 1 };
    case 'bytes': return first!.type?.name === 'string' ? { cost: scaled(first!.size.max, TRAVERSAL), size: { min: first!.size.min, max: times(first!.size.max, 4) } } : { cost: 1 };
    case 'matches': return matchCost(first!, second!);
    default: return { cost: 1 };
  }
}

function methodCost(name: string, target: Operand, args: readonly Operand[]): CallCost {
  const [first, second] = args;
  const { size } = target;
  switch (name) {
    case 'isSorted': case 'sum': case 'max': case 'min': case 'indexOf': case 'lastIndexOf': return { cost: searchCost(target) };
    case 'lowerAscii': case 'upperAscii': case 'substring': case 'trim': return { cost: scaled(size.max, TRAVERSAL), size };
    case 'replace': return { cost: scaled(size.max, 2 * TRAVERSAL), size: replacedSize(size, first!.size, second!.size) };
    case 'split': return { cost: scaled(size.max, 2 * TRAVERSAL), size: { min: 0, max: size.max } };
    case 'join': return joinCost(target, first);
    case 'find': case 'findAll': return { ...matchCost(target, first!), size: { min: 0, max: size.max } };
    case 'matches': return matchCost(target, first!);
    case 'contains': return { cost: times(scaled(size.max, TRAVERSAL), scaled(first!.size.max, TRAVERSAL)) };
    case 'startsWith': case 'endsWith': return { cost: scaled(first!.size.max, TRAVERSAL) };
    case 'format': return { cost: scaled(size.max, TRAVERSAL) };
    case 'containsIP': return { cost: plus(scaled(32, TRAVERSAL), textCost(first!)) };
    case 'containsCIDR': return { cost: plus(scaled(32, TRAVERSAL), scaled(16, TRAVERSAL), 1, textCost(first!)) };
    case 'validate': return { cost: scaled(scaled(first!.size.max, TRAVERSAL), 128 * PATTERN) };
    default: return { cost: 1 };
  }
}

/** Comparing two values: as far as the shorter goes. */
export function comparisonCost(a: Operand, b: Operand): number {
  return scaled(Math.min(a.size.max, b.size.max), TRAVERSAL);
}

/** `+`, of which only texts cost more than one. */
export function additionCost(a: Operand, b: Operand): CallCost {
  const size = sizesTogether(a.size, b.size);
  if (a.type?.kind === 'list') return { cost: 1, size };
  return a.type?.name === 'string' || a.type?.name === 'bytes' ? { cost: scaled(size.max, TRAVERSAL), size } : { cost: 1 };
}

function textCost(argument: Operand): number {
  return argument.type?.name === 'string' ? scaled(argument.size.max, TRAVERSAL) : 0;
}

function matchCost(text: Operand, pattern: Operand): CallCost {
  return { cost: times(scaled(plus(text.size.max, 1), TRAVERSAL), scaled(pattern.size.max, PATTERN)) };
}

function searchCost({ type, size, itemSize = { min: 0, max: size.max } }: Operand): number {
  if (type?.kind !== 'list') return scaled(size.max, TRAVERSAL);
  const isText = type.valueType?.name === 'string' || type.valueType?.name === 'bytes';
  return times(size.max, plus(1, isText ? scaled(itemSize.max, TRAVERSAL) : 0));
}

function joinCost(list: Operand, separator: Operand | undefined): CallCost {
  const items = list.itemSize ?? exactly(0);
  const texts: Size = { min: times(list.size.min, items.min), max: times(list.size.max, items.max) };
  const between = (size: number) => Math.max(0, size - 1);
  const size = separator === undefined ? texts : sizesTogether(texts, { min: times(separator.size.min, between(list.size.min)), max: times(separator.size.max, between(list.size.max)) });
  return { cost: scaled(size.max, TRAVERSAL), size };
}

/** From the shortest results of replacing the longest texts to the longest of replacing the shortest. */
function replacedSize(text: Size, old: Size, put: Size): Size {
  const longest = old.min === 0 ? plus(times(plus(text.max, 1), put.max), text.max) : put.max <= old.min ? text.max : times(Math.ceil(text.max / old.min), put.max);
  const shortest = old.max === 0 ? plus(times(plus(text.min, 1), put.min), text.min) : old.max <= put.min ? text.min : times(Math.ceil(text.min / old.max), put.min);
  return either(exactly(shortest), exactly(longest));
}
