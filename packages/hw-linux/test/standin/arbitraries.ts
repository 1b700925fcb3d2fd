import { pciAddress } from '@vfleet/core';
import type { PciAddress, VfObservation } from '@vfleet/core';
import * as fc from 'fast-check';
import type { PortRecord } from '../../src/standin/records.ts';

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

export const mac: fc.Arbitrary<string> = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 6, maxLength: 6 }).map((bytes) => bytes.map((byte) => hex(byte, 2)).join(':'));

export const pf: fc.Arbitrary<PciAddress> = fc.record({ bus: fc.integer({ min: 0, max: 255 }), slot: fc.integer({ min: 0, max: 31 }), fn: fc.integer({ min: 0, max: 7 }) })
  .map(({ bus, slot, fn }) => pciAddress(`0000:${hex(bus, 2)}:${hex(slot, 2)}.${fn}`));

export const settings: fc.Arbitrary<PortRecord['settings']> = fc.record({
  mac: fc.oneof(fc.constant('00:00:00:00:00:00'), mac), vlan: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4094 })), vlanQos: fc.integer({ min: 0, max: 7 }),
  vlanProtocol: fc.constantFrom('802.1q' as const, '802.1ad' as const), spoofCheck: fc.boolean(), trust: fc.boolean(), minTxRateMbps: fc.integer({ min: 0, max: 400_000 }),
  maxTxRateMbps: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400_000 })), linkState: fc.constantFrom('auto' as const, 'enable' as const, 'disable' as const),
});

export const portRecord: fc.Arbitrary<PortRecord> = fc.record({
  index: fc.integer({ min: 0, max: 65_535 }), device: pf, settings, mac, netns: fc.oneof(fc.constant('host'), fc.stringMatching(/^\/run\/netns\/[a-z0-9][a-z0-9 -]{0,20}$/)),
});

/** VFs of one PF, in order of index: with a kernel driver, with a program's, or with none. */
export const vfs: fc.Arbitrary<readonly VfObservation[]> = fc.array(fc.record({ settings, mac, driver: fc.constantFrom('iavf', 'iavf', 'vfio-pci', undefined) }), { maxLength: 6 }).map((all) => all.map(({ settings: set, mac: own, driver }, index) => ({
  index, pciAddress: pciAddress(`0000:81:${hex(1 + (index >> 3), 2)}.${index & 7}`), vendor: '8086', deviceId: '1889', settings: set, rdmaDevices: [],
  ...(driver === undefined ? {} : { driver }),
  ...(driver === 'iavf' ? { netdev: { name: `ens801f0v${index}`, altNames: [], mac: own, mtu: 1500, adminState: 'down' as const, carrier: false } } : {}),
})));
