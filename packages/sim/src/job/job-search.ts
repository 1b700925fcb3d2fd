import type { Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';

/** A run of seeds: `from`, `from + 1`, …. */
export interface SeedRange {
  readonly from: number;
  readonly seeds: number;
}

/** A search that is split over the indexes of a Kubernetes Job. */
export interface JobSearch extends SeedRange {
  /** Name of a scenario, or `all`. */
  readonly scenario: string;
  /** Parts, one for each index. */
  readonly shards: number;
}

/** Annotation of the Job that says what its indexes search together. */
export const SEARCH_ANNOTATION = 'sim.vfleet.dev/search';
/** Most indexes of a Job that has a limit of failures per index (kubernetes pkg/apis/batch/validation). */
export const SHARDS_MAX = 100_000;

/** The seeds of one part: all parts together are the whole range, none overlap, and their sizes differ by one at most. */
export function shardOf({ from, seeds, shards }: Omit<JobSearch, 'scenario'>, shard: number): SeedRange {
  const begin = Math.floor((seeds * shard) / shards);
  return { from: from + begin, seeds: Math.floor((seeds * (shard + 1)) / shards) - begin };
}

/** Reads the annotation; the error says what is wrong with it. */
export function parseJobSearch(text: string): Result<JobSearch, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('is no JSON');
  }
  if (typeof value !== 'object' || value === null) return fail('is no map');
  const { scenario, from, seeds, shards } = value as Readonly<Record<string, unknown>>;
  if (typeof scenario !== 'string' || scenario === '') return fail('names no scenario');
  if (!isCount(from, 0) || !isCount(seeds, 1) || !isCount(shards, 1) || shards > SHARDS_MAX || shards > seeds) return fail('needs from, seeds and shards, whole numbers, no more shards than seeds');
  return ok({ scenario, from, seeds, shards });
}

export function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= least;
}
