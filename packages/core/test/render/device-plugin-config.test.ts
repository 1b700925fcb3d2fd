import { describe, expect, test } from 'vitest';
import { devicePluginLabel, formatDevicePluginConfig, holdBrokenInterfaces, parseSupportedNicEntry, parseSupportedNics, renderDevicePluginConfig, renderNodeState, vfDeviceIdOf, builtInNics } from '../../src/index.ts';
import type { InterfaceStatus, NamedPolicy, NodeStateSpec } from '../../src/index.ts';
import { nic, policy } from './fixtures.ts';

// Goal: the per-node resourceList has the content that the SR-IOV device plugin and existing users expect, and never advertises a
// VF that the node state grants to another resource.
// Method: golden values for single policies, merges and conflicts.

const e810 = nic({ name: 'ens801f0', pciAddress: '0000:81:00.0' });
const cx5 = nic({ name: 'ens2f0', pciAddress: '0000:82:00.0', vendor: '15b3', deviceID: '1017', altNames: ['enp130s0f0'] });

function render(policies: readonly NamedPolicy[], interfaces: readonly InterfaceStatus[] = [e810, cx5]) {
  const { spec } = renderNodeState({ policies, interfaces });
  return renderDevicePluginConfig({ policies, interfaces, ...(spec === undefined ? {} : { spec }) });
}

test('a policy by vendor, device id and PF name: the device id is that of the VFs', () => {
  const config = render([policy('intel-sriov-netdevice', { priority: 99, nicSelector: { vendor: '8086', deviceID: '1592', pfNames: ['ens801f0'] }, deviceType: 'netdevice' })]);
  expect(formatDevicePluginConfig(config)).toBe(
    '{"resourceList":[{"resourceName":"intel-sriov-netdevice","selectors":{"vendors":["8086"],"devices":["1889"],"pfNames":["ens801f0"]}}]}',
  );
  expect(devicePluginLabel(config)).toBe('Enabled');
});

test('every field of a policy that the plugin knows is passed on', () => {
  const config = render([
    policy('r', { isRdma: true, needVhostNet: true, excludeTopology: true, linkType: 'ETH', nicSelector: { vendor: '15B3', rootDevices: ['0000:82:00.0'] } }),
  ]);
  expect(config.resourceList).toEqual([
    { resourceName: 'r', excludeTopology: true, selectors: { vendors: ['15b3'], rootDevices: ['0000:82:00.0'], linkTypes: ['ether'], isRdma: true, needVhostNet: true } },
  ]);
});

test('vfio-pci selects by driver and not by link type', () => {
  const config = render([policy('dpdk', { deviceType: 'vfio-pci', linkType: 'eth', nicSelector: { vendor: '8086' } })]);
  expect(config.resourceList[0]?.selectors).toEqual({ vendors: ['8086'], drivers: ['vfio-pci'] });
});

test('InfiniBand', () => {
  expect(render([policy('ib', { linkType: 'ib', nicSelector: { vendor: '15b3' } })]).resourceList[0]?.selectors).toEqual({ vendors: ['15b3'], linkTypes: ['infiniband'] });
});

test('resources are in order of policy application', () => {
  const list = render([
    policy('a', { priority: 10, nicSelector: { pfNames: ['ens801f0'] } }),
    policy('b', { priority: 20, nicSelector: { pfNames: ['ens2f0'] } }),
  ]).resourceList;
  expect(list.map((resource) => resource.resourceName)).toEqual(['b', 'a']);
});

test('policies with one resource name unite, the first decides on RDMA', () => {
  const config = render([
    policy('x', { resourceName: 'r', priority: 20, isRdma: true, nicSelector: { vendor: '8086', pfNames: ['ens801f0'] } }),
    policy('y', { resourceName: 'r', priority: 10, nicSelector: { vendor: '15b3', pfNames: ['enp130s0f0#0-3'] } }),
  ]);
  expect(config.resourceList).toEqual([{ resourceName: 'r', selectors: { vendors: ['8086', '15b3'], pfNames: ['ens801f0', 'ens2f0#0-3'], isRdma: true } }]);
});

test('where a union would lose VFs, the granted VFs are named instead', () => {
  const config = render([
    policy('x', { resourceName: 'r', nicSelector: { vendor: '8086' } }),
    policy('y', { resourceName: 'r', numVfs: 2, nicSelector: { pfNames: ['ens2f0'] } }),
  ]);
  expect(config.resourceList).toEqual([{ resourceName: 'r', selectors: { rootDevices: ['0000:81:00.0#0-3', '0000:82:00.0#0-1'] } }]);
});

