import { ok, podAnnotations } from '@vfleet/core';
import type { AttachFailure, Clock, Files, Hardware, Kube, Log, NetworkStatus, PciAddress, PodNetworks, PodSandbox, Random, Result } from '@vfleet/core';
import { cniCodes, failure } from '../cni/failure.ts';
import { DEFAULT_STATE_FOLDER, SriovCni } from '../cni/index.ts';
import type { Attachment, Namespaces, Routing, UnknownSight } from '../cni/index.ts';
import { checkOwner } from '../cni/vf-record.ts';
import { pfsUnderWay } from '../config-daemon/under-way.ts';
import type { EventRecorder } from '@vfleet/kube';
import { noEvents } from '@vfleet/kube';
import type { ChainedPlugins, CniResult, PluginCall } from './chained-plugins.ts';
import { noChainedPlugins } from './chained-plugins.ts';
import { deviceInfoFor, networkStatusOf } from './network-status.ts';
import { PodRecords } from './pod-record.ts';
import type { Delegate, PodRecord } from './pod-record.ts';
import { resolveNetworks } from './resolve.ts';
import type { Resolved } from './resolve.ts';
import { applyTuning } from './tuning.ts';

export interface PodNetworksPorts {
  readonly kube: Kube;
  readonly hardware: Hardware;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events?: EventRecorder;
  /** Without it every namespace counts as present. */
  readonly namespaces?: Namespaces;
}

export interface PodNetworksSettings {
  readonly nodeName: string;
  /** The plugin for VFs where the process has one already: a VF has one record, and one who retries. */
  readonly sriov?: SriovCni;
  /** Folder of journals and locks; the default is `/var/lib/cni/vfleet`. */
  readonly stateFolder?: string;
  /** State folder of the node's config daemon, whose journal says which PFs it is at; the default is `/etc/sriov-operator`. */
  readonly configFolder?: string;
  /** Where `v1.multus-cni.io/default-network` looks names up that give no namespace; the default is `kube-system`. */
  readonly multusNamespace?: string;
  /** Plugins of the node beside the built-in ones; none by default. */
  readonly chainedPlugins?: ChainedPlugins;
  /** Told which VFs could not be reset, with the cause, whenever that changes and after {@link NodePodNetworks.recover}: for the device plugin's `quarantine`. */
  readonly onQuarantine?: (devices: ReadonlyMap<PciAddress, string>) => void;
}

type SandboxId = Pick<PodSandbox, 'namespace' | 'name' | 'uid' | 'containerId' | 'netns'>;

/** What a CHECK found to be as it should be. */
export interface CheckedNetworks {
  /** One of them takes the place of the cluster's own network, which the pod then has not. */
  readonly replaceDefault: boolean;
}

export type GarbageScope = 'pods' | 'allVfs';

/** Attachment of one node, with what its daemon does beside the runtime's calls. */
export interface NodePodNetworks extends PodNetworks {
  /** The plugin for VFs, for plugins of the node that leave VFs to it: who else moved one would not know who has it. */
  readonly vfs: Pick<SriovCni, 'attach' | 'detach' | 'check'>;
  /** CNI CHECK of what a sandbox got by {@link PodNetworks.attach}: every network's plugins are asked, and the answer is the first failure. */
  check(sandbox: Pick<PodSandbox, 'containerId'>): Promise<Result<CheckedNetworks, AttachFailure>>;
  /** After a start of the process: takes back what was interrupted, and resumes retries. */
  recover(): Promise<void>;
  /** Takes back what belongs to none of these sandboxes: of pods that were attached here, and on a node where nobody else gives VFs out, all VFs. */
  collectGarbage(liveContainerIds: readonly string[], scope?: GarbageScope): Promise<Result<void, AttachFailure>>;
  /** Takes back what belongs to sandboxes whose network namespace has gone for certain: after a reboot, or a runtime's crash, nobody calls DEL for them. */
  collectOrphans(): Promise<Result<void, AttachFailure>>;
  /** By container: sandboxes of which it could not be said, at the last look, whether they are there. What they have stays theirs. */
  unknownSandboxes(): ReadonlyMap<string, UnknownSight>;
  /** VFs that are with pods, or on the way there or back. */
  attachments(): Promise<Result<readonly Attachment[], AttachFailure>>;
  /** VFs that could not be reset, with the cause: for a device plugin that starts later. */
  quarantined(): ReadonlyMap<PciAddress, string>;
  /** Ends retries in the background. */
  stop(): void;
}

const DEFAULT_CONFIG_FOLDER = '/etc/sriov-operator';

