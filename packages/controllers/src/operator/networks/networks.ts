import type { NetworkKind, OwnerReference, RenderedAttachment, Resource } from '@vfleet/core';
import { GROUP, finalizers, isKubeError, networkAnnotations, networkAttachmentAnnotations, networkNamespaceOf, networkOwnerRef, parseJson, renderNetworkAttachment } from '@vfleet/core';
import type { NetworkAttachmentDefinition, ReconcileResult } from '@vfleet/kube';
import { equalJson, findCondition, networkAttachmentDefinitions, objectKey, ovsNetworks, ownerReferenceTo, sriovIbNetworks, sriovNetworks } from '@vfleet/kube';
import type { OperatorContext } from '../context.ts';
import { patchStatus, writeKey } from '../context.ts';
import { removeFinalizer } from '../finalizers.ts';
import { readyCondition } from '../policies/policy-verdict.ts';
import type { StoredNetwork } from './network-key.ts';
import { networkObject, parseNetworkKey } from './network-key.ts';

/** Reasons of the condition Ready of networks. */
export type NetworkReason = 'NetworkReady' | 'NetworkAttachmentDefinitionNotFound' | 'NetworkAttachmentDefinitionInvalid' | 'NamespaceNotFound';

interface Verdict {
  readonly ready: boolean;
  readonly reason: NetworkReason;
  readonly message: string;
}

const resources: Readonly<Record<NetworkKind, Resource<StoredNetwork>>> = { SriovNetwork: sriovNetworks, SriovIBNetwork: sriovIbNetworks, OVSNetwork: ovsNetworks };

/**
 * Keeps the NetworkAttachmentDefinition of every network. The key is `Kind/namespace/name`. One that another network owns, or that
 * another owner wrote, is never touched; what users added to one of ours stays.
 */
export class Networks {
  readonly #context: OperatorContext;

  constructor(context: OperatorContext) {
    this.#context = context;
  }

  async reconcile(key: string): Promise<ReconcileResult> {
    const { informers, writes, settings } = this.#context;
    const { kind, namespace, name } = parseNetworkKey(key);
    const network: StoredNetwork | undefined = informers.networks[kind].get({ namespace, name });
    const behindMs = writes.behindMs(writeKey(resources[kind], namespace, name), network);
    if (behindMs > 0) return { requeueAfterMs: behindMs };
    const owner = networkOwnerRef({ kind, namespace, name });
    if (network === undefined) return this.#deleteOwned(owner);
    if (network.metadata.deletionTimestamp !== undefined) {
      await this.#deleteOwned(owner);
      return removeFinalizer(this.#context, resources[kind], network, finalizers.network);
    }
    const rendered = renderNetworkAttachment(networkObject(network), { operatorNamespace: settings.namespace, resourcePrefix: settings.resourcePrefix });
    if (!rendered.ok) return this.#state(network, { ready: false, reason: 'NetworkAttachmentDefinitionInvalid', message: `${rendered.error.cause}; ${rendered.error.remedy}` });
    const target = networkNamespaceOf(networkObject(network));
    // First the old one goes, then the new place is noted, then the new one is made: a crash in between leaves nothing behind.
    await this.#deleteOwned(owner, `${target}/${name}`);
    if (await this.#claim(network, target)) return;
    const missing = this.#namespaceProblem(target);
    if (missing !== undefined) return this.#state(network, { ready: false, reason: 'NamespaceNotFound', message: missing });
    return this.#state(network, await this.#ensureAttachment(network, rendered.value));
  }

  /** Writes the finalizer and the namespace served. True when it wrote: the watch event of that comes back here. */
  async #claim(network: StoredNetwork, target: string): Promise<boolean> {
    const { ports, settings, writes } = this.#context;
    const { namespace = '', name, annotations, finalizers: present = [], resourceVersion } = network.metadata;
    const noted = annotations?.[networkAnnotations.lastNetworkNamespace] === target;
    const held = namespace !== settings.namespace || present.includes(finalizers.network);
    if (noted && held) return false;
    const metadata = {
      resourceVersion,
      ...(noted ? {} : { annotations: { [networkAnnotations.lastNetworkNamespace]: target } }),
      ...(held ? {} : { finalizers: [...present, finalizers.network] }),
    };
    const resource = resources[network.kind];
    const patched = await ports.kube.patch(resource, objectKey(network), { type: 'merge', patch: { metadata } });
    writes.wrote(writeKey(resource, namespace, name), patched);
    return true;
  }

  #namespaceProblem(target: string): string | undefined {
    const namespace = this.#context.informers.namespaces.get(target);
    if (namespace === undefined) return `the namespace ${target} does not exist; it is used as soon as it does`;
    if (namespace.metadata.deletionTimestamp === undefined && namespace.status?.phase !== 'Terminating') return undefined;
    return `the namespace ${target} is being deleted; it is used again when it has been made anew`;
  }

