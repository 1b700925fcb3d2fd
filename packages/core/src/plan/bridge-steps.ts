import { comparePciAddresses } from '../domain/pci.ts';
import type { PfObservation } from '../domain/inventory.ts';
import { featureGateDefaults } from '../api/operator-config.ts';
import type { OvsBridge } from '../ports/software-bridges.ts';
import type { BridgeStep, DrainReason, PlanInput, PlanProblem } from './types.ts';

export interface BridgePlan {
  readonly steps: readonly BridgeStep[];
  readonly reasons: readonly DrainReason[];
  readonly problems: readonly PlanProblem[];
}

const NOTHING: BridgePlan = { steps: [], reasons: [], problems: [] };

/**
 * What has to be done about bridges, removals first. A bridge that is changed or removed takes the traffic of its PF's VFs with it, and
 * that asks for a drain; a new one does not, as nothing goes over it yet. Without the feature gate bridges are left as they are.
 */
export function planBridges(input: PlanInput, observed: ReadonlyMap<string, PfObservation>): BridgePlan {
  const gateOn = input.gates?.['manageSoftwareBridges'] ?? featureGateDefaults.manageSoftwareBridges;
  const wanted = input.desired.bridges?.ovs ?? [];
  if (!gateOn) return NOTHING;
  const { bridges } = input;
  if (bridges === undefined) return wanted.length === 0 ? NOTHING : { ...NOTHING, problems: [notManaged(wanted)] };
  const changed = wanted.filter((bridge) => !bridges.some((other) => canonical(other) === canonical(bridge)));
  const gone = bridges.filter(({ name }) => wanted.every((other) => other.name !== name));
  const disturbed = [...gone.map((bridge) => ({ bridge, change: 'removed' as const })), ...changed.flatMap(({ name }) => bridges.filter((other) => other.name === name)).map((bridge) => ({ bridge, change: 'changed' as const }))];
  return {
    steps: [...gone.map(({ name }): BridgeStep => ({ kind: 'removeBridge', name })), ...changed.map((bridge): BridgeStep => ({ kind: 'ensureBridge', bridge }))],
    reasons: disturbed.flatMap(({ bridge, change }) => drainReasons(bridge, change, input, observed)).sort((a, b) => comparePciAddresses(a.pf, b.pf)),
    problems: [],
  };
}

function drainReasons({ name, uplinks = [] }: OvsBridge, change: 'changed' | 'removed', { holders }: PlanInput, observed: ReadonlyMap<string, PfObservation>): readonly DrainReason[] {
  return uplinks.flatMap(({ pciAddress }): readonly DrainReason[] => {
    const pf = observed.get(pciAddress.toLowerCase());
    if (pf === undefined || pf.numVfs === 0) return [];
    const affectedVfs = pf.vfs.map((vf) => {
      const pod = holders?.get(vf.pciAddress);
      return { index: vf.index, pciAddress: vf.pciAddress, ...(pod === undefined ? {} : { pod }) };
    });
    return [{ pf: pf.pciAddress, name: pf.netdev?.name ?? pf.pciAddress, why: 'update', differences: [{ kind: 'bridge', name, change }], affectedVfs }];
  });
}

function notManaged(bridges: readonly OvsBridge[]): PlanProblem {
  return {
    kind: 'bridgesNotManaged',
    cause: `the node state wants ${bridges.length === 1 ? 'the Open vSwitch bridge' : 'the Open vSwitch bridges'} ${bridges.map((bridge) => bridge.name).join(', ')}, and this daemon cannot make bridges`,
    remedy: 'make the bridge by other means and turn the feature gate manageSoftwareBridges off',
    blocks: false,
  };
}

/** The order of keys says nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'object' && part !== null && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part));
}
