import { SeededRandom } from '@vfleet/core';
import type { FaultName } from '../faults/catalog.ts';
import { faultCatalog, faultNames } from '../faults/catalog.ts';
import type { FaultPlan } from '../faults/chance.ts';
import type { Scenario } from '../scenarios/scenario.ts';

/** Faults that a scenario lets strike. */
export function allowedFaults({ faults: { allow, deny = [] } }: Scenario): readonly FaultName[] {
  const wanted = (name: FaultName) => allow === undefined || allow.includes(name) || allow.includes(faultCatalog[name].family);
  return faultNames.filter((name) => wanted(name) && !deny.includes(name));
}

/**
 * Faults and rates of one seed. Most seeds have a few kinds at very different rates, because everything at once hides what needs
 * quiet to show (swarm testing); one in sixteen has none.
 */
export function drawPlan(scenario: Scenario, seed: string): FaultPlan {
  const random = new SeededRandom(`swarm/${scenario.name}/${seed}`);
  const kind = random.next();
  if (kind < 1 / 16) return { rates: {} };
  const share = kind < 0.5 ? 0.15 : kind < 0.85 ? 0.4 : 0.9;
  const rates: Partial<Record<FaultName, number>> = {};
  for (const name of allowedFaults(scenario)) {
    const [isIn, size] = [random.next() < share, random.next()];
    if (isIn) rates[name] = faultCatalog[name].rateMax * 2 ** (-6 * size);
  }
  return { rates };
}
