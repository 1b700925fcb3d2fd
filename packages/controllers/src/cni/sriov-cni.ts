import { advance, ok, vfMachine } from '@vfleet/core';
import type {
  AttachFailure, Clock, Files, Hardware, Kube, Log, PciAddress, PodSandbox, Random, Result, Timer, VfContext, VfEvent, VfMachineState, VfSight, VfStateName,
} from '@vfleet/core';
import type { PodLinks } from '@vfleet/core/ports/pod-links.ts';
import { isUserSpaceDriver } from '../device-plugin/functions.ts';
import { createIpam } from '../ipam/index.ts';
import type { Ipam } from '../ipam/index.ts';
import type { JsonObject } from '../json/fields.ts';
import { Announcer } from './announcer.ts';
import { cniCodes, failure, hardwareFailure, ipamFailure } from './failure.ts';
import { SandboxWitness } from './namespaces.ts';
import type { NamespaceSight, Namespaces, SandboxTrace } from './namespaces.ts';
import { parseSriovConfig } from './netconf.ts';
import type { SriovConfig } from './netconf.ts';
import { originalOf } from './plan.ts';
import { ownRouting } from './routing.ts';
import type { PluginRunner } from './plugin-runner.ts';
import type { Routing } from './routing.ts';
import { macTakenBy } from './taken-macs.ts';
import { VfRecords, checkOwner, nameOf, sameOwner } from './vf-record.ts';
import type { OriginalVf, RecordName, SriovResult, VfOwner, VfRecord } from './vf-record.ts';
import { VfWork, podOf } from './vf-work.ts';

export interface SriovCniPorts {
  readonly hardware: Hardware;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  /** Without it every namespace counts as present. */
  readonly namespaces?: Namespaces;
  /** Without it nothing is announced, CHECK sees the host's side only, and alternative names and representors stay as they are. */
  readonly podLinks?: PodLinks;
  /** IPAM plugins of the node beside the built-in ones; none without it. */
  readonly plugins?: PluginRunner;
  /** With both, IPAM of the whole cluster (whereabouts) is built in. */
  readonly kube?: Kube;
  readonly random?: Random;
}

export interface SriovCniSettings {
  /** Folder of journals and locks; the default is `/var/lib/cni/vfleet`. */
  readonly stateFolder?: string;
  /** The node in the cluster: without it whereabouts gives no addresses out of slices of nodes. */
  readonly nodeName?: string;
  /** Whether the PF's VFs are being changed just now, by the config daemon say: then nobody gets one. By default they never are. */
  readonly isUnderWay?: (pf: PciAddress) => Promise<boolean>;
  /** Told which VFs could not be reset, with the cause, whenever that changes and once after {@link SriovCni.recover}. */
  readonly onQuarantine?: (devices: ReadonlyMap<PciAddress, string>) => void;
}

export interface SriovAttachRequest {
  readonly pod: Pick<PodSandbox, 'namespace' | 'name' | 'uid' | 'containerId' | 'netns'>;
  readonly ifname: string;
  /** The plugin's configuration with what the runtime added: `deviceID`, `runtimeConfig`, `args`. */
  readonly config: JsonObject;
  /** Pairs of CNI_ARGS. */
  readonly cniArgs?: Readonly<Record<string, string>>;
  readonly routing?: Routing;
}

/** A VF and who has it. */
export interface Attachment extends RecordName {
  readonly state: VfStateName;
  readonly podNamespace?: string;
  readonly podName?: string;
}

export const DEFAULT_STATE_FOLDER = '/var/lib/cni/vfleet';

type Answer<Value> = Promise<Result<Value, AttachFailure>>;
type Work = 'attach' | 'release' | 'reset';

/** What an attachment in progress knows beyond its record. */
interface Attaching {
  readonly pfMtu: number | undefined;
  readonly routing: Routing;
}

