import type { AcceleratorObservation, DeviceFiles, DevicePluginDeviceType, Inventory, LinkType, PciAddress, PfObservation, SubfunctionObservation, VdpaType, VfLinkState, VfObservation } from '@vfleet/core';

/** A device of this node as a pool may hold it: a VF, a subfunction or a PF without them of a NIC (class 0x02), or an accelerator (class 0x12). */
export interface NetFunction {
  /** What pods and the kubelet know it by: the PCI address, of a subfunction the name on the auxiliary bus. */
  readonly id: string;
  /** Which resources may hold it. */
  readonly deviceType: DevicePluginDeviceType;
  /** Itself, when it is no VF. */
  readonly pf: PciAddress;
  /** Name and alternative names of the PF's netdev; empty when it has none. */
  readonly pfNames: readonly string[];
  /** Of a VF only. */
  readonly vfIndex?: number;
  /** Of a subfunction only. */
  readonly sfNumber?: number;
  readonly vendor: string;
  readonly deviceId: string;
  /** Absent when none is bound. Of a subfunction, as vendor and device id, its PF's. */
  readonly driver?: string;
  readonly linkType: LinkType;
  /** −1 when unknown. */
  readonly numaNode: number;
  readonly iommuGroup?: number | undefined;
  readonly rdmaDevices: readonly string[];
  /** False only when we know that there is no RDMA: in exclusive mode a pod's device is not visible from the host. */
  readonly rdmaCapable: boolean;
  readonly vdpaType?: VdpaType | undefined;
  readonly linkState?: VfLinkState | undefined;
  readonly deviceFiles?: DeviceFiles | undefined;
  readonly acpiIndex?: number | undefined;
  readonly pKey?: string | undefined;
  /** Of the NIC. */
  readonly ddpProfile?: string | undefined;
  /** Why it cannot be used, whoever asks. */
  readonly fault?: string | undefined;
}

/**
 * The functions that could be handed to pods, in stable order: by PF address, then VF index; subfunctions and accelerators after them. Left out are
 * what the SR-IOV network device plugin leaves out, a PF that has VFs and the holder of the default route, and a PF that has subfunctions.
 */
export function functionsOf(inventory: Inventory): readonly NetFunction[] {
  const divided = new Set(inventory.subfunctions?.map(({ pf }) => pf));
  const network = inventory.pfs.flatMap((pf) => {
    const pfNames = namesOf(pf);
    const self = pf.numVfs === 0 && !pf.holdsDefaultRoute && pf.blocked === undefined && !divided.has(pf.pciAddress) ? [pfFunction(pf, pfNames)] : [];
    const side = sideOf(inventory, pf);
    return [...self, ...pf.vfs.map((vf) => new VfFunction(side, vf, vf.driver))];
  });
  return inventory.accelerators === undefined && inventory.subfunctions === undefined ? network : [...network, ...subfunctions(inventory), ...acceleratorFunctions(inventory.accelerators ?? [])];
}

function namesOf(pf: PfObservation): readonly string[] {
  return pf.netdev === undefined ? [] : [pf.netdev.name, ...pf.netdev.altNames];
}

function sideOf(inventory: Inventory, pf: PfObservation): PfSide {
  return {
    pf,
    pfNames: namesOf(pf),
    hidesRdma: inventory.rdmaMode === 'exclusive' && pf.rdmaDevices.length > 0,
    ...(pf.blocked === undefined ? {} : { fault: `its PF ${pf.pciAddress} cannot be touched: ${pf.blocked.cause}` }),
  };
}

function subfunctions(inventory: Inventory): readonly NetFunction[] {
  const sides = new Map(inventory.pfs.map((pf) => [pf.pciAddress, sideOf(inventory, pf)]));
  return (inventory.subfunctions ?? []).flatMap((own) => {
    const side = sides.get(own.pf);
    return side === undefined || own.holdsDefaultRoute ? [] : [subfunction(side, own)];
  });
}

function subfunction({ pf, pfNames, hidesRdma, fault }: PfSide, own: SubfunctionObservation): NetFunction {
  return {
    id: own.name,
    deviceType: 'auxNetDevice',
    pf: pf.pciAddress,
    pfNames,
    sfNumber: own.sfNumber,
    vendor: pf.vendor,
    deviceId: pf.deviceId,
    linkType: pf.linkType,
    numaNode: pf.numaNode,
    rdmaDevices: own.rdmaDevices,
    rdmaCapable: own.rdmaDevices.length > 0 || (hidesRdma && own.netdev === undefined),
    ...(pf.driver === undefined ? {} : { driver: pf.driver }),
    ...(own.deviceFiles === undefined ? {} : { deviceFiles: own.deviceFiles }),
    ...(fault === undefined ? {} : { fault }),
  };
}

