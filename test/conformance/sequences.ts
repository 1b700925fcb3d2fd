import fc from 'fast-check';
import type { HardwareStep, PciAddress, VfChange } from '@vfleet/core';
import { pciAddress, pciAddressPlus } from '@vfleet/core';

/** The PF that sequences work on: where the emulated machine has it, and where the simulated node is given it. */
export const PF: PciAddress = pciAddress('0000:01:00.0');
export const NETNS = '/var/run/netns/conformance';
export interface Sequence {
  readonly name: string;
  readonly steps: readonly HardwareStep[];
}

/** Where a card has its VFs. */
export type VfPlaces = (index: number) => PciAddress;
const intel82576: VfPlaces = (index) => pciAddressPlus(PF, 128 + 2 * index);

const vfs = (count: number): HardwareStep => ({ kind: 'setNumVfs', pf: PF, count });
const setVf = (vfIndex: number, change: Omit<Extract<HardwareStep, { kind: 'setVf' }>, 'kind' | 'pf' | 'vfIndex'>): HardwareStep => ({ kind: 'setVf', pf: PF, vfIndex, ...change });
const setVfs = (...batch: readonly VfChange[]): HardwareStep => ({ kind: 'setVfs', pf: PF, vfs: batch });
const tag = (id: number) => ({ id, qos: 0, protocol: '802.1q' as const });
const up = (device: PciAddress, on: boolean, netns = 'host'): HardwareStep => ({ kind: 'setLink', device, netns, up: on });

/** Each tells one story of what a daemon, a plugin or a person does. */
export const written = writtenFor(intel82576);

