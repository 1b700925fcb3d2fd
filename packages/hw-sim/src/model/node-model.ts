import type { PciAddress, RdmaMode, Subscription } from '@vfleet/core';
import type { NicModel } from '../personalities/nic-model.ts';
import { routingIdOf } from './addresses.ts';
import { PfFlag } from './columns.ts';
import type { FleetModel } from './fleet-model.ts';
import { Operation } from './operation.ts';
import type { Outcome } from './operation.ts';
import { SeenVfs } from './seen-vfs.ts';
import type { NodeHardwareSpec } from './spec.ts';
import type { Uevent } from './uevents.ts';

/** A PF (`vf` is −1) or a VF of it, by column rows. */
export interface Device {
  readonly pf: number;
  readonly vf: number;
  /** VF index; −1 for the PF itself. */
  readonly index: number;
}

/** Kernel modules that a node has loaded besides its NICs' own. */
const COMMON_DRIVERS: readonly string[] = ['vfio-pci'];

/** One node: its rows of the fleet's columns, and the state of its kernel. */
export class NodeModel {
  readonly fleet: FleetModel;
  readonly spec: NodeHardwareSpec;
  readonly firstPf: number;
  readonly endPf: number;
  up = true;
  /** Counts boots; what was started in an earlier one has no effect. */
  generation = 0;
  bootId: string;
  kernelArguments: readonly string[];
  pendingKernelArguments: readonly string[];
  rdmaMode: RdmaMode = 'shared';
  /** Grows with everything that can be seen from outside: who keeps a copy makes it anew then. */
  changes = 0;
  /** Some netdev was renamed or moved since boot, so names can collide. */
  hasRenamedNetdevs = false;
  /** Namespaces that exist besides the host's. */
  readonly namespaces = new Set<string>();
  /** Accelerators that somebody pulled out. */
  readonly pulledAccelerators = new Set<PciAddress>();
  /** What observers have of this node's VFs. */
  readonly seen = new SeenVfs();
  /** Drivers loaded or unloaded on this node since boot, against what its NICs load by themselves. */
  readonly #driverChanges = new Map<string, boolean>();
  readonly #newIds = new Map<string, Set<string>>();
  readonly #busy = new Map<number, Operation>();
  readonly #listeners = new Set<(event: Uevent) => void>();
  /** Called when something that others wait for changes: a VFIO group released. */
  readonly #releaseWaiters = new Set<() => void>();

  constructor(fleet: FleetModel, spec: NodeHardwareSpec, firstPf: number) {
    this.fleet = fleet;
    this.spec = spec;
    this.firstPf = firstPf;
    this.endPf = firstPf + spec.pfs.length;
    this.bootId = fleet.options.random.uuid();
    this.kernelArguments = spec.kernelArguments;
    this.pendingKernelArguments = spec.kernelArguments;
  }

  // ---- devices ----

  specOf(pf: number): NodeHardwareSpec['pfs'][number] {
    return this.spec.pfs[pf - this.firstPf]!;
  }

  modelOf(pf: number): NicModel {
    return this.fleet.modelOf(pf);
  }

  isPresent(pf: number): boolean {
    return (this.fleet.pfs.flags[pf]! & PfFlag.present) !== 0;
  }

  hasFlag(pf: number, flag: number): boolean {
    return (this.fleet.pfs.flags[pf]! & flag) !== 0;
  }

  setFlag(pf: number, flag: number, on: boolean): void {
    const { flags } = this.fleet.pfs;
    flags[pf] = on ? flags[pf]! | flag : flags[pf]! & ~flag;
  }

  pfAddress(pf: number): PciAddress {
    return this.specOf(pf).pciAddress;
  }

  vfAddress(pf: number, index: number): PciAddress {
    const { pfs } = this.fleet;
    return this.fleet.addressOf(pfs.domain[pf]!, pfs.routingId[pf]! + pfs.vfOffset[pf]! + index * this.modelOf(pf).vfStride);
  }

  addressOf(device: Device): PciAddress {
    return device.vf < 0 ? this.pfAddress(device.pf) : this.vfAddress(device.pf, device.index);
  }

  vfDevice(pf: number, index: number): Device {
    return { pf, vf: this.fleet.pfs.firstVf[pf]! + index, index };
  }

