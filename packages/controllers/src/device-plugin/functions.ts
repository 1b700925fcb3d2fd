import type { DeviceFiles, Inventory, LinkType, PciAddress, PfObservation, VdpaType, VfLinkState, VfObservation } from '@vfleet/core';

/** A PCI network function of this node (class 0x02) as a pool may hold it: a VF, or a PF without VFs. */
export interface NetFunction {
  readonly id: PciAddress;
  readonly pf: PciAddress;
  /** Name and alternative names of the PF's netdev; empty when it has none. */
  readonly pfNames: readonly string[];
  /** Absent for a PF. */
  readonly vfIndex?: number;
  readonly vendor: string;
  readonly deviceId: string;
  /** Absent when none is bound. */
  readonly driver?: string;
  readonly linkType: LinkType;
  /** −1 when unknown. */
  readonly numaNode: number;
  readonly iommuGroup?: number;
  readonly rdmaDevices: readonly string[];
  /** False only when we know that there is no RDMA: in exclusive mode a pod's device is not visible from the host. */
  readonly rdmaCapable: boolean;
  readonly vdpaType?: VdpaType;
  readonly linkState?: VfLinkState;
  readonly deviceFiles?: DeviceFiles;
  readonly acpiIndex?: number;
  readonly pKey?: string;
  /** Of the NIC. */
  readonly ddpProfile?: string;
  /** Why it cannot be used, whoever asks. */
  readonly fault?: string;
}

/**
 * The functions that could be handed to pods, in stable order: by PF address, then VF index. Left out are what the SR-IOV
 * network device plugin leaves out: a PF that has VFs, and the holder of the default route.
 */
export function functionsOf(inventory: Inventory): readonly NetFunction[] {
  return inventory.pfs.flatMap((pf) => {
    const pfNames = pf.netdev === undefined ? [] : [pf.netdev.name, ...pf.netdev.altNames];
    const self = pf.numVfs === 0 && !pf.holdsDefaultRoute && pf.blocked === undefined ? [pfFunction(pf, pfNames)] : [];
    return [...self, ...pf.vfs.map((vf) => vfFunction(inventory, pf, pfNames, vf))];
  });
}

function vfFunction(inventory: Inventory, pf: PfObservation, pfNames: readonly string[], vf: VfObservation): NetFunction {
  const insidePod = vf.netdev === undefined && vf.driver !== undefined && !isUserSpaceDriver(vf.driver);
  return {
    id: vf.pciAddress,
    pf: pf.pciAddress,
    pfNames,
    vfIndex: vf.index,
    vendor: vf.vendor,
    deviceId: vf.deviceId,
    linkType: pf.linkType,
    numaNode: pf.numaNode,
    rdmaDevices: vf.rdmaDevices,
    rdmaCapable: vf.rdmaDevices.length > 0 || (inventory.rdmaMode === 'exclusive' && insidePod && pf.rdmaDevices.length > 0),
    linkState: vf.settings.linkState,
    ...(vf.driver === undefined ? {} : { driver: vf.driver }),
    ...(vf.iommuGroup === undefined ? {} : { iommuGroup: vf.iommuGroup }),
    ...(vf.vdpaType === undefined ? {} : { vdpaType: vf.vdpaType }),
    ...(vf.deviceFiles === undefined ? {} : { deviceFiles: vf.deviceFiles }),
    ...marksOf(vf, pf),
    ...(pf.blocked === undefined ? {} : { fault: `its PF ${pf.pciAddress} cannot be touched: ${pf.blocked.cause}` }),
  };
}

function pfFunction(pf: PfObservation, pfNames: readonly string[]): NetFunction {
  return {
    id: pf.pciAddress,
    pf: pf.pciAddress,
    pfNames,
    vendor: pf.vendor,
    deviceId: pf.deviceId,
    linkType: pf.linkType,
    numaNode: pf.numaNode,
    rdmaDevices: pf.rdmaDevices,
    rdmaCapable: pf.rdmaDevices.length > 0,
    ...(pf.driver === undefined ? {} : { driver: pf.driver }),
    ...(pf.deviceFiles === undefined ? {} : { deviceFiles: pf.deviceFiles }),
    ...marksOf(pf, pf),
  };
}

function marksOf({ acpiIndex, pKey }: Pick<VfObservation, 'acpiIndex' | 'pKey'>, { ddpProfile }: PfObservation): Pick<NetFunction, 'acpiIndex' | 'pKey' | 'ddpProfile'> {
  return { ...(acpiIndex === undefined ? {} : { acpiIndex }), ...(pKey === undefined ? {} : { pKey }), ...(ddpProfile === undefined ? {} : { ddpProfile }) };
}

/** Drivers that give a function to a program instead of making a netdev (DPDK, "Linux Drivers"). */
export function isUserSpaceDriver(driver: string): boolean {
  return driver === 'vfio-pci' || driver === 'uio_pci_generic' || driver === 'igb_uio';
}
