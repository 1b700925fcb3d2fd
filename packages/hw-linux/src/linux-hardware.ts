import { fail, hardwareError, ok } from '@vfleet/core';
import type { Clock, Hardware, HardwareError, HardwareEvent, HardwareStep, Inventory, PciAddress, Result, Subscription, VfSight } from '@vfleet/core';
import { EventReader } from './events.ts';
import { discoverInventory } from './inventory/discover.ts';
import { lookAtVf } from './inventory/vf-sight.ts';
import type { GuardedReads } from './inventory/num-vfs.ts';
import type { Waiting } from './kernel-thread/host-sockets.ts';
import { KernelNetlink } from './kernel-thread/kernel-netlink.ts';
import type { Netlink } from './kernel-thread/kernel-thread.ts';
import { KernelMonitor } from './kernel-thread/kernel-monitor.ts';
import type { Monitor } from './kernel-thread/monitor.ts';
import { SharedMonitor } from './kernel-thread/shared-monitor.ts';
import { KernelLinks } from './links.ts';
import { describeUsers } from './steps/users.ts';
import { setDevlinkParam, setEswitchMode, setFeature } from './steps/devlink.ts';
import { bindDriver, unbindDriver } from './steps/drivers.ts';
import { moveNetdev, renameNetdev, setAddresses, setLink, setMtu, setNetdevMac } from './steps/netdev.ts';
import { failed } from './steps/outcome.ts';
import type { StepFailure, StepOutcome } from './steps/outcome.ts';
import { moveRdma, setRdmaMode } from './steps/rdma.ts';
import { setDriversAutoprobe, setNumVfs } from './steps/sriov.ts';
import type { StepTools } from './steps/tools.ts';
import { createVdpa, deleteVdpa } from './steps/vdpa.ts';
import { setVfs } from './steps/vf-attributes.ts';
import { driverOf, pfOf } from './sysfs/functions.ts';
import { HelperWrites } from './sysfs/long-writes.ts';
import type { LongWrites } from './sysfs/long-writes.ts';
import { RealSysfs } from './sysfs/real-sysfs.ts';
import type { Sysfs } from './sysfs/sysfs.ts';

/** What the backend stands on; all but the clock have real twins that are taken when left out. */
export interface LinuxHardwarePorts {
  readonly clock: Clock;
  readonly sysfs?: Sysfs;
  readonly netlink?: Netlink;
  readonly monitor?: Monitor;
  readonly longWrites?: LongWrites;
}

export interface LinuxHardwareSettings {
  /** How long a write to sriov_numvfs or an unbind may take. Large NICs need a minute for their VFs; default 180,000. */
  readonly writeDeadlineMs?: number;
  /** Where netlink waits for the kernel when no `netlink` is given; default aside of the main thread. */
  readonly waiting?: Waiting;
}

/** The Hardware port on this machine. */
export interface LinuxHardware extends Hardware {
  /** Interfaces as rtnetlink shows them; also alternative names, which no step sets. */
  readonly links: KernelLinks;
  /** Ends threads and helper processes. Steps under way fail. */
  close(): Promise<void>;
}

const WRITE_DEADLINE_MS = 180_000;
/** How long a look waits for the writes of this process before it goes on to PFs that have none. */
const UNDER_WAY_MS = 5_000;

/**
 * The NICs of the host this runs on, by sysfs and netlink; nothing is asked of other programs. It needs CAP_NET_ADMIN, CAP_SYS_ADMIN
 * (for namespaces), a writable /sys, and Linux 5.14 or newer (interfaces then name their PCI function).
 */
export function createLinuxHardware(ports: LinuxHardwarePorts, settings: LinuxHardwareSettings = {}): LinuxHardware {
  return new RealHardware(ports, settings);
}

class RealHardware implements LinuxHardware {
  readonly links: KernelLinks;
  readonly #sysfs: Sysfs;
  readonly #netlink: Netlink;
  readonly #monitor: Monitor;
  readonly #longWrites: LongWrites;
  readonly #deadlineMs: number;
  readonly #tools: StepTools;
  readonly #reads: GuardedReads;
  /** PFs with a write or a read that has not come back, and how many: nothing touches them. */
  readonly #stuck = new Map<PciAddress, number>();
  /** Writes under way, which a look waits for. */
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #listeners = new Set<(event: HardwareEvent) => void>();
  readonly #clock: Clock;

