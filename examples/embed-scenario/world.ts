/**
 * The whole SR-IOV loop from code: simulated NICs, the embedded Kubernetes and the production controllers, under simulated time.
 * Run: node world.ts
 */
import { SeededRandom, SimClock, silentLog } from '@vfleet/core';
import { parseFleet } from '@vfleet/hw-sim';
import { nodePolicies, nodeStates } from '@vfleet/kube';
import { createWorld } from '@vfleet/sim';

const fleet = parseFleet({ nodes: [{ name: 'worker-0', count: 20, labels: { nic: 'fast' }, pfs: [{ personality: 'ConnectX-6 Dx', slot: 3, totalVfs: 16 }] }] });
if (!fleet.ok) throw new Error(fleet.error.map(({ path, cause }) => `${path}: ${cause}`).join('\n'));

const clock = new SimClock();
const world = createWorld({ clock, random: new SeededRandom(1), log: silentLog }, fleet.value);
await clock.settle(world.start());
await clock.settle(world.kube.create(nodePolicies, {
  apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { name: 'fast', namespace: 'sriov-network-operator' },
  spec: { resourceName: 'fast', nodeSelector: { nic: 'fast' }, numVfs: 16, nicSelector: { vendor: '15b3' } },
}));
await clock.run(120_000);

const { items } = await clock.settle(world.kube.list(nodeStates));
const configured = items.filter(({ status }) => status?.syncStatus === 'Succeeded' && status.interfaces?.some(({ numVfs }) => numVfs === 16));
console.log(`${configured.length} of ${items.length} nodes have 16 VFs`);

// The hardware can be asked, and broken, directly.
const node = world.fleet.node('worker-0')!;
console.log(node.inspect().pfs.map((pf) => `${pf.netdev?.name} ${pf.numVfs} VFs, first at ${pf.vfs[0]?.pciAddress}`).join('\n'));
await clock.settle(world.stop());
