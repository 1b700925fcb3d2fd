import type { JsonValue } from '@vfleet/core';
import type { Case, Theme } from './case.ts';
import { differences } from './compare.ts';
import { valueAt } from './paths.ts';
import { playCase } from './player.ts';
import type { PlayedStep, Shown, Target } from './player.ts';

/** A place where our server does not answer as the real one. */
export interface Difference {
  /** `theme/case`. */
  readonly case: string;
  /** From 1, and what it does. */
  readonly step: string;
  /** `status`, `header <name>`, or a path that starts with `body` or `events`. */
  readonly path: string;
  readonly real: JsonValue | undefined;
  readonly ours: JsonValue | undefined;
}

/** Runs one case against both servers at the same time and returns where they differ. A try of its own, from 1, has objects of its own. */
export async function runCase(real: Target, ours: Target, theme: Theme, one: Case, attempt = 1): Promise<readonly Difference[]> {
  const [playedReal, playedOurs] = await Promise.all([playCase(real, theme, one, attempt), playCase(ours, theme, one, attempt)]);
  return comparePlayed(`${theme.name}/${one.name}`, playedReal, playedOurs);
}

/** Two plays of one case, step by step. */
export function comparePlayed(name: string, real: readonly PlayedStep[], ours: readonly PlayedStep[]): readonly Difference[] {
  return Array.from({ length: Math.max(real.length, ours.length) }, (_, index) => {
    const step = real[index]?.step ?? ours[index]?.step ?? '';
    return stepDifferences(real[index]?.shown, ours[index]?.shown).map((difference) => ({ case: name, step, ...difference }));
  }).flat();
}

function stepDifferences(real: Shown | undefined, ours: Shown | undefined): ReturnType<typeof differences> {
  if (real === undefined || ours === undefined || real['status'] === ours['status']) return differences(real, ours);
  // Objects and refusals have nothing in common: what was said instead is all that helps.
  return differences(outcomeOf(real), outcomeOf(ours));
}

function outcomeOf(shown: Shown): Shown {
  const said = valueAt(shown, 'body.message') ?? (typeof shown['body'] === 'string' ? shown['body'] : undefined);
  const failed = shown['cannot be done'];
  return { ...(shown['status'] === undefined ? {} : { status: shown['status'] }), ...(said === undefined ? {} : { 'body.message': said }), ...(failed === undefined ? {} : { 'cannot be done': failed }) };
}

/** A difference as a person reads it. */
export function printDifference(difference: Difference): string {
  return `${difference.case}\n  step ${difference.step}\n  at ${difference.path}\n    real: ${brief(difference.real)}\n    ours: ${brief(difference.ours)}`;
}

export function brief(value: JsonValue | undefined, lengthMax = 600): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}…`;
}
