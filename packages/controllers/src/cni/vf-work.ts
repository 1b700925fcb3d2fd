import { ok } from '@vfleet/core';
import type { AttachFailure, Clock, Files, Hardware, HardwareError, HardwareStep, Netdev, PciAddress, PfObservation, Result, VfSight } from '@vfleet/core';
import type { HostPortChange, PodLinks } from '@vfleet/core/ports/pod-links.ts';
import { isUserSpaceDriver } from '../device-plugin/functions.ts';
import type { Ipam, IpamResult } from '../ipam/index.ts';
import { cniCodes, failure, hardwareFailure, ipamFailure } from './failure.ts';
import { field } from '../json/fields.ts';
import { podDifferences } from './pod-differences.ts';
import { describeStep, overlaid, restoredMac, restoredSettings, settingSteps, temporaryName, wantedSettings } from './plan.ts';
import type { Routing } from './routing.ts';
import { isDefaultRoute, routesOf } from './routing.ts';
import type { SriovResult, VfRecord } from './vf-record.ts';

export interface VfWorkPorts {
  readonly hardware: Hardware;
  readonly files: Files;
  readonly clock: Clock;
  readonly ipam: Ipam;
  /** Without it alternative names and representors stay as they are. */
  readonly podLinks?: PodLinks;
}

type Answer<Value> = Promise<Result<Value, AttachFailure>>;
type SeenVf = VfSight['vf'];
/** Writes down, before anything is done by it, what has become of a record. */
type Keep = (record: VfRecord) => Answer<void>;
/** A netdev on the host, as far as an attachment goes by it. */
type Seen = NonNullable<VfRecord['original']['netdev']> | Netdev;

/** How often and how long a netdev is waited for after its driver was bound: udev and slow drivers (kernel: some 100 ms). */
const NETDEV_LOOKS = 20;
const NETDEV_LOOK_MS = 250;

/** Guards the PF-side settings of VFs. Whoever writes through a PF (the config daemon too) holds this lock meanwhile. */
export function pfLockPath(stateFolder: string, pf: PciAddress): string {
  return `${stateFolder}/locks/pf-${pf}`;
}

/**
 * What is done to the hardware for an attachment and to take it back. Nothing here is remembered: taking back compares what is with
 * what was, so it may be interrupted anywhere and repeated any number of times.
 */
export class VfWork {
  readonly #ports: VfWorkPorts;
  readonly #stateFolder: string;

  constructor(ports: VfWorkPorts, stateFolder: string) {
    this.#ports = ports;
    this.#stateFolder = stateFolder;
  }

  /** A PF with all of its VFs; undefined when it has gone. */
  async wholePf(address: PciAddress): Answer<PfObservation | undefined> {
    const inventory = await this.#ports.hardware.discover();
    return inventory.ok ? ok(inventory.value.pfs.find(({ pciAddress }) => pciAddress === address)) : hardwareFailure(inventory.error, 'reading the NICs');
  }

  /** Undefined when the node has no such VF. */
  async find(device: PciAddress): Answer<VfSight | undefined> {
    const sight = await this.#ports.hardware.lookAtVf(device);
    return sight.ok ? sight : hardwareFailure(sight.error, 'reading the NICs');
  }

  /** Sets the VF up and brings it into the pod. On failure the caller releases and resets, by the record that was last given to `keep`. */
  async attach(record: VfRecord, pfMtu: number | undefined, routing: Routing, keep: Keep): Answer<SriovResult> {
    const { config, original } = record;
    const early = asksOverTheLink(record) ? ok(NO_ADDRESSES) : await this.#allocate(record);
    if (!early.ok) return early;
    const steps = settingSteps(original, original.settings, wantedSettings(config, original.settings));
    const settings = await this.#apply(steps);
    if (!settings.ok) return settings;
    const port = await this.#setPort(record, { up: true, ...(config.mtu === undefined ? {} : { mtu: config.mtu }), ...(config.bridge === undefined ? {} : { master: config.bridge }) });
    if (!port.ok) return port;
    const inPod = original.netdev === undefined ? ok(userSpaceLink(record, pfMtu)) : await this.#intoPod(record, original.netdev, steps.length > 0, keep);
    if (!inPod.ok) return inPod;
    const addresses = asksOverTheLink(record) ? await this.#allocate(record) : early;
    if (!addresses.ok) return addresses;
    const routes = routesOf(addresses.value.ips, addresses.value.routes, routing);
    const addressed = original.netdev === undefined ? ok(undefined) : await this.#setAddresses(record, addresses.value, routes);
    if (!addressed.ok) return addressed;
    const gateway = routes.flatMap((route) => (isDefaultRoute(route) && route.gw !== undefined ? [route.gw] : []));
    return ok({ interface: record.owner.ifname, ...inPod.value, ips: addresses.value.ips, routes, gateway, dns: addresses.value.dns });
  }

