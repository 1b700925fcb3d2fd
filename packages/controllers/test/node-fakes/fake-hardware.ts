import { applyVfByVf, comparePciAddresses, fail, ok, sightOfVf } from '@vfleet/core';
import type { Hardware, HardwareError, HardwareErrorCode, HardwareEvent, HardwareStep, Inventory, Netdev, PciAddress, PfObservation, Result, Subscription, VfObservation, VfSight } from '@vfleet/core';

/** A netdev and where it is. */
interface Placed {
  netns: string;
  netdev: Netdev;
  addresses: readonly string[];
  routes: readonly { readonly dst: string; readonly gw?: string }[];
}

export type StepFault = (step: HardwareStep, number: number) => HardwareErrorCode | 'none';

/**
 * A node's NICs as plain values that steps change: what the kernel does as far as pod attachment sees it. Every step can be made
 * to fail, before it has an effect (`before`) or to be interrupted after it (`after`, which throws: the process is dead then).
 */
export class FakeHardware implements Hardware {
  inventory: Inventory;
  readonly placed = new Map<PciAddress, Placed>();
  readonly namespaces = new Set<string>(['host']);
  /** RDMA devices by name that are not on the host. */
  readonly rdmaAway = new Map<string, string>();
  readonly steps: HardwareStep[] = [];
  discoveries = 0;
  /** Looks at one VF. */
  sights = 0;
  before: StepFault = () => 'none';
  after: (step: HardwareStep, number: number) => void = () => {};
  /** An administrative MAC needs a rebind before it is the VF's own, and fixes it (igb, igbvf). */
  macNeedsRebind = false;
  /** Names that RDMA devices get when their driver is bound again, by those before; they come after so many looks at the VF. */
  readonly rdmaRenames = new Map<string, { readonly name: string; afterSights: number }>();
  failDiscovery: HardwareError | undefined;
  /** What the kernel binds by itself. */
  readonly #drivers = new Map<PciAddress, string>();
  readonly #listeners = new Set<(event: HardwareEvent) => void>();

  constructor(inventory: Inventory) {
    this.inventory = inventory;
    this.#place();
  }