export function writtenFor(vf: VfPlaces): readonly Sequence[] {
  const bind = binding(vf);
  return [
  { name: 'VFs come and go by way of 0', steps: [vfs(0), vfs(4), vfs(4), vfs(2), vfs(8), vfs(65536), vfs(-1), vfs(0), vfs(7)] },
  { name: 'attributes that igb has and has not', steps: [
    setVf(0, { trust: true }), vfs(2), setVf(0, { mac: '02:00:00:00:00:01' }), setVf(0, { mac: '00:00:00:00:00:00' }), setVf(0, { mac: '01:00:00:00:00:01' }), setVf(0, { mac: 'no' }),
    setVf(1, { vlan: { id: 100, qos: 3, protocol: '802.1q' } }), setVf(1, { vlan: { id: 5, qos: 0, protocol: '802.1ad' } }), setVf(1, { vlan: { id: 5000, qos: 0, protocol: '802.1q' } }),
    setVf(0, { spoofCheck: false }), setVf(0, { trust: true }), setVf(0, { linkState: 'enable' }), setVf(2, { trust: true }), setVf(0, { nodeGuid: '00:11:22:33:44:55:66:77' }),
  ] },
  { name: 'the first refusal keeps what came before it', steps: [vfs(1), setVf(0, { mac: '02:00:00:00:00:02', spoofCheck: false, linkState: 'disable', trust: true })] },
  { name: 'several VFs at once', steps: [
    setVfs({ vfIndex: 0, trust: true }), vfs(4), setVfs(...[0, 1, 2, 3].map((vfIndex) => ({ vfIndex, mac: `02:00:00:00:00:1${vfIndex}`, vlan: tag(100 + vfIndex), spoofCheck: vfIndex % 2 === 0, trust: vfIndex > 1 }))),
    setVfs(), setVfs({ vfIndex: 3, vlan: tag(7) }, { vfIndex: 3, vlan: tag(8) }, { vfIndex: 0, vlan: tag(9) }),
  ] },
  { name: 'a refusal among several VFs keeps what came before it, and what comes after it is not begun', steps: [
    vfs(3), setVfs({ vfIndex: 0, vlan: tag(10) }, { vfIndex: 1, vlan: tag(11), linkState: 'disable', trust: true }, { vfIndex: 2, vlan: tag(12) }), setVfs({ vfIndex: 2, vlan: tag(20) }, { vfIndex: 3, trust: true }, { vfIndex: 0, trust: true }),
    setVfs({ vfIndex: 1, trust: true }, { vfIndex: 0, mac: 'no' }, { vfIndex: 2, trust: true }), setVfs({ vfIndex: 0, mac: '01:00:00:00:00:01' }, { vfIndex: 1, vlan: tag(13) }), vfs(0), setVfs({ vfIndex: 0, vlan: tag(14) }, { vfIndex: 1, vlan: tag(15) }),
  ] },
  { name: 'rates need a smaller minimum and a link', steps: [vfs(1), setVf(0, { rates: { minTxMbps: 10, maxTxMbps: 100 } }), setVf(0, { rates: { minTxMbps: 200, maxTxMbps: 100 } }), setVf(0, { rates: { minTxMbps: 0, maxTxMbps: 0 } })] },
  { name: 'settings end with the VFs', steps: [vfs(1), setVf(0, { vlan: { id: 7, qos: 0, protocol: '802.1q' }, trust: true }), vfs(0), vfs(1)] },
  { name: 'drivers by override', steps: [vfs(2), bind(0, 'vfio-pci'), bind(0, 'vfio-pci'), bind(1, 'no_such_driver'), { kind: 'unbindDriver', device: vf(1) }, bind(1, 'default'), bind(0, 'default'), { kind: 'unbindDriver', device: vf(0) }, bind(5, 'vfio-pci')] },
  { name: 'autoprobe off', steps: [{ kind: 'setDriversAutoprobe', pf: PF, enabled: false }, vfs(2), bind(0, 'vfio-pci'), bind(1, 'default')] },
  { name: 'a fixed MAC after a rebind', steps: [
    vfs(1), setVf(0, { mac: '02:00:00:00:00:03' }), { kind: 'unbindDriver', device: vf(0) }, bind(0, 'default'), { kind: 'setNetdevMac', device: vf(0), netns: 'host', mac: '02:00:00:00:00:04' },
    setVf(0, { trust: true }), { kind: 'setNetdevMac', device: vf(0), netns: 'host', mac: '02:00:00:00:00:05' }, { kind: 'setNetdevMac', device: vf(0), netns: 'host', mac: '03:00:00:00:00:05' },
  ] },
  { name: 'into a namespace and back', steps: [
    vfs(1), { kind: 'moveNetdev', device: vf(0), from: 'host', to: NETNS, name: 'net1' }, { kind: 'moveNetdev', device: vf(0), from: 'host', to: NETNS }, { kind: 'setMtu', device: vf(0), netns: 'host', mtu: 1400 },
    { kind: 'setMtu', device: vf(0), netns: NETNS, mtu: 1400 }, { kind: 'setAddresses', device: vf(0), netns: NETNS, addresses: ['192.0.2.1/24'], routes: [{ dst: '198.51.100.0/24', gw: '192.0.2.254' }] },
    up(vf(0), true, NETNS), { kind: 'setAddresses', device: vf(0), netns: NETNS, addresses: ['192.0.2.1/24', '2001:db8::1/64'], routes: [{ dst: '198.51.100.0/24', gw: '192.0.2.254' }] },
    { kind: 'setAddresses', device: vf(0), netns: NETNS, addresses: ['192.0.2.300/24'], routes: [] },
    { kind: 'renameNetdev', device: vf(0), netns: NETNS, name: 'a-name-that-is-too-long' }, { kind: 'moveNetdev', device: vf(0), from: NETNS, to: 'host', name: 'back0' },
    { kind: 'moveNetdev', device: vf(0), from: 'host', to: '/var/run/netns/nowhere' },
  ] },
  { name: 'VFs removed out of a namespace', steps: [vfs(1), { kind: 'moveNetdev', device: vf(0), from: 'host', to: NETNS, name: 'net1' }, vfs(0), { kind: 'setMtu', device: vf(0), netns: NETNS, mtu: 1400 }] },
  { name: 'names', steps: [
    vfs(2), { kind: 'renameNetdev', device: vf(0), netns: 'host', name: 'one' }, { kind: 'renameNetdev', device: vf(1), netns: 'host', name: 'one' }, { kind: 'renameNetdev', device: vf(0), netns: 'host', name: 'one' },
    { kind: 'renameNetdev', device: vf(0), netns: 'host', name: 'a/b' }, up(vf(1), true), { kind: 'renameNetdev', device: vf(1), netns: 'host', name: 'two' }, { kind: 'renameNetdev', device: vf(0), netns: 'host', name: '' },
  ] },
  { name: 'MTU within limits', steps: [vfs(1), { kind: 'setMtu', device: PF, netns: 'host', mtu: 9000 }, { kind: 'setMtu', device: vf(0), netns: 'host', mtu: 9000 }, { kind: 'setMtu', device: PF, netns: 'host', mtu: 9217 }, { kind: 'setMtu', device: PF, netns: 'host', mtu: 20 }, { kind: 'setMtu', device: vf(0), netns: 'host', mtu: 67 }] },
  { name: 'what igb does not have', steps: [
    { kind: 'setEswitchMode', pf: PF, mode: 'switchdev' }, { kind: 'setEswitchMode', pf: PF, mode: 'legacy' }, { kind: 'setDevlinkParam', pf: PF, name: 'flow_steering_mode', value: 'smfs' },
    { kind: 'setFeature', device: PF, feature: 'no-such-feature', enabled: true }, vfs(1), { kind: 'createVdpa', device: vf(0), type: 'vhost' }, { kind: 'deleteVdpa', device: vf(0) },
  ] },
  { name: 'a PF without its driver', steps: [vfs(2), { kind: 'unbindDriver', device: PF }, vfs(1), vfs(0), setVf(0, { trust: true }), setVfs({ vfIndex: 0, trust: true }, { vfIndex: 1, trust: true }), { kind: 'setMtu', device: PF, netns: 'host', mtu: 1500 }, { kind: 'bindDriver', device: PF, driver: 'default' }, vfs(1)] },
  { name: 'a device that is not there', steps: [
    { kind: 'setNumVfs', pf: pciAddress('0000:7f:00.0'), count: 1 }, { kind: 'unbindDriver', device: vf(0) }, { kind: 'setLink', device: vf(0), netns: 'host', up: true }, setVf(0, { mac: '02:00:00:00:00:06' }),
  ] },
  ];
}