/**
 * Gives VFs to pods and takes them back: the `sriov` and `ib-sriov` CNI plugins. Each VF goes through the life that core's vfMachine
 * describes; its state is in the VF's record, written before the first change. Whatever is interrupted or fails is taken back,
 * now, at the next call for it, or by retries in the background, until the VF is as it was.
 */
export class SriovCni {
  readonly #ports: SriovCniPorts;
  readonly #settings: SriovCniSettings;
  readonly #stateFolder: string;
  readonly #records: VfRecords;
  readonly #ipam: Ipam;
  readonly #work: VfWork;
  readonly #announcer: Announcer | undefined;
  readonly #log: Log;
  /** Whether sandboxes are still there, of which no DEL has come. */
  readonly witness: SandboxWitness;
  readonly #retries = new Map<PciAddress, Timer>();
  readonly #quarantined = new Map<PciAddress, string>();
  /** Records of the process before this one are still being worked through: which VFs are unfit is not known yet. */
  #recovering = false;
  #stopped = false;

  constructor(ports: SriovCniPorts, settings: SriovCniSettings = {}) {
    this.#ports = ports;
    this.#settings = settings;
    this.#stateFolder = settings.stateFolder ?? DEFAULT_STATE_FOLDER;
    this.#records = new VfRecords(ports.files, `${this.#stateFolder}/vfs`);
    this.#ipam = createIpam(ports.files, ports.plugins, ports.kube === undefined || ports.random === undefined ? undefined : { kube: ports.kube, random: ports.random, clock: ports.clock, ...(settings.nodeName === undefined ? {} : { nodeName: settings.nodeName }) });
    this.#work = new VfWork({ hardware: ports.hardware, files: ports.files, clock: ports.clock, ipam: this.#ipam, ...(ports.podLinks === undefined ? {} : { podLinks: ports.podLinks }) }, this.#stateFolder);
    this.#log = ports.log.with({ component: 'cni' });
    this.witness = new SandboxWitness({ ...ports, log: this.#log, areInterfacesBack: (containerId) => this.#areInterfacesBack(containerId) });
    this.#announcer = ports.podLinks === undefined ? undefined : new Announcer({ podLinks: ports.podLinks, clock: ports.clock, log: this.#log });
  }

  /** CNI ADD. Repeating a finished one gives its result again; after a failure nothing is left, or is being taken back. */
  async attach(request: SriovAttachRequest): Answer<SriovResult> {
    const owner = { containerId: request.pod.containerId, ifname: request.ifname, netns: request.pod.netns };
    const valid = checkOwner(owner);
    if (!valid.ok) return valid;
    const config = parseSriovConfig(request.config, request.cniArgs);
    if (!config.ok) return config;
    return this.#locked(config.value.device, async () => {
      const cleared = await this.#clear(owner, config.value, request.pod);
      if (!cleared.ok) return cleared;
      if (cleared.value !== undefined) return ok(cleared.value);
      return this.#attachFree(request, owner, config.value);
    });
  }

  /** CNI DEL. Succeeds when the owner has nothing; a failed one keeps its record and may be repeated. */
  detach(owner: VfOwner): Answer<void> {
    return this.#undoAll((name) => sameOwner(name, owner));
  }

  /** Takes back whatever a sandbox has, under any interface name. */
  detachContainer(containerId: string): Answer<void> {
    return this.#undoAll((name) => name.containerId === containerId);
  }

