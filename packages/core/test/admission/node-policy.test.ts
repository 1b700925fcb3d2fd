import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AdmissionNode, NamedPolicy, NodePolicyContext, NodePolicySpec } from '../../src/index.ts';
import { defaultNodePolicy, rejectionText, renderNodeState, reviewNodePolicy } from '../../src/index.ts';
import { nic, policy } from '../render/fixtures.ts';

// Goal: what is refused, what is warned of, and that what is accepted can be rendered.
// Method: a table of codes, whole texts where people depend on them, and properties over drawn policies.

const intel = nic({ name: 'ens1f0', pciAddress: '0000:81:00.0', altNames: ['enp129s0f0'], numVfs: 4, mtu: 1500 });
const mellanox = nic({ name: 'ens2f0', pciAddress: '0000:82:00.0', vendor: '15b3', deviceID: '1017', totalvfs: 8 });
const nodes: readonly AdmissionNode[] = [
  { name: 'w1', labels: { rack: 'a' }, interfaces: [intel, mellanox] },
  { name: 'w2', labels: { rack: 'b' }, interfaces: [intel] },
  { name: 'new', labels: { rack: 'new' } },
];
const context = (more: Partial<NodePolicyContext> = {}): NodePolicyContext => ({ operatorNamespace: 'ns', nodes, policies: [], ...more });
const review = (spec: Partial<NodePolicySpec>, more: Partial<NodePolicyContext> = {}, name = 'p', namespace = 'ns') => reviewNodePolicy({ ...policy(name, spec), namespace }, context(more));
const codes = (findings: readonly { readonly code: string }[]) => [...new Set(findings.map((finding) => finding.code))];

test('an ordinary policy is accepted', () => {
  expect(review({ nicSelector: { vendor: '8086', deviceID: '1592', pfNames: ['ens1f0'] } })).toEqual({ rejections: [], warnings: [] });
});

describe('refused', () => {
  test.each<[string, Partial<NodePolicySpec>]>([
    ['resourceName', { resourceName: '' }],
    ['resourceName', { resourceName: 'a'.repeat(64) }],
    ['resourceName', { resourceName: '-a' }],
    ['resourceName', { resourceName: 'a.b' }],
    ['emptyNicSelector', { nicSelector: {} }],
    ['emptyNicSelector', { nicSelector: { pfNames: [], vendor: '' } }],
    ['netFilter', { nicSelector: { netFilter: 'nonsense' } }],
    ['netFilter', { nicSelector: { netFilter: 'aws/NetworkID:1', vendor: '8086' } }],
    ['netFilter', { nicSelector: { netFilter: 'aws/NetworkID:1' }, eSwitchMode: 'legacy' }],
    ['netFilter', { nicSelector: { netFilter: 'aws/NetworkID:1' }, linkType: 'ib' }],
    ['unsupportedNic', { nicSelector: { vendor: 'abcd' } }],
    ['unsupportedNic', { nicSelector: { deviceID: 'beef' } }],
    ['unsupportedNic', { nicSelector: { vendor: '15b3', deviceID: '1592' } }],
    ['range', { nicSelector: { pfNames: ['ens1f0#a-b'] } }],
    ['range', { nicSelector: { pfNames: ['ens1f0#3-1'] } }],
    ['range', { numVfs: 4, nicSelector: { pfNames: ['ens1f0#0-4'] } }],
    ['rdmaWithVfio', { deviceType: 'vfio-pci', isRdma: true }],
    ['switchdevNotEthernet', { eSwitchMode: 'switchdev', linkType: 'IB' }],
    ['vdpa', { vdpaType: 'vhost' }],
    ['vdpa', { vdpaType: 'vhost', eSwitchMode: 'switchdev', deviceType: 'vfio-pci' }],
    ['bridge', { bridge: { ovs: {} } }],
    ['bridge', { bridge: { ovs: {} }, eSwitchMode: 'switchdev', externallyManaged: true }],
    ['noNodeMatches', { nodeSelector: { rack: 'none' } }],
    ['noNicMatches', { nodeSelector: { rack: 'b' }, nicSelector: { vendor: '15b3' } }],
    ['numVfsZero', { numVfs: 0 }],
    ['moreVfsThanTotal', { numVfs: 65 }],
    ['moreVfsThanTotal', { numVfs: 129, nicSelector: { vendor: '15b3' } }],
    ['externallyManaged', { externallyManaged: true, numVfs: 5 }],
    ['externallyManaged', { externallyManaged: true, mtu: 9000 }],
    ['externallyManaged', { externallyManaged: true, linkType: 'ib' }],
    ['vdpaNotMellanox', { vdpaType: 'vhost', eSwitchMode: 'switchdev' }],
  ])('%s: %j', (code, spec) => {
    const { rejections } = review(spec);
    expect(codes(rejections)).toContain(code);
    for (const { cause, remedy } of rejections) expect([cause, remedy]).not.toContain('');
  });
});

