import type { Inventory, PfObservation, VfObservation } from './inventory.ts';
import type { PciAddress } from './pci.ts';

/** One VF with what pod attachment goes by, and of its PF what that is told of: a part of the inventory at one moment. */
export interface VfSight {
  readonly pf: Pick<PfObservation, 'pciAddress' | 'netdev'>;
  readonly vf: Pick<VfObservation, 'index' | 'pciAddress' | 'driver' | 'netdev' | 'settings' | 'representor'> & {
    /** RDMA devices that one network namespace has at a time, and that the host has now; absent when there are none, and in the mode `shared`. */
    readonly exclusiveRdma?: readonly string[];
  };
}

/** That part of what a whole look found; undefined when no PF has such a VF. */
export function sightOfVf({ pfs, rdmaMode }: Inventory, device: PciAddress): VfSight | undefined {
  for (const { pciAddress, netdev: pfNetdev, vfs } of pfs) {
    const found = vfs.find((vf) => vf.pciAddress === device);
    if (found === undefined) continue;
    const { index, driver, netdev, settings, representor, rdmaDevices } = found;
    return {
      pf: { pciAddress, ...(pfNetdev === undefined ? {} : { netdev: pfNetdev }) },
      vf: {
        index, pciAddress: device, settings,
        ...(driver === undefined ? {} : { driver }), ...(netdev === undefined ? {} : { netdev }), ...(representor === undefined ? {} : { representor }),
        ...(rdmaMode === 'shared' || rdmaDevices.length === 0 ? {} : { exclusiveRdma: rdmaDevices }),
      },
    };
  }
  return undefined;
}
