import type { RunOptions, RunReport } from '../run/run-scenario.ts';
import { runScenario } from '../run/run-scenario.ts';
import type { Scenario } from '../scenarios/scenario.ts';

/** Kinds of trace entries that are writes of processes. */
const WRITES: readonly string[] = ['api', 'hardware', 'files', 'host'];

/** A crash point: the n-th write of a process, and on which side of it the process dies. */
export interface CrashPoint {
  readonly process: string;
  /** From 1, over the whole run. */
  readonly nth: number;
  readonly side: 'before' | 'after';
}

/** The firing that kills a process there. */
export function keyOf({ process, nth, side }: CrashPoint): string {
  return `${side === 'before' ? 'process.crashBefore' : 'process.crashAfter'}@${process}/writes#${nth}`;
}

/** Every crash point of one undisturbed run, while faults may strike, in the order of the run. `processes` narrows them. */
export async function crashPoints(scenario: Scenario, seed: string, processes: (name: string) => boolean = () => true, options: Omit<RunOptions, 'plan' | 'onTrace'> = {}): Promise<readonly CrashPoint[]> {
  const points: CrashPoint[] = [];
  const counts = new Map<string, number>();
  let open = false;
  await runScenario(scenario, seed, {
    ...options,
    plan: { rates: {} },
    onTrace: ({ where, kind, text }) => {
      if (where === 'run') open = kind === 'faults may strike';
      if (!WRITES.includes(kind) || !/^(?:operator|config-daemon|device-plugin|attachment)\//.test(where) || / events /.test(` ${text}`)) return;
      const nth = (counts.get(where) ?? 0) + 1;
      counts.set(where, nth);
      if (open && processes(where)) points.push({ process: where, nth, side: 'before' }, { process: where, nth, side: 'after' });
    },
  });
  return points;
}

/** A run in which a process dies at one point, and nothing else goes wrong. */
export function runCrash(scenario: Scenario, seed: string, point: CrashPoint, options: Omit<RunOptions, 'plan'> = {}): Promise<RunReport> {
  return runScenario(scenario, seed, { ...options, plan: { rates: {}, only: [keyOf(point)] } });
}
