import { applyVfByVf, fail, hardwareError, ok, sightOfVf } from '@vfleet/core';
import type { Hardware, HardwareError, HardwareEvent, HardwareStep, Inventory, Log, NetnsPath, PciAddress, PfObservation, Result, Subscription, VfChange, VfObservation, VfSettings, VfSight } from '@vfleet/core';
import { KernelNetlink } from '../kernel-thread/kernel-netlink.ts';
import type { Netlink } from '../kernel-thread/kernel-thread.ts';
import { KernelLinks } from '../links.ts';
import type { Link } from '../netlink/link.ts';
import { moveNetdev, renameNetdev, setAddresses, setLink, setMtu, setNetdevMac } from '../steps/netdev.ts';
import { ofNetlink } from '../steps/outcome.ts';
import type { StepFailure, StepOutcome } from '../steps/outcome.ts';
import { adoptionSteps, portSteps } from './adoption.ts';
import { switchKeyOf } from './names.ts';
import { planSwitch, vlanOf } from './plan.ts';
import { encodePort, parseEnd } from './records.ts';
import { viewSwitch } from './switch-view.ts';
import type { SwitchPort, SwitchView } from './switch-view.ts';
import { SwitchWriter } from './switch-writer.ts';

export interface StandInPorts {
  /** The NICs that have no interfaces of their own. */
  readonly simulated: Hardware;
  readonly log: Log;
  /** The real one when left out. */
  readonly netlink?: Netlink;
}

export interface StandInSettings {
  /** Name of the node whose NICs these are: several nodes may have their stand-ins on one host. */
  readonly node: string;
}

/** Simulated NICs whose VFs are real interfaces of this host. */
export interface StandInHardware extends Hardware {
  /** The VFs' own interfaces, wherever they are. */
  readonly links: KernelLinks;
  /** Before anything else: takes up what an earlier process of this node left, and gives pods' VFs back to the simulated NICs. */
  adopt(): Promise<Result<void, HardwareError>>;
  /** Takes every stand-in of this node off the host, also those that are with pods. */
  removeAll(): Promise<Result<void, HardwareError>>;
  close(): Promise<void>;
}

type SetVfs = Extract<HardwareStep, { kind: 'setVf' | 'setVfs' }>;
type NetdevStep = Extract<HardwareStep, { readonly netns: NetnsPath }> | Extract<HardwareStep, { kind: 'moveNetdev' }>;

/** A look mends one PF at a time; a node has a few of them. */
const MENDS_MAX = 32;

const NETDEV_STEPS: ReadonlySet<HardwareStep['kind']> = new Set<NetdevStep['kind']>(['setMtu', 'setLink', 'setNetdevMac', 'renameNetdev', 'moveNetdev', 'setAddresses']);

/**
 * Gives every VF of simulated NICs a cable of the kernel's own (a veth pair): one end is the VF's interface, the other, its representor, a
 * port of the bridges that stand for its NIC's embedded switch. What the PF is told of a VF is done there: VLANs are apart, spoofed
 * addresses are dropped, rates limited, links cut. It needs CAP_NET_ADMIN, and Linux 5.18 or newer for the check of addresses. The
 * smallest rate and the priority of a VLAN are not acted on.
 */
export function createStandInHardware(ports: StandInPorts, settings: StandInSettings): StandInHardware {
  return new BackedHardware(ports, settings);
}

class BackedHardware implements StandInHardware {
  readonly links: KernelLinks;
  readonly #simulated: Hardware;
  readonly #log: Log;
  readonly #netlink: Netlink;
  readonly #node: string;
  readonly #keys = new Map<PciAddress, string>();
  /** The last work on each PF: links are looked at and changed by one at a time. */
  readonly #tails = new Map<PciAddress, Promise<unknown>>();
  /** VFs that are with pods, also when the pod's namespace has taken their interface along. */
  readonly #away = new Map<PciAddress, NetnsPath>();
  readonly #carriers: Subscription;

  constructor({ simulated, log, netlink = new KernelNetlink() }: StandInPorts, { node }: StandInSettings) {
    this.#simulated = simulated;
    this.#log = log.with({ component: 'stand-ins' });
    this.#netlink = netlink;
    this.#node = node;
    this.links = new KernelLinks(netlink, (link) => this.#deviceOf(link));
    this.#carriers = simulated.watch((event) => {
      if (event.kind === 'link' && this.#keys.has(event.device)) void this.#locked(event.device, () => this.#mend(event.device));
    });
  }