type Answer<Value> = Promise<Result<Value, AttachFailure>>;

/** Multi-network attachment: what Multus and the plugins that it calls do for the networks that a pod's annotations name. */
export function createPodNetworks(ports: PodNetworksPorts, settings: PodNetworksSettings): NodePodNetworks {
  return new MultiNetworks(ports, settings);
}

class MultiNetworks implements NodePodNetworks {
  readonly #ports: PodNetworksPorts;
  readonly #stateFolder: string;
  readonly #multusNamespace: string;
  readonly #plugins: ChainedPlugins;
  readonly #sriov: SriovCni;
  readonly #records: PodRecords;
  readonly #log: Log;

  constructor(ports: PodNetworksPorts, settings: PodNetworksSettings) {
    const { stateFolder = DEFAULT_STATE_FOLDER, multusNamespace = 'kube-system', chainedPlugins = noChainedPlugins, onQuarantine, configFolder = DEFAULT_CONFIG_FOLDER } = settings;
    this.#log = ports.log.with({ component: 'attachment', node: settings.nodeName });
    this.#ports = ports;
    this.#stateFolder = stateFolder;
    this.#multusNamespace = multusNamespace;
    this.#plugins = chainedPlugins;
    this.#sriov = settings.sriov ?? new SriovCni({ ...ports, log: this.#log }, { stateFolder, nodeName: settings.nodeName, isUnderWay: (pf) => this.#isUnderWay(configFolder, pf), ...(onQuarantine === undefined ? {} : { onQuarantine }) });
    this.#records = new PodRecords(ports.files, `${stateFolder}/pods`);
  }

  get vfs(): Pick<SriovCni, 'attach' | 'detach' | 'check'> {
    return this.#sriov;
  }

  async attach(sandbox: PodSandbox): Answer<readonly NetworkStatus[]> {
    const asksForNothing = [podAnnotations.networks, podAnnotations.defaultNetwork].every((name) => (sandbox.annotations[name] ?? '').trim() === '');
    if (asksForNothing) return ok([]);
    const valid = checkOwner({ containerId: sandbox.containerId, ifname: 'eth0' });
    if (!valid.ok) return valid;
    return this.#locked(sandbox.containerId, () => this.#attachLocked(sandbox));
  }

  async detach(sandbox: SandboxId): Answer<void> {
    const valid = checkOwner({ containerId: sandbox.containerId, ifname: 'eth0' });
    return valid.ok ? this.#locked(sandbox.containerId, () => this.#detachLocked(sandbox.containerId)) : valid;
  }

  async check({ containerId }: Pick<PodSandbox, 'containerId'>): Answer<CheckedNetworks> {
    const valid = checkOwner({ containerId, ifname: 'eth0' });
    const read = valid.ok ? await this.#records.read(containerId) : valid;
    if (!read.ok) return read;
    const record = read.value;
    // Pods that name no networks have no record.
    if (record === undefined) return ok({ replaceDefault: false });
    if (record.statuses === undefined) return failure(cniCodes.notAsSetUp, `the networks of pod ${record.pod.namespace}/${record.pod.name} are not attached`, 'Delete the pod, so that it is set up anew.');
    for (const [index, delegate] of record.delegates.entries()) {
      for (const call of callsOf(record, delegate)) {
        const checked = await this.#checkOne({ ...call, previous: record.results?.[index] });
        if (!checked.ok) return failure(checked.error.code, `network ${delegate.network} (${delegate.ifname}): ${checked.error.cause}`, checked.error.remedy);
      }
    }
    return ok({ replaceDefault: record.delegates.some(({ isDefault }) => isDefault) });
  }