  constructor(ports: LinuxHardwarePorts, settings: LinuxHardwareSettings) {
    this.#sysfs = ports.sysfs ?? new RealSysfs();
    this.#netlink = ports.netlink ?? new KernelNetlink(settings.waiting);
    this.#monitor = ports.monitor ?? new SharedMonitor(new KernelMonitor());
    this.#longWrites = ports.longWrites ?? new HelperWrites(ports.clock);
    this.#deadlineMs = settings.writeDeadlineMs ?? WRITE_DEADLINE_MS;
    this.links = new KernelLinks(this.#netlink);
    this.#clock = ports.clock;
    this.#reads = { isStuck: (pf) => this.#stuck.has(pf), readLong: (pf, path) => this.#readLong(pf, path), limited: (work) => this.#within(this.#deadlineMs, work) };
    this.#tools = { sysfs: this.#sysfs, links: this.links, readLong: this.#reads.readLong, writeLong: (pf, path, text) => this.#writeLong(pf, path, text) };
  }

  async discover(): Promise<Result<Inventory, HardwareError>> {
    // What they make is seen when they are done. One that takes longer may hang: then its PF alone is waited for, or told to be blocked.
    if (this.#underWay.size > 0) await this.#within(UNDER_WAY_MS, Promise.allSettled([...this.#underWay]));
    return discoverInventory(this.#sysfs, this.links, this.#reads);
  }

  async lookAtVf(device: PciAddress): Promise<Result<VfSight | undefined, HardwareError>> {
    if (this.#underWay.size > 0) await this.#within(UNDER_WAY_MS, Promise.allSettled([...this.#underWay]));
    return lookAtVf(this.#sysfs, this.links, this.#reads, device);
  }

  async apply(asked: HardwareStep): Promise<Result<void, HardwareError>> {
    const device = 'pf' in asked ? asked.pf : 'device' in asked ? asked.device : 'host';
    const blocked = this.#stuck.size === 0 ? undefined : await this.#blocked(device);
    const outcome = blocked ?? (await this.#perform(asked));
    if (outcome === undefined) return ok(undefined);
    const step = outcome.step ?? asked;
    const driver = device === 'host' ? undefined : await driverOf(this.#sysfs, await pfOf(this.#sysfs, device));
    const holders = outcome.failure === 'EBUSY' && device !== 'host' ? await describeUsers(this.#sysfs, this.links, device) : '';
    const detail = [...new Set([outcome.detail, holders])].filter((part) => part !== undefined && part !== '').join('; ');
    return fail(hardwareError({ operation: step.kind, failure: outcome.failure, device, step, ...(detail === '' ? {} : { detail }), ...(driver === undefined ? {} : { driver }) }));
  }

  watch(listener: (event: HardwareEvent) => void): Subscription {
    const reader = new EventReader();
    const own = (event: HardwareEvent) => listener(event);
    this.#listeners.add(own);
    const subscription = this.#monitor.listen((news) => {
      for (const event of reader.read(news)) own(event);
    });
    return {
      stop: () => {
        this.#listeners.delete(own);
        subscription.stop();
      },
    };
  }

  async close(): Promise<void> {
    if (this.#netlink instanceof KernelNetlink) await this.#netlink.close();
    if (this.#longWrites instanceof HelperWrites) this.#longWrites.close();
  }

  async #blocked(device: PciAddress | 'host'): Promise<StepOutcome> {
    if (device === 'host') return undefined;
    const pf = await pfOf(this.#sysfs, device);
    return this.#stuck.has(pf) ? failed('stuckWrite') : undefined;
  }

  #perform(step: HardwareStep): Promise<StepOutcome> {
    const { links } = this;
    const tools = this.#tools;
    switch (step.kind) {
      case 'setNumVfs':
        return setNumVfs(tools, step.pf, step.count);
      case 'setDriversAutoprobe':
        return setDriversAutoprobe(tools, step.pf, step.enabled);
      case 'setEswitchMode':
        return setEswitchMode(links, step);
      case 'bindDriver':
        return bindDriver(tools, step.device, step.driver);
      case 'unbindDriver':
        return unbindDriver(tools, step.device);
      case 'setVf':
        return setVfs(links, step.pf, [step]);
      case 'setVfs':
        return setVfs(links, step.pf, step.vfs);
      case 'setMtu':
        return setMtu(links, step);
      case 'setLink':
        return setLink(links, step);
      case 'setNetdevMac':
        return setNetdevMac(links, step);
      case 'renameNetdev':
        return renameNetdev(links, step.device, step.netns, step.name);
      case 'moveNetdev':
        return moveNetdev(links, step);
      case 'setAddresses':
        return setAddresses(links, step);
      case 'setFeature':
        return setFeature(links, step);
      case 'setDevlinkParam':
        return setDevlinkParam(this.#sysfs, links, step);
      case 'createVdpa':
        return createVdpa(this.#sysfs, links, step.device, step.type);
      case 'deleteVdpa':
        return deleteVdpa(this.#sysfs, links, step.device);
      case 'setRdmaMode':
        return setRdmaMode(links, step.mode);
      case 'moveRdma':
        return moveRdma(this.#sysfs, links, step);
    }
  }

  async #writeLong(pf: PciAddress, path: string, text: string): Promise<{ readonly errno: string } | StepFailure | undefined> {
    const write = this.#longWrites.write(path, text, this.#deadlineMs);
    this.#underWay.add(write.outcome);
    const outcome = await write.outcome;
    this.#underWay.delete(write.outcome);
    if (outcome.ok) return undefined;
    if (outcome.error !== 'deadlinePassed') return { errno: outcome.error.errno };
    this.#leaveAlone(pf, write.over);
    return failed('deadlinePassed', `${path} after ${this.#deadlineMs / 1000} s`);
  }

  /** Undefined when it takes longer. */
  #within<Value>(ms: number, work: Promise<Value>): Promise<Value | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(ms, () => resolve(undefined));
      work.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  async #readLong(pf: PciAddress, path: string): ReturnType<GuardedReads['readLong']> {
    const read = this.#longWrites.read(path, this.#deadlineMs);
    const outcome = await read.outcome;
    if (outcome.ok) return outcome;
    if (outcome.error !== 'deadlinePassed') return fail(outcome.error);
    this.#leaveAlone(pf, read.over);
    return undefined;
  }

  /** Until the kernel lets go. Whoever watches is told then: what it did meanwhile need not have made an event. */
  #leaveAlone(pf: PciAddress, over: Promise<void>): void {
    this.#stuck.set(pf, (this.#stuck.get(pf) ?? 0) + 1);
    void over.then(() => {
      const left = this.#stuck.get(pf)! - 1;
      if (left > 0) this.#stuck.set(pf, left);
      else this.#stuck.delete(pf);
      if (left === 0) for (const listener of [...this.#listeners]) listener({ kind: 'changed', device: pf });
    });
  }
}