  /** CNI CHECK: whether an attachment is still as it was set up. `mac`: what the whole chain answered, where a later plugin may have set another. */
  async check(owner: VfOwner, mac?: string): Answer<void> {
    const names = await this.#records.names();
    if (!names.ok) return names;
    const name = names.value.find((one) => sameOwner(one, owner));
    const record = name === undefined ? ok(undefined) : await this.#records.read(name);
    if (!record.ok) return record;
    if (record.value?.machine.value !== 'attached') return failure(cniCodes.notAsSetUp, `${owner.ifname} of ${owner.containerId} is not attached`, 'Delete the pod, so that it is set up anew.');
    const { config } = record.value;
    const differences = await this.#work.differences(record.value, mac);
    if (!differences.ok) return differences;
    if (differences.value.length > 0) return failure(cniCodes.notAsSetUp, differences.value.join('; '), 'Delete the pod, so that it is set up anew.');
    if (config.ipam === undefined) return ok(undefined);
    const held = await this.#ipam.check({ ...record.value.owner, ...podOf(record.value.machine), network: config.network, config: config.ipam, held: record.value.result?.ips ?? [] });
    return held.ok ? held : ipamFailure(held.error);
  }

  /** After a start of the process: takes back what was interrupted, and resumes the retries. */
  async recover(): Promise<void> {
    const names = await this.#records.names();
    if (!names.ok) {
      this.#log.error('The records of VFs could not be listed.', { ...names.error });
      return;
    }
    this.#recovering = true;
    for (const name of names.value) await this.#locked(name.device, () => this.#recoverOne(name));
    this.#recovering = false;
    // Also when there are none: those that the process before this one told of may be fit again.
    this.#tellQuarantine();
  }

  /** VFs that could not be reset, with the cause. */
  get quarantined(): ReadonlyMap<PciAddress, string> {
    return new Map(this.#quarantined);
  }

  /** CNI GC: takes back every attachment, of one network or of all, whose owner is not to be kept. */
  collectGarbage(isKept: (owner: VfOwner) => boolean, network?: string): Answer<void> {
    return this.#undoAll((name) => !isKept(name), (record) => network === undefined || record.config.network === network);
  }

  /** Takes back what is with sandboxes whose network namespace has gone for certain: nobody calls DEL for them after a reboot, or a runtime's crash. */
  collectOrphans(): Answer<void> {
    const { namespaces } = this.#ports;
    if (namespaces === undefined) return Promise.resolve(ok(undefined));
    return this.#undoAll(() => true, async (record) => record.machine.value === 'attached' && (await this.witness.look(traceOf(record))).kind === 'gone');
  }

  /** All VFs that are with pods or on the way there or back. */
  async attachments(): Answer<readonly Attachment[]> {
    const names = await this.#records.names();
    if (!names.ok) return names;
    const attachments: Attachment[] = [];
    for (const name of names.value) {
      const record = await this.#records.read(name);
      if (!record.ok) return record;
      if (record.value === undefined) continue;
      const { value, context } = record.value.machine;
      const { holder } = context;
      attachments.push({ ...name, state: value, ...(holder === undefined ? {} : { podNamespace: holder.podNamespace, podName: holder.podName }) });
    }
    return ok(attachments);
  }

  /** Resolves when the neighbours of all new attachments have been told of them, or after so many milliseconds. */
  async announced(waitMs: number): Promise<void> {
    await this.#announcer?.settled(waitMs);
  }

  /** Ends the retries; what is on disk is resumed by the next {@link recover}. */
  stop(): void {
    this.#stopped = true;
    this.#announcer?.stop();
    for (const timer of this.#retries.values()) timer.cancel();
    this.#retries.clear();
  }

  #locked<Value>(device: PciAddress, work: () => Promise<Value>): Promise<Value> {
    return this.#ports.files.withLock(`${this.#stateFolder}/locks/vf-${device}`, work);
  }

  /** Looks who has the device. A result means: the same owner, for the same purpose, and done. Otherwise the device is free. */
  async #clear(owner: VfRecord['owner'], config: SriovConfig, pod: SriovAttachRequest['pod']): Answer<SriovResult | undefined> {
    const names = await this.#records.names();
    if (!names.ok) return names;
    for (const name of names.value) {
      if (name.device !== config.device) continue;
      const record = await this.#records.read(name);
      if (!record.ok) return record;
      if (record.value === undefined) continue;
      const done = finished(record.value, owner, config);
      if (done !== undefined) return ok(done);
      const refusal = sameOwner(name, owner) ? undefined : await this.#refusal(record.value, pod);
      if (refusal !== undefined) return refusal;
      const undone = await this.#undo(record.value);
      if (!undone.ok) return failure(cniCodes.tryAgain, `VF ${config.device} has not been given back by ${name.ifname} of ${name.containerId} yet: ${undone.error.cause}`, undone.error.remedy);
    }
    return ok(undefined);
  }

