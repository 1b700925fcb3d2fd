// Goal: nodes share columns and nothing else: what one does another does not see, and rows of a node that left carry nothing over.
// Method: two nodes side by side; many nodes that come and go in random order against what each should show.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom, SimClock } from '@vfleet/core';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import type { NodeHardwareSpec } from '@vfleet/hw-sim';
import { outcomeOf } from './support.ts';

function specs(personalities: readonly string[]): readonly NodeHardwareSpec[] {
  const parsed = parseFleet({ nodes: personalities.map((personality, index) => ({ name: `node-${index}`, pfs: [{ personality }] })) });
  if (!parsed.ok) throw new Error('no fleet');
  return [...nodesOf(parsed.value)];
}

const newFleet = () => createFleet({ clock: new SimClock(), random: new SeededRandom('fleet'), delayFactor: 0 });

describe('nodes of a fleet', () => {
  test('are found by name, in the order they came; a name is given once', () => {
    const fleet = newFleet();
    const [first, second] = specs(['X710', 'X710']) as [NodeHardwareSpec, NodeHardwareSpec];
    const node = fleet.addNode(second);
    fleet.addNode(first);
    expect(fleet.node(second.name)).toBe(node);
    expect(fleet.node('nobody')).toBeUndefined();
    expect(fleet.nodes().map(({ name }) => name)).toEqual([second.name, first.name]);
    expect(() => fleet.addNode(first)).toThrow(RangeError);
    expect(fleet.counts()).toEqual({ nodes: 2, pfs: 2, vfs: 0 });
  });

  test('a node that left answers gone, and its watchers hear nothing', async () => {
    const fleet = newFleet();
    const node = fleet.addNode(specs(['X710'])[0]!);
    const events: unknown[] = [];
    node.hardware.watch((event) => events.push(event));
    fleet.removeNode(node.name);
    fleet.removeNode(node.name);
    expect(outcomeOf(await node.hardware.discover())).toBe('gone');
    expect(events).toEqual([]);
    expect(fleet.nodes()).toEqual([]);
  });

  test('a node in the rows of another has its own names', async () => {
    const fleet = newFleet();
    const [spec] = specs(['X710']) as [NodeHardwareSpec];
    const { pciAddress: device } = spec.pfs[0]!;
    await fleet.addNode(spec).hardware.apply({ kind: 'renameNetdev', device, netns: 'host', name: 'data0' });
    fleet.removeNode(spec.name);
    expect(fleet.addNode(spec).inspect().pfs[0]!.netdev!.name).toBe(spec.pfs[0]!.name);
  });

  test('every MAC of the fleet is unique', async () => {
    const fleet = newFleet();
    const macs = new Set<string>();
    let count = 0;
    for (const spec of specs(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 'E810-CQDA2' : 'ConnectX-5')))) {
      const node = fleet.addNode(spec);
      const { pciAddress, totalVfs } = node.spec.pfs[0]!;
      await node.hardware.apply({ kind: 'setNumVfs', pf: pciAddress, count: totalVfs });
      for (const { netdev } of node.interfaces('host')) macs.add(netdev.mac);
      count += 1 + totalVfs;
    }
    expect(macs.size).toBe(count);
  });

  test('in any order of coming, going and working, each shows its own state only', async () => {
    const all = specs(['X710', '82576', 'E810-CQDA2', 'X710', 'ConnectX-5', 'T62100']);
    const moves = fc.array(fc.record({ node: fc.integer({ min: 0, max: all.length - 1 }), count: fc.constantFrom<number | 'leave'>(0, 1, 5, 7, 'leave') }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(moves, async (sequence) => {
        const fleet = newFleet();
        const expected = new Map<string, number>();
        for (const { node: index, count } of sequence) {
          const spec = all[index]!;
          if (count === 'leave') {
            fleet.removeNode(spec.name);
            expected.delete(spec.name);
            continue;
          }
          const node = fleet.node(spec.name) ?? fleet.addNode(spec);
          const { pciAddress } = spec.pfs[0]!;
          await node.hardware.apply({ kind: 'setNumVfs', pf: pciAddress, count: 0 });
          await node.hardware.apply({ kind: 'setNumVfs', pf: pciAddress, count });
          expected.set(spec.name, count);
          if (count > 0) {
            await node.hardware.apply({ kind: 'setVf', pf: pciAddress, vfIndex: 0, vlan: { id: 100 + index, qos: 0, protocol: '802.1q' } });
            await node.hardware.apply({ kind: 'moveNetdev', device: node.inspect().pfs[0]!.vfs[0]!.pciAddress, from: 'host', to: '/pod', name: `net${index}` });
          }
        }
        for (const [name, count] of expected) {
          const node = fleet.node(name)!;
          const index = all.findIndex((spec) => spec.name === name);
          const vfs = node.inspect().pfs[0]!.vfs;
          expect(vfs.map(({ settings }) => settings.vlan)).toEqual(Array.from({ length: count }, (_, vf) => (vf === 0 ? 100 + index : 0)));
          expect(node.interfaces('/pod').map(({ netdev }) => netdev.name)).toEqual(count > 0 ? [`net${index}`] : []);
        }
        expect(fleet.counts().vfs).toBe([...expected.values()].reduce((sum, count) => sum + count, 0));
      }),
      { numRuns: 100 },
    );
  });
});