describe('accepted all the same', () => {
  test.each<[string, Partial<NodePolicySpec>]>([
    ['externally managed with fewer VFs than there are', { externallyManaged: true, numVfs: 4 }],
    ['Mellanox beyond what its firmware offers now', { numVfs: 100, nicSelector: { vendor: '15b3' } }],
    ['vDPA on Mellanox', { numVfs: 2, vdpaType: 'virtio', eSwitchMode: 'switchdev', nicSelector: { vendor: '15b3' } }],
    ['a PF by altname with a range', { numVfs: 4, nicSelector: { pfNames: ['enp129s0f0#0-3'] } }],
    ['upper-case ids', { nicSelector: { vendor: '15B3', deviceID: '1017' } }],
  ])('%s', (_, spec) => expect(review(spec)).toEqual({ rejections: [], warnings: [] }));
});

test('a rejection says, per node and NIC, what did not match', () => {
  const text = rejectionText(review({ nodeSelector: { rack: 'a' }, nicSelector: { vendor: '8086', pfNames: ['eth9'] } }));
  expect(text).toContain('node w1, ens1f0: ens1f0 or enp129s0f0 is not in pfNames');
  expect(text).toContain('node w1, ens2f0: vendor is 15b3, not 8086 and ens2f0 is not in pfNames');
});

test('warnings', () => {
  expect(codes(review({}, {}, 'p', 'elsewhere').warnings)).toEqual(['otherNamespace']);
  expect(codes(review({}, {}, 'default').warnings)).toEqual(['ignoredName']);
  expect(review({ nodeSelector: { rack: 'new' } })).toMatchObject({ rejections: [], warnings: [{ code: 'undiscovered' }] });
  expect(review({ nicSelector: { vendor: 'abcd', pfNames: ['ens1f0'] } }, { devMode: true, nodes: nodes.slice(0, 2) })).toMatchObject({ rejections: [{ code: 'noNicMatches' }], warnings: [{ code: 'unsupportedNic' }] });
  const odd = [{ name: 'w', labels: {}, interfaces: [nic({ name: 'e0', pciAddress: '0000:01:00.0', vendor: 'abcd', deviceID: 'beef' })] }];
  expect(codes(review({ nicSelector: { pfNames: ['e0'] } }, { nodes: odd }).rejections)).toEqual(['noNicMatches']);
  expect(review({ nicSelector: { pfNames: ['e0'] } }, { nodes: odd, devMode: true }).rejections).toEqual([]);
  expect(review({ nicSelector: { pfNames: ['e0'] } }, { nodes: odd, supportedNics: [{ family: 'x', vendor: 'abcd', pfDeviceId: 'beef', vfDeviceId: 'beee' }] }).rejections).toEqual([]);
});