  async discover(): Promise<Result<Inventory, HardwareError>> {
    const hopeless = new Set<PciAddress>();
    for (let attempt = 1; ; attempt++) {
      const looked = await this.#look();
      if (!looked.ok) return looked;
      const { inventory, links } = looked.value;
      const views = new Map(inventory.pfs.map((pf) => [pf.pciAddress, this.#viewOf(pf.pciAddress, links)]));
      const torn = inventory.pfs.find((pf) => !hopeless.has(pf.pciAddress) && this.#isTorn(pf, views.get(pf.pciAddress)!));
      // Somebody who undoes what is done here is told of as it is.
      if (torn === undefined || attempt > MENDS_MAX) return ok({ ...inventory, pfs: inventory.pfs.map((pf) => asOnHost(pf, views.get(pf.pciAddress)!)) });
      const mended = await this.#locked(torn.pciAddress, () => this.#mend(torn.pciAddress));
      if (!mended) hopeless.add(torn.pciAddress);
    }
  }

  /** As the whole look, at one PF; what is torn there is mended first. */
  async lookAtVf(device: PciAddress): Promise<Result<VfSight | undefined, HardwareError>> {
    for (let attempt = 1; ; attempt++) {
      const looked = await this.#look();
      if (!looked.ok) return looked;
      const pf = looked.value.inventory.pfs.find(({ vfs }) => vfs.some((vf) => vf.pciAddress === device));
      if (pf === undefined) return ok(undefined);
      const view = this.#viewOf(pf.pciAddress, looked.value.links);
      if (attempt > 1 || !this.#isTorn(pf, view)) return ok(sightOfVf({ ...looked.value.inventory, pfs: [asOnHost(pf, view)] }, device));
      await this.#locked(pf.pciAddress, () => this.#mend(pf.pciAddress));
    }
  }

  async apply(step: HardwareStep): Promise<Result<void, HardwareError>> {
    const device = 'pf' in step ? step.pf : 'device' in step ? step.device : undefined;
    if (device === undefined) return this.#simulated.apply(step);
    const pf = await this.#pfOf(device);
    // What is no device of a simulated NIC gets that NIC's own answer.
    if (pf === undefined) return this.#simulated.apply(step);
    return this.#locked(pf, async () => {
      if (isNetdevStep(step) && device !== pf) return this.#applyToNetdev(step, pf);
      if (step.kind === 'setVf' || step.kind === 'setVfs') return this.#setVfs(step);
      const applied = await this.#simulated.apply(step);
      if (!applied.ok) return applied;
      const failure = await this.#reconcile(pf);
      return failure === undefined ? applied : failedStep(step, failure);
    });
  }

  watch(listener: (event: HardwareEvent) => void): Subscription {
    return this.#simulated.watch(listener);
  }

  async adopt(): Promise<Result<void, HardwareError>> {
    const looked = await this.#look();
    if (!looked.ok) return looked;
    for (const { pciAddress } of looked.value.inventory.pfs) {
      const view = this.#viewOf(pciAddress, looked.value.links);
      if (view.links.size === 0) continue;
      const adopted = await this.#locked(pciAddress, () => this.#adopt(pciAddress, view));
      if (!adopted.ok) return adopted;
    }
    return ok(undefined);
  }

  async removeAll(): Promise<Result<void, HardwareError>> {
    const looked = await this.#look();
    if (!looked.ok) return looked;
    for (const { pciAddress } of looked.value.inventory.pfs) {
      const view = this.#viewOf(pciAddress, looked.value.links);
      const failure = await this.#locked(pciAddress, () => new SwitchWriter(this.links, view.key).carryOut(planSwitch(undefined, view)));
      if (failure !== undefined) return fail(hardwareError({ operation: 'setNumVfs', ...failure, device: pciAddress }));
    }
    return ok(undefined);
  }

  async close(): Promise<void> {
    this.#carriers.stop();
    if (this.#netlink instanceof KernelNetlink) await this.#netlink.close();
  }

  // ---- one PF at a time ----

  #locked<Value>(pf: PciAddress, work: () => Promise<Value>): Promise<Value> {
    const upToDate = () => this.#follow(pf).then(work);
    const mine = (this.#tails.get(pf) ?? Promise.resolve()).then(upToDate, upToDate);
    this.#tails.set(pf, mine.catch(() => undefined));
    return mine;
  }

  /** What the host cannot do the NIC has not done. */
  async #setVfs(step: SetVfs): Promise<Result<void, HardwareError>> {
    const seen = await this.#simulated.discover();
    const before = seen.ok ? seen.value.pfs.find(({ pciAddress }) => pciAddress === step.pf)?.vfs : undefined;
    const applied = await this.#simulated.apply(step);
    // Also of those that a refusal stopped at, the first have been set.
    const failure = await this.#reconcile(step.pf);
    if (!applied.ok || failure === undefined) return applied;
    for (const change of step.kind === 'setVf' ? [step] : step.vfs) {
      const settings = before?.find(({ index }) => index === change.vfIndex)?.settings;
      if (settings !== undefined) await this.#simulated.apply(undoingStep(step.pf, change, settings));
    }
    await this.#mend(step.pf);
    // Which it was is learned one by one.
    return step.kind === 'setVfs' ? applyVfByVf(step, (one) => this.#setVfs(one)) : failedStep(step, failure);
  }

  /** For nobody in particular: what does not succeed is logged, and tried again at the next look. */
  async #mend(pf: PciAddress): Promise<boolean> {
    const failure = await this.#reconcile(pf);
    if (failure !== undefined) this.#log.warn('The interfaces of a simulated NIC are not as they should be.', { pf, ...failure });
    return failure === undefined;
  }

  /** Makes the host's links as the simulated PF is. */
  async #reconcile(pf: PciAddress): Promise<StepOutcome> {
    const looked = await this.#look();
    if (!looked.ok) return { failure: 'EIO', detail: looked.error.cause };
    const view = this.#viewOf(pf, looked.value.links);
    const seen = looked.value.inventory.pfs.find(({ pciAddress }) => pciAddress === pf);
    const home = seen === undefined ? [] : this.#lostBy(seen, view);
    for (const { pciAddress } of home) await this.#bringHome(pciAddress);
    if (home.length > 0) return this.#reconcile(pf);
    return new SwitchWriter(this.links, view.key).carryOut(planSwitch(seen, view));
  }

  #isTorn(pf: PfObservation, view: SwitchView): boolean {
    return this.#lostBy(pf, view).length > 0 || planSwitch(pf, view).length > 0 || this.#behindOf(pf, view).length > 0;
  }

  /**
   * While one process of a node takes over from another, either gives VFs to pods and takes them back. What the kernel has is so, and each simulated NIC follows
   * it before anything is done there. How many VFs there are is changed by one of them alone, who has the node's lock.
   */
  async #follow(pf: PciAddress): Promise<void> {
    const looked = await this.#look();
    const seen = looked.ok ? looked.value.inventory.pfs.find(({ pciAddress }) => pciAddress === pf) : undefined;
    if (!looked.ok || seen === undefined) return;
    for (const port of this.#behindOf(seen, this.#viewOf(pf, looked.value.links))) {
      const { device, netns } = port.record;
      if (this.#away.has(device)) await this.#bringHome(device);
      const found = port.end === undefined ? await this.links.ofDevice(device, netns) : ok(port.end);
      if (port.end === undefined) this.#away.set(device, netns);
      // What the NIC refuses now it will tell whoever wants it.
      const now = seen.vfs.find(({ index }) => index === port.record.index)?.settings;
      for (const step of portSteps(pf, port, found.ok ? found.value : undefined, now)) await this.#simulated.apply(step);
    }
  }

  /** Ports of VFs of which the simulated NIC knows less than the kernel. */
  #behindOf(pf: PfObservation, view: SwitchView): readonly SwitchPort[] {
    return pf.vfs.flatMap((vf) => {
      const port = view.ports.get(vf.index);
      if (port === undefined || port.record.device !== vf.pciAddress) return [];
      const { record, end } = port;
      const { nodeGuid: _node, portGuid: _port, ...settings } = vf.settings;
      const isThere = (this.#away.get(record.device) ?? 'host') === (end === undefined ? record.netns : 'host');
      return isThere && encodePort(view.key, { ...record, settings }) === encodePort(view.key, record) ? [] : [port];
    });
  }

  /** VFs that went with the namespace of their pod: a physical one would have come back to the host. */
  #lostBy(pf: PfObservation, view: SwitchView): readonly VfObservation[] {
    return pf.vfs.filter(({ pciAddress, index, netdev }) => netdev === undefined && this.#away.has(pciAddress) && !view.ports.has(index));
  }

  async #bringHome(device: PciAddress): Promise<void> {
    const from = this.#away.get(device)!;
    this.#away.delete(device);
    await this.#simulated.apply({ kind: 'moveNetdev', device, from, to: 'host' });
  }

