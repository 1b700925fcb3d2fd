import { SeededRandom } from '@vfleet/core';
import type { Hardware, SimClock } from '@vfleet/core';
import { createLinuxHardware, viewPorts } from '@vfleet/hw-linux';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import type { SimulatedNode } from '@vfleet/hw-sim';
import { LinuxView } from '@vfleet/hw-sim/linux-view/linux-view.ts';
import { NETNS } from './sequences.ts';

/** A simulated machine like the emulated one, as far as nothing else is said. */
export function simulatedMachine(clock: SimClock, personality = '82576', more: Readonly<Record<string, unknown>> = {}): SimulatedNode {
  const parsed = parseFleet({
    nodes: [{ name: 'machine', kernelVersion: '6.1.0', kernelArguments: ['intel_iommu=on', 'iommu=pt'], pfs: [{ personality, pciAddress: '0000:01:00.0', adminUp: false, numaNode: -1 }], ...more }],
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const fleet = createFleet({ clock, random: new SeededRandom('conformance'), strictNetns: true });
  const node = fleet.addNode([...nodesOf(parsed.value)][0]!);
  node.createNetns(NETNS);
  return node;
}

/** Those that run everywhere: the simulator by its own port, and the Linux backend on the simulator's view of a kernel. */
export const BACKENDS: Readonly<Record<'hw-sim' | 'hw-linux' | 'hw-linux without ethtool netlink', (node: SimulatedNode, clock: SimClock) => Hardware>> = {
  'hw-sim': (node) => node.hardware,
  'hw-linux': (node, clock) => createLinuxHardware(viewPorts(clock, new LinuxView(node))),
  'hw-linux without ethtool netlink': (node, clock) => createLinuxHardware(viewPorts(clock, new LinuxView(node, { lacksFamilies: ['ethtool'] }))),
};

export type BackendName = keyof typeof BACKENDS;

/** Lets simulated time pass until a promise is settled. */
export async function during<Value>(clock: SimClock, work: Promise<Value>): Promise<Value> {
  let over = false;
  void work.finally(() => (over = true)).catch(() => {});
  await clock.runUntil(() => over, 3_600_000, 'the backend');
  return work;
}
