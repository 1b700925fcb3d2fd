import { describe, expect, test } from 'vitest';
import { holdBrokenInterfaces, renderNodeState } from '../../src/render/index.ts';
import { nic, policy } from './fixtures.ts';

// Goal: the merge rules of policies on PFs, one by one, as existing manifests rely on them.
// Method: small inputs, whole outputs.

const ens1 = nic({ name: 'ens1f0', pciAddress: '0000:81:00.0' });
const ens2 = nic({ name: 'ens2f0', pciAddress: '0000:82:00.0', altNames: ['enp130s0f0np0'] });

describe('one policy', () => {
  test('fills an interface with everything that it says', () => {
    const rendered = renderNodeState({
      policies: [policy('p', { numVfs: 4, mtu: 9000, isRdma: true, eSwitchMode: 'legacy', linkType: 'eth', nicSelector: { pfNames: ['ens1f0'] } })],
      interfaces: [ens1, ens2],
    });
    expect(rendered.spec).toEqual({
      interfaces: [
        {
          pciAddress: '0000:81:00.0', name: 'ens1f0', numVfs: 4, mtu: 9000, linkType: 'eth', eSwitchMode: 'legacy',
          vfGroups: [{ resourceName: 'p', deviceType: 'netdevice', vfRange: '0-3', policyName: 'p', mtu: 9000, isRdma: true }],
        },
      ],
    });
    expect(rendered.matches).toEqual([{ policy: 'p', interfaces: ['0000:81:00.0'], displacedOn: [] }]);
    expect(rendered.problems).toEqual([]);
  });

  test('renders nothing before NICs are discovered, but says so by an absent spec', () => {
    const rendered = renderNodeState({ policies: [policy('p', {})], interfaces: [] });
    expect(rendered).toEqual({ matches: [{ policy: 'p', interfaces: [], displacedOn: [] }], problems: [] });
  });

  test.each([
    ['an empty selector', { nicSelector: {} }],
    ['an empty list', { nicSelector: { pfNames: [], vendor: '' } }],
    ['numVfs 0', { numVfs: 0 }],
    ['another vendor', { nicSelector: { vendor: '15b3' } }],
    ['one selector of two that does not match', { nicSelector: { vendor: '8086', deviceID: '1593' } }],
  ])('%s gives an empty spec', (_, spec) => {
    expect(renderNodeState({ policies: [policy('p', spec)], interfaces: [ens1] }).spec).toEqual({ interfaces: [] });
  });

  test('a policy named default is ignored', () => {
    expect(renderNodeState({ policies: [policy('default', {})], interfaces: [ens1] })).toEqual({ spec: { interfaces: [] }, matches: [], problems: [] });
  });

  test('a range is honoured by name and by altname', () => {
    const groups = (pfNames: string[]) =>
      renderNodeState({ policies: [policy('p', { numVfs: 8, nicSelector: { pfNames } })], interfaces: [ens1, ens2] })
        .spec?.interfaces?.map((entry) => [entry.name, entry.numVfs, entry.vfGroups?.map((group) => group.vfRange)]);
    expect(groups(['ens1f0#2-5'])).toEqual([['ens1f0', 8, ['2-5']]]);
    expect(groups(['enp130s0f0np0#2-5'])).toEqual([['ens2f0', 8, ['2-5']]]);
    expect(groups(['ens1f0#0-1', 'ens2f0'])).toEqual([['ens1f0', 8, ['0-1']], ['ens2f0', 8, ['0-7']]]);
    expect(groups(['ens1f0#0-1', 'ens1f0#4-5', 'ens1f0#1-2'])).toEqual([['ens1f0', 8, ['0-2', '4-5']]]);
    expect(groups(['ens1f0#0-1', 'ens1f0'])).toEqual([['ens1f0', 8, ['0-7']]]);
  });

  test('netFilter compares platform and network', () => {
    const virtual = nic({ name: 'eth1', pciAddress: '0000:00:06.0', netFilter: 'openstack/NetworkID:abc' });
    const matched = (netFilter: string) => renderNodeState({ policies: [policy('p', { numVfs: 1, nicSelector: { netFilter } })], interfaces: [virtual] }).matches[0]?.interfaces.length;
    expect(matched('openstack/NetworkID:abc')).toBe(1);
    expect(matched('openstack/NetworkID: abc')).toBe(1);
    expect(matched('openstack/NetworkID:abcd')).toBe(0);
    expect(matched('aws/NetworkID:abc')).toBe(0);
  });
});