  /** Brings the netdev back to the host and gives the addresses back. */
  async release(record: VfRecord): Answer<void> {
    // A server that gave addresses over the link is told over the link, and if that fails the VF comes back all the same.
    const told = asksOverTheLink(record) ? await this.#releaseAddresses(record) : undefined;
    const rdma = await this.#rdmaToHost(record);
    if (!rdma.ok) return rdma;
    const returned = record.original.netdev === undefined ? ok(undefined) : await this.#toHost(record, record.original.netdev.name);
    return returned.ok ? (told ?? this.#releaseAddresses(record)) : returned;
  }

  /** Restores what the attachment, or the pod, changed, and checks it. */
  async reset(record: VfRecord): Answer<void> {
    const { device } = record.config;
    const found = await this.find(device);
    if (!found.ok) return found;
    // A VF that no longer exists has lost all settings with its existence.
    if (found.value === undefined) return ok(undefined);
    const port = await this.#restorePort(record);
    if (!port.ok) return port;
    const driven = await this.#bindAgain(record, found.value.vf);
    if (!driven.ok) return driven;
    const before = driven.value;
    const steps = settingSteps(record.original, before.settings, restoredSettings(record.config, record.original.settings, before.settings)).toReversed();
    const settings = await this.#apply(steps);
    if (!settings.ok) return settings;
    if (record.config.guid !== undefined && steps.length > 0) {
      const rebound = await this.#rebind(device);
      if (!rebound.ok) return rebound;
    }
    // What was written a driver may act on, and it may not have had its effect.
    const after = steps.length > 0 ? await this.#again(record, before) : ok(before);
    if (!after.ok || after.value === undefined) return after.ok ? ok(undefined) : after;
    const netdev = await this.#resetNetdev(record, after.value);
    if (!netdev.ok) return netdev;
    return steps.length > 0 || netdev.value ? this.#checkRestored(record, netdev.value ? undefined : after.value) : ok(undefined);
  }

  /** Undefined when the VF has gone meanwhile. */
  async #again({ config: { device }, original }: VfRecord, before: SeenVf): Answer<SeenVf | undefined> {
    if (hasNetdev(original, before)) return this.#awaitNetdev(device);
    const found = await this.find(device);
    return found.ok ? ok(found.value?.vf) : found;
  }

  /** What differs from what was set up, as sentences; empty when all is as it should be. `mac`: see {@link podDifferences}. */
  async differences(record: VfRecord, mac: string | undefined): Answer<readonly string[]> {
    const { config, original, owner } = record;
    const found = await this.find(config.device);
    if (!found.ok) return found;
    if (found.value === undefined) return ok([`VF ${config.device} has gone from the node`]);
    const { vf } = found.value;
    const settings = settingSteps(original, vf.settings, overlaid(config, original.settings, vf.settings, wantedSettings(config, original.settings)));
    const moved = original.netdev !== undefined && vf.netdev !== undefined ? [`the interface of ${config.device} is on the host as ${vf.netdev.name}`] : [];
    const rdma = (original.rdmaDevices ?? []).filter((name) => vf.exclusiveRdma?.includes(name) === true).map((name) => `the RDMA device ${name} of ${config.device} is on the host`);
    const inPod = await this.#podDifferences(record, mac, moved.length > 0);
    if (!inPod.ok) return inPod;
    const port = await this.#portDifferences(record, owner.ifname);
    return port.ok ? ok([...settings.map((step) => `${describeStep(step)} was undone by somebody`), ...moved, ...rdma, ...inPod.value, ...port.value]) : port;
  }

