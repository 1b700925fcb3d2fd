import { brief, runCase } from '../differential.ts';
import type { Difference } from '../differential.ts';
import { sift } from '../known-differences.ts';
import type { KnownDifference } from '../known-differences.ts';
import type { Target } from '../player.ts';
import { drawnTheme, drawSequence, sequenceCase } from './draw.ts';
import type { Sequence } from './draw.ts';

export interface DrawnRun {
  readonly count: number;
  /** Sequence number n is drawn from `<seed>/<n>`. */
  readonly seed: string;
  /** How many sequences are under way at a time. */
  readonly parallel: number;
  readonly known: readonly KnownDifference[];
  /** No further sequence is begun after so many that differ. */
  readonly failuresMax: number;
}

export interface DrawnFailure {
  /** As short as shrinking made it. */
  readonly sequence: Sequence;
  readonly differences: readonly Difference[];
}

export interface DrawnResult {
  readonly ran: number;
  readonly requests: number;
  readonly failures: readonly DrawnFailure[];
}

/** Plays drawn sequences on both servers, and shrinks those in which the two differ. */
export async function runDrawn(real: Target, ours: Target, run: DrawnRun): Promise<DrawnResult> {
  const failed: DrawnFailure[] = [];
  let next = 0;
  let requests = 0;
  const worker = async () => {
    while (next < run.count && failed.length < run.failuresMax) {
      const number = next++;
      const sequence = drawSequence(`${run.seed}/${number}`);
      requests += sequence.operations.length;
      const found = await play(real, ours, sequence, `${number}`, run.known);
      if (found.length > 0) failed.push({ sequence, differences: found });
    }
  };
  await Promise.all(Array.from({ length: run.parallel }, worker));
  const failures: DrawnFailure[] = [];
  for (const [index, failure] of failed.entries()) failures.push(await shrink(real, ours, failure, `shrink-${index}`, run.known));
  return { ran: next, requests, failures };
}

async function play(real: Target, ours: Target, sequence: Sequence, name: string, known: readonly KnownDifference[]): Promise<readonly Difference[]> {
  return sift(await runCase(real, ours, drawnTheme, sequenceCase(sequence, name)), known).unknown;
}

/** Leaves out what is not needed for a difference: halves first, then single operations, then watches. */
async function shrink(real: Target, ours: Target, failure: DrawnFailure, name: string, known: readonly KnownDifference[]): Promise<DrawnFailure> {
  let best = failure;
  let attempt = 0;
  const isEnough = async (sequence: Sequence): Promise<boolean> => {
    const differences = await play(real, ours, sequence, `${name}-${attempt++}`, known);
    if (differences.length > 0) best = { sequence, differences };
    return differences.length > 0;
  };
  for (let size = Math.ceil(best.sequence.operations.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < best.sequence.operations.length; ) {
      const { operations } = best.sequence;
      const rest = [...operations.slice(0, start), ...operations.slice(start + size)];
      if (!(await isEnough({ ...best.sequence, operations: rest }))) start += size;
    }
  }
  for (let index = best.sequence.watches.length - 1; index >= 0; index--) await isEnough({ ...best.sequence, watches: best.sequence.watches.toSpliced(index, 1) });
  return best;
}

/** The shortest sequence found, its requests, and the first differences. */
export function printFailure({ sequence, differences }: DrawnFailure): string {
  const requests = sequence.operations.map(({ method, path, query, headers, body, text, from }) =>
    `  ${method} ${path} ${brief({ ...(Object.keys(query ?? {}).length > 0 ? { query: JSON.parse(JSON.stringify(query)) } : {}), by: headers?.['user-agent'] ?? '', ...(from === undefined ? {} : { from }) }, 300)}\n    ${text ?? brief(body, 500)}`);
  const seen = differences.slice(0, 8).map(({ step, path, real, ours }) => `  step ${step} at ${path}\n    real ${brief(real, 400)}\n    ours ${brief(ours, 400)}`);
  return [`seed ${sequence.seed}, watches ${brief(sequence.watches.map(({ kind, ...watch }) => ({ kind: kind.kind, ...watch })))}`, ...requests, `differs (${differences.length}):`, ...seen].join('\n');
}
