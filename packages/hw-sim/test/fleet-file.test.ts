// Goal: fleet files say exactly what a fleet is, and bad ones are answered with where, what and what instead; nothing crashes the parser.
// Method: files that the examples need, a table of mistakes, and arbitrary JSON.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom, SimClock } from '@vfleet/core';
import { createFleet, fleetFileSchema, fleetOf, nodesOf, parseFleet } from '@vfleet/hw-sim';
import type { FleetSpec } from '@vfleet/hw-sim';
import { problemsOf } from './support.ts';

function fleet(value: unknown): FleetSpec {
  const parsed = parseFleet(value);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error, undefined, 1));
  return parsed.value;
}

function pfsOf(pfs: readonly Record<string, unknown>[]) {
  return [...nodesOf(fleet({ nodes: [{ name: 'n', pfs }] }))][0]!.pfs;
}

const places = (pfs: readonly Record<string, unknown>[]) => pfsOf(pfs).map(({ pciAddress, name }) => `${pciAddress} ${name}`);

describe('what a file can say', () => {
  test('the article’s node: two ports of an E810-CQDA2 by address and name', () => {
    const pfs = pfsOf([
      { personality: 'E810-CQDA2', pciAddress: '0000:81:00.0', name: 'ens801f0' },
      { personality: 'E810-CQDA2', pciAddress: '0000:81:00.1', name: 'ens801f1' },
    ]);
    expect(pfs).toMatchObject([
      { pciAddress: '0000:81:00.0', name: 'ens801f0', totalVfs: 128, mtu: 1500, numaNode: 0, model: { pfDriver: 'ice', pfDeviceId: '1592' } },
      { pciAddress: '0000:81:00.1', name: 'ens801f1', totalVfs: 128 },
    ]);
  });

  test('the paper’s worker: a Chelsio card in slot 2 with one VF made by hand, MTU 9000 on port and VF', () => {
    const spec = fleet({ nodes: [{ name: 'worker1', pfs: [{ personality: 'T62100', slot: 2, numVfs: 1, mtu: 9000 }] }] });
    const node = createFleet({ clock: new SimClock(), random: new SeededRandom('x') }).addNode([...nodesOf(spec)][0]!);
    const { pfs } = node.inspect();
    expect(pfs.map(({ numVfs }) => numVfs)).toEqual([1, 0, 0, 0, 0]);
    expect(pfs[0]!.vfs).toMatchObject([{ pciAddress: '0000:02:01.0', deviceId: '680d', vendor: '1425', driver: 'cxgb4vf', netdev: { mtu: 9000 } }]);
    expect(pfs[4]!.netdev).toMatchObject({ name: 'ens2f4', mtu: 9000 });
  });

  test('names count on from the number at their end, keep its zeroes, or get one appended', () => {
    const names = (name: string, count?: number) => [...nodesOf(fleet({ nodes: [{ name, ...(count === undefined ? {} : { count }) }] }))].map((node) => node.name);
    expect(names('worker-0', 2)).toEqual(['worker-0', 'worker-1']);
    expect(names('rack1-09', 3)).toEqual(['rack1-09', 'rack1-10', 'rack1-11']);
    expect(names('node', 2)).toEqual(['node-0', 'node-1']);
    expect(names('node', 0)).toEqual([]);
    expect(names('db1')).toEqual(['db1']);
  });

  test('slots name cards and place them; entries of one slot are its ports', () => {
    expect(places([{ personality: 'E810-CQDA2', slot: 3 }, { personality: 'E810-CQDA2', slot: 3 }])).toEqual(['0000:03:00.0 ens3f0', '0000:03:00.1 ens3f1']);
    expect(places([{ personality: 'X710', slot: 801, pciAddress: '0000:81:00.0' }, { personality: 'X710', slot: 801 }])).toEqual(['0000:81:00.0 ens801f0', '0000:81:00.1 ens801f1']);
  });

  test('without slot or address, ports fill cards and cards fill buses; drivers that tell their port end in np', () => {
    expect(places([{ personality: 'ConnectX-5' }, { personality: 'ConnectX-5' }, { personality: 'ConnectX-5' }, { personality: 'X2541' }])).toEqual([
      '0000:18:00.0 enp24s0f0np0', '0000:18:00.1 enp24s0f1np1', '0000:3b:00.0 enp59s0f0np0', '0000:5e:00.0 enp94s0np0',
    ]);
  });

  test('automatic places avoid those given by hand', () => {
    expect(places([{ personality: 'X710' }, { personality: '82576', pciAddress: '0000:18:00.0' }])).toEqual(['0000:18:00.0 enp24s0f0', '0000:3b:00.0 enp59s0f0']);
  });

  test('as many cards as a node may have find a place, in further PCI domains when the first is full', () => {
    const pfs = pfsOf(Array.from({ length: 64 }, () => ({ personality: 'X2541' })));
    expect(new Set(pfs.map(({ pciAddress }) => pciAddress)).size).toBe(64);
    expect(new Set(pfs.map(({ name }) => name)).size).toBe(64);
    expect(pfs.every(({ name }) => name.length <= 15)).toBe(true);
  });

  test('everything else of a node is carried through', () => {
    const node = {
      name: 'n', labels: { 'example.com/a': 'b', plain: '' }, taints: [{ key: 'dedicated', value: 'x', effect: 'NoSchedule' }], cpuVendor: 'amd',
      kernelVersion: '6.1.0-18-amd64', kernelArguments: ['iommu=pt'], acs: false, rebootSeconds: 5,
    };
    const { rebootSeconds: _seconds, ...rest } = node;
    expect([...nodesOf(fleet({ nodes: [node] }))]).toEqual([{ ...rest, rebootMs: 5000, pfs: [] }]);
  });

  test('accelerators come in order of address, with ids in lower case; a node without has no list', () => {
    const at = (pciAddress: string, more: Record<string, unknown> = {}) => ({ pciAddress, vendor: '8086', deviceId: '0D90', ...more });
    const node = (accelerators: readonly unknown[]) => [...nodesOf(fleet({ nodes: [{ name: 'n', accelerators }] }))][0]!;
    expect(node([at('0000:C1:00.1', { driver: 'vfio-pci', numaNode: 1 }), at('0000:c1:00.0')]).accelerators).toEqual([
      { pciAddress: '0000:c1:00.0', vendor: '8086', deviceId: '0d90', numaNode: 0 }, { pciAddress: '0000:c1:00.1', vendor: '8086', deviceId: '0d90', driver: 'vfio-pci', numaNode: 1 },
    ]);
    expect(Object.hasOwn(node([]), 'accelerators')).toBe(false);
  });

  test('fleetOf fills cards; an unknown card throws', () => {
    const uniform = fleetOf({ nodes: 3, personality: 'X710', pfsPerNode: 4 });
    expect(uniform.nodeCount).toBe(3);
    expect([...nodesOf(uniform)].map(({ name, pfs }) => [name, pfs.length])).toEqual([['node-0', 4], ['node-1', 4], ['node-2', 4]]);
    expect(() => fleetOf({ nodes: 1, personality: 'X711', pfsPerNode: 1 })).toThrow('did you mean X710');
  });
});