describe('two policies on one PF', () => {
  const merged = (...policies: ReturnType<typeof policy>[]) => {
    const entry = renderNodeState({ policies, interfaces: [ens1] }).spec?.interfaces?.[0];
    return { ...entry, vfGroups: entry?.vfGroups?.map((group) => `${group.policyName} ${group.vfRange}`) };
  };

  test('disjoint ranges: the winner first, maximum of numVfs and mtu', () => {
    const a = policy('a', { priority: 20, numVfs: 8, mtu: 9000, nicSelector: { pfNames: ['ens1f0#4-7'] }, eSwitchMode: 'legacy' });
    const b = policy('b', { priority: 10, numVfs: 4, mtu: 1500, nicSelector: { pfNames: ['ens1f0#0-3'] }, eSwitchMode: 'switchdev' });
    expect(merged(a, b)).toMatchObject({ numVfs: 8, mtu: 9000, eSwitchMode: 'switchdev', vfGroups: ['b 0-3', 'a 4-7'] });
    expect(merged(b, a)).toEqual(merged(a, b));
  });

  test('overlap with different priorities: the lower number takes everything', () => {
    const a = policy('a', { priority: 20, numVfs: 8, mtu: 9000, externallyManaged: true });
    const b = policy('b', { priority: 10, numVfs: 4 });
    const entry = merged(a, b);
    expect(entry).toMatchObject({ numVfs: 4, vfGroups: ['b 0-3'] });
    expect(entry.mtu).toBeUndefined();
    expect(entry.externallyManaged).toBeUndefined();
    expect(renderNodeState({ policies: [a, b], interfaces: [ens1] }).matches[0]).toEqual({ policy: 'a', interfaces: ['0000:81:00.0'], displacedOn: ['0000:81:00.0'] });
  });

  test('overlap with equal priorities: the later name wins, numVfs and mtu are the maximum', () => {
    const a = policy('a', { numVfs: 8, mtu: 9000 });
    const b = policy('b', { numVfs: 4 });
    expect(merged(a, b)).toMatchObject({ numVfs: 8, mtu: 9000, vfGroups: ['b 0-3'] });
  });

  test('a shared resource name displaces even where ranges are disjoint', () => {
    const a = policy('a', { priority: 20, resourceName: 'r', numVfs: 8, nicSelector: { pfNames: ['ens1f0#4-7'] } });
    const b = policy('b', { priority: 10, resourceName: 'r', numVfs: 4, nicSelector: { pfNames: ['ens1f0#0-3'] } });
    expect(merged(a, b)).toMatchObject({ numVfs: 4, vfGroups: ['b 0-3'] });
  });

  test('a missing priority counts as 99', () => {
    const a = policy('a', { priority: 98, numVfs: 2 });
    const z = policy('z', { numVfs: 4 });
    expect(merged(a, z)).toMatchObject({ numVfs: 2, vfGroups: ['a 0-1'] });
  });

  test('the priority of a policy on another PF is of no account', () => {
    const a = policy('a', { priority: 30, numVfs: 8, nicSelector: { pfNames: ['ens1f0'] } });
    const other = policy('b', { priority: 10, numVfs: 8, nicSelector: { pfNames: ['ens2f0'] } });
    const c = policy('c', { priority: 10, numVfs: 4, nicSelector: { pfNames: ['ens1f0'] } });
    const rendered = renderNodeState({ policies: [a, other, c], interfaces: [ens1, ens2] });
    expect(rendered.spec?.interfaces?.[0]?.numVfs).toBe(4);
  });
});

describe('problems', () => {
  test.each([
    ['ens1f0#a-b', 'malformedRange'], ['ens1f0#1', 'malformedRange'], ['ens1f0#3-1', 'malformedRange'], ['#0-1', 'malformedRange'],
    ['ens1f0#', 'malformedRange'], ['', 'malformedRange'], ['ens1f0#0-1-2', 'malformedRange'], ['ens1f0#-1-2', 'malformedRange'], ['ens1f0#0-4', 'rangeBeyondNumVfs'],
  ])('pfNames element %j is a %s, and the other policy is rendered', (selector, kind) => {
    const rendered = renderNodeState({
      policies: [policy('bad', { numVfs: 4, nicSelector: { pfNames: [selector] } }), policy('good', { numVfs: 2 })],
      interfaces: [ens1],
    });
    expect(rendered.problems).toMatchObject([{ kind, policy: 'bad', selector }]);
    expect(rendered.spec?.interfaces?.[0]?.vfGroups).toMatchObject([{ policyName: 'good' }]);
  });

  test('more VFs than the PF can have is rendered and named', () => {
    const rendered = renderNodeState({ policies: [policy('p', { numVfs: 65 })], interfaces: [ens1] });
    expect(rendered.problems).toMatchObject([{ kind: 'moreVfsThanTotal', pciAddress: '0000:81:00.0' }]);
    expect(rendered.spec?.interfaces).toHaveLength(1);
  });

  test('two pools: the RDMA mode is left alone', () => {
    const pools = [{ name: 'b', spec: { rdmaMode: 'exclusive' as const } }, { name: 'a', spec: {} }];
    const rendered = renderNodeState({ policies: [], interfaces: [ens1], pools });
    expect(rendered.spec).toEqual({ interfaces: [] });
    expect(rendered.problems).toMatchObject([{ kind: 'nodeInTwoPools', pools: ['a', 'b'] }]);
  });

  test('one pool gives the RDMA mode', () => {
    expect(renderNodeState({ policies: [], interfaces: [ens1], pools: [{ name: 'a', spec: { rdmaMode: 'exclusive' } }] }).spec).toEqual({ interfaces: [], system: { rdmaMode: 'exclusive' } });
  });
});