  /** The device on the bus at an address; undefined when there is none now. */
  find(address: PciAddress): Device | undefined {
    const { domain, routingId } = routingIdOf(address);
    const { pfs } = this.fleet;
    for (let pf = this.firstPf; pf < this.endPf; pf++) {
      if (pfs.domain[pf] !== domain || !this.isPresent(pf)) continue;
      if (pfs.routingId[pf] === routingId) return { pf, vf: -1, index: -1 };
      const distance = routingId - pfs.routingId[pf]! - pfs.vfOffset[pf]!;
      const stride = this.modelOf(pf).vfStride;
      if (distance >= 0 && distance % stride === 0 && distance / stride < pfs.numVfs[pf]!) return this.vfDevice(pf, distance / stride);
    }
    return undefined;
  }

  /** Every function on the bus, PFs before their VFs. */
  *functions(): Generator<Device> {
    for (let pf = this.firstPf; pf < this.endPf; pf++) {
      if (!this.isPresent(pf)) continue;
      yield { pf, vf: -1, index: -1 };
      for (let index = 0; index < this.fleet.pfs.numVfs[pf]!; index++) yield this.vfDevice(pf, index);
    }
  }

  /** The PF at an address, even while something keeps it busy; undefined when it is no PF or not there. */
  findPf(address: PciAddress): number | undefined {
    const device = this.find(address);
    return device === undefined || device.vf >= 0 ? undefined : device.pf;
  }

  /** Opens a namespace for a move; unless the fleet is strict, one that nobody announced is taken to exist. */
  openNetns(path: string): boolean {
    if (this.namespaces.has(path)) return true;
    if (this.fleet.options.strictNetns) return false;
    this.namespaces.add(path);
    return true;
  }

  // ---- drivers ----

  isLoaded(driver: string): boolean {
    const changed = this.#driverChanges.get(driver);
    if (changed !== undefined) return changed;
    if (COMMON_DRIVERS.includes(driver)) return true;
    for (let pf = this.firstPf; pf < this.endPf; pf++) {
      const model = this.modelOf(pf);
      if (model.pfDriver === driver || model.vfDriver === driver) return true;
    }
    return false;
  }

  setLoaded(driver: string, loaded: boolean): void {
    this.#driverChanges.set(driver, loaded);
    this.changes++;
  }