  async discover(): Promise<Result<Inventory, HardwareError>> {
    this.discoveries++;
    return this.failDiscovery === undefined ? ok(this.#observed()) : fail(this.failDiscovery);
  }

  async lookAtVf(device: PciAddress): Promise<Result<VfSight | undefined, HardwareError>> {
    this.sights++;
    for (const rename of this.rdmaRenames.values()) rename.afterSights--;
    return this.failDiscovery === undefined ? ok(sightOfVf(this.#observed(), device)) : fail(this.failDiscovery);
  }

  async apply(step: HardwareStep): Promise<Result<void, HardwareError>> {
    if (step.kind === 'setVfs') return applyVfByVf(step, (one) => this.apply(one));
    const number = this.steps.length;
    this.steps.push(step);
    const code = this.before(step, number);
    const refused = code === 'none' ? this.#effect(step) : code;
    this.after(step, number);
    if (refused === undefined) return ok(undefined);
    const device = 'device' in step ? step.device : 'pf' in step ? step.pf : 'host';
    return fail({ code: refused, step, device, cause: `${step.kind} failed: ${refused}`, remedy: 'Look at the kernel log.' });
  }

  watch(listener: (event: HardwareEvent) => void): Subscription {
    this.#listeners.add(listener);
    return { stop: () => void this.#listeners.delete(listener) };
  }

  emit(event: HardwareEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Other hardware than before, and the event that says so. */
  become(inventory: Inventory, ...events: readonly HardwareEvent[]): void {
    this.inventory = inventory;
    this.#place();
    for (const event of events) this.emit(event);
  }

  /** What the kernel does when a namespace goes: its netdevs come back to the host under the names they have. */
  removeNamespace(netns: string): void {
    this.namespaces.delete(netns);
    for (const [name, place] of this.rdmaAway) if (place === netns) this.rdmaAway.delete(name);
    for (const placed of this.placed.values()) if (placed.netns === netns) Object.assign(placed, { netns: 'host', addresses: [], routes: [], netdev: { ...placed.netdev, adminState: 'down' } });
  }

  /** Everything that pod attachment may change, as one comparable value. */
  state(): unknown {
    return { inventory: this.#observed(), placed: [...this.placed].toSorted(([a], [b]) => comparePciAddresses(a, b)).map(([device, placed]) => [device, { ...placed }]) };
  }

  vf(device: PciAddress): { readonly pf: PfObservation; readonly vf: VfObservation } | undefined {
    for (const pf of this.inventory.pfs) for (const vf of pf.vfs) if (vf.pciAddress === device) return { pf, vf };
    return undefined;
  }

  #place(): void {
    for (const pf of this.inventory.pfs) for (const vf of pf.vfs) if (vf.driver !== undefined) this.#drivers.set(vf.pciAddress, vf.driver);
    const present = new Set(this.inventory.pfs.flatMap((pf) => pf.vfs.filter((vf) => vf.netdev !== undefined).map((vf) => vf.pciAddress)));
    for (const device of this.placed.keys()) if (!present.has(device)) this.placed.delete(device);
    for (const pf of this.inventory.pfs) {
      for (const vf of pf.vfs) if (vf.netdev !== undefined && !this.placed.has(vf.pciAddress)) this.placed.set(vf.pciAddress, { netns: 'host', netdev: vf.netdev, addresses: [], routes: [] });
    }
  }

  #observed(): Inventory {
    const vfNow = (vf: VfObservation): VfObservation => {
      const { netdev: _, ...others } = vf;
      const rest = { ...others, rdmaDevices: vf.rdmaDevices.filter((name) => !this.rdmaAway.has(name) && !this.#isToCome(name)) };
      const placed = this.placed.get(vf.pciAddress);
      return placed?.netns === 'host' ? { ...rest, netdev: placed.netdev } : rest;
    };
    return { ...this.inventory, pfs: this.inventory.pfs.map((pf) => ({ ...pf, vfs: pf.vfs.map(vfNow) })) };
  }

  #setVf(pfAddress: PciAddress, index: number, change: (vf: VfObservation) => VfObservation): HardwareErrorCode | undefined {
    const pf = this.inventory.pfs.find((one) => one.pciAddress === pfAddress);
    if (pf?.vfs[index] === undefined) return 'invalid';
    const vfs = pf.vfs.map((vf) => (vf.index === index ? change(vf) : vf));
    this.inventory = { ...this.inventory, pfs: this.inventory.pfs.map((one) => (one === pf ? { ...pf, vfs } : one)) };
    return undefined;
  }

  #effect(step: HardwareStep): HardwareErrorCode | undefined {
    switch (step.kind) {
      case 'setVf': {
        const code = this.#setVf(step.pf, step.vfIndex, (vf) => ({
          ...vf,
          settings: {
            ...vf.settings,
            ...(step.mac === undefined ? {} : { mac: step.mac }),
            ...(step.vlan === undefined ? {} : { vlan: step.vlan.id, vlanQos: step.vlan.qos, vlanProtocol: step.vlan.protocol }),
            ...(step.spoofCheck === undefined ? {} : { spoofCheck: step.spoofCheck }),
            ...(step.trust === undefined ? {} : { trust: step.trust }),
            ...(step.rates === undefined ? {} : { minTxRateMbps: step.rates.minTxMbps, maxTxRateMbps: step.rates.maxTxMbps }),
            ...(step.linkState === undefined ? {} : { linkState: step.linkState }),
            ...(step.nodeGuid === undefined ? {} : { nodeGuid: step.nodeGuid }),
            ...(step.portGuid === undefined ? {} : { portGuid: step.portGuid }),
          },
        }));
        return code;
      }
      case 'unbindDriver':
        return this.#rebound(step.device, undefined);
      case 'bindDriver':
        return this.#rebound(step.device, this.#drivers.get(step.device) ?? step.driver);
      case 'moveNetdev':
        return this.#move(step);
      case 'moveRdma':
        return this.#moveRdma(step);
      case 'renameNetdev':
        return this.#netdev(step.device, step.netns, { name: step.name });
      case 'setNetdevMac': {
        const fixed = this.vf(step.device)?.vf.settings.mac ?? '';
        if (this.macNeedsRebind && !/^[0:]+$/.test(fixed) && fixed !== step.mac) return 'addressTaken';
        if (this.macNeedsRebind && fixed === step.mac && this.placed.get(step.device)?.netdev.mac !== step.mac) return 'addressTaken';
        return this.#netdev(step.device, step.netns, { mac: step.mac });
      }
      case 'setMtu':
        return this.#netdev(step.device, step.netns, { mtu: step.mtu });
      case 'setLink':
        return this.#netdev(step.device, step.netns, { adminState: step.up ? 'up' : 'down' });
      case 'setAddresses': {
        const placed = this.placed.get(step.device);
        if (placed?.netns !== step.netns) return 'gone';
        placed.addresses = step.addresses;
        placed.routes = step.routes;
        return undefined;
      }
      default:
        throw new Error(`pod attachment must not ${step.kind}`);
    }
  }

  #rebound(device: PciAddress, driver: string | undefined): HardwareErrorCode | undefined {
    const found = this.vf(device);
    if (found === undefined) return 'gone';
    const { driver: _, ...rest } = found.vf;
    const placed = this.placed.get(device);
    for (const name of found.vf.rdmaDevices) this.rdmaAway.delete(name);
    if (driver === undefined) this.placed.delete(device);
    else if (placed === undefined && found.vf.netdev !== undefined) {
      const admin = found.vf.settings.mac;
      this.placed.set(device, { netns: 'host', netdev: { ...found.vf.netdev, adminState: 'down', mac: /^[0:]+$/.test(admin) ? found.vf.netdev.mac : admin }, addresses: [], routes: [] });
    }
    const renamed = found.vf.rdmaDevices.map((name) => this.rdmaRenames.get(name)?.name ?? name);
    return this.#setVf(found.pf.pciAddress, found.vf.index, () => (driver === undefined ? rest : { ...rest, driver, rdmaDevices: renamed }));
  }

