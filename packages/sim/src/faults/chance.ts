import { finish, hashText } from '../engine/hash.ts';
import type { Marks } from '../engine/marks.ts';
import type { FaultName } from './catalog.ts';

/** What may go wrong in a run: with a chance for each opportunity, or exactly these firings and nothing else. */
export interface FaultPlan {
  readonly rates: Readonly<Partial<Record<FaultName, number>>>;
  /** Keys of {@link Strike}s: how a run is replayed, and with fewer of them, shrunk. */
  readonly only?: readonly string[];
}

export const noFaultPlan: FaultPlan = { rates: {} };

/** A fault that strikes at one opportunity. */
export interface Strike {
  readonly fault: FaultName;
  /** `fault@site#n`: names this firing in every run of the seed. */
  readonly key: string;
  /** A number in [0, 1) of this firing's own; the n-th call gives the n-th one. */
  draw(): number;
}

interface Site {
  readonly hash: number;
  count: number;
}

/**
 * Decides at every opportunity whether a fault strikes. Opportunities are numbered per site (a process' writes, a PF's steps, a node's
 * seconds), and the draw depends only on seed, site and number: a firing can be left out without moving the others' draws.
 */
export class Chance {
  readonly #seed: string;
  readonly #rates: FaultPlan['rates'];
  readonly #only: ReadonlyMap<string, FaultName> | undefined;
  readonly #sites = new Map<string, Site>();
  readonly #marks: Marks;
  /** The plan has no fault at all: nothing needs to be numbered. */
  readonly #nothing: boolean;
  readonly #fired: string[] = [];
  /** Off: nothing strikes any more. */
  active = true;
  /** Told of each firing, before it has its effect. */
  onStrike: ((strike: Strike) => void) | undefined;

  constructor(seed: string, plan: FaultPlan, marks: Marks) {
    this.#seed = seed;
    this.#rates = plan.rates;
    this.#only = plan.only === undefined ? undefined : new Map(plan.only.map((key) => {
      const at = key.indexOf('@');
      return [key.slice(at + 1), key.slice(0, at) as FaultName];
    }));
    this.#marks = marks;
    this.#nothing = plan.only === undefined && Object.keys(plan.rates).length === 0;
  }

  /** Keys of what struck, in order. */
  get fired(): readonly string[] {
    return this.#fired;
  }

  /** One opportunity at `site` for at most one of `candidates`. */
  strike(site: string, candidates: readonly FaultName[]): Strike | undefined {
    if (this.#nothing) return undefined;
    let known = this.#sites.get(site);
    if (known === undefined) this.#sites.set(site, (known = { hash: hashText(site, hashText(this.#seed)), count: 0 }));
    const nth = ++known.count;
    if (!this.active) return undefined;
    const fault = this.#only === undefined ? this.#drawn(known, nth, candidates) : this.#scripted(`${site}#${nth}`, candidates);
    if (fault === undefined) return undefined;
    const strike = this.#make(fault, `${fault}@${site}#${nth}`);
    this.#fired.push(strike.key);
    this.#marks.hit(fault);
    this.onStrike?.(strike);
    return strike;
  }

  #drawn(site: Site, nth: number, candidates: readonly FaultName[]): FaultName | undefined {
    let left = unit(site.hash, nth);
    for (const candidate of candidates) {
      const rate = this.#rates[candidate];
      if (rate === undefined) continue;
      if (left < rate) return candidate;
      left -= rate;
    }
    return undefined;
  }

  #scripted(opportunity: string, candidates: readonly FaultName[]): FaultName | undefined {
    const fault = this.#only!.get(opportunity);
    return fault !== undefined && candidates.includes(fault) ? fault : undefined;
  }

  #make(fault: FaultName, key: string): Strike {
    const hash = hashText(key, hashText(this.#seed, 0x9e3779b9));
    let count = 0;
    return { fault, key, draw: () => unit(hash, ++count) };
  }
}

/** A number in [0, 1) from a hash and an ordinal. */
function unit(hash: number, nth: number): number {
  const high = finish(hash ^ Math.imul(nth, 0x9e3779b1));
  const low = finish(high ^ Math.imul(nth, 0x85ebca77) ^ 0x27d4eb2f);
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}