describe('policies that collide on a PF', () => {
  test('a displaced policy advertises nothing there', () => {
    const config = render([policy('lost', { priority: 20 }), policy('won', { priority: 10 })]);
    expect(config.resourceList.map((resource) => resource.resourceName)).toEqual(['won']);
  });

  test('a policy by vendor leaves the VFs of a later range alone', () => {
    const config = render([
      policy('wide', { priority: 20, numVfs: 4 }),
      policy('range', { priority: 10, numVfs: 8, nicSelector: { pfNames: ['ens801f0#4-7'] } }),
    ]);
    expect(config.resourceList).toEqual([
      { resourceName: 'wide', selectors: { rootDevices: ['0000:81:00.0#0-3'] } },
      { resourceName: 'range', selectors: { pfNames: ['ens801f0#4-7'] } },
    ]);
  });
});

describe('what must not be advertised', () => {
  test.each([
    ['numVfs 0', policy('p', { numVfs: 0 })],
    ['an empty selector', policy('p', { nicSelector: {} })],
    ['a broken range', policy('p', { nicSelector: { pfNames: ['ens801f0#x'] } })],
    ['a netFilter that nothing on the node has', policy('p', { nicSelector: { netFilter: 'aws/NetworkID:1' } })],
    ['a device id that is neither listed nor there', policy('p', { nicSelector: { deviceID: 'beef' } })],
    ['the ignored policy', policy('default', {})],
  ])('%s', (_, bad) => {
    const config = render([bad]);
    expect(config.resourceList).toEqual([]);
    expect(devicePluginLabel(config)).toBe('Disabled');
  });
});

test('a NIC that is not listed is selected by its PF', () => {
  const odd = nic({ name: 'eth7', pciAddress: '0000:90:00.0', vendor: 'abcd', deviceID: 'beef' });
  expect(render([policy('p', { nicSelector: { deviceID: 'beef' } })], [odd]).resourceList[0]?.selectors).toEqual({ rootDevices: ['0000:90:00.0'] });
});

test('netFilter becomes the addresses of the interfaces that have it', () => {
  const virtual = nic({ name: 'eth1', pciAddress: '0000:00:06.0', netFilter: 'openstack/NetworkID:abc' });
  expect(render([policy('p', { numVfs: 1, nicSelector: { netFilter: 'openstack/NetworkID:abc' } })], [virtual]).resourceList[0]?.selectors).toEqual({ pciAddresses: ['0000:00:06.0'] });
});

test('VFs that are held because their policy broke stay advertised', () => {
  const policies = [policy('p', { nicSelector: { pfNames: ['ens801f0#0-3'] } })];
  const before = renderNodeState({ policies, interfaces: [e810] }).spec;
  const broken = [policy('p', { nicSelector: { pfNames: ['ens801f0#0-x'] } })];
  const spec = holdBrokenInterfaces(renderNodeState({ policies: broken, interfaces: [e810] }), before).spec as NodeStateSpec;
  expect(renderDevicePluginConfig({ policies: broken, interfaces: [e810], spec }).resourceList).toEqual([{ resourceName: 'p', selectors: { rootDevices: ['0000:81:00.0#0-3'] } }]);
});

describe('the list of supported NICs', () => {
  test('entries of the ConfigMap come first', () => {
    const config = renderDevicePluginConfig({
      policies: [policy('p', { nicSelector: { deviceID: '1592' } })], interfaces: [], supportedNics: [{ family: 'mine', vendor: '8086', pfDeviceId: '1592', vfDeviceId: 'abcd' }],
    });
    expect(config.resourceList[0]?.selectors).toEqual({ devices: ['abcd'] });
  });

  test('is asked by PF id, and by vendor where one is given', () => {
    expect(vfDeviceIdOf(builtInNics, '1572')).toBe('154c');
    expect(vfDeviceIdOf(builtInNics, '101D', '15B3')).toBe('101e');
    expect(vfDeviceIdOf(builtInNics, '1572', '15b3')).toBeUndefined();
    expect(new Set(builtInNics.map((entry) => `${entry.vendor}:${entry.pfDeviceId}`)).size).toBe(builtInNics.length);
  });

  test('entries are read with any spaces and case, and refused with a sentence', () => {
    expect(parseSupportedNicEntry('x', ' 8086  1592 1889\n')).toEqual({ ok: true, value: { family: 'x', vendor: '8086', pfDeviceId: '1592', vfDeviceId: '1889' } });
    for (const bad of ['', '8086 1592', '8086 1592 1889 1', '8086 0x1592 1889', '8086,1592,1889']) expect(parseSupportedNicEntry('x', bad).ok).toBe(false);
    expect(parseSupportedNics({ b: 'nonsense', a: '8086 1592 1889' })).toMatchObject({ nics: [{ family: 'a' }], problems: [expect.stringContaining('"b"')] });
  });
});
