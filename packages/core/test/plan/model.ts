import { pciAddress, pciAddressPlus } from '@vfleet/core';
import type { EswitchMode, HardwareStep, Inventory, LinkType, PciAddress, PfObservation, VfObservation } from '@vfleet/core';

/** What a test chooses about one PF. */
export interface PfChoice {
  readonly address: PciAddress;
  readonly name: string;
  readonly driver: string;
  readonly linkType: LinkType;
  readonly totalVfs: number;
  readonly numVfs: number;
  readonly mtu: number;
  readonly up: boolean;
  readonly mode: EswitchMode;
  readonly rdma: boolean;
  /** New VFs come up without a driver. */
  readonly autoprobe: boolean;
}

const VF_DRIVERS: Readonly<Record<string, string>> = { ice: 'iavf', mlx5_core: 'mlx5_core', igb: 'igbvf', i40e: 'iavf', bnxt_en: 'bnxt_en' };
const ZERO_MAC = '00:00:00:00:00:00';
const ZERO_GUID = '00:00:00:00:00:00:00:00';

/**
 * A pure model of one node's NICs that answers steps as the kernel does (busy, outOfRange, unsupported …), as far as plans depend
 * on it. `apply` returns the next model, or the error code.
 */
export class NicModel {
  readonly inventory: Inventory;
  readonly #choices: ReadonlyMap<string, PfChoice>;

  constructor(choices: readonly PfChoice[], inventory?: Inventory) {
    this.#choices = new Map(choices.map((choice) => [choice.address, choice]));
    this.inventory = inventory ?? { pfs: choices.map(firstObservation).sort((a, b) => (a.pciAddress < b.pciAddress ? -1 : 1)), rdmaMode: 'shared' };
  }

  pf(address: string): PfObservation {
    return this.inventory.pfs.find((pf) => pf.pciAddress === address)!;
  }

