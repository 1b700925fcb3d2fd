import type { CelLibrary, Environment } from '../library.ts';
import { nameOf } from '../engine.ts';
import type { CelNode, CelType, Checker, Evaluator, Macro, MacroCall, Scope } from '../engine.ts';
import { entriesOf, equalCel, isList } from '../equality.ts';
import { compareCel } from './lists.ts';

/** What a comprehension makes of the value of its last argument for each entry. */
interface Collector {
  readonly resultType: (checker: Checker, item: CelType, key: CelType) => CelType;
  readonly collect: (items: Iterable<readonly [unknown, unknown]>, library: CelLibrary) => unknown;
  /** The last argument has to be a bool. */
  readonly isTest?: true;
}

const isTrue = (value: unknown) => value === true;

function* values(items: Iterable<readonly [unknown, unknown]>): Generator<unknown> {
  for (const [, value] of items) yield value;
}

/** Which errors do not matter: an answer that holds whatever they would have been (cel-spec, macros all and exists). */
function quantified(items: Iterable<readonly [unknown, unknown]>, decisive: boolean): boolean {
  let failure: unknown;
  for (const value of values(items)) {
    if (value === decisive) return decisive;
    if (value instanceof Error) failure ??= value;
  }
  if (failure !== undefined) throw failure;
  return !decisive;
}

function orThrow(value: unknown): unknown {
  if (value instanceof Error) throw value;
  return value;
}

const test = (collect: Collector['collect']): Collector => ({ resultType: (checker) => checker.getType('bool'), collect, isTest: true });
const existsOne = test((items) => [...values(items)].map(orThrow).filter(isTrue).length === 1);

const COLLECTORS: Readonly<Record<string, Collector>> = {
  all: test((items) => quantified(items, false)),
  exists: test((items) => quantified(items, true)),
  existsOne,
  exists_one: existsOne,
  transformList: { resultType: (checker, item) => checker.registry.getListType(item), collect: (items) => [...values(items)].map(orThrow) },
  transformMap: { resultType: (checker, item, key) => checker.registry.getMapType(key, item), collect: (items) => new Map(Array.from(items, ([key, value]) => [key, orThrow(value)])) },
  transformMapEntry: { resultType: (_checker, item) => item, collect: (items, library) => mergedEntries([...values(items)].map(orThrow) as readonly object[], library) },
};

function mergedEntries(maps: readonly object[], library: CelLibrary): ReadonlyMap<unknown, unknown> {
  const merged = new Map<unknown, unknown>();
  for (const [key, value] of maps.flatMap(entriesOf)) {
    if (merged.has(key)) throw new library.EvaluationError(`insert failed: key ${String(key)} already exists`);
    merged.set(key, value);
  }
  return merged;
}

/** cel-go's ext.TwoVarComprehensions, and sortBy of ext.Lists. */
export function registerComprehensions(environment: Environment, library: CelLibrary): void {
  const fail = (text: string): never => { throw new library.EvaluationError(text); };
  for (const [name, collector] of Object.entries(COLLECTORS)) {
    const expand = (call: MacroCall) => comprehension(call, collector, library, fail);
    environment.registerFunction(`list.${name}(ast, ast, ast): dyn`, expand as never);
    if (collector.isTest !== true) environment.registerFunction(`list.${name}(ast, ast, ast, ast): dyn`, expand as never);
  }
  environment.registerFunction('list.sortBy(ast, ast): list<dyn>', ((call: MacroCall) => sortBy(call, fail)) as never);
}

interface TwoVariables extends Macro {
  keyScope?: Scope;
  valueScope?: Scope;
}