  /** Why the VF cannot be taken from who has it; undefined when it can. A pod's next sandbox comes when the one before it has ended. */
  async #refusal(record: VfRecord, { uid, containerId }: SriovAttachRequest['pod']): Promise<ReturnType<typeof refusedFor> | undefined> {
    if (record.machine.value !== 'attached') return undefined;
    const sight = await this.witness.look(traceOf(record));
    const isSuperseded = uid !== '' && record.machine.context.holder?.podUid === uid && record.owner.containerId !== containerId;
    return sight.kind === 'gone' || (sight.kind === 'unknown' && isSuperseded) ? undefined : refusedFor(record, sight, record.owner.containerId === containerId);
  }

  async #areInterfacesBack(containerId: string): Promise<boolean> {
    const names = await this.#records.names();
    let back = 0;
    for (const name of names.ok ? names.value.filter((one) => one.containerId === containerId) : []) {
      const record = await this.#records.read(name);
      if (!record.ok || record.value === undefined || record.value.machine.value !== 'attached') return false;
      const found = record.value.original.netdev === undefined ? ok(undefined) : await this.#work.find(name.device);
      // Of a VF without an interface, and of one that is gone, nothing is to be seen.
      if (found.ok && found.value === undefined) continue;
      if (!found.ok || found.value?.vf.netdev === undefined) return false;
      back++;
    }
    return back > 0;
  }

  async #attachFree(request: SriovAttachRequest, owner: VfRecord['owner'], config: SriovConfig): Answer<SriovResult> {
    const found = await this.#work.find(config.device);
    if (!found.ok) return found;
    if (found.value === undefined) return failure(cniCodes.device, `the node has no VF ${config.device}`, 'Delete the pod, so that it gets another device.');
    const { pf, vf } = found.value;
    if ((await this.#settings.isUnderWay?.(pf.pciAddress)) === true) {
      return failure(cniCodes.tryAgain, `the VFs of ${pf.netdev?.name ?? pf.pciAddress} are being configured`, 'It is tried again; if this persists, see the node\'s SriovNetworkNodeState for what keeps the config daemon.');
    }
    if (vf.driver === undefined) return failure(cniCodes.device, `VF ${config.device} has no driver`, 'Bind one, or let the config daemon do it: see the node\'s SriovNetworkNodeState.');
    if (vf.netdev === undefined && !isUserSpaceDriver(vf.driver)) {
      return failure(cniCodes.tryAgain, `VF ${config.device} has no network interface on the host (driver ${vf.driver})`, 'It may just be appearing; if this persists, look where the interface is: ip netns, or rebind the driver.');
    }
    const free = await this.#checkMac(pf.pciAddress, vf, config);
    if (!free.ok) return free;
    const representor = await this.#representorOf(vf);
    if (!representor.ok) return representor;
    const rdmaDevices = rdmaOf(config, vf);
    if (!rdmaDevices.ok) return rdmaDevices;
    const original = originalOf(pf, vf, vf.driver, rdmaDevices.value, representor.value);
    const nowMs = this.#ports.clock.now();
    const { namespace: podNamespace, name: podName, uid: podUid, netns, containerId } = request.pod;
    const holder = { containerId, interfaceName: owner.ifname, podNamespace, podName, podUid, netns };
    const { state: machine } = advance(vfMachine, givenOut(original.pf, original.index, config.device, vf.driver), { type: 'attachStarted', holder, nowMs });
    const identity = await this.#ports.namespaces?.identify(netns);
    const record: VfRecord = { version: 1, owner, config, original, machine, ...(identity === undefined ? {} : { netnsIdentity: identity }) };
    const created = await this.#records.create(record);
    if (!created.ok) return created;
    return this.#carryOut(record, { pfMtu: pf.netdev?.mtu, routing: request.routing ?? ownRouting });
  }

  async #checkMac(pfAddress: PciAddress, vf: VfSight['vf'], { mac, vlan }: SriovConfig): Answer<void> {
    if (mac === undefined) return ok(undefined);
    const pf = await this.#work.wholePf(pfAddress);
    if (!pf.ok || pf.value === undefined) return pf.ok ? failure(cniCodes.tryAgain, `the PF ${pfAddress} has gone from the node`, 'It may come back; the runtime tries again.') : pf;
    const names = await this.#records.names();
    if (!names.ok) return names;
    const attached: VfRecord[] = [];
    for (const name of names.value) {
      const record = await this.#records.read(name);
      if (record.ok && record.value !== undefined) attached.push(record.value);
    }
    const taken = macTakenBy(pf.value, vf, { mac, vlan: vlan?.id ?? vf.settings.vlan }, attached);
    if (taken === undefined) return ok(undefined);
    return failure(cniCodes.tryAgain, `${taken} has the MAC ${mac} already`, 'Give each pod a MAC of its own, or wait until the pod that has it is gone: the runtime tries again.');
  }

  async #representorOf({ representor: name }: VfSight['vf']): Answer<OriginalVf['representor']> {
    const { podLinks } = this.#ports;
    if (podLinks === undefined || name === undefined) return ok(undefined);
    const port = await podLinks.port(name);
    if (!port.ok) return hardwareFailure(port.error, 'looking at the representor');
    return ok(port.value === undefined ? undefined : { name, ...port.value });
  }

  /** The attachment itself; on failure everything is taken back, and the answer is what went wrong first. */
  async #carryOut(begun: VfRecord, attaching: Attaching): Answer<SriovResult> {
    let record = begun;
    const attached = await this.#work.attach(begun, attaching.pfMtu, attaching.routing, (changed) => this.#records.replace((record = changed)));
    const nowMs = this.#ports.clock.now();
    if (!attached.ok) {
      await this.#drive(record, { type: 'attachFailed', cause: attached.error.cause, nowMs });
      return attached;
    }
    const done: VfRecord = { ...record, machine: advance(vfMachine, record.machine, { type: 'attached' }).state, result: attached.value };
    const saved = await this.#records.replace(done);
    if (saved.ok) {
      this.#announcer?.start(record.config.device, record.owner.netns, attached.value.ips.map(({ address }) => address));
      return attached;
    }
    // On disk the attachment has not finished, and so it is taken back.
    await this.#drive(record, { type: 'attachFailed', cause: saved.error.cause, nowMs });
    return saved;
  }

  /** Tries all; the answer is the first failure. */
  async #undoAll(which: (name: RecordName) => boolean, whichRecord: (record: VfRecord) => boolean | Promise<boolean> = () => true): Answer<void> {
    const names = await this.#records.names();
    if (!names.ok) return names;
    let first: Result<void, AttachFailure> = ok(undefined);
    for (const name of names.value.filter(which)) {
      const undone = await this.#locked(name.device, () => this.#undoNamed(name, whichRecord));
      if (first.ok) first = undone;
    }
    return first;
  }

  async #undoNamed(name: RecordName, which: (record: VfRecord) => boolean | Promise<boolean>): Answer<void> {
    const record = await this.#records.read(name);
    if (!record.ok || record.value === undefined) return record.ok ? ok(undefined) : record;
    return (await which(record.value)) ? this.#undo(record.value) : ok(undefined);
  }

  async #recoverOne(name: RecordName): Promise<void> {
    const record = await this.#records.read(name);
    if (!record.ok) this.#log.error('The record of a VF cannot be used.', { ...name, ...record.error });
    if (!record.ok || record.value === undefined || record.value.machine.value === 'attached') return;
    const undone = await this.#undo(record.value);
    // The process before us may have had it in quarantine; nothing says that it is fit meanwhile.
    if (!undone.ok) this.#setQuarantine(name.device, undone.error.cause);
  }

  /** Takes an attachment back, from wherever it is. */
  async #undo(record: VfRecord): Answer<void> {
    const nowMs = this.#ports.clock.now();
    this.#announcer?.cancel(record.config.device);
    this.witness.forget(record.owner.containerId);
    const { value } = record.machine;
    if (value === 'quarantined') return this.#drive(record, { type: 'repairRequested', nowMs });
    if (value !== 'attached') return this.#drive(record, { type: 'resumed', nowMs });
    const step = { type: 'detachRequested', containerId: record.owner.containerId, interfaceName: record.owner.ifname, nowMs } as const;
    // From here on the result no longer holds: a repeated ADD must not be given it.
    const { result: _, ...leaving } = { ...record, machine: advance(vfMachine, record.machine, step).state };
    const saved = await this.#records.replace(leaving);
    return saved.ok ? this.#drive(leaving, { type: 'resumed', nowMs }) : saved;
  }

  /**
   * Feeds the machine, does what it asks for and feeds it the outcome, until it rests. At rest outside of an attachment the record
   * is removed; otherwise it is kept, and tried again at the machine's deadline.
   */
  async #drive(start: VfRecord, first: VfEvent): Answer<void> {
    let record = start;
    let failed: Result<void, AttachFailure> = ok(undefined);
    for (let event: VfEvent | undefined = first; event !== undefined; ) {
      const step = advance(vfMachine, record.machine, event);
      record = { ...record, machine: step.state };
      event = undefined;
      for (const effect of step.effects) {
        if (effect.type === 'release' || effect.type === 'reset') {
          failed = await this.#do(effect.type, record);
          event = this.#outcome(effect.type, failed);
        } else if (effect.type === 'quarantine') {
          this.#setQuarantine(record.config.device, record.machine.context.cause ?? 'it could not be reset');
        }
      }
    }
    return this.#settle(record, failed);
  }

  #do(work: Exclude<Work, 'attach'>, record: VfRecord): Answer<void> {
    return work === 'release' ? this.#work.release(record) : this.#work.reset(record);
  }

  #outcome(work: Exclude<Work, 'attach'>, done: Result<void, AttachFailure>): VfEvent {
    const nowMs = this.#ports.clock.now();
    if (!done.ok) return { type: 'failed', cause: done.error.cause, nowMs };
    return work === 'release' ? { type: 'released', nowMs } : { type: 'resetDone', nowMs };
  }

  async #settle(record: VfRecord, failed: Result<void, AttachFailure>): Answer<void> {
    const { device } = record.config;
    this.#retries.get(device)?.cancel();
    this.#retries.delete(device);
    if (!isUnderWay(record.machine.value)) {
      const removed = await this.#records.remove(nameOf(record));
      if (!removed.ok) this.#retryAt(record, this.#ports.clock.now() + 1_000);
      else if (this.#quarantined.has(device)) this.#setQuarantine(device, undefined);
      return removed;
    }
    this.#log.warn('A VF could not be taken back yet.', { ...nameOf(record), state: record.machine.value, cause: record.machine.context.cause });
    const saved = await this.#records.replace(record);
    this.#retryAt(record, record.machine.context.deadlineAtMs ?? this.#ports.clock.now());
    return failed.ok ? saved : failed;
  }

  #retryAt(record: VfRecord, atMs: number): void {
    if (this.#stopped) return;
    const name = nameOf(record);
    const delayMs = Math.max(0, atMs - this.#ports.clock.now());
    this.#retries.set(name.device, this.#ports.clock.setTimer(delayMs, () => {
      this.#retries.delete(name.device);
      void this.#locked(name.device, () => this.#retry(name));
    }));
  }

  async #retry(name: RecordName): Promise<void> {
    const record = await this.#records.read(name);
    if (!record.ok || record.value === undefined || record.value.machine.value === 'attached') return;
    const nowMs = this.#ports.clock.now();
    // Where the last state could not be saved, the record is of before: then what is on disk is resumed.
    const waits = (record.value.machine.context.deadlineAtMs ?? Infinity) <= nowMs;
    await this.#drive(record.value, { type: waits ? 'time' : 'resumed', nowMs });
  }

  #setQuarantine(device: PciAddress, cause: string | undefined): void {
    if (cause === undefined) this.#quarantined.delete(device);
    else this.#quarantined.set(device, cause);
    if (!this.#recovering) this.#tellQuarantine();
  }

  #tellQuarantine(): void {
    this.#settings.onQuarantine?.(this.quarantined);
  }
}