  /** Names of drivers that are loaded now, sorted. */
  loadedDrivers(): readonly string[] {
    const names = new Set([...COMMON_DRIVERS, ...this.#driverChanges.keys()]);
    for (let pf = this.firstPf; pf < this.endPf; pf++) for (const name of [this.modelOf(pf).pfDriver, this.modelOf(pf).vfDriver]) names.add(name);
    return [...names].filter((name) => this.isLoaded(name)).sort();
  }

  forgetModules(): void {
    this.#driverChanges.clear();
    this.#newIds.clear();
  }

  /** drivers/DRIVER/new_id: `vendor device` that the driver takes from now on. */
  addNewId(driver: string, id: string): boolean {
    const ids = this.#newIds.get(driver) ?? new Set<string>();
    if (ids.has(id)) return false;
    this.#newIds.set(driver, ids.add(id));
    return true;
  }

  removeNewId(driver: string, id: string): boolean {
    return this.#newIds.get(driver)?.delete(id) === true;
  }

  hasNewId(driver: string, device: Device): boolean {
    return this.#newIds.get(driver)?.has(this.idOf(device)) === true;
  }

  driverWithNewId(device: Device): string | undefined {
    for (const [driver, ids] of this.#newIds) if (ids.has(this.idOf(device))) return driver;
    return undefined;
  }

  /** `vendor device` as new_id takes it. */
  idOf(device: Device): string {
    const model = this.modelOf(device.pf);
    return `${model.vendor} ${device.vf < 0 ? this.pfDeviceId(device.pf) : model.vfDeviceId}`;
  }

  pfDeviceId(pf: number): string {
    const model = this.modelOf(pf);
    return this.hasPort(pf) && model.layout.kind === 'sharedPorts' ? model.layout.portFunctionDeviceId : model.pfDeviceId;
  }

  /** Whether the function owns a port, as all do except Chelsio's SR-IOV functions. */
  hasPort(pf: number): boolean {
    return this.fleet.pfs.portRow[pf] === pf;
  }

  get iommuEnabled(): boolean {
    const { kernelArguments, spec } = this;
    if (kernelArguments.includes('iommu=off')) return false;
    if (spec.cpuVendor === 'amd') return !kernelArguments.includes('amd_iommu=off');
    if (spec.cpuVendor === 'other') return true;
    // Of several, the kernel heeds the last (drivers/iommu/intel/iommu.c intel_iommu_setup).
    const decisive = kernelArguments.findLast((argument) => /^intel_iommu=(?:.*,)?(?:on|off)(?:,|$)/.test(argument));
    return decisive !== undefined && /[=,]on(?:,|$)/.test(decisive);
  }

  // ---- time and locks ----

  /** Runs `effect` after `ms`, at once when 0; 'nodeDown' when the node went down meanwhile. */
  after(ms: number, effect: () => Outcome): Outcome | Promise<Outcome> {
    this.changes++;
    if (ms === 0) return effect();
    const { generation } = this;
    return this.fleet.clock.sleep(ms).then(() => {
      this.changes++;
      return this.up && this.generation === generation ? effect() : 'nodeDown';
    });
  }

  /** The same for work on a PF or its VFs: 'ENODEV' when the PF left the bus meanwhile, also if it came back. */
  afterOn(pf: number, ms: number, effect: () => Outcome): Outcome | Promise<Outcome> {
    const before = this.fleet.pfs.epoch[pf];
    return this.after(ms, () => (this.isPresent(pf) && this.fleet.pfs.epoch[pf] === before ? effect() : 'ENODEV'));
  }

  /**
   * The device lock of a PF: one operation at a time on a PF and its VFs. Work that is done at once never takes it. While an
   * operation hangs in the kernel, everything else on the PF answers 'stuckWrite' instead of hanging too.
   */
  locked(pf: number, work: (operation: Operation) => Outcome | Promise<Outcome>): Promise<Outcome> {
    if (!this.up) return Promise.resolve('nodeDown');
    const earlier = this.#busy.get(pf);
    if (earlier !== undefined) return earlier.stuck ? Promise.resolve('stuckWrite') : earlier.over.then(() => this.locked(pf, work));
    const operation = new Operation();
    this.changes++;
    const result = work(operation);
    if (typeof result === 'string') return Promise.resolve(result);
    this.#busy.set(pf, operation);
    void result.then((outcome) => {
      this.changes++;
      if (this.#busy.get(pf) === operation) this.#busy.delete(pf);
      operation.settle(outcome);
      if (operation.hasHung && outcome !== 'nodeDown' && this.up && this.isPresent(pf)) this.emit({ action: 'change', subsystem: 'pci', device: this.pfAddress(pf) });
    });
    return operation.answer;
  }

  /** The operation under way on a PF, if any. */
  operationOn(pf: number): Operation | undefined {
    return this.#busy.get(pf);
  }

  /** Waits until `free()` holds; meanwhile the operation counts as stuck, and after the deadline its caller is told. */
  untilReleased(pf: number, operation: Operation, free: () => boolean): Outcome | Promise<Outcome> {
    if (free()) return 'ok';
    const { generation } = this;
    const epoch = this.fleet.pfs.epoch[pf];
    operation.markStuck(this.fleet.clock, this.fleet.options.stepDeadlineMs);
    return new Promise((resolve) => {
      const check = () => {
        const alive = this.up && this.generation === generation;
        const outcome: Outcome | undefined = !alive ? 'nodeDown' : this.fleet.pfs.epoch[pf] !== epoch ? 'ENODEV' : free() ? 'ok' : undefined;
        if (outcome === undefined) return;
        this.#releaseWaiters.delete(check);
        operation.markMoving();
        resolve(outcome);
      };
      this.#releaseWaiters.add(check);
    });
  }

  notifyReleased(): void {
    this.changes++;
    for (const waiter of [...this.#releaseWaiters]) waiter();
  }

  /** Everything under way ends: the node lost power or shut down. */
  interruptAll(): void {
    this.generation++;
    for (const operation of [...this.#busy.values()]) operation.settle('nodeDown');
    this.#busy.clear();
    this.notifyReleased();
  }

  // ---- events ----

  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  listen(listener: (event: Uevent) => void): Subscription {
    // A wrapper, so that one function given twice is two subscriptions.
    const own = (event: Uevent) => listener(event);
    this.#listeners.add(own);
    return { stop: () => void this.#listeners.delete(own) };
  }

  /** Sockets of processes that are no more. */
  stopListening(): void {
    this.#listeners.clear();
  }

  emit(event: Uevent): void {
    this.changes++;
    if (this.#listeners.size === 0) return;
    for (const listener of [...this.#listeners]) listener(event);
  }
}