  /** Plugins of the node cannot be asked without the result of ADD. */
  async #checkOne(call: PluginCall): Answer<void> {
    const own = call.previous?.interfaces.findLast(({ name, sandbox }) => name === call.ifname && sandbox === call.netns);
    if (isSriov(call)) return this.#sriov.check(call, own?.mac);
    return call.previous !== undefined && this.#plugins.has(call.type) ? this.#plugins.check(call) : ok(undefined);
  }

  async #isUnderWay(configFolder: string, pf: string): Promise<boolean> {
    const pfs = await pfsUnderWay(this.#ports.files, configFolder);
    // What cannot be read now can be read at the next try.
    return !pfs.ok || pfs.value.includes(pf);
  }

  recover(): Promise<void> {
    return this.#sriov.recover();
  }

  quarantined(): ReadonlyMap<PciAddress, string> {
    return this.#sriov.quarantined;
  }

  async collectOrphans(): Answer<void> {
    const { namespaces } = this.#ports;
    const ids = namespaces === undefined ? ok([]) : await this.#records.ids();
    if (!ids.ok) return ids;
    let first: Result<void, AttachFailure> = ok(undefined);
    for (const id of ids.value) {
      const record = await this.#records.read(id);
      if (!record.ok || record.value === undefined) continue;
      const { pod, netnsIdentity: identity } = record.value;
      const sight = await this.#sriov.witness.look({ containerId: id, netns: pod.netns, identity, pod });
      if (sight.kind !== 'gone') continue;
      this.#log.info('A sandbox went without a DEL; what it had is taken back.', { containerId: id, pod: `${pod.namespace}/${pod.name}`, evidence: sight.evidence });
      const detached = await this.#locked(id, () => this.#detachLocked(id));
      if (first.ok) first = detached;
    }
    const rest = await this.#sriov.collectOrphans();
    return first.ok ? rest : first;
  }

  unknownSandboxes(): ReadonlyMap<string, UnknownSight> {
    return this.#sriov.witness.unknown;
  }

  async collectGarbage(liveContainerIds: readonly string[], scope: GarbageScope = 'allVfs'): Answer<void> {
    const live = new Set(liveContainerIds);
    const ids = await this.#records.ids();
    if (!ids.ok) return ids;
    let first: Result<void, AttachFailure> = ok(undefined);
    for (const id of ids.value.filter((one) => !live.has(one))) {
      const detached = await this.#locked(id, () => this.#detachLocked(id));
      if (first.ok) first = detached;
    }
    if (scope === 'pods') return first;
    const rest = await this.#sriov.collectGarbage(({ containerId }) => live.has(containerId));
    return first.ok ? rest : first;
  }

  attachments(): Answer<readonly Attachment[]> {
    return this.#sriov.attachments();
  }

  stop(): void {
    this.#sriov.stop();
  }

  #locked<Value>(containerId: string, work: () => Promise<Value>): Promise<Value> {
    return this.#ports.files.withLock(`${this.#stateFolder}/locks/pod-${containerId}`, work);
  }

  async #attachLocked(sandbox: PodSandbox): Answer<readonly NetworkStatus[]> {
    const asked = JSON.stringify([sandbox.netns, sandbox.annotations[podAnnotations.defaultNetwork], sandbox.annotations[podAnnotations.networks], sandbox.devices]);
    const known = await this.#records.read(sandbox.containerId);
    if (!known.ok) return known;
    if (known.value?.statuses !== undefined && known.value.asked === asked) return ok(known.value.statuses);
    const cleared = known.value === undefined ? ok(undefined) : await this.#takeDown(known.value);
    if (!cleared.ok) return failure(cniCodes.tryAgain, `an earlier attempt is not undone yet: ${cleared.error.cause}`, cleared.error.remedy);
    const resolved = await resolveNetworks({ kube: this.#ports.kube, files: this.#ports.files, plugins: this.#plugins, multusNamespace: this.#multusNamespace }, sandbox);
    if (!resolved.ok) return this.#refused(sandbox, resolved.error);
    const { namespace, name, uid, containerId, netns } = sandbox;
    const identity = await this.#ports.namespaces?.identify(netns);
    const record: PodRecord = { version: 1, pod: { namespace, name, uid, containerId, netns }, asked, ...(identity === undefined ? {} : { netnsIdentity: identity }), delegates: resolved.value.map(({ delegate }) => delegate) };
    for (const one of resolved.value) this.#tellUnheard(record, one);
    const written = await this.#records.write(record);
    return written.ok ? this.#addAll(record, resolved.value) : written;
  }

  async #addAll(record: PodRecord, resolved: readonly Resolved[]): Answer<readonly NetworkStatus[]> {
    const statuses: NetworkStatus[] = [];
    const results: CniResult[] = [];
    for (const [index, { delegate, routing }] of resolved.entries()) {
      const result = await this.#add(record, delegate, routing);
      if (!result.ok) {
        await this.#takeDown({ ...record, delegates: record.delegates.slice(0, index + 1) });
        return failure(result.error.code, `network ${delegate.network} (${delegate.ifname}): ${result.error.cause}`, result.error.remedy);
      }
      results.push(result.value);
      statuses.push(networkStatusOf(delegate, result.value, await deviceInfoFor(this.#ports.files, delegate)));
    }
    const written = await this.#records.write({ ...record, statuses, results });
    if (written.ok) return ok(statuses);
    await this.#takeDown(record);
    return written;
  }

  async #add(record: PodRecord, delegate: Delegate, routing: Routing): Answer<CniResult> {
    let result: CniResult | undefined;
    for (const call of callsOf(record, delegate)) {
      const answer: Result<CniResult, AttachFailure> = await this.#addOne(record, { ...call, previous: result }, routing);
      if (!answer.ok) return answer;
      result = answer.value;
    }
    return ok(result!);
  }

  /** An installed plugin serves before a built-in one of the same name, except for VFs, whose records are ours. */
  async #addOne(record: PodRecord, call: PluginCall, routing: Routing): Answer<CniResult> {
    if (isSriov(call)) return this.#addVf(record, call, routing);
    return this.#plugins.has(call.type) ? this.#plugins.add(call) : applyTuning(this.#ports.hardware, call);
  }

  async #addVf({ pod }: PodRecord, { ifname, config, cniArgs }: PluginCall, routing: Routing): Answer<CniResult> {
    const attached = await this.#sriov.attach({ pod, ifname, config, cniArgs, routing });
    if (!attached.ok) return attached;
    const { interface: name, mac, mtu, ips, routes, dns } = attached.value;
    return ok({ interfaces: [{ name, ...(mac === undefined ? {} : { mac }), ...(mtu === undefined ? {} : { mtu }), sandbox: pod.netns }], ips, routes, dns });
  }

  async #detachLocked(containerId: string): Answer<void> {
    this.#sriov.witness.forget(containerId);
    const record = await this.#records.read(containerId);
    if (record.ok && record.value !== undefined) return this.#takeDown(record.value);
    const leftovers = await this.#sriov.detachContainer(containerId);
    if (record.ok || !leftovers.ok) return leftovers;
    // What it said is lost; VFs and addresses have gone back by their own records, so that DEL need not fail for ever.
    this.#log.error('The record of a pod\'s networks could not be read and is dropped.', { containerId, ...record.error });
    return this.#records.remove(containerId);
  }

  /** DEL for every delegate, the last first. All are tried; the record goes when all have succeeded. */
  async #takeDown(record: PodRecord): Answer<void> {
    let first: Result<void, AttachFailure> = ok(undefined);
    for (const delegate of record.delegates.toReversed()) {
      for (const call of callsOf(record, delegate).toReversed()) {
        const deleted = await this.#delOne(call);
        if (!deleted.ok) this.#log.warn('A network of a pod could not be taken down.', { network: delegate.network, interface: delegate.ifname, pod: record.pod.name, ...deleted.error });
        if (first.ok) first = deleted;
      }
    }
    return first.ok ? this.#records.remove(record.pod.containerId) : first;
  }

  async #delOne(call: PluginCall): Answer<void> {
    if (isSriov(call)) return this.#sriov.detach(call);
    return this.#plugins.has(call.type) ? this.#plugins.del(call) : ok(undefined);
  }

  #refused(sandbox: PodSandbox, error: AttachFailure): { readonly ok: false; readonly error: AttachFailure } {
    if (error.code === cniCodes.network) this.#tell(sandbox, 'NoNetworkFound', `${error.cause}. ${error.remedy}`);
    return { ok: false, error };
  }

  #tellUnheard({ pod }: PodRecord, { delegate, unheard }: Resolved): void {
    if (unheard.length === 0) return;
    const list = unheard.map((name) => `"${name}": true`).join(', ');
    this.#log.warn('A wish of a pod is not heard by its network.', { network: delegate.network, pod: pod.name, wishes: unheard });
    this.#tell(pod, 'NetworkRequestIgnored', `${delegate.network} does not take ${unheard.join(', ')} from pods. Add {${list}} to the capabilities of the network.`);
  }

  #tell({ namespace, name, uid }: SandboxId, reason: string, message: string): void {
    (this.#ports.events ?? noEvents).record('Warning', { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, uid } }, reason, message);
  }
}

function isSriov({ type }: PluginCall): boolean {
  return type === 'sriov' || type === 'ib-sriov';
}

/** The calls of a delegate's plugins in order; results are filled in as they come. */
function callsOf({ pod }: PodRecord, { steps, ifname }: Delegate): readonly PluginCall[] {
  const cniArgs = {
    IgnoreUnknown: 'true', K8S_POD_NAMESPACE: pod.namespace, K8S_POD_NAME: pod.name, K8S_POD_INFRA_CONTAINER_ID: pod.containerId, K8S_POD_UID: pod.uid,
  };
  return steps.map(({ type, config }) => ({ type, config, previous: undefined, containerId: pod.containerId, netns: pod.netns, ifname, cniArgs }));
}