  /** A crash lost what the simulated NIC knew; what it was told is in the records, and what pods did to their interfaces is in the kernel. */
  async #adopt(pf: PciAddress, view: SwitchView): Promise<Result<void, HardwareError>> {
    for (const { record, end } of view.ports.values()) {
      if (record.netns === 'host' || end !== undefined) continue;
      this.#away.set(record.device, record.netns);
    }
    const ends = new Map<PciAddress, Link>();
    for (const { record, end } of view.ports.values()) {
      const found = end === undefined && record.netns !== 'host' ? await this.links.ofDevice(record.device, record.netns) : undefined;
      if (found?.ok === true) ends.set(record.device, found.value);
      else if (end !== undefined) ends.set(record.device, end);
    }
    const writer = new SwitchWriter(this.links, view.key);
    // It had not left yet when its record was written.
    for (const { record, end, representor } of view.ports.values()) if (end !== undefined && record.netns !== 'host') await writer.note(representor, { ...record, netns: 'host' });
    for (const step of adoptionSteps(pf, view, ends)) {
      const applied = await this.#simulated.apply(step);
      // Without VFs there is nothing to go on with; of the rest, what the NIC refuses now it will tell whoever wants it.
      if (!applied.ok && step.kind === 'setNumVfs') return applied;
    }
    const failure = await this.#reconcile(pf);
    return failure === undefined ? ok(undefined) : fail(hardwareError({ operation: 'setNumVfs', ...failure, device: pf }));
  }

  // ---- a VF's own interface ----

  async #applyToNetdev(step: NetdevStep, pf: PciAddress): Promise<Result<void, HardwareError>> {
    const port = await this.#portOf(step.device, pf);
    if (!port.ok) return failedStep(step, port.error);
    if (port.value === undefined) return this.#simulated.apply(step);
    const { view, record } = port.value;
    const writer = new SwitchWriter(this.links, view.key);
    switch (step.kind) {
      case 'setMtu':
      case 'setLink':
        return this.#both(step, () => (step.kind === 'setMtu' ? setMtu(this.links, step) : setLink(this.links, step)));
      case 'setNetdevMac':
        return this.#both(step, async () => {
          const failure = await setNetdevMac(this.links, step);
          const bridge = view.record?.eswitchMode === 'switchdev' ? {} : { bridge: vlanOf(record.settings) };
          return failure ?? writer.carryOut([{ kind: 'setPort', record: { ...record, mac: step.mac.toLowerCase() }, ...bridge }]);
        });
      case 'renameNetdev':
        return this.#kernelFirst(step, () => renameNetdev(this.links, step.device, step.netns, step.name), async (before) => {
          await renameNetdev(this.links, step.device, step.netns, before);
        });
      case 'moveNetdev':
        return this.#move(step, writer, port.value);
      case 'setAddresses': {
        const failure = await setAddresses(this.links, step);
        if (failure !== undefined) return failedStep(step, failure);
        // What is routed is the kernel's to say.
        await this.#simulated.apply(step);
        return ok(undefined);
      }
    }
  }

  /** The NIC may refuse what the kernel would do, and the kernel what the NIC would; both may be repeated. */
  async #both(step: NetdevStep, change: () => Promise<StepOutcome>): Promise<Result<void, HardwareError>> {
    const applied = await this.#simulated.apply(step);
    if (!applied.ok) return applied;
    const failure = await change();
    return failure === undefined ? applied : failedStep(step, failure);
  }

  /** What the NIC refuses afterwards is taken back. */
  async #kernelFirst(step: Extract<NetdevStep, { kind: 'renameNetdev' }>, change: () => Promise<StepOutcome>, takeBack: (before: string) => Promise<void>): Promise<Result<void, HardwareError>> {
    const link = await this.links.ofDevice(step.device, step.netns);
    if (!link.ok) return failedStep(step, ofNetlink(link.error));
    const failure = await change();
    if (failure !== undefined) return failedStep(step, failure);
    const applied = await this.#simulated.apply(step);
    if (!applied.ok) await takeBack(link.value.name);
    return applied;
  }

  /** The record is written before the interface goes: wherever it is then, it is looked for where the record says and on the host. */
  async #move(step: Extract<NetdevStep, { kind: 'moveNetdev' }>, writer: SwitchWriter, { record, representor }: FoundPort): Promise<Result<void, HardwareError>> {
    const link = await this.links.ofDevice(step.device, step.from);
    if (!link.ok) return failedStep(step, ofNetlink(link.error));
    const noted = step.to === 'host' ? undefined : await writer.note(representor, { ...record, netns: step.to });
    if (noted !== undefined) return failedStep(step, noted);
    const failure = await moveNetdev(this.links, step);
    const applied = failure === undefined ? await this.#simulated.apply({ ...step, name: step.name ?? link.value.name }) : undefined;
    if (applied?.ok === true) {
      if (step.to === 'host') this.#away.delete(step.device);
      else this.#away.set(step.device, step.to);
      const done = step.to === 'host' ? await writer.note(representor, { ...record, netns: 'host' }) : undefined;
      return done === undefined ? applied : failedStep(step, done);
    }
    if (applied !== undefined) await moveNetdev(this.links, { kind: 'moveNetdev', device: step.device, from: step.to, to: step.from, name: link.value.name });
    if (step.to !== 'host') await writer.note(representor, record);
    return applied ?? failedStep(step, failure!);
  }

  // ---- looking ----

  async #look(): Promise<Result<{ readonly inventory: Inventory; readonly links: readonly Link[] }, HardwareError>> {
    const inventory = await this.#simulated.discover();
    if (!inventory.ok) return inventory;
    const links = await this.links.list('host');
    if (!links.ok) return fail(hardwareError({ operation: 'discover', ...ofNetlink(links.error), device: 'host' }));
    return ok({ inventory: inventory.value, links: links.value });
  }

  #viewOf(pf: PciAddress, links: readonly Link[]): SwitchView {
    const key = this.#keys.get(pf) ?? switchKeyOf(this.#node, pf, links);
    this.#keys.set(pf, key);
    return viewSwitch(key, links);
  }

  async #portOf(device: PciAddress, pf: PciAddress): Promise<Result<FoundPort | undefined, StepFailure>> {
    const links = await this.links.list('host');
    if (!links.ok) return fail(ofNetlink(links.error));
    const view = this.#viewOf(pf, links.value);
    const port = [...view.ports.values()].find(({ record }) => record.device === device);
    return ok(port === undefined ? undefined : { ...port, view });
  }

  async #pfOf(device: PciAddress): Promise<PciAddress | undefined> {
    const inventory = await this.#simulated.discover();
    if (!inventory.ok) return undefined;
    return inventory.value.pfs.find(({ pciAddress, vfs }) => pciAddress === device || vfs.some((vf) => vf.pciAddress === device))?.pciAddress;
  }

  /** By the alias of the VF's own end, if it is of this node. */
  #deviceOf(link: Link): string | undefined {
    const end = parseEnd(link.alias);
    return end !== undefined && [...this.#keys.values()].includes(end.key) ? end.device : undefined;
  }
}