describe('bridges', () => {
  const gates = { manageSoftwareBridges: true };
  const bridge = { ovs: { bridge: { datapathType: 'netdev' }, uplink: { interface: { type: 'dpdk' } } } };

  test('are named after the PF and take the mtu of the policy', () => {
    const rendered = renderNodeState({ policies: [policy('p', { numVfs: 2, mtu: 9000, eSwitchMode: 'switchdev', bridge })], interfaces: [ens2, ens1], gates });
    expect(rendered.spec?.bridges).toEqual({
      ovs: [
        { name: 'br-0000_81_00.0', bridge: { datapathType: 'netdev' }, uplinks: [{ pciAddress: '0000:81:00.0', name: 'ens1f0', interface: { type: 'dpdk', mtuRequest: 9000 } }] },
        { name: 'br-0000_82_00.0', bridge: { datapathType: 'netdev' }, uplinks: [{ pciAddress: '0000:82:00.0', name: 'ens2f0', interface: { type: 'dpdk', mtuRequest: 9000 } }] },
      ],
    });
  });

  test('the winning policy decides', () => {
    const with_ = policy('a', { priority: 20, numVfs: 8, eSwitchMode: 'switchdev', bridge, nicSelector: { pfNames: ['ens1f0#0-3'] } });
    const without = policy('b', { priority: 10, numVfs: 8, eSwitchMode: 'switchdev', nicSelector: { pfNames: ['ens1f0#4-7'] } });
    expect(renderNodeState({ policies: [with_, without], interfaces: [ens1], gates }).spec?.bridges).toBeUndefined();
  });

  test.each([
    ['gateOff', {}, { eSwitchMode: 'switchdev' as const }],
    ['notSwitchdev', gates, {}],
    ['notEthernet', gates, { eSwitchMode: 'switchdev' as const, linkType: 'ib' as const }],
    ['externallyManaged', gates, { eSwitchMode: 'switchdev' as const, externallyManaged: true }],
  ])('%s: no bridge, a problem, and the VFs all the same', (why, featureGates, spec) => {
    const rendered = renderNodeState({ policies: [policy('p', { numVfs: 2, bridge, ...spec })], interfaces: [ens1], gates: featureGates });
    expect(rendered.problems).toMatchObject([{ kind: 'bridgeNotPossible', why }]);
    expect(rendered.spec?.bridges).toBeUndefined();
    expect(rendered.spec?.interfaces).toHaveLength(1);
  });
});

describe('holding what a broken policy had', () => {
  test('keeps the PF as it was and lets the others move on', () => {
    const good = policy('good', { numVfs: 2, nicSelector: { pfNames: ['ens2f0'] } });
    const before = renderNodeState({ policies: [policy('p', { numVfs: 4, nicSelector: { pfNames: ['ens1f0#0-3'] } })], interfaces: [ens1, ens2] });
    const broken = renderNodeState({ policies: [policy('p', { numVfs: 4, nicSelector: { pfNames: ['ens1f0#0-x'] } }), good], interfaces: [ens1, ens2] });
    const held = holdBrokenInterfaces(broken, before.spec);
    expect(held.spec?.interfaces?.map((entry) => [entry.name, entry.numVfs])).toEqual([['ens1f0', 4], ['ens2f0', 2]]);
    expect(holdBrokenInterfaces(broken, undefined).spec?.interfaces?.map((entry) => entry.name)).toEqual(['ens2f0']);
  });

  test('a PF that the broken policy never had goes to the sound one; a PF that it had is not the sound one\'s yet', () => {
    const sound = policy('sound', { numVfs: 2, nicSelector: { pfNames: ['ens1f0'] } });
    const broken = policy('broken', { nicSelector: { pfNames: ['ens1f0#x-y'] } });
    const rendered = renderNodeState({ policies: [broken, sound], interfaces: [ens1] });
    expect(holdBrokenInterfaces(rendered, { interfaces: [] }).spec?.interfaces).toMatchObject([{ numVfs: 2, vfGroups: [{ policyName: 'sound' }] }]);
    const before = renderNodeState({ policies: [policy('broken', { numVfs: 4, nicSelector: { pfNames: ['ens1f0'] } })], interfaces: [ens1] }).spec;
    const held = holdBrokenInterfaces(rendered, before);
    expect(held.spec?.interfaces).toMatchObject([{ numVfs: 4, vfGroups: [{ policyName: 'broken' }] }]);
    expect(held.matches.find((match) => match.policy === 'sound')?.displacedOn).toEqual([ens1.pciAddress]);
  });
});