/** Between the start of an attachment and the VF's being as before. */
function isUnderWay(state: VfStateName): boolean {
  return state === 'attaching' || state === 'attached' || state === 'releasing' || state === 'resetting' || state === 'quarantined';
}

/** The result of an attachment that is done already, for the same owner, namespace and configuration. */
function finished(record: VfRecord, owner: VfRecord['owner'], config: SriovConfig): SriovResult | undefined {
  const same = sameOwner(record.owner, owner) && record.owner.netns === owner.netns && JSON.stringify(record.config) === JSON.stringify(config);
  return same && record.machine.value === 'attached' ? record.result : undefined;
}

function refusedFor({ config, machine }: VfRecord, sight: NamespaceSight, isOfSamePod: boolean): { readonly ok: false; readonly error: AttachFailure } {
  const { holder } = machine.context;
  const holds = `VF ${config.device} is in use by pod ${holder?.podNamespace}/${holder?.podName} (${holder?.interfaceName})`;
  if (sight.kind === 'unknown') return failure(cniCodes.tryAgain, `${holds}, as far as can be known: ${sight.cause}`, sight.remedy);
  // Multus counts a pod's devices anew after its default network.
  if (isOfSamePod) return failure(cniCodes.tryAgain, `${holds}, and its next network was given the same one`, 'Use a resource for each of the two networks: behind Multus a default network and the first of the others may get the same device of one resource.');
  return failure(cniCodes.tryAgain, holds, 'It becomes free when that pod has been taken down; the runtime tries again.');
}