  async #ensureAttachment(network: StoredNetwork, wanted: RenderedAttachment): Promise<Verdict> {
    const { ports, informers, writes, events, settings } = this.#context;
    const key = { namespace: wanted.namespace, name: wanted.name };
    const cached = informers.attachments.get(key);
    const done: Verdict = { ready: true, reason: 'NetworkReady', message: `NetworkAttachmentDefinition ${wanted.namespace}/${wanted.name} is in place` };
    const owners = network.metadata.namespace === settings.namespace ? [] : [ownerReferenceTo(network, { controller: true, blockOwnerDeletion: true })];
    const ourKey = writeKey(networkAttachmentDefinitions, wanted.namespace, wanted.name);
    if (writes.behindMs(ourKey, cached) > 0) return done;
    if (cached === undefined) {
      const metadata = { ...key, annotations: wanted.annotations, ...(owners.length === 0 ? {} : { ownerReferences: owners }) };
      const created = await this.#create(network, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata, spec: { config: wanted.config } });
      writes.wrote(ourKey, created);
      events.record('Normal', network, 'NetworkAttachmentDefinitionCreated', `created ${wanted.namespace}/${wanted.name}`);
      return done;
    }
    const owner = cached.metadata.annotations?.[networkAttachmentAnnotations.ownerRef];
    if (owner && owner !== wanted.annotations[networkAttachmentAnnotations.ownerRef]) {
      return { ready: false, reason: 'NetworkAttachmentDefinitionInvalid', message: `NetworkAttachmentDefinition ${wanted.namespace}/${wanted.name} belongs to ${owner}; rename this network, or delete that one` };
    }
    if (cached.metadata.deletionTimestamp !== undefined) return { ready: false, reason: 'NetworkAttachmentDefinitionNotFound', message: `NetworkAttachmentDefinition ${wanted.namespace}/${wanted.name} is being deleted` };
    const patch = differences(cached, wanted, network.metadata.uid, owners);
    if (patch === undefined) return done;
    writes.wrote(ourKey, await ports.kube.patch(networkAttachmentDefinitions, key, { type: 'merge', patch }));
    events.record('Normal', network, owner ? 'NetworkAttachmentDefinitionUpdated' : 'NetworkAttachmentDefinitionAdopted', `${owner ? 'updated' : 'adopted'} ${wanted.namespace}/${wanted.name}`);
    return done;
  }

  async #create(network: StoredNetwork, attachment: NetworkAttachmentDefinition): Promise<NetworkAttachmentDefinition> {
    try {
      return await this.#context.ports.kube.create(networkAttachmentDefinitions, attachment);
    } catch (error) {
      if (!isKubeError(error)) throw error;
      // AlreadyExists: the cache is behind, and the next attempt looks at what is there.
      if (error.reason !== 'AlreadyExists') await this.#state(network, { ready: false, reason: 'NetworkAttachmentDefinitionNotFound', message: `the API server refused to create it: ${error.message}` });
      throw error;
    }
  }

  /** Deletes every NetworkAttachmentDefinition that says it belongs to `owner`, except the one at `keep`. */
  async #deleteOwned(owner: string, keep?: string): Promise<void> {
    const { ports, informers, writes } = this.#context;
    for (const attachment of informers.attachments.byIndex('owner', owner)) {
      const { namespace = '', name, uid, deletionTimestamp } = attachment.metadata;
      if (`${namespace}/${name}` === keep || deletionTimestamp !== undefined) continue;
      const key = writeKey(networkAttachmentDefinitions, namespace, name);
      if (writes.behindMs(key, attachment) > 0) continue;
      try {
        await ports.kube.delete(networkAttachmentDefinitions, { namespace, name }, uid === undefined ? {} : { preconditions: { uid } });
        writes.deleted(key, attachment);
      } catch (error) {
        // Conflict: another object has the name now, which is not ours.
        if (!isKubeError(error, 'NotFound', 'Conflict')) throw error;
      }
    }
  }

  async #state(network: StoredNetwork, verdict: Verdict): Promise<void> {
    const before = findCondition(network.status?.conditions, 'Ready');
    const written = await patchStatus(this.#context, resources[network.kind], network, [readyCondition(verdict, network.metadata.generation)]);
    if (written && !verdict.ready && before?.message !== verdict.message) this.#context.events.record('Warning', network, verdict.reason, verdict.message);
  }
}

/** The merge patch that makes `cached` what is wanted and keeps everything else on it; undefined when nothing differs. `uid` is the network's. */
function differences(cached: NetworkAttachmentDefinition, wanted: RenderedAttachment, uid: string | undefined, owners: readonly OwnerReference[]): Readonly<Record<string, unknown>> | undefined {
  const annotations = Object.fromEntries(Object.entries(wanted.annotations).filter(([name, value]) => cached.metadata.annotations?.[name] !== value));
  const present = cached.metadata.ownerReferences ?? [];
  // Another network of this group may have owned it before; references of strangers stay, and what refers to this network in other words (the Go
  // operator's name no controller, and are there in its own namespace too).
  const kept = present.filter((other) => other.uid === uid || !other.apiVersion.startsWith(`${GROUP}/`));
  const wantedOwners = kept.some((other) => other.uid === uid) ? kept : [...kept, ...owners];
  const ownersDiffer = !equalJson(present, wantedOwners);
  const sameConfig = equalConfig(cached.spec?.config, wanted.config);
  if (Object.keys(annotations).length === 0 && sameConfig && !ownersDiffer) return undefined;
  return {
    metadata: {
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ...(ownersDiffer ? { ownerReferences: wantedOwners, resourceVersion: cached.metadata.resourceVersion } : {}),
    },
    ...(sameConfig ? {} : { spec: { config: wanted.config } }),
  };
}

/** Another writing of the same configuration (spaces, the order of keys) is no difference. */
function equalConfig(present: string | undefined, wanted: string): boolean {
  if (present === wanted) return true;
  const [a, b] = [parseJson(present ?? ''), parseJson(wanted)];
  return a.ok && b.ok && equalJson(a.value, b.value);
}
