import type { AcceleratorObservation, Inventory, PfObservation, VfObservation, VfSettings } from '@vfleet/core';
import { pciAddress, pciAddressPlus } from '@vfleet/core';

/** Values as a host shows them, for tests that need hardware as data. */
export const plainSettings: VfSettings = {
  mac: '00:00:00:00:00:00', vlan: 0, vlanQos: 0, vlanProtocol: '802.1q', spoofCheck: true, trust: false, minTxRateMbps: 0, maxTxRateMbps: 0, linkState: 'auto',
};

export function vfOf(pf: string, index: number, more: Partial<VfObservation> = {}): VfObservation {
  const address = pciAddressPlus(pciAddress(pf), 8 + index);
  return {
    index, pciAddress: address, vendor: '8086', deviceId: '1889', driver: 'iavf', settings: plainSettings, rdmaDevices: [],
    netdev: { name: `${pf.slice(5, 7)}v${index}`, altNames: [], mac: `02:00:00:00:${pf.slice(5, 7)}:${index.toString(16).padStart(2, '0')}`, mtu: 1500, adminState: 'down', carrier: false },
    ...more,
  };
}

/** A vfio-pci VF: no netdev, an IOMMU group. */
export function vfioVfOf(pf: string, index: number): VfObservation {
  const { netdev: _, ...rest } = vfOf(pf, index, { driver: 'vfio-pci', iommuGroup: 40 + index });
  return rest;
}

export function pfOf(address: string, name: string, vfs: readonly VfObservation[], more: Partial<PfObservation> = {}): PfObservation {
  return {
    pciAddress: pciAddress(address), vendor: '8086', deviceId: '1592', driver: 'ice',
    netdev: { name, altNames: [`${name}np0`], mac: '02:00:00:00:00:01', mtu: 1500, adminState: 'up', carrier: true },
    linkType: 'ETH', linkSpeedMbps: 25_000, eswitchMode: 'legacy', totalVfs: 64, numVfs: vfs.length, vfs, numaNode: 0, rdmaDevices: [], holdsDefaultRoute: false, ...more,
  };
}

export function inventoryOf(...pfs: readonly PfObservation[]): Inventory {
  return { pfs, rdmaMode: 'shared' };
}

/** A function of class 0x12 that programs reach through VFIO. */
export function acceleratorOf(address: string, more: Partial<AcceleratorObservation> = {}): AcceleratorObservation {
  return { pciAddress: pciAddress(address), vendor: '8086', deviceId: '0d90', driver: 'vfio-pci', numaNode: 1, iommuGroup: 90, ...more };
}

/** The same VF with no driver bound, and so without netdev. */
export function withoutDriver(vf: VfObservation): VfObservation {
  const { driver: _, netdev: __, ...rest } = vf;
  return rest;
}
