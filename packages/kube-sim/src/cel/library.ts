import { createRequire } from 'node:module';
import type * as Cel from '@marcbachmann/cel-js';
import type * as Evaluator from '@marcbachmann/cel-js/evaluator';

export { once } from '../values/once.ts';

/** The CEL library as the rest of this folder uses it. */
export interface CelLibrary {
  readonly Environment: typeof Cel.Environment;
  readonly EvaluationError: typeof Cel.EvaluationError;
  readonly Optional: typeof Cel.Optional;
  readonly Duration: typeof Evaluator.Duration;
}

export type Environment = Cel.Environment;

/**
 * Loads the library, which costs some 15 ms, when the first rule is compiled: servers without rules never pay. By `require`
 * and not by `import()`, because validation is synchronous, and because simulated time must not stand still for a file.
 */
export function loadCel(): CelLibrary {
  const load = createRequire(import.meta.url);
  const { Environment, EvaluationError, Optional } = load('@marcbachmann/cel-js') as typeof Cel;
  const { Duration } = load('@marcbachmann/cel-js/evaluator') as typeof Evaluator;
  return { Environment, EvaluationError, Optional, Duration };
}