  async #allocate({ config, owner, machine }: VfRecord): Answer<IpamResult> {
    if (config.ipam === undefined) return ok({ ips: [], routes: [], dns: {} });
    const allocated = await this.#ports.ipam.allocate({ ...owner, ...podOf(machine), network: config.network, config: config.ipam, requestedIps: config.requestedIps });
    if (!allocated.ok) return ipamFailure(allocated.error);
    if (allocated.value.ips.length > 0) return allocated;
    return failure(cniCodes.address, `the IPAM plugin gave no address for network ${config.network}`, 'Correct the ipam section of the network, or remove it if no address is wanted.');
  }

  async #releaseAddresses({ config, owner, machine }: VfRecord): Answer<void> {
    if (config.ipam === undefined) return ok(undefined);
    const released = await this.#ports.ipam.release({ ...owner, ...podOf(machine), network: config.network, config: config.ipam });
    // A configuration that allocates nothing has nothing to give back: the attachment failed for it in the first place.
    if (!released.ok && released.error.code !== 'invalidConfig' && released.error.code !== 'unknownType') return ipamFailure(released.error);
    return ok(undefined);
  }

  async #podDifferences(record: VfRecord, mac: string | undefined, isOnHost: boolean): Answer<readonly string[]> {
    const { podLinks } = this.#ports;
    if (podLinks === undefined || record.original.netdev === undefined || isOnHost) return ok([]);
    const seen = await podLinks.look(record.config.device, record.owner.netns);
    return seen.ok ? ok(podDifferences(record, seen.value, mac)) : hardwareFailure(seen.error, 'looking into the pod');
  }

  async #portDifferences({ config, original }: VfRecord, ifname: string): Answer<readonly string[]> {
    const { podLinks } = this.#ports;
    if (podLinks === undefined || original.representor === undefined) return ok([]);
    const { name } = original.representor;
    const port = await podLinks.port(name);
    if (!port.ok) return hardwareFailure(port.error, 'looking at the representor');
    if (port.value === undefined) return ok([`the representor ${name} of ${ifname} is gone`]);
    return ok([
      ...(port.value.up ? [] : [`the representor ${name} of ${ifname} is down`]),
      ...(config.bridge === undefined || port.value.master === config.bridge ? [] : [`the representor ${name} of ${ifname} is no port of ${config.bridge}`]),
    ]);
  }

  /** Nothing on NICs in legacy mode, whose VFs have no representor. */
  async #setPort({ config, original }: VfRecord, change: HostPortChange): Answer<void> {
    const { podLinks } = this.#ports;
    if (podLinks === undefined || original.representor === undefined) {
      return config.bridge === undefined ? ok(undefined) : failure(cniCodes.refused, `VF ${config.device} has no representor that could be a port of ${config.bridge}`, 'Set eSwitchMode: switchdev in the policy of this PF, or remove "bridge" from the network.');
    }
    const set = await podLinks.setPort(original.representor.name, change);
    return set.ok ? set : hardwareFailure(set.error, `setting the representor ${original.representor.name}`);
  }

  async #restorePort({ original: { representor } }: VfRecord): Answer<void> {
    const { podLinks } = this.#ports;
    if (podLinks === undefined || representor === undefined) return ok(undefined);
    const now = await podLinks.port(representor.name);
    if (!now.ok) return hardwareFailure(now.error, 'looking at the representor');
    // It goes with the eswitch mode, and a new one is nobody's yet.
    if (now.value === undefined) return ok(undefined);
    const master = representor.master === undefined ? null : representor.master;
    // A bridge that has been removed meanwhile cannot have its port back.
    const bridge = master === null ? ok(undefined) : await podLinks.port(master);
    if (!bridge.ok) return hardwareFailure(bridge.error, 'looking at the bridge');
    const set = await podLinks.setPort(representor.name, { up: representor.up, mtu: representor.mtu, master: bridge.value === undefined ? null : master });
    return set.ok ? set : hardwareFailure(set.error, `restoring the representor ${representor.name}`);
  }

  /** In the pod a VF is known by its name there only: under the names that it has on the host, others may look for something else. */
  async #setAltNames(device: PciAddress, from: readonly string[], to: readonly string[]): Answer<boolean> {
    const { podLinks } = this.#ports;
    if (podLinks === undefined || (from.length === to.length && from.every((name) => to.includes(name)))) return ok(false);
    const set = await podLinks.setAltNames(device, 'host', to);
    return set.ok ? ok(true) : hardwareFailure(set.error, 'setting the alternative names');
  }

  async #setAddresses({ config: { device }, owner: { netns } }: VfRecord, { ips }: IpamResult, routes: readonly { readonly dst: string; readonly gw?: string }[]): Answer<void> {
    return this.#apply(ips.length === 0 && routes.length === 0 ? [] : [{ kind: 'setAddresses', device, netns, addresses: ips.map((ip) => ip.address), routes }]);
  }

  /** `stale`: settings were written since the netdev was seen, and a driver may act on them. */
  async #intoPod(record: VfRecord, seen: Seen, stale: boolean, keep: Keep): Answer<{ readonly mac: string; readonly mtu: number }> {
    const { config, original, owner } = record;
    const { device } = config;
    const ready = await this.#takeIdentity(record, seen, stale);
    if (!ready.ok) return ready;
    const { netns } = owner;
    const named = await this.#setAltNames(device, ready.value.altNames ?? [], []);
    if (!named.ok) return named;
    const mtu = config.mtu ?? ready.value.mtu;
    const rdma = await this.#rdmaToPod(record, keep);
    if (!rdma.ok) return rdma;
    const moved = await this.#apply([
      // Kernels before 6.12 do not rename an interface that is up, and the name changes with the move.
      ...(original.netdev?.up ? [{ kind: 'setLink', device, netns: 'host', up: false } as const] : []),
      { kind: 'moveNetdev', device, from: 'host', to: netns, name: owner.ifname },
      ...(mtu === ready.value.mtu ? [] : [{ kind: 'setMtu', device, netns, mtu } as const]),
      { kind: 'setLink', device, netns, up: true },
    ]);
    return moved.ok ? ok({ mac: ready.value.mac, mtu }) : moved;
  }

  /** Gives the netdev the MAC or GUID of the configuration while it is still on the host, where a refusal has nothing to undo. */
  async #takeIdentity({ config, original }: VfRecord, seen: Seen, stale: boolean): Answer<Seen> {
    const { device } = config;
    const byRebind = config.guid !== undefined && config.guid !== original.settings.portGuid;
    const rebound = byRebind ? await this.#rebind(device) : ok(undefined);
    if (!rebound.ok) return rebound;
    const found = stale || byRebind ? await this.#awaitNetdev(device) : ok({ netdev: seen });
    if (!found.ok) return found;
    const { netdev } = found.value;
    if (config.mac === undefined || netdev.mac === config.mac) return ok(netdev);
    const taken = await this.#setMac(device, config.mac);
    return taken.ok ? ok({ ...netdev, mac: config.mac }) : taken;
  }

  /**
   * Sets the MAC of a netdev on the host. Where the PF has fixed a MAC, some drivers (igbvf) take it only when they are bound, and
   * refuse until then.
   */
  async #setMac(device: PciAddress, mac: string): Answer<void> {
    const step: HardwareStep = { kind: 'setNetdevMac', device, netns: 'host', mac };
    const set = await this.#ports.hardware.apply(step);
    if (set.ok || set.error.code !== 'addressTaken') return set.ok ? set : hardwareFailure(set.error, describeStep(step));
    const rebound = await this.#rebind(device);
    if (!rebound.ok) return rebound;
    const found = await this.#awaitNetdev(device);
    if (!found.ok) return found;
    return found.value.netdev.mac === mac ? ok(undefined) : this.#apply([step]);
  }

  async #rebind(device: PciAddress): Answer<void> {
    return this.#apply([{ kind: 'unbindDriver', device }, { kind: 'bindDriver', device, driver: 'default' }]);
  }

  /** The VF with its netdev on the host; after a driver was bound it may take a while to appear. */
  async #awaitNetdev(device: PciAddress): Answer<SeenVf & { readonly netdev: Netdev }> {
    for (let look = 0; look < NETDEV_LOOKS; look++) {
      if (look > 0) await this.#ports.clock.sleep(NETDEV_LOOK_MS);
      const found = await this.find(device);
      if (!found.ok) return found;
      if (found.value === undefined) return failure(cniCodes.device, `VF ${device} has gone from the node`, 'Delete the pod, so that it gets another device.');
      const { netdev } = found.value.vf;
      if (netdev !== undefined) return ok({ ...found.value.vf, netdev });
    }
    return failure(cniCodes.tryAgain, `the driver of VF ${device} has made no network interface`, 'Look at the kernel log for the VF\'s driver; the runtime tries again.');
  }

  /**
   * After its driver was bound again an RDMA device may take a while to appear, and may have another name than before: the kernel gives the
   * next number, and udev a name by its rules. What is not there by the name that was written down is looked for at the VF.
   */
  async #rdmaToPod(record: VfRecord, keep: Keep): Answer<void> {
    const { config: { device }, owner: { netns }, original } = record;
    const moved: string[] = [];
    let waiting = original.rdmaDevices ?? [];
    for (let look = 0; waiting[0] !== undefined; ) {
      const step: HardwareStep = { kind: 'moveRdma', device, rdmaDevice: waiting[0], from: 'host', to: netns };
      const move = await this.#ports.hardware.apply(step);
      if (move.ok) {
        moved.push(waiting[0]);
        waiting = waiting.slice(1);
        continue;
      }
      if (move.error.code !== 'gone' || look >= NETDEV_LOOKS) return hardwareFailure(move.error, describeStep(step));
      if (look++ > 0) await this.#ports.clock.sleep(NETDEV_LOOK_MS);
      const found = await this.find(device);
      if (!found.ok) return found;
      const there = found.value?.vf.exclusiveRdma ?? [];
      if (there.length < waiting.length || there.every((name) => waiting.includes(name))) continue;
      waiting = there;
      const kept = await keep({ ...record, original: { ...original, rdmaDevices: [...moved, ...there] } });
      if (!kept.ok) return kept;
    }
    return ok(undefined);
  }

  /** What is not in the pod is on the host already, or was there never; with its namespace the kernel gives it back. */
  async #rdmaToHost({ config: { device }, owner: { netns }, original }: VfRecord): Answer<void> {
    for (const rdmaDevice of original.rdmaDevices ?? []) {
      const step: HardwareStep = { kind: 'moveRdma', device, rdmaDevice, from: netns, to: 'host' };
      const moved = await this.#ports.hardware.apply(step);
      if (!moved.ok && moved.error.code !== 'gone') return hardwareFailure(moved.error, describeStep(step));
    }
    return ok(undefined);
  }

  async #toHost({ config: { device }, owner: { netns } }: VfRecord, name: string): Answer<void> {
    const move = (as: string): HardwareStep => ({ kind: 'moveNetdev', device, from: netns, to: 'host', name: as });
    // The move sets it down first (net/core/dev.c, dev_change_net_namespace).
    let moved = await this.#ports.hardware.apply(move(name));
    if (!moved.ok && moved.error.code === 'exists') moved = await this.#ports.hardware.apply(move(temporaryName(device)));
    if (moved.ok) return moved;
    return moved.error.code === 'gone' ? this.#whereItIs(device, moved.error) : hardwareFailure(moved.error, describeStep(move('')));
  }

  /**
   * The netdev is not in the pod (any more). Nothing is to be brought back when the VF has gone, when its netdev is on the host already (it had
   * not left yet, or its namespace went, and the kernel gave it back), and without a driver that makes one.
   */
  async #whereItIs(device: PciAddress, error: HardwareError): Answer<void> {
    const found = await this.find(device);
    if (!found.ok || found.value === undefined) return found.ok ? ok(undefined) : found;
    const { netdev, driver } = found.value.vf;
    return netdev !== undefined || driver === undefined || isUserSpaceDriver(driver) ? ok(undefined) : hardwareFailure(error, 'finding the interface');
  }

  /** A crash between taking the driver away and binding it again leaves a VF that had a netdev without driver. */
  async #bindAgain({ config: { device }, original }: VfRecord, vf: SeenVf): Answer<SeenVf> {
    if (original.netdev === undefined || vf.driver !== undefined) return ok(vf);
    const bound = await this.#apply([{ kind: 'bindDriver', device, driver: 'default' }]);
    if (!bound.ok) return bound;
    const found = await this.find(device);
    return found.ok ? ok(found.value?.vf ?? vf) : found;
  }

  /** True when something was changed. */
  async #resetNetdev({ config, original }: VfRecord, vf: SeenVf): Answer<boolean> {
    if (original.netdev === undefined || !hasNetdev(original, vf)) return ok(false);
    const { device } = config;
    const found = vf.netdev === undefined ? await this.#awaitNetdev(device) : ok({ netdev: vf.netdev });
    if (!found.ok) return found;
    const { netdev } = found.value;
    const { name, mtu, up } = original.netdev;
    const mac = restoredMac(config, original, vf.settings) ?? original.netdev.mac;
    const isUp = netdev.adminState === 'up';
    const rename = netdev.name !== name;
    if (netdev.mac !== mac) {
      const set = await this.#setMac(device, mac);
      if (!set.ok) return set;
    }
    const steps: HardwareStep[] = [
      ...(rename && isUp ? [{ kind: 'setLink', device, netns: 'host', up: false } as const] : []),
      ...(rename ? [{ kind: 'renameNetdev', device, netns: 'host', name } as const] : []),
      ...(netdev.mtu === mtu ? [] : [{ kind: 'setMtu', device, netns: 'host', mtu } as const]),
      ...((rename ? false : isUp) === up ? [] : [{ kind: 'setLink', device, netns: 'host', up } as const]),
    ];
    const applied = await this.#apply(steps);
    if (!applied.ok) return applied;
    const named = await this.#setAltNames(device, netdev.altNames, original.netdev.altNames ?? []);
    return named.ok ? ok(steps.length > 0 || named.value || netdev.mac !== mac) : named;
  }

  /** `seen`: as it is after all that was written; looked at anew when absent. */
  async #checkRestored({ config, original }: VfRecord, seen: SeenVf | undefined): Answer<void> {
    const found = seen === undefined ? await this.find(config.device) : ok({ vf: seen });
    if (!found.ok) return found;
    if (found.value === undefined) return ok(undefined);
    const { settings, netdev } = found.value.vf;
    const wrong = settingSteps(original, settings, restoredSettings(config, original.settings, settings)).map(describeStep);
    if (netdev !== undefined && original.netdev !== undefined) {
      const wanted = { ...original.netdev, mac: restoredMac(config, original, settings) ?? original.netdev.mac };
      for (const key of ['name', 'mac', 'mtu'] as const) if (netdev[key] !== wanted[key]) wrong.push(`restoring ${key} ${wanted[key]}`);
    }
    if (wrong.length === 0) return ok(undefined);
    return failure(cniCodes.refused, `VF ${config.device} is not as it was before the pod: ${wrong.join(', ')} had no effect`, 'Look at the kernel log for the PF\'s driver; rebinding the VF\'s driver resets it.');
  }

  /** One after the other, up to the first that fails. Steps on the PF are taken under its lock. */
  async #apply(steps: readonly HardwareStep[]): Answer<void> {
    for (const step of steps) {
      const apply = () => this.#ports.hardware.apply(step);
      const applied = step.kind === 'setVf' ? await this.#ports.files.withLock(pfLockPath(this.#stateFolder, step.pf), apply) : await apply();
      if (!applied.ok) return hardwareFailure(applied.error, describeStep(step));
    }
    return ok(undefined);
  }
}