describe('mistakes', () => {
  const pf = (...entries: unknown[]) => ({ nodes: [{ name: 'n', pfs: entries }] });
  const node = (more: Record<string, unknown>) => ({ nodes: [{ name: 'n', ...more }] });

  test.each<[string, unknown, string, RegExp]>([
    ['no map', 'nodes', '(file)', /nodes/],
    ['nothing', null, '(file)', /nodes/],
    ['no nodes', {}, 'nodes', /Nodes/],
    ['a mistyped field', { nodes: [], node: [] }, 'node', /did you mean nodes/],
    ['nodes that are no list', { nodes: {} }, 'nodes', /list/],
    ['a node without name', { nodes: [{}] }, 'nodes[0].name', /Node name/],
    ['a name that Kubernetes refuses', node({ name: 'Node_1' }), 'nodes[0].name', /Node name/],
    ['a name that YAML reads as a number', node({ name: 7 }), 'nodes[0].name', /quotes: "7"/],
    ['a label that YAML reads as a boolean', node({ labels: { a: true } }), 'nodes[0].labels.a', /quotes: "true"/],
    ['a label key with blanks', node({ labels: { 'a b': 'c' } }), 'nodes[0].labels.a b', /label|letters/],
    ['a label value with blanks', node({ labels: { a: 'b c' } }), 'nodes[0].labels.a', /63 letters/],
    ['a taint of unknown effect', node({ taints: [{ key: 'a', effect: 'Never' }] }), 'nodes[0].taints[0].effect', /NoSchedule/],
    ['a broken count', node({ count: -1 }), 'nodes[0].count', /0 to 100000/],
    ['half a node', node({ count: 1.5 }), 'nodes[0].count', /0 to 100000/],
    ['too many nodes together', { nodes: [{ name: 'a', count: 60_000 }, { name: 'b', count: 60_000 }] }, 'nodes', /100000 at most/],
    ['two nodes of one name', { nodes: [{ name: 'a-1' }, { name: 'a-0', count: 2 }] }, 'nodes', /name of its own/],
    ['a mistyped card', pf({ personality: 'E810-CQDA3' }), 'nodes[0].pfs[0].personality', /did you mean E810-CQDA2\? known: X710/],
    ['a card nobody knows', pf({ personality: 'RTL8139 fast ethernet' }), 'nodes[0].pfs[0].personality', /known: X710/],
    ['a broken address', pf({ personality: 'X710', pciAddress: '81:00.0' }), 'nodes[0].pfs[0].pciAddress', /0000:81:00.0/],
    ['a function the card has not', pf({ personality: 'X710', pciAddress: '0000:81:00.5' }), 'nodes[0].pfs[0].pciAddress', /functions 0, 1/],
    ['one address twice', pf({ personality: 'X710', pciAddress: '0000:81:00.0' }, { personality: 'X710', pciAddress: '0000:81:00.0' }), 'nodes[0].pfs[1].pciAddress', /address of its own/],
    ['two cards at one place', pf({ personality: 'X710', pciAddress: '0000:81:00.0' }, { personality: '82576', pciAddress: '0000:81:00.1' }), 'nodes[0].pfs[1].personality', /one personality/],
    ['VFs where another card is', pf({ personality: 'E810-CQDA2', slot: 4 }, { personality: 'E810-CQDA2', slot: 4 }, { personality: 'X710', slot: 5 }), 'nodes[0].pfs[2]', /another bus/],
    ['VFs beyond the last bus', pf({ personality: 'E810-CQDA2', pciAddress: '0000:ff:00.0', totalVfs: 256 }), 'nodes[0].pfs[0]', /lower bus/],
    ['a slot that is no bus', pf({ personality: 'X710', slot: 801 }), 'nodes[0].pfs[0].slot', /pciAddress/],
    ['more ports than the card in the slot has', pf({ personality: 'X2541', slot: 4 }, { personality: 'X2541', slot: 4 }), 'nodes[0].pfs[1].slot', /another slot/],
    ['two kinds of card in a slot', pf({ personality: 'X710', slot: 4 }, { personality: 'XL710', slot: 4 }), 'nodes[0].pfs[1].slot', /another slot/],
    ['more VFs than total', pf({ personality: '82576', numVfs: 8 }), 'nodes[0].pfs[0].numVfs', /0 to 7/],
    ['a total beyond the card', pf({ personality: 'ConnectX-5', totalVfs: 128 }), 'nodes[0].pfs[0].totalVfs', /0 to 127/],
    ['an MTU beyond the card', pf({ personality: 'X710', mtu: 9703 }), 'nodes[0].pfs[0].mtu', /68 to 9702/],
    ['InfiniBand on an Ethernet card', pf({ personality: 'X710', linkType: 'IB' }), 'nodes[0].pfs[0].linkType', /ETH/],
    ['a name that is too long', pf({ personality: 'X710', name: 'a'.repeat(16) }), 'nodes[0].pfs[0].name', /Interface name/],
    ['one name twice', pf({ personality: 'X710', name: 'a' }, { personality: 'X710', altNames: ['a'] }), 'nodes[0].pfs', /unique/],
    ['a field of another place', pf({ personality: 'X710', vfs: 4 }), 'nodes[0].pfs[0].vfs', /allowed|did you mean/],
    ['a mistyped field of a PF', pf({ personality: 'X710', pciAdress: '0000:81:00.0' }), 'nodes[0].pfs[0].pciAdress', /did you mean pciAddress/],
    ['a netFilter of no platform', pf({ personality: 'X710', netFilter: 'gcp/x' }), 'nodes[0].pfs[0].netFilter', /network/],
    ['two accelerators at one place', node({ accelerators: [0, 1].map(() => ({ pciAddress: '0000:c1:00.0', vendor: '8086', deviceId: '0d90' })) }), 'nodes[0].accelerators[1].pciAddress', /another accelerator/],
    ['an accelerator where a NIC is', node({ pfs: [{ personality: '82576', pciAddress: '0000:01:00.0' }], accelerators: [{ pciAddress: '0000:01:00.0', vendor: '8086', deviceId: '0d90' }] }), 'nodes[0].accelerators[0].pciAddress', /the 82576/],
    ['an accelerator where a VF would be', node({ pfs: [{ personality: '82576', pciAddress: '0000:01:00.0' }], accelerators: [{ pciAddress: '0000:01:10.2', vendor: '8086', deviceId: '0d90' }] }), 'nodes[0].accelerators[0].pciAddress', /VF 1/],
    ['an accelerator of no vendor', node({ accelerators: [{ pciAddress: '0000:c1:00.0', vendor: '0x8086', deviceId: '0d90' }] }), 'nodes[0].accelerators[0].vendor', /vendor/],
    ['subfunctions of a card without', pf({ personality: 'X710', subfunctions: 2 }), 'nodes[0].pfs[0].subfunctions', /mlx5_core/],
    ['a name that a subfunction has', pf({ personality: 'ConnectX-5', name: 'a', subfunctions: 2 }, { personality: 'X710', name: 'as1' }), 'nodes[0].pfs', /unique/],
    ['too many PFs', pf(...Array.from({ length: 65 }, () => ({ personality: 'X710' }))), 'nodes[0].pfs', /64 at most/],
  ])('%s', (_name, value, path, says) => {
    const problems = problemsOf(value);
    expect(problems[0]).toMatchObject({ path });
    expect(`${problems[0]!.cause} — ${problems[0]!.remedy}`).toMatch(says);
  });

  test('all mistakes are told at once, but not without end', () => {
    expect(problemsOf(pf({ personality: 'x' }, { personality: 'X710', mtu: 1 }, { personality: 'X710', slot: 0 })).length).toBeGreaterThan(1);
    expect(problemsOf({ nodes: Array.from({ length: 1000 }, () => ({})) })).toHaveLength(50);
  });

  test('no data crashes it, and no key reaches a prototype', () => {
    const evil: unknown = JSON.parse('{"nodes": [{"name": "n", "__proto__": {"polluted": true}, "labels": {"__proto__": "x"}}], "constructor": {}}');
    expect(problemsOf(evil).map(({ path }) => path)).toContain('nodes[0].__proto__');
    expect('polluted' in {}).toBe(false);
    fc.assert(fc.property(fc.jsonValue(), (value) => void parseFleet(value)), { numRuns: 300 });
    const nearly = fc.record({
      nodes: fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c-1'), count: fc.integer({ min: 0, max: 3 }), pfs: fc.array(fc.record(
        { personality: fc.constantFrom('X710', 'T62100', 'E810', 'CX5', 'X2541', 'nope'), slot: fc.integer({ min: 0, max: 300 }), numVfs: fc.integer({ min: -1, max: 70 }), pciAddress: fc.constantFrom('0000:81:00.0', '0000:81:00.1', '0000:fe:00.0', 'x') },
        { requiredKeys: ['personality'] },
      ), { maxLength: 4 }) }, { requiredKeys: ['name'] }), { maxLength: 3 }),
    });
    let accepted = 0;
    fc.assert(fc.property(nearly, (value) => {
      const parsed = parseFleet(value);
      if (!parsed.ok) return;
      accepted++;
      const simulated = createFleet({ clock: new SimClock(), random: new SeededRandom('x') });
      for (const spec of nodesOf(parsed.value)) {
        const addresses = simulated.addNode(spec).inspect().pfs.flatMap((each) => [each, ...each.vfs]).map(({ pciAddress }) => pciAddress);
        expect(new Set(addresses).size).toBe(addresses.length);
      }
    }), { numRuns: 500 });
    expect(accepted).toBeGreaterThan(20);
  });
});

test('the schema for documents describes every field and gives defaults', () => {
  const node = fleetFileSchema.json.properties!['nodes']!.items!;
  expect(fleetFileSchema.json.required).toEqual(['nodes']);
  expect(node.properties!['rebootSeconds']!.default).toBe(60);
  for (const field of Object.values({ ...node.properties, ...node.properties!['pfs']!.items!.properties })) expect(JSON.stringify(field).length).toBeGreaterThan(20);
});
