import { fail, isKubeError, ok, parseJson, podAnnotations } from '@vfleet/core';
import type { AttachFailure, Kube, Log, NetworkStatus, PodResources, Result } from '@vfleet/core';
import { noEvents, objectKey, pods } from '@vfleet/kube';
import type { EventRecorder, Pod } from '@vfleet/kube';
import { addedInterfaceMessage, networkStatusText } from '@vfleet/kube/helpers/network-status.ts';
import type { NodePodNetworks } from '../attachment/index.ts';
import { AnsweredCalls } from '../cni/answered-calls.ts';
import type { CniReply } from '../cni/answered-calls.ts';
import { previousOf } from '../cni/calls.ts';
import { cniCodes, failure, invalidConfig } from '../cni/failure.ts';
import type { PluginRunner } from '../cni/plugin-runner.ts';
import type { CniCall, RawCall } from '../cni/spec/call.ts';
import { formatResult } from '../cni/spec/result.ts';
import { CNI_VERSIONS } from '../cni/spec/versions.ts';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { inOrderOfVariables } from './device-order.ts';
import { ClusterNetwork, clusterNetworkOf } from './cluster-network.ts';
import type { Place } from './cluster-network.ts';
import { resultOfStatus, statusOfResult } from './network-results.ts';
import { devicesOf, identityOf, podOf } from './pod-of-call.ts';

/** `type` of the meta-plugin in the cluster's network configuration. */
export const META_PLUGIN_TYPE = 'vfleet';

export interface MetaPluginPorts {
  readonly kube: Kube;
  readonly podResources: PodResources;
  readonly networks: Pick<NodePodNetworks, 'attach' | 'detach' | 'check' | 'collectGarbage'>;
  readonly plugins: PluginRunner;
  /** Where the variable of its container names a device, if that is known; without it devices go to networks as the kubelet lists them. */
  readonly placeOf?: (id: string) => number | undefined;
  /** Whether VFs could be given out now: CniCalls.status. */
  readonly vfStatus: () => Promise<Result<void, AttachFailure>>;
  readonly log: Log;
  readonly events?: EventRecorder;
}

type Answer<Value> = Promise<Result<Value, AttachFailure>>;
type Call<Command extends CniCall['command']> = Extract<CniCall, { command: Command }>;

/** Whether a call is for the meta-plugin. VERSION says the same for every plugin of ours, whoever answers it. */
export function isMetaPluginCall({ input }: RawCall): boolean {
  const parsed = parseJson(input);
  const config = parsed.ok ? asObject(parsed.value) : undefined;
  return config !== undefined && field(config, 'type') === META_PLUGIN_TYPE;
}

/**
 * The cluster's CNI plugin where there is no Multus: gives every pod the cluster's own network by the plugins of the node, then those that
 * its annotations name, and writes the network status. All or nothing: a pod that does not get every network gets none.
 */
export class MetaPlugin {
  readonly #ports: MetaPluginPorts;
  readonly #cluster: ClusterNetwork;
  readonly #answered: AnsweredCalls;

  constructor(ports: MetaPluginPorts) {
    this.#ports = ports;
    this.#cluster = new ClusterNetwork(ports.plugins);
    this.#answered = new AnsweredCalls(ports.log.with({ component: 'meta-plugin' }), { carryOut: (call) => this.#carryOut(call), takeBack: (add) => this.#del({ ...add, command: 'DEL' }) });
  }

  handle(raw: RawCall): Promise<CniReply> {
    return this.#answered.handle(raw);
  }