describe('against other policies', () => {
  const against = (own: Partial<NodePolicySpec>, other: Partial<NodePolicySpec>) => {
    const { rejections, warnings } = review(own, { policies: [policy('other', other)] });
    return [codes(rejections), codes(warnings)];
  };

  test.each<[string, Partial<NodePolicySpec>, Partial<NodePolicySpec>, string[], string[]]>([
    ['disjoint ranges', { numVfs: 8, nicSelector: { pfNames: ['ens1f0#0-3'] } }, { numVfs: 8, nicSelector: { pfNames: ['ens1f0#4-7'] } }, [], []],
    ['overlapping ranges', { numVfs: 8, nicSelector: { pfNames: ['ens1f0#0-4'] } }, { numVfs: 8, nicSelector: { pfNames: ['ens1f0#4-7'] } }, ['overlap'], []],
    ['whatever the priorities', { priority: 1, numVfs: 8, nicSelector: { pfNames: ['ens1f0#0-4'] } }, { numVfs: 8, nicSelector: { pfNames: ['ens1f0#4-7'] } }, ['overlap'], []],
    ['a bare name overlaps its ranges', { nicSelector: { pfNames: ['ens1f0'] } }, { numVfs: 8, nicSelector: { pfNames: ['ens1f0#3-7'] } }, ['overlap'], []],
    ['names and altnames', { nicSelector: { pfNames: ['enp129s0f0'] } }, { nicSelector: { pfNames: ['ens1f0'] } }, ['overlap'], []],
    ['a name and an address', { nicSelector: { pfNames: ['ens1f0'] } }, { nicSelector: { rootDevices: ['0000:81:00.0'] } }, ['overlap'], []],
    ['a shared address', { nicSelector: { rootDevices: ['0000:81:00.0'] } }, { nicSelector: { rootDevices: ['0000:81:00.0'] } }, ['sharedRootDevice', 'overlap'], []],
    ['every pair, not only the first', { numVfs: 8, nicSelector: { pfNames: ['ens1f0#0-3', 'ens2f0#0-3'] } }, { numVfs: 8, nicSelector: { pfNames: ['ens1f0#4-7', 'ens2f0#2-5'] } }, ['overlap'], []],
    ['by vendor with equal priorities', {}, { nicSelector: { pfNames: ['ens1f0'] } }, ['overlap'], []],
    ['by vendor, a priority decides', { priority: 10 }, { nicSelector: { pfNames: ['ens1f0'] } }, [], ['overlap']],
    ['on other nodes', { nodeSelector: { rack: 'a' }, nicSelector: { pfNames: ['ens1f0'] } }, { nodeSelector: { rack: 'b' }, nicSelector: { pfNames: ['ens1f0'] } }, [], []],
    ['on a node that is not discovered', { nodeSelector: { rack: 'new' }, nicSelector: { pfNames: ['eth0'] } }, { nodeSelector: { rack: 'new' }, nicSelector: { pfNames: ['eth0#0-1'] } }, ['overlap'], ['undiscovered']],
    ['differently managed', { numVfs: 4, externallyManaged: true, nicSelector: { pfNames: ['ens1f0#0-1'] } }, { numVfs: 4, nicSelector: { pfNames: ['ens1f0#2-3'] } }, ['differentlyManaged'], []],
    ['another excludeTopology', { resourceName: 'r', excludeTopology: true }, { resourceName: 'r', nicSelector: { vendor: '15b3' } }, ['excludeTopology'], []],
    ['a policy that is broken already', { nicSelector: { pfNames: ['ens1f0'] } }, { nicSelector: { pfNames: ['ens1f0#x'] } }, [], []],
  ])('%s', (_, own, other, rejected, warned) => expect(against(own, other)).toEqual([rejected, warned]));

  test('an update is not compared with itself', () => expect(review({}, { policies: [policy('p', {})] }).rejections).toEqual([]));
});

test.each<[Partial<NodePolicySpec>, Partial<NodePolicySpec>]>([
  [{}, { priority: 99, isRdma: false }],
  [{ priority: 0, isRdma: true }, { priority: 0, isRdma: true }],
  [{ linkType: 'ib' }, { priority: 99, isRdma: true }],
  [{ linkType: 'IB', isRdma: false }, { isRdma: true }],
  [{ linkType: 'ib', deviceType: 'vfio-pci' }, { isRdma: false }],
  [{ linkType: 'eth' }, { isRdma: false }],
])('%j is filled in to %j', (given, expected) => {
  const defaulted = defaultNodePolicy(policy('p', given).spec);
  expect(defaulted).toMatchObject(expected);
  expect(defaultNodePolicy(defaulted)).toEqual(defaulted);
});

const spec: fc.Arbitrary<Partial<NodePolicySpec>> = fc
  .record(
    {
      priority: fc.constantFrom(10, 99),
      numVfs: fc.nat(9),
      mtu: fc.constantFrom(1500, 9000),
      isRdma: fc.boolean(),
      deviceType: fc.constantFrom('netdevice' as const, 'vfio-pci' as const),
      eSwitchMode: fc.constantFrom('legacy' as const, 'switchdev' as const),
      externallyManaged: fc.boolean(),
      bridge: fc.constant({ ovs: {} }),
      nicSelector: fc.record(
        {
          vendor: fc.constantFrom('8086', '15b3'),
          pfNames: fc.array(fc.constantFrom('ens1f0', 'ens2f0', 'enp129s0f0#0-1', 'ens1f0#2-3', 'ens2f0#0-3', 'ens1f0#4-9'), { minLength: 1, maxLength: 2 }),
          rootDevices: fc.constant(['0000:81:00.0']),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['numVfs', 'nicSelector'] },
  );

test('policies that were accepted one after the other all render, and without warnings each keeps what it selects', () => {
  fc.assert(
    fc.property(fc.array(spec, { maxLength: 5 }), (specs) => {
      const accepted: NamedPolicy[] = [];
      let warned = false;
      for (const [index, drawn] of specs.entries()) {
        const candidate = policy(`p${index}`, drawn);
        const said = reviewNodePolicy({ ...candidate, namespace: 'ns' }, context({ policies: accepted }));
        if (said.rejections.length > 0) continue;
        warned ||= said.warnings.length > 0;
        accepted.push(candidate);
      }
      for (const { interfaces = [] } of nodes) {
        const rendered = renderNodeState({ policies: accepted, interfaces, gates: { manageSoftwareBridges: true } });
        expect(rendered.problems.filter((problem) => problem.kind !== 'moreVfsThanTotal')).toEqual([]);
        if (!warned) expect(rendered.matches.every((match) => match.displacedOn.length === 0)).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});