interface FoundPort extends SwitchPort {
  readonly view: SwitchView;
}

function isNetdevStep(step: HardwareStep): step is NetdevStep {
  return NETDEV_STEPS.has(step.kind);
}

function failedStep(step: HardwareStep, { failure, detail }: StepFailure): Result<never, HardwareError> {
  const device = 'pf' in step ? step.pf : 'device' in step ? step.device : 'host';
  return fail(hardwareError({ operation: step.kind, failure, device, step, ...(detail === undefined ? {} : { detail }) }));
}

function undoingStep(pf: PciAddress, change: VfChange, { mac, vlan, vlanQos, vlanProtocol, spoofCheck, trust, minTxRateMbps, maxTxRateMbps, linkState }: VfSettings): HardwareStep {
  return {
    kind: 'setVf', pf, vfIndex: change.vfIndex,
    ...(change.mac === undefined ? {} : { mac }),
    ...(change.vlan === undefined ? {} : { vlan: { id: vlan, qos: vlanQos, protocol: vlanProtocol } }),
    ...(change.spoofCheck === undefined ? {} : { spoofCheck }),
    ...(change.trust === undefined ? {} : { trust }),
    ...(change.rates === undefined ? {} : { rates: { minTxMbps: minTxRateMbps, maxTxMbps: maxTxRateMbps } }),
    ...(change.linkState === undefined ? {} : { linkState }),
  };
}

/** What the simulated NIC says, with the interfaces as they are on this host. InfiniBand has none here. */
function asOnHost(pf: PfObservation, view: SwitchView): PfObservation {
  if (pf.linkType !== 'ETH' || pf.vfs.length === 0) return pf;
  return { ...pf, vfs: pf.vfs.map((vf) => vfOnHost(vf, view.ports.get(vf.index))) };
}

function vfOnHost(vf: VfObservation, port: SwitchPort | undefined): VfObservation {
  const { netdev: _, ...rest } = vf;
  const end = port?.end;
  return {
    ...rest,
    ...(vf.representor === undefined || port === undefined ? {} : { representor: port.representor.name }),
    ...(end === undefined || vf.netdev === undefined ? {} : { netdev: { name: end.name, altNames: end.altNames, mac: end.mac, mtu: end.mtu, adminState: end.up ? 'up' : 'down', carrier: end.carrier } }),
  };
}