function binding(vf: VfPlaces): (index: number, driver: string) => HardwareStep {
  return (index, driver) => ({ kind: 'bindDriver', device: vf(index), driver });
}

const index = fc.integer({ min: 0, max: 3 });
const place = fc.constantFrom('host', NETNS);
const mac = fc.constantFrom('02:00:00:00:01:01', '02:00:00:00:01:02', '00:00:00:00:00:00', '01:00:5e:00:00:01');

const change: fc.Arbitrary<VfChange> = fc.record({ vfIndex: index, mac, vlan: fc.constantFrom(0, 9, 4096).map(tag), spoofCheck: fc.boolean(), trust: fc.boolean(), linkState: fc.constant('auto' as const) }, { requiredKeys: ['vfIndex', 'trust'] });

export function stepOn(vf: VfPlaces): fc.Arbitrary<HardwareStep> {
  const bind = binding(vf);
  return fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 2, 3, 8).map(vfs) },
  { weight: 2, arbitrary: fc.tuple(index, mac).map(([at, value]) => setVf(at, { mac: value })) },
  { weight: 1, arbitrary: fc.tuple(index, fc.constantFrom(0, 9, 4095, 4096), fc.constantFrom(0, 7, 8)).map(([at, id, qos]) => setVf(at, { vlan: { id, qos, protocol: '802.1q' } })) },
  { weight: 1, arbitrary: fc.tuple(index, fc.boolean(), fc.boolean()).map(([at, trust, spoofCheck]) => setVf(at, { trust, spoofCheck })) },
  { weight: 1, arbitrary: fc.array(change, { maxLength: 4 }).map((batch) => setVfs(...batch)) },
  { weight: 2, arbitrary: fc.tuple(index, fc.constantFrom('default', 'vfio-pci')).map(([at, driver]) => bind(at, driver)) },
  { weight: 1, arbitrary: index.map((at): HardwareStep => ({ kind: 'unbindDriver', device: vf(at) })) },
  { weight: 2, arbitrary: fc.tuple(index, place, place).map(([at, from, to]): HardwareStep => ({ kind: 'moveNetdev', device: vf(at), from, to, name: `c${at}` })) },
  { weight: 1, arbitrary: fc.tuple(index, place, fc.constantFrom(67, 68, 1400, 9216, 9217)).map(([at, netns, mtu]): HardwareStep => ({ kind: 'setMtu', device: vf(at), netns, mtu })) },
  { weight: 1, arbitrary: fc.tuple(index, place, fc.boolean()).map(([at, netns, on]) => up(vf(at), on, netns)) },
  { weight: 1, arbitrary: fc.tuple(index, place, fc.constantFrom('c0', 'c1', 'other')).map(([at, netns, name]): HardwareStep => ({ kind: 'renameNetdev', device: vf(at), netns, name })) },
  { weight: 1, arbitrary: fc.boolean().map((enabled): HardwareStep => ({ kind: 'setDriversAutoprobe', pf: PF, enabled })) },
  // What else a rate is answered with depends on whether the emulated NIC has finished its link's negotiation by then.
  { weight: 1, arbitrary: fc.tuple(index, fc.constantFrom([10, 100], [200, 100])).map(([at, [minTxMbps, maxTxMbps]]) => setVf(at, { rates: { minTxMbps: minTxMbps!, maxTxMbps: maxTxMbps! } })) },
  { weight: 1, arbitrary: fc.tuple(index, place, fc.subarray(['192.0.2.1/24', '192.0.2.2/24', '2001:db8::1/64']), fc.boolean()).map(([at, netns, addresses, hasRoute]): HardwareStep => ({
    kind: 'setAddresses', device: vf(at), netns, addresses, routes: hasRoute ? [{ dst: '198.51.100.0/24', gw: '192.0.2.254' }] : [],
  })) },
  { weight: 1, arbitrary: fc.tuple(index, place, mac).map(([at, netns, value]): HardwareStep => ({ kind: 'setNetdevMac', device: vf(at), netns, mac: value })) },
  );
}

/** Sequences drawn by chance, the same ones for the same seed. Each begins with VFs, so that the rest has something to work on. */
export function drawn(count: number, seed: number, vf: VfPlaces = intel82576): readonly Sequence[] {
  return fc.sample(fc.array(stepOn(vf), { minLength: 8, maxLength: 14 }), { numRuns: count, seed }).map((steps, number) => ({ name: `drawn ${number} of seed ${seed}`, steps: [vfs(3), ...steps] }));
}
