/**
 * Prints what a simulated fleet costs: time and memory to build it with all VFs, to discover it, and to make VFs through the port.
 * Usage: node packages/hw-sim/bench/fleet.ts [NODES] [PERSONALITY]
 */
import { SeededRandom, SimClock } from '@vfleet/core';
import { createFleet, fleetOf, nodesOf } from '@vfleet/hw-sim';
import type { SimulatedNode } from '@vfleet/hw-sim';

const NODES_DEFAULT = 10_000;
const PERSONALITY_DEFAULT = 'E810-CQDA2';

function line(what: string, startedMs: number, count: number, unit: string): string {
  const tookMs = performance.now() - startedMs;
  const memoryMb = Math.round(process.memoryUsage().rss / 2 ** 20);
  return `${what}: ${(tookMs / 1000).toFixed(2)} s, ${Math.round((count / tookMs) * 1000).toLocaleString('en')} ${unit}/s, ${memoryMb} MB resident`;
}

/** Prints the figures of a fleet in one process. */
export async function run(print: (line: string) => void, nodeCount = NODES_DEFAULT, personality = PERSONALITY_DEFAULT): Promise<void> {
  const say = (...of: Parameters<typeof line>) => print(line(...of));
  const clock = new SimClock();
  const fleet = createFleet({ clock, random: new SeededRandom('bench') });

  let started = performance.now();
  const spec = fleetOf({ nodes: nodeCount, personality, pfsPerNode: 1 });
  const nodes: SimulatedNode[] = [];
  for (const hardware of nodesOf(spec)) nodes.push(fleet.addNode(hardware));
  say(`${nodeCount} nodes with one ${personality} each`, started, nodeCount, 'nodes');

  started = performance.now();
  let failures = 0;
  const pending = nodes.map(async (node) => {
    const { pciAddress, totalVfs } = node.spec.pfs[0]!;
    const made = await node.hardware.apply({ kind: 'setNumVfs', pf: pciAddress, count: totalVfs });
    if (!made.ok) failures++;
  });
  await clock.run();
  await Promise.all(pending);
  const { vfs } = fleet.counts();
  say(`${vfs.toLocaleString('en')} VFs through the port (${(clock.monotonicMs() / 1000).toFixed(1)} s simulated)`, started, vfs, 'VFs');

  started = performance.now();
  let seen = 0;
  for (const node of nodes) {
    const inventory = await node.hardware.discover();
    if (inventory.ok) seen += inventory.value.pfs[0]!.vfs.length;
  }
  say('discovered once, one node after the other', started, nodeCount, 'nodes');

  started = performance.now();
  const attached = nodes.map(async (node) => {
    const device = node.inspect().pfs[0]!.vfs[0]!.pciAddress;
    const moved = await node.hardware.apply({ kind: 'moveNetdev', device, from: 'host', to: '/var/run/netns/pod', name: 'net1' });
    if (!moved.ok) failures++;
  });
  await clock.run();
  await Promise.all(attached);
  say('one VF a node moved into a pod', started, nodeCount, 'moves');

  if (failures > 0 || seen !== vfs) throw new Error(`${failures} steps failed, ${seen} of ${vfs} VFs seen`);
}

if (import.meta.main) await run((text) => void process.stdout.write(`${text}\n`), Number(process.argv[2] ?? NODES_DEFAULT), process.argv[3] ?? PERSONALITY_DEFAULT);