  async #carryOut(call: CniCall): Answer<JsonObject | undefined> {
    switch (call.command) {
      case 'VERSION':
        return ok({ cniVersion: call.version, supportedVersions: CNI_VERSIONS });
      case 'ADD':
        return this.#add(call);
      case 'DEL':
        return nothing(await this.#del(call));
      case 'CHECK':
        return nothing(await this.#check(call));
      case 'STATUS':
        return nothing(await this.#status(call));
      case 'GC':
        return nothing(await this.#collectGarbage(call));
    }
  }

  async #add(call: Call<'ADD'>): Answer<JsonObject> {
    const chain = clusterNetworkOf(call.config);
    if (!chain.ok) return chain;
    const identity = identityOf(call.cniArgs);
    if (identity === undefined) return failure(cniCodes.invalidEnvironment, 'CNI_ARGS do not name the pod (K8S_POD_NAMESPACE, K8S_POD_NAME)', 'The meta-plugin serves pods of Kubernetes; for others use the plugins themselves.');
    const pod = await podOf(this.#ports.kube, identity);
    if (!pod.ok) return pod;
    const annotations = pod.value.metadata.annotations ?? {};
    const asks = (name: string) => (annotations[name] ?? '').trim() !== '';
    const wantsMore = asks(podAnnotations.networks) || asks(podAnnotations.defaultNetwork);
    const listed = wantsMore ? await devicesOf(this.#ports.podResources, identity) : ok([]);
    if (!listed.ok) return listed;
    const devices = inOrderOfVariables(listed.value, this.#ports.placeOf ?? (() => undefined));

    // With a default network of its own the pod has eth0 from there.
    const own = asks(podAnnotations.defaultNetwork) ? ok(undefined) : await this.#cluster.add(chain.value, place(call), wishesOf(call.config));
    if (!own.ok) return failure(own.error.code, `the cluster's network ${chain.value.name}: ${own.error.cause}`, own.error.remedy);
    const { containerId, netns } = call;
    const uid = pod.value.metadata.uid ?? identity.uid;
    const attached = await this.#ports.networks.attach({ namespace: identity.namespace, name: identity.name, uid, containerId, netns, annotations, devices });
    const told = attached.ok ? await this.#tell(pod.value, own.value === undefined ? attached.value : [statusOfResult(chain.value.name, call.ifname, own.value), ...attached.value]) : attached;
    if (!told.ok) {
      const undone = await this.#del({ ...call, command: 'DEL' });
      if (!undone.ok) this.#ports.log.warn('What a pod got of its networks could not all be taken back yet.', { pod: identity.name, containerId, ...undone.error });
      return fail(told.error);
    }
    return ok(formatResult(own.value ?? resultOfStatus(attached.ok ? attached.value.find(({ interface: name }) => name === call.ifname) : undefined, netns), call.version));
  }

  /** Both parts are tried: the runtime comes again for what is left. VFs go first, while the namespace still is as ADD left it. */
  async #del(call: Call<'DEL'>): Answer<void> {
    const { namespace, name, uid } = identityOf(call.cniArgs) ?? { namespace: '', name: '', uid: '' };
    const detached = await this.#ports.networks.detach({ namespace, name, uid, containerId: call.containerId, netns: call.netns ?? '' });
    const chain = clusterNetworkOf(call.config);
    if (!chain.ok) return detached.ok ? chain : detached;
    const previous = previousOf(call.config, call.version);
    const deleted = await this.#cluster.del(chain.value, place(call), wishesOf(call.config), previous.ok ? previous.value : undefined);
    return detached.ok ? deleted : detached;
  }

  /** Everything that ADD gave: the networks of the annotations, and the cluster's own where the pod has that. */
  async #check(call: Call<'CHECK'>): Answer<void> {
    const chain = clusterNetworkOf(call.config);
    if (!chain.ok) return chain;
    const previous = previousOf(call.config, call.version);
    if (!previous.ok) return previous;
    if (previous.value === undefined) return invalidConfig('CHECK needs the result of ADD as "prevResult"');
    const more = await this.#ports.networks.check({ containerId: call.containerId });
    if (!more.ok) return more;
    return more.value.replaceDefault ? ok(undefined) : this.#cluster.check(chain.value, place(call), wishesOf(call.config), previous.value);
  }

  async #status({ config }: Call<'STATUS'>): Answer<void> {
    const chain = clusterNetworkOf(config);
    if (!chain.ok) return failure(cniCodes.notAvailable, chain.error.cause, chain.error.remedy);
    const vfs = await this.#ports.vfStatus();
    return vfs.ok ? this.#cluster.status(chain.value) : vfs;
  }

  async #collectGarbage({ config }: Call<'GC'>): Answer<void> {
    const chain = clusterNetworkOf(config);
    if (!chain.ok) return chain;
    const list = field(config, 'cni.dev/valid-attachments') ?? field(config, 'cni.dev/attachments');
    if (!isJsonArray(list)) return invalidConfig('GC needs the list "cni.dev/valid-attachments"; without it everything would go');
    const valid: JsonObject[] = [];
    for (const item of list) {
      const attachment = asObject(item);
      if (attachment === undefined || typeof field(attachment, 'containerID') !== 'string') return invalidConfig('"cni.dev/valid-attachments" must be a list of {"containerID", "ifname"}');
      valid.push(attachment);
    }
    // VFs that another network of the runtime has given out are not this one's to judge.
    const collected = await this.#ports.networks.collectGarbage(valid.map((attachment) => String(field(attachment, 'containerID'))), 'pods');
    const own = await this.#cluster.collectGarbage(chain.value, valid);
    return collected.ok ? own : collected;
  }

  /** Writes the annotation, and Events as Multus has them. */
  async #tell(pod: Pod, statuses: readonly NetworkStatus[]): Answer<void> {
    const patch = { metadata: { uid: pod.metadata.uid, annotations: { [podAnnotations.networkStatus]: networkStatusText(statuses) } } };
    try {
      // By its status, as Multus does: who may write that cannot change what the pod runs.
      await this.#ports.kube.patch(pods, objectKey(pod), { type: 'merge', patch }, { subresource: 'status' });
    } catch (error) {
      if (!isKubeError(error)) throw error;
      return failure(cniCodes.tryAgain, `the network status could not be written to pod ${pod.metadata.namespace}/${pod.metadata.name}: ${error.message}`, 'The pod may be gone, or the API server did not answer as expected; the runtime tries again.');
    }
    for (const status of statuses) (this.#ports.events ?? noEvents).record('Normal', { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata }, 'AddedInterface', addedInterfaceMessage(status));
    return ok(undefined);
  }
}

function place({ containerId, ifname, netns, cniArgs }: Call<'ADD'> | Call<'DEL'> | Call<'CHECK'>): Place {
  return { containerId, ifname, netns: netns ?? '', cniArgs };
}

function wishesOf(config: JsonObject): JsonObject {
  return asObject(field(config, 'runtimeConfig')) ?? {};
}

function nothing(done: Result<void, AttachFailure>): Result<undefined, AttachFailure> {
  return done.ok ? ok(undefined) : done;
}
