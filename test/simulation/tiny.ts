import type { Scenario } from '@vfleet/sim';
import { findScenario } from '@vfleet/sim';

const firstRollout = findScenario('first-rollout')!;

/** The smallest world in which everything takes part, over soon: for tests that run it many times. */
export const tiny: Scenario = {
  ...firstRollout,
  name: 'tiny',
  fleet: { nodes: [{ ...firstRollout.fleet.nodes[0]!, count: 1 }] },
  workloads: [{ ...firstRollout.workloads![0]!, count: 2 }],
  faults: { forMs: 30_000 },
  quietMs: 30_000,
  expectations: [],
};