  apply(step: HardwareStep): NicModel | string {
    if (step.kind === 'setRdmaMode') return this.#with({ ...this.inventory, rdmaMode: step.mode });
    const address = 'pf' in step ? step.pf : step.device;
    const pf = this.inventory.pfs.find((candidate) => candidate.pciAddress === address || candidate.vfs.some((vf) => vf.pciAddress === address));
    if (pf === undefined) return 'gone';
    const next = applyToPf(pf, this.#choices.get(pf.pciAddress)!, step);
    if (typeof next === 'string') return next;
    return this.#with({ ...this.inventory, pfs: this.inventory.pfs.map((other) => (other === pf ? next : other)) });
  }

  /** A change by hand. */
  edit(address: string, change: (pf: PfObservation) => PfObservation): NicModel {
    return this.#with({ ...this.inventory, pfs: this.inventory.pfs.map((pf) => (pf.pciAddress === address ? change(pf) : pf)) });
  }

  #with(inventory: Inventory): NicModel {
    return new NicModel([...this.#choices.values()], inventory);
  }
}

function applyToPf(pf: PfObservation, choice: PfChoice, step: HardwareStep): PfObservation | string {
  const editVf = (address: string, change: (vf: VfObservation) => VfObservation | string): PfObservation | string => {
    const vf = pf.vfs.find((candidate) => candidate.pciAddress === address);
    if (vf === undefined) return 'gone';
    const changed = change(vf);
    return typeof changed === 'string' ? changed : { ...pf, vfs: pf.vfs.map((other) => (other === vf ? changed : other)) };
  };
  switch (step.kind) {
    case 'setNumVfs':
      if (step.count > pf.totalVfs) return 'outOfRange';
      if (step.count === pf.numVfs) return pf;
      if (step.count > 0 && pf.numVfs > 0) return 'busy';
      if (step.count > 0 && pf.driver === 'bnxt_en' && pf.netdev!.adminState === 'down') return pf;
      return { ...pf, numVfs: step.count, vfs: Array.from({ length: step.count }, (_, index) => newVf(pf, choice, index, choice.autoprobe)) };
    case 'setEswitchMode':
      if (step.mode === pf.eswitchMode) return pf;
      if (pf.driver === 'igb') return 'unsupported';
      if (pf.driver === 'ice' && pf.numVfs > 0) return 'unsupported';
      if (pf.driver !== 'ice' && pf.vfs.some((vf) => vf.driver !== undefined)) return 'busy';
      return { ...pf, eswitchMode: step.mode };
    case 'unbindDriver':
      return editVf(step.device, (vf) => (vf.driver === undefined ? 'gone' : unbound(vf)));
    case 'bindDriver':
      return editVf(step.device, (vf) => (vf.driver !== undefined ? 'busy' : bound(pf, choice, vf, step.driver)));
    case 'setMtu':
      if (step.device === pf.pciAddress) return pf.netdev === undefined ? 'gone' : { ...pf, netdev: { ...pf.netdev, mtu: step.mtu } };
      return editVf(step.device, (vf) => (vf.netdev === undefined ? 'gone' : step.mtu > pf.netdev!.mtu ? 'invalid' : { ...vf, netdev: { ...vf.netdev, mtu: step.mtu } }));
    case 'setLink':
      return { ...pf, netdev: { ...pf.netdev!, adminState: step.up ? 'up' : 'down' } };
    case 'setVf': {
      const vf = pf.vfs[step.vfIndex];
      if (vf === undefined) return 'invalid';
      const { mac, nodeGuid, portGuid } = step;
      if (nodeGuid !== undefined && pf.linkType !== 'IB') return 'unsupported';
      return editVf(vf.pciAddress, (old) => ({
        ...old, settings: { ...old.settings, ...(mac === undefined ? {} : { mac }), ...(nodeGuid === undefined ? {} : { nodeGuid }), ...(portGuid === undefined ? {} : { portGuid }) },
      }));
    }
    case 'setFeature':
      return choice.driver === 'igb' ? 'unsupported' : pf;
    case 'setDevlinkParam':
      return choice.driver === 'mlx5_core' ? pf : 'unsupported';
    case 'createVdpa':
      return editVf(step.device, (vf) => (vf.vdpaType !== undefined ? 'exists' : vf.netdev === undefined ? 'unsupported' : { ...vf, vdpaType: step.type }));
    case 'deleteVdpa':
      return editVf(step.device, (vf) => (vf.vdpaType === undefined ? 'gone' : without(vf, 'vdpaType')));
    default:
      throw new Error(`a plan never contains ${step.kind}`);
  }
}

function without<Type extends object, Key extends keyof Type>(value: Type, ...keys: Key[]): Omit<Type, Key> {
  const copy = { ...value };
  for (const key of keys) delete copy[key];
  return copy;
}

function unbound(vf: VfObservation): VfObservation {
  return { ...without(vf, 'driver', 'netdev', 'vdpaType'), rdmaDevices: [] };
}

function bound(pf: PfObservation, choice: PfChoice, vf: VfObservation, driver: string): VfObservation {
  if (driver !== 'default') return { ...vf, driver };
  const own = `02:00:00:${pf.pciAddress.slice(5, 7)}:${pf.pciAddress.at(-1)!.padStart(2, '0')}:${vf.index.toString(16).padStart(2, '0')}`;
  return {
    ...vf,
    driver: VF_DRIVERS[choice.driver]!,
    netdev: { name: `${choice.name}v${vf.index}`, altNames: [], mac: vf.settings.mac === ZERO_MAC ? own : vf.settings.mac, mtu: 1500, adminState: 'down', carrier: false },
    rdmaDevices: choice.rdma ? [`rdma-${vf.pciAddress}`] : [],
  };
}

function newVf(pf: PfObservation, choice: PfChoice, index: number, autoprobe: boolean): VfObservation {
  const bare: VfObservation = {
    index,
    pciAddress: pciAddressPlus(pf.pciAddress, 16 + index),
    vendor: pf.vendor,
    deviceId: '0002',
    rdmaDevices: [],
    settings: {
      mac: ZERO_MAC, vlan: 0, vlanQos: 0, vlanProtocol: '802.1q', spoofCheck: true, trust: false, minTxRateMbps: 0, maxTxRateMbps: 0, linkState: 'auto',
      ...(pf.linkType === 'IB' ? { nodeGuid: ZERO_GUID, portGuid: ZERO_GUID } : {}),
    },
  };
  return autoprobe ? bound(pf, choice, bare, 'default') : bare;
}

function firstObservation(choice: PfChoice): PfObservation {
  const pf: PfObservation = {
    pciAddress: choice.address,
    vendor: '8086',
    deviceId: '0001',
    driver: choice.driver,
    netdev: { name: choice.name, altNames: [], mac: '3c:fd:fe:00:00:01', mtu: choice.mtu, adminState: choice.up ? 'up' : 'down', carrier: choice.up },
    linkType: choice.linkType,
    linkSpeedMbps: choice.up ? 25_000 : -1,
    eswitchMode: choice.mode,
    totalVfs: choice.totalVfs,
    numVfs: choice.numVfs,
    vfs: [],
    numaNode: 0,
    rdmaDevices: choice.rdma ? [`rdma-${choice.address}`] : [],
    holdsDefaultRoute: false,
  };
  return { ...pf, vfs: Array.from({ length: choice.numVfs }, (_, index) => newVf(pf, choice, index, choice.autoprobe)) };
}

export function pfChoice(index: number, more: Partial<PfChoice> = {}): PfChoice {
  return {
    address: pciAddress(`0000:${(0x10 + index * 0x10).toString(16)}:00.0`), name: `ens${index}f0`, driver: 'i40e', linkType: 'ETH', totalVfs: 8, numVfs: 0, mtu: 1500,
    up: true, mode: 'legacy', rdma: false, autoprobe: true, ...more,
  };
}
