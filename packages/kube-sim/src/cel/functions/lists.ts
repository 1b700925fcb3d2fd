import type { CelLibrary, Environment } from '../library.ts';
import { equalCel, isList } from '../equality.ts';

type List = readonly unknown[] | ReadonlySet<unknown>;

const DURATION = 'google.protobuf.Duration';
const TIMESTAMP = 'google.protobuf.Timestamp';
const ORDERED: readonly string[] = ['int', 'uint', 'double', 'bool', 'string', DURATION, TIMESTAMP];
const INT_MAX = 2n ** 63n - 1n;

/** Kubernetes' own list functions (apiserver pkg/cel/library/lists.go) and cel-go's ext.Lists, version 3. */
export function registerLists(environment: Environment, library: CelLibrary): void {
  const fail = (text: string): never => { throw new library.EvaluationError(text); };
  for (const type of ORDERED) {
    environment.registerFunction(`list<${type}>.isSorted(): bool`, (list: List) => isSorted([...list]));
    environment.registerFunction(`list<${type}>.min(): ${type}`, (list: List) => extreme([...list], -1) ?? fail('min called on empty list'));
    environment.registerFunction(`list<${type}>.max(): ${type}`, (list: List) => extreme([...list], 1) ?? fail('max called on empty list'));
    environment.registerFunction(`list<${type}>.sort(): list<${type}>`, (list: List) => [...list].sort(compareCel));
  }
  environment.registerFunction('list<int>.sum(): int', (list: List) => {
    const sum = ([...list] as readonly bigint[]).reduce((total, item) => total + item, 0n);
    return sum > INT_MAX || sum < -INT_MAX - 1n ? fail('integer overflow') : sum;
  });
  environment.registerFunction('list<double>.sum(): double', (list: List) => ([...list] as readonly number[]).reduce((total, item) => total + item, 0));
  environment.registerFunction(`list<${DURATION}>.sum(): ${DURATION}`, (list: List) => (
    ([...list] as readonly InstanceType<CelLibrary['Duration']>[]).reduce((total, item) => total.addDuration(item), new library.Duration(0))
  ));
  const indexes = (list: List, wanted: unknown) => [...list].map((item) => equalCel(library, item, wanted));
  environment.registerFunction('list<A>.indexOf(A): int', (list: List, wanted: unknown) => BigInt(indexes(list, wanted).indexOf(true)));
  environment.registerFunction('list<A>.lastIndexOf(A): int', (list: List, wanted: unknown) => BigInt(indexes(list, wanted).lastIndexOf(true)));
  registerReshaping(environment, library, fail);
}

function registerReshaping(environment: Environment, library: CelLibrary, fail: (text: string) => never): void {
  environment.registerFunction('list<A>.slice(int, int): list<A>', (list: List, start: bigint, end: bigint) => {
    const items = [...list];
    if (start < 0n || end < 0n) fail(`cannot slice(${start}, ${end}), negative indexes not supported`);
    if (start > end) fail(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
    if (end > BigInt(items.length)) fail(`cannot slice(${start}, ${end}), list is length ${items.length}`);
    return items.slice(Number(start), Number(end));
  });
  environment.registerFunction('list<dyn>.flatten(): list<dyn>', (list: List) => flatten(list, 1));
  environment.registerFunction('list<dyn>.flatten(int): list<dyn>', (list: List, depth: bigint) => (depth < 0n ? fail('level must be non-negative') : flatten(list, Number(depth))));
  environment.registerFunction('list<A>.reverse(): list<A>', (list: List) => [...list].reverse());
  environment.registerFunction('list<A>.distinct(): list<A>', (list: List) => distinct(library, [...list]));
  class ListsNamespace {
    readonly name = 'lists';
  }
  environment.registerType('ListsNamespace', ListsNamespace).registerConstant('lists', 'ListsNamespace', new ListsNamespace());
  environment.registerFunction('ListsNamespace.range(int): list<int>', (_lists: unknown, count: bigint) => Array.from({ length: Number(count < 0n ? 0n : count) }, (_, index) => BigInt(index)));
}

function flatten(list: List, depth: number): readonly unknown[] {
  return [...list].flatMap((item) => (depth > 0 && isList(item) ? flatten(item, depth - 1) : [item]));
}

function distinct(library: CelLibrary, items: readonly unknown[]): readonly unknown[] {
  const kept: unknown[] = [];
  for (const item of items) if (!kept.some((other) => equalCel(library, other, item))) kept.push(item);
  return kept;
}

function isSorted(items: readonly unknown[]): boolean {
  return items.every((item, index) => index === 0 || compareCel(items[index - 1], item) <= 0);
}

function extreme(items: readonly unknown[], sign: 1 | -1): unknown {
  return items.length === 0 ? undefined : items.reduce((best, item) => (compareCel(item, best) * sign > 0 ? item : best));
}

/** Order within one type; every ordered type of CEL compares by `<` on its JavaScript value. */
export function compareCel(a: unknown, b: unknown): number {
  const [left, right] = [a as number, b as number];
  return left < right ? -1 : left > right ? 1 : 0;
}