  #netdev(device: PciAddress, netns: string, change: Partial<Netdev>): HardwareErrorCode | undefined {
    const placed = this.placed.get(device);
    if (placed?.netns !== netns) return 'gone';
    if (change.name !== undefined && placed.netdev.adminState === 'up') return 'busy';
    if (change.name !== undefined && this.#nameTaken(netns, change.name, device)) return 'exists';
    placed.netdev = { ...placed.netdev, ...change };
    return undefined;
  }

  #move({ device, from, to, name }: Extract<HardwareStep, { kind: 'moveNetdev' }>): HardwareErrorCode | undefined {
    const placed = this.placed.get(device);
    if (placed?.netns !== from || !this.namespaces.has(from) || !this.namespaces.has(to)) return 'gone';
    if (this.#nameTaken(to, name ?? placed.netdev.name, device)) return 'exists';
    Object.assign(placed, { netns: to, addresses: [], routes: [], netdev: { ...placed.netdev, name: name ?? placed.netdev.name, adminState: 'down' } });
    return undefined;
  }

  #moveRdma({ device, rdmaDevice, from, to }: Extract<HardwareStep, { kind: 'moveRdma' }>): HardwareErrorCode | undefined {
    const isThere = this.placed.has(device) && this.vf(device)?.vf.rdmaDevices.includes(rdmaDevice) === true && !this.#isToCome(rdmaDevice);
    if (!isThere || (this.rdmaAway.get(rdmaDevice) ?? 'host') !== from || !this.namespaces.has(from) || !this.namespaces.has(to)) return 'gone';
    if (this.inventory.rdmaMode === 'shared') return 'unsupported';
    if (to === 'host') this.rdmaAway.delete(rdmaDevice);
    else this.rdmaAway.set(rdmaDevice, to);
    return undefined;
  }

  #isToCome(rdmaDevice: string): boolean {
    return [...this.rdmaRenames.values()].some(({ name, afterSights }) => name === rdmaDevice && afterSights > 0);
  }

  #nameTaken(netns: string, name: string, except: PciAddress): boolean {
    return [...this.placed].some(([device, placed]) => device !== except && placed.netns === netns && placed.netdev.name === name);
  }
}
