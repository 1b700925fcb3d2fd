/**
 * One size of the roll-out benchmark: N simulated nodes, every part of the loop in this process, real time. Prints RolloutFigures
 * as JSON. Reads the argument `N`.
 */
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { parseFleet } from '@vfleet/hw-sim';
import type { SriovNetworkNodePolicy, SriovNetworkNodeState } from '@vfleet/kube';
import { Informer, nodePolicies, nodeStates } from '@vfleet/kube';
import { createWorld } from '@vfleet/sim';
import type { RolloutFigures } from './rollout.ts';

const VFS_A_NODE = 16;
const LABEL = 'feature.node.kubernetes.io/network-sriov.capable';

const nodes = Number(process.argv[2]);
const clock = new RealClock();
const random = new SystemRandom();
const fleet = parseFleet({ nodes: [{ name: 'node', count: nodes, labels: { [LABEL]: 'true' }, pfs: [{ personality: 'E810-CQDA2', pciAddress: '0000:81:00.0', name: 'ens801f0' }] }] });
if (!fleet.ok) throw new Error(fleet.error.map(({ path, cause }) => `${path}: ${cause}`).join('\n'));

const policy: SriovNetworkNodePolicy = {
  apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy',
  metadata: { name: 'bench', namespace: 'sriov-network-operator' },
  spec: { resourceName: 'bench', nodeSelector: { [LABEL]: 'true' }, numVfs: VFS_A_NODE, priority: 99, nicSelector: { vendor: '8086', pfNames: ['ens801f0'] }, deviceType: 'netdevice' },
};

const startMs = clock.monotonicMs();
const world = createWorld({ clock, random, log: silentLog }, fleet.value);
await world.start();
const buildMs = clock.monotonicMs() - startMs;

const states = new Informer<SriovNetworkNodeState>({ kube: world.kube, clock, random, log: silentLog }, nodeStates);
const reached = new Set<string>();
let isReached: (state: SriovNetworkNodeState) => boolean = (state) => state.status?.syncStatus === 'Succeeded';
let wake = () => {};
const look = (state: SriovNetworkNodeState) => {
  if (isReached(state)) reached.add(state.metadata.name);
  if (reached.size === nodes) wake();
};
states.subscribe({ added: look, updated: (_, state) => look(state) });

async function allReach(condition: (state: SriovNetworkNodeState) => boolean): Promise<void> {
  isReached = condition;
  reached.clear();
  await new Promise<void>((resolve) => {
    wake = resolve;
    for (const state of states.list()) look(state);
  });
}

states.start();
await allReach((state) => state.status?.syncStatus === 'Succeeded');
const discoveredMs = clock.monotonicMs() - startMs;

const policyMs = clock.monotonicMs();
await world.kube.create(nodePolicies, policy);
await allReach((state) => state.status?.syncStatus === 'Succeeded' && state.status.interfaces?.[0]?.numVfs === VFS_A_NODE && state.spec.interfaces?.[0]?.numVfs === VFS_A_NODE);
const rolledOutMs = clock.monotonicMs() - policyMs;

const usage = process.resourceUsage();
const figures: RolloutFigures = {
  nodes, buildMs, discoveredMs, rolledOutMs,
  cpuMs: (usage.userCPUTime + usage.systemCPUTime) / 1000,
  peakRssBytes: usage.maxRSS * 1024,
};
process.stdout.write(JSON.stringify(figures));
process.exit(0);