function acceleratorFunctions(accelerators: readonly AcceleratorObservation[]): readonly NetFunction[] {
  const withVfs = new Set(accelerators.flatMap(({ pf }) => (pf === undefined ? [] : [pf])));
  return accelerators.filter(({ pciAddress }) => !withVfs.has(pciAddress)).map(acceleratorFunction);
}

function acceleratorFunction({ pciAddress: id, vendor, deviceId, driver, pf = id, numaNode, iommuGroup, deviceFiles }: AcceleratorObservation): NetFunction {
  return {
    id,
    deviceType: 'accelerator',
    pf,
    pfNames: [],
    vendor,
    deviceId,
    linkType: 'ETH',
    numaNode,
    rdmaDevices: [],
    rdmaCapable: false,
    ...(driver === undefined ? {} : { driver }),
    ...(iommuGroup === undefined ? {} : { iommuGroup }),
    ...(deviceFiles === undefined ? {} : { deviceFiles }),
  };
}

/** The function as it would be with another driver. */
export function withDriver(own: NetFunction, driver: string): NetFunction {
  return own instanceof VfFunction ? own.withDriver(driver) : { ...own, driver };
}

/** What the VFs of a PF have in common. */
interface PfSide {
  readonly pf: PfObservation;
  readonly pfNames: readonly string[];
  /** A VF that is in a pod has taken its RDMA device along. */
  readonly hidesRdma: boolean;
  readonly fault?: string;
}

/** A view of what was observed: nodes have a hundred VFs, fleets millions, and a copy of each takes as much again. */
class VfFunction implements NetFunction {
  readonly driver?: string;
  readonly #side: PfSide;
  readonly #vf: VfObservation;

  constructor(side: PfSide, vf: VfObservation, driver: string | undefined) {
    this.#side = side;
    this.#vf = vf;
    if (driver !== undefined) this.driver = driver;
  }

  get id(): PciAddress {
    return this.#vf.pciAddress;
  }

  get deviceType(): DevicePluginDeviceType {
    return 'netDevice';
  }

  get pf(): PciAddress {
    return this.#side.pf.pciAddress;
  }

  get pfNames(): readonly string[] {
    return this.#side.pfNames;
  }

  get vfIndex(): number {
    return this.#vf.index;
  }

  get vendor(): string {
    return this.#vf.vendor;
  }

  get deviceId(): string {
    return this.#vf.deviceId;
  }

  get linkType(): LinkType {
    return this.#side.pf.linkType;
  }

  get numaNode(): number {
    return this.#side.pf.numaNode;
  }

  get rdmaDevices(): readonly string[] {
    return this.#vf.rdmaDevices;
  }

  get rdmaCapable(): boolean {
    return this.#vf.rdmaDevices.length > 0 || (this.#side.hidesRdma && this.#isInsidePod);
  }

  get linkState(): VfLinkState {
    return this.#vf.settings.linkState;
  }

  get iommuGroup(): number | undefined {
    return this.#vf.iommuGroup;
  }

  get vdpaType(): VdpaType | undefined {
    return this.#vf.vdpaType;
  }

  get deviceFiles(): DeviceFiles | undefined {
    return this.#vf.deviceFiles;
  }

  get acpiIndex(): number | undefined {
    return this.#vf.acpiIndex;
  }

  get pKey(): string | undefined {
    return this.#vf.pKey;
  }

  get ddpProfile(): string | undefined {
    return this.#side.pf.ddpProfile;
  }

  get fault(): string | undefined {
    return this.#side.fault;
  }

  withDriver(driver: string): VfFunction {
    return new VfFunction(this.#side, this.#vf, driver);
  }

  get #isInsidePod(): boolean {
    return this.#vf.netdev === undefined && this.#vf.driver !== undefined && !isUserSpaceDriver(this.#vf.driver);
  }
}

function pfFunction(pf: PfObservation, pfNames: readonly string[]): NetFunction {
  return {
    id: pf.pciAddress,
    deviceType: 'netDevice',
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
    ...(pf.acpiIndex === undefined ? {} : { acpiIndex: pf.acpiIndex }),
    ...(pf.pKey === undefined ? {} : { pKey: pf.pKey }),
    ...(pf.ddpProfile === undefined ? {} : { ddpProfile: pf.ddpProfile }),
  };
}

/** Drivers that give a function to a program instead of making a netdev (DPDK, "Linux Drivers"). */
export function isUserSpaceDriver(driver: string): boolean {
  return driver === 'vfio-pci' || driver === 'uio_pci_generic' || driver === 'igb_uio';
}
