import type { Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import { isFaultName } from '../faults/catalog.ts';
import { properties } from '../oracles/index.ts';
import type { RunReport } from '../run/run-scenario.ts';
import { catalog } from '../scenarios/catalog.ts';

export const REPLAY_VERSION = 1;

/** A failure small enough to keep: the scenario, the seed, the faults that are needed, and what must not happen. */
export interface Replay {
  readonly version: typeof REPLAY_VERSION;
  readonly scenario: string;
  readonly seed: string;
  /** Keys of the firings, `fault@site#n`. */
  readonly faults: readonly string[];
  /** The oracle that was violated. */
  readonly oracle: string;
  /** What it said when this was recorded. */
  readonly says: string;
}

/** What is wrong with a file, and where in it. */
export interface ReplayProblem {
  readonly path: string;
  readonly cause: string;
  readonly remedy: string;
}

export function replayOf(report: RunReport): Replay | undefined {
  const [first] = report.violations;
  if (first === undefined) return undefined;
  return { version: REPLAY_VERSION, scenario: report.scenario, seed: report.seed, faults: report.faultsFired, oracle: first.oracle, says: first.says };
}

/** Reads plain data as a replay. */
export function parseReplay(value: unknown): Result<Replay, readonly ReplayProblem[]> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail([{ path: '(file)', cause: 'is no map', remedy: 'give a file that `vfleet sim search` or `vfleet sim shrink` wrote' }]);
  const file = value as Readonly<Record<string, unknown>>;
  if (file['version'] !== REPLAY_VERSION) {
    return fail([{ path: 'version', cause: `is ${JSON.stringify(file['version'])}, and this program replays version ${REPLAY_VERSION}`, remedy: 'search anew with this program, or replay with the one that wrote the file' }]);
  }
  const problems: ReplayProblem[] = [];
  for (const name of ['scenario', 'seed', 'oracle', 'says']) if (typeof file[name] !== 'string') problems.push({ path: name, cause: 'is no text', remedy: 'write it in quotes' });
  const known = catalog.map(({ name }) => name);
  if (typeof file['scenario'] === 'string' && !known.includes(file['scenario'])) problems.push({ path: 'scenario', cause: `${file['scenario']} is no scenario`, remedy: `known: ${known.join(', ')}` });
  const judged = properties.map(({ name }) => name);
  if (typeof file['oracle'] === 'string' && !judged.includes(file['oracle'])) problems.push({ path: 'oracle', cause: `${file['oracle']} is no property that is judged`, remedy: `known: ${judged.join(', ')}` });
  const faults: readonly unknown[] = Array.isArray(file['faults']) ? file['faults'] : [];
  if (!Array.isArray(file['faults'])) problems.push({ path: 'faults', cause: 'is no list', remedy: 'write a list of firings, fault@site#n' });
  faults.forEach((key, index) => {
    const name = typeof key === 'string' ? key.slice(0, Math.max(0, key.indexOf('@'))) : '';
    if (!isFaultName(name) || !/#\d+$/.test(String(key))) problems.push({ path: `faults[${index}]`, cause: `${JSON.stringify(key)} is no firing of a known fault`, remedy: '`vfleet sim list --faults` names them; a firing is written fault@site#n' });
  });
  // Every field has just been looked at.
  return problems.length > 0 ? fail(problems) : ok(file as unknown as Replay);
}