function comprehension({ args, receiver }: MacroCall, collector: Collector, library: CelLibrary, fail: (text: string) => never): Macro {
  const [keyName, valueName] = [nameOf(args[0]!, fail), nameOf(args[1]!, fail)];
  const filter = args.length === 4 ? args[2]! : undefined;
  const result = args.at(-1)!;
  const macro: TwoVariables = {
    nodes: [receiver, ...(filter === undefined ? [] : [filter]), result],
    typeCheck(checker, _macro, scope) {
      const range = checker.check(receiver, scope);
      if (!['list', 'map', 'dyn'].includes(range.kind)) throw checker.createError('invalid_comprehension_range', `expression of type '${range.name}' cannot be range of a comprehension (must be list, map, or dynamic)`, receiver);
      const keyType = range.kind === 'list' ? checker.getType('int') : (range.keyType ?? checker.getType('dyn'));
      macro.keyScope = scope.forkWithVariable(keyName, keyType);
      macro.valueScope = macro.keyScope.forkWithVariable(valueName, range.valueType ?? checker.getType('dyn'));
      for (const condition of [filter, collector.isTest === true ? result : undefined]) if (condition !== undefined) requireBool(checker, condition, macro.valueScope);
      return collector.resultType(checker, checker.check(result, macro.valueScope), keyType);
    },
    evaluate(evaluator, _macro, scope) {
      const range = evaluator.run(receiver, scope);
      const entries = isList(range) ? [...range].map((item, index) => [BigInt(index), item] as const) : typeof range === 'object' && range !== null ? entriesOf(range) : fail('no such overload');
      return collector.collect(results(entries, evaluator, scope), library);
    },
  };
  function* results(entries: readonly (readonly [unknown, unknown])[], evaluator: Evaluator, scope: Scope): Generator<readonly [unknown, unknown]> {
    for (const [key, value] of entries) {
      const inner = macro.valueScope!.reuse(macro.keyScope!.reuse(scope).setIterValue(key, evaluator)).setIterValue(value, evaluator);
      if (filter !== undefined && evaluator.run(filter, inner) !== true) continue;
      yield [key, attempt(() => evaluator.run(result, inner))];
    }
  }
  return macro;
}

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

function requireBool(checker: Checker, node: CelNode, scope: Scope): void {
  const type = checker.check(node, scope);
  if (type.name !== 'bool' && type.kind !== 'dyn') throw checker.createError('invalid_condition_type', `expected type 'bool' but found '${type.name}'`, node);
}

function sortBy({ args, receiver }: MacroCall, fail: (text: string) => never): Macro {
  const name = nameOf(args[0]!, fail);
  const key = args[1]!;
  let inner: Scope | undefined;
  return {
    nodes: [receiver, key],
    typeCheck(checker, _macro, scope) {
      const range = checker.check(receiver, scope);
      inner = scope.forkWithVariable(name, range.valueType ?? checker.getType('dyn'));
      checker.check(key, inner);
      return range.kind === 'list' ? range : checker.getType('list<dyn>');
    },
    evaluate(evaluator, _macro, scope) {
      const items = [...(evaluator.run(receiver, scope) as Iterable<unknown>)];
      const keyed = items.map((item) => ({ item, by: evaluator.run(key, inner!.reuse(scope).setIterValue(item, evaluator)) }));
      return keyed.sort((a, b) => compareCel(a.by, b.by)).map(({ item }) => item);
    },
  };
}

/** cel-go's ext.Sets. */
export function registerSets(environment: Environment, library: CelLibrary): void {
  type List = Iterable<unknown>;
  class SetsNamespace {
    readonly name = 'sets';
  }
  const has = (list: List, wanted: unknown) => [...list].some((item) => equalCel(library, item, wanted));
  const contains = (list: List, sub: List) => [...sub].every((item) => has(list, item));
  environment.registerType('SetsNamespace', SetsNamespace).registerConstant('sets', 'SetsNamespace', new SetsNamespace());
  environment.registerFunction('SetsNamespace.contains(list<A>, list<A>): bool', (_sets: unknown, list: List, sub: List) => contains(list, sub));
  environment.registerFunction('SetsNamespace.equivalent(list<A>, list<A>): bool', (_sets: unknown, a: List, b: List) => contains(a, b) && contains(b, a));
  environment.registerFunction('SetsNamespace.intersects(list<A>, list<A>): bool', (_sets: unknown, a: List, b: List) => [...a].some((item) => has(b, item)));
}
