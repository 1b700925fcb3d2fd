import { fail, hardwareError, ok } from '@vfleet/core';
import type { Hardware, HardwareError, Host, Inventory, Netdev, NetnsPath, PciAddress, Result, Subscription } from '@vfleet/core';
import { FaultPoints } from './fault-points.ts';
import type { FaultPlan } from './faults.ts';
import { SimHardware } from './hardware.ts';
import { SimHost } from './host.ts';
import { isAccelerator, pullAccelerator, putAcceleratorBack } from './kernel/accelerators.ts';
import { addAltName, removeAltName, setCarrier, trainLink } from './kernel/netdevs.ts';
import { deleteNetns } from './kernel/netns.ts';
import { flapLink, putOnBus, takeOffBus } from './kernel/pci.ts';
import { SysfsWriter } from './kernel/sysfs.ts';
import { openVfio } from './kernel/vfio.ts';
import type { VfioHandle } from './kernel/vfio.ts';
import { PfFlag } from './model/columns.ts';
import { devicesWithNetdev, netdevOf, rareOf } from './model/netdev.ts';
import type { NodeModel } from './model/node-model.ts';
import type { NodeHardwareSpec } from './model/spec.ts';
import type { Uevent } from './model/uevents.ts';
import { observeNode } from './observe.ts';
import { Reboots } from './reboot.ts';
import type { RebootPhase } from './reboot.ts';

/** An interface as `ip addr` shows it inside a namespace. */
export interface NetnsInterface {
  readonly device: PciAddress;
  readonly netdev: Netdev;
  readonly addresses: readonly string[];
  readonly routes: readonly { readonly dst: string; readonly gw?: string }[];
}

/** One simulated node: the ports that production code uses, and what a person, a pod or a failing part does to it. */
export class SimulatedNode {
  readonly name: string;
  readonly spec: NodeHardwareSpec;
  readonly hardware: Hardware;
  readonly host: Host;
  /** The files of sysfs that change NICs, with the kernel's own answers. */
  readonly sysfs: SysfsWriter;
  readonly #model: NodeModel;
  readonly #reboots: Reboots;

  constructor(model: NodeModel, plan: FaultPlan) {
    const faults = new FaultPoints(model, plan);
    this.#model = model;
    this.#reboots = new Reboots(model);
    this.name = model.spec.name;
    this.spec = model.spec;
    this.hardware = new SimHardware(model, faults);
    this.host = new SimHost(model, faults, (reason) => this.#reboots.shutDown(reason));
    this.sysfs = new SysfsWriter(model);
  }

  /** What views of this package are made of. */
  static modelOf(node: SimulatedNode): NodeModel {
    return node.#model;
  }

  /** False between the shutdown and the end of the next boot. */
  get up(): boolean {
    return this.#model.up;
  }

  get bootId(): string {
    return this.#model.bootId;
  }

  /** Calls `listener` when the node goes down and when it is up again: what kubelet and daemons live by. Survives reboots. */
  onReboot(listener: (phase: RebootPhase, reason: string) => void): Subscription {
    return this.#reboots.listen(listener);
  }

  /** Pulls the plug: no orderly shutdown; the node boots again after its reboot time. */
  powerCycle(reason = 'power lost'): void {
    this.#reboots.powerCycle(reason);
  }

  /** What discovery would see at this instant, also while operations are under way. For checks, not for controllers. */
  inspect(): Inventory {
    return observeNode(this.#model);
  }

  /** Every uevent and link message, in order. Ends when the node goes down. */
  watchUevents(listener: (event: Uevent) => void): Subscription {
    return this.#model.listen(listener);
  }

  // ---- what pods and runtimes do ----

  /** Makes a network namespace; also done by the first move into one, unless the fleet is strict. */
  createNetns(path: NetnsPath): void {
    if (path !== 'host') this.#model.namespaces.add(path);
  }

  /** The pod ends: its VFs return to the host under the names they had inside. */
  deleteNetns(path: NetnsPath): void {
    deleteNetns(this.#model, path);
  }

  get namespaces(): readonly string[] {
    return [...this.#model.namespaces].sort();
  }

  /** Interfaces in a namespace, in order of device. */
  interfaces(netns: NetnsPath): readonly NetnsInterface[] {
    const found: NetnsInterface[] = [];
    for (const device of devicesWithNetdev(this.#model)) {
      const rare = rareOf(this.#model, device);
      if ((rare?.netns ?? 'host') !== netns) continue;
      found.push({ device: this.#model.addressOf(device), netdev: netdevOf(this.#model, device), addresses: rare?.addresses ?? [], routes: rare?.routes ?? [] });
    }
    return found;
  }

  /** Opens a device's VFIO group, as a DPDK pod does; until it is closed, the device cannot be unbound or removed. */
  openVfio(address: PciAddress): Result<VfioHandle, HardwareError> {
    const device = this.#model.up ? this.#model.find(address) : undefined;
    if (device === undefined) return fail(hardwareError({ operation: 'openVfio', failure: this.#model.up ? 'ENODEV' : 'nodeDown', device: address }));
    const opened = openVfio(this.#model, device);
    return opened.ok ? ok(opened.value) : fail(hardwareError({ operation: 'openVfio', failure: opened.error, device: address }));
  }

  // ---- what people and failing parts do ----

  /** Plugs the cable in or out. */
  setCable(pf: PciAddress, plugged: boolean): void {
    const row = this.#pf(pf);
    this.#model.setFlag(row, PfFlag.cable, plugged);
    if (!plugged) setCarrier(this.#model, row, false);
    else if (this.#model.hasFlag(row, PfFlag.adminUp)) trainLink(this.#model, row);
  }

  flapLink(pf: PciAddress, downMs: number): void {
    flapLink(this.#model, this.#pf(pf), downMs);
  }

  /** Takes a PF with its VFs, or an accelerator, off the bus at once. */
  unplug(device: PciAddress): void {
    if (isAccelerator(this.#model, device)) pullAccelerator(this.#model, device);
    else takeOffBus(this.#model, this.#pf(device));
  }

  /** Brings back what was unplugged. */
  replug(device: PciAddress): void {
    if (isAccelerator(this.#model, device)) putAcceleratorBack(this.#model, device);
    else putOnBus(this.#model, this.#pf(device));
  }

  /** modprobe and rmmod for drivers that no bound device needs; forgotten with a reboot. */
  setDriverLoaded(driver: string, loaded: boolean): void {
    this.#model.setLoaded(driver, loaded);
  }

  /** Netlink overflows: watchers are told to discover again. */
  loseEvents(): void {
    this.#model.emit({ action: 'overrun', subsystem: 'netlink' });
  }

  /** `ip link property add altname`; the kernel's errno when refused. */
  async addAltName(address: PciAddress, netns: NetnsPath, name: string): Promise<string> {
    const device = this.#model.find(address);
    return device === undefined ? 'ENODEV' : addAltName(this.#model, device, netns, name);
  }

  async removeAltName(address: PciAddress, netns: NetnsPath, name: string): Promise<string> {
    const device = this.#model.find(address);
    return device === undefined ? 'ENODEV' : removeAltName(this.#model, device, netns, name);
  }

  /** Row of a PF by address, also of one that is unplugged; throws when the node never had it. */
  #pf(address: PciAddress): number {
    const index = this.spec.pfs.findIndex(({ pciAddress }) => pciAddress === address);
    if (index < 0) throw new RangeError(`${this.name} has no PF at ${address}`);
    return this.#model.firstPf + index;
  }
}
