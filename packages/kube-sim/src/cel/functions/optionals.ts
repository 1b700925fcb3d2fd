import type { CelLibrary, Environment } from '../library.ts';
import { nameOf } from '../engine.ts';
import type { Macro, MacroCall, Scope } from '../engine.ts';
import { isList } from '../equality.ts';

/** What the library has not of cel-go's OptionalTypes: optMap, optFlatMap and ofNonZeroValue. */
export function registerOptionals(environment: Environment, library: CelLibrary): void {
  const { Optional } = library;
  environment.registerFunction('OptionalNamespace.ofNonZeroValue(A): optional<A>', (_optional: unknown, value: unknown) => (isZero(library, value) ? Optional.none() : Optional.of(value)));
  environment.registerFunction('optional.optMap(ast, ast): dyn', ((call: MacroCall) => mapped(call, library, false)) as never);
  environment.registerFunction('optional.optFlatMap(ast, ast): dyn', ((call: MacroCall) => mapped(call, library, true)) as never);
}

function mapped({ args, receiver }: MacroCall, { Optional, EvaluationError }: CelLibrary, isFlat: boolean): Macro {
  const fail = (text: string): never => { throw new EvaluationError(text); };
  const name = nameOf(args[0]!, fail);
  const result = args[1]!;
  let inner: Scope | undefined;
  return {
    nodes: [receiver, result],
    typeCheck(checker, _macro, scope) {
      const type = checker.check(receiver, scope);
      if (type.kind !== 'optional' && type.kind !== 'dyn') throw checker.createError('optional_expected', `expected an optional, got '${type.name}'`, receiver);
      inner = scope.forkWithVariable(name, type.valueType ?? checker.getType('dyn'));
      const made = checker.check(result, inner);
      return isFlat ? made : checker.registry.getOptionalType(made);
    },
    evaluate(evaluator, _macro, scope) {
      const optional = evaluator.run(receiver, scope);
      if (!(optional instanceof Optional)) return fail('no such overload');
      if (!optional.hasValue()) return Optional.none();
      const value = evaluator.run(result, inner!.reuse(scope).setIterValue(optional.value(), evaluator));
      return isFlat ? value : Optional.of(value);
    },
  };
}

function isZero({ Duration }: CelLibrary, value: unknown): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === '') return true;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Duration) return value.seconds === 0n && value.nanos === 0;
  if (isList(value)) return [...value].length === 0;
  if (value instanceof Map) return value.size === 0;
  return typeof value === 'object' && value.constructor === Object && Object.keys(value).length === 0;
}