function traceOf({ owner: { containerId, netns }, netnsIdentity: identity, machine }: VfRecord): SandboxTrace {
  const { holder } = machine.context;
  return { containerId, netns, identity, ...(holder === undefined ? {} : { pod: { namespace: holder.podNamespace, name: holder.podName, uid: holder.podUid } }) };
}

/**
 * Where a VF stands that kubelet has just given to a pod. What went before (creation, driver, advertisement) is the business of the
 * config daemon and the device plugin, which keep no record here.
 */
function givenOut(pf: PciAddress, index: number, device: PciAddress, driver: string): VfMachineState {
  const context: VfContext = { pf, index, pciAddress: device, driver, held: true, attempts: 0, waiting: false };
  return { value: 'allocated', context };
}

/** RDMA devices that the configuration wants in the pod, which the VF must have, in a mode in which one namespace has them. */
function rdmaOf({ rdmaIsolation, device }: SriovConfig, { exclusiveRdma }: VfSight['vf']): Result<readonly string[], AttachFailure> {
  if (rdmaIsolation === undefined) return ok([]);
  if (exclusiveRdma !== undefined) return ok(exclusiveRdma);
  return failure(cniCodes.refused, `the network asks for rdmaIsolation, and VF ${device} has no RDMA device on the host that a pod could have for itself`, 'Set rdmaMode: exclusive in the SriovNetworkPoolConfig of the node and isRdma: true in the policy, and see that no other plugin has moved the device; or remove rdmaIsolation from the network.');
}