/** Whether there is an interface to be put back: the VF had one, and has the driver that makes it. */
function hasNetdev({ netdev }: VfRecord['original'], { driver }: SeenVf): boolean {
  return netdev !== undefined && driver !== undefined && !isUserSpaceDriver(driver);
}

const NO_ADDRESSES: IpamResult = { ips: [], routes: [], dns: {} };

/** A plugin that asks a server of the network itself needs the interface in the pod, up, before it can answer, and as long as it has something to give back. */
function asksOverTheLink({ config }: VfRecord): boolean {
  return config.ipam !== undefined && field(config.ipam, 'type') === 'dhcp';
}

function userSpaceLink({ config, original }: VfRecord, pfMtu: number | undefined): { readonly mac?: string; readonly mtu?: number } {
  const mac = config.mac ?? (/^[0:]+$/.test(original.settings.mac) ? undefined : original.settings.mac);
  return { ...(mac === undefined ? {} : { mac }), ...(pfMtu === undefined ? {} : { mtu: pfMtu }) };
}

/** Who the pod is, for IPAM plugins that keep books by pods. */
export function podOf({ context: { holder } }: VfRecord['machine']): { readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string } } {
  return holder === undefined ? {} : { pod: { namespace: holder.podNamespace, name: holder.podName, uid: holder.podUid } };
}
