import type { Kube, KubeError, KubeObject, Log, ObjectMeta } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import type { Informer, Pod } from '@vfleet/kube';
import { objectKey, objectKeyText, ownerReferenceTo, pods } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';

/** A pod template as workloads have it. Its metadata is loosely typed there. */
export interface PodTemplate {
  readonly metadata?: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string>; readonly finalizers?: string[] };
  readonly spec?: NonNullable<Pod['spec']>;
}

/** What workload controllers share. */
export interface WorkloadPorts {
  readonly kube: Kube;
  readonly log: Log;
  readonly recorder: EventRecorder;
  /** With indexes `namespace`, `node` and `controller`. */
  readonly pods: Informer<Pod>;
}

/** How a pod differs from its template. */
export interface PodDifference {
  /** Beginning of the name; by default the owner's. */
  readonly generateName?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Partial<NonNullable<Pod['spec']>>;
}

/**
 * Creates and deletes the pods of workloads, and knows which of its own writes the cache does not show yet: until it does, a
 * controller that counts pods would create too many or delete too many.
 */
export class PodControl {
  readonly #ports: WorkloadPorts;
  /** Keys of pods created or deleted, by owner, that the cache has not caught up with. */
  readonly #unseen = new Map<string, Set<string>>();

  constructor(ports: WorkloadPorts) {
    this.#ports = ports;
    ports.pods.subscribe({
      added: (pod) => this.#seen(pod),
      updated: (_, pod) => (pod.metadata.deletionTimestamp === undefined ? undefined : this.#seen(pod)),
      deleted: (pod) => this.#seen(pod),
    });
  }

  /** The pods that an owner controls, as cached. */
  podsOf(owner: KubeObject): readonly Pod[] {
    return this.#ports.pods.byIndex('controller', owner.metadata.uid!);
  }

  /** True while the cache lacks some of the writes for this owner: come back when a pod changes. */
  isBehind(owner: KubeObject): boolean {
    return (this.#unseen.get(owner.metadata.uid!)?.size ?? 0) > 0;
  }

  async create(owner: KubeObject, template: PodTemplate, difference: PodDifference = {}): Promise<void> {
    const { kube, recorder, pods: cache } = this.#ports;
    let made: Pod;
    try {
      made = await kube.create(pods, podFrom(owner, template, difference));
    } catch (error) {
      if (isKubeError(error) && !isTerminating(error)) recorder.record('Warning', owner, 'FailedCreate', `Error creating: ${error.message}`);
      throw error;
    }
    if (cache.get(objectKey(made)) === undefined) this.#expect(owner, made);
    recorder.record('Normal', owner, 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
  }

  async delete(owner: KubeObject, pod: Pod): Promise<void> {
    const { kube, recorder } = this.#ports;
    // Expected before the request: its echo may come before its answer.
    this.#expect(owner, pod);
    try {
      await kube.delete(pods, objectKey(pod), { preconditions: { uid: pod.metadata.uid! } });
      recorder.record('Normal', owner, 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
    } catch (error) {
      this.#unseen.get(owner.metadata.uid!)?.delete(objectKeyText(pod));
      if (!isKubeError(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  /** Makes a pod without controller the owner's, if nobody was faster. */
  async adopt(owner: KubeObject, pod: Pod): Promise<void> {
    const { uid, resourceVersion, ownerReferences = [] } = pod.metadata;
    const reference = ownerReferenceTo(owner, { controller: true, blockOwnerDeletion: true });
    await this.#patch(pod, { metadata: { uid, resourceVersion, ownerReferences: [...ownerReferences, reference] } });
  }

  /** Lets a pod go that the owner's selector does not select any more. */
  async release(owner: KubeObject, pod: Pod): Promise<void> {
    const { uid, resourceVersion, ownerReferences = [] } = pod.metadata;
    const kept = ownerReferences.filter((reference) => reference.uid !== owner.metadata.uid);
    await this.#patch(pod, { metadata: { uid, resourceVersion, ownerReferences: kept.length === 0 ? null : kept } });
  }

  async #patch(pod: Pod, patch: Readonly<Record<string, unknown>>): Promise<void> {
    try {
      await this.#ports.kube.patch(pods, objectKey(pod), { type: 'merge', patch });
    } catch (error) {
      if (!isKubeError(error, 'NotFound')) throw error;
    }
  }

  #expect(owner: KubeObject, pod: Pod): void {
    const unseen = this.#unseen.get(owner.metadata.uid!) ?? new Set();
    this.#unseen.set(owner.metadata.uid!, unseen.add(objectKeyText(pod)));
  }

  #seen(pod: Pod): void {
    for (const { uid } of pod.metadata.ownerReferences ?? []) {
      const unseen = this.#unseen.get(uid);
      if (unseen?.delete(objectKeyText(pod)) === true && unseen.size === 0) this.#unseen.delete(uid);
    }
  }
}

/** Nothing can be made in a namespace that is going away; saying so for every pod helps nobody. */
function isTerminating(error: KubeError): boolean {
  return error.causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

function podFrom(owner: KubeObject, template: PodTemplate, { generateName, labels, annotations, spec }: PodDifference): Pod {
  const allAnnotations = { ...template.metadata?.annotations, ...annotations };
  const metadata: Omit<ObjectMeta, 'name'> = {
    generateName: generateName ?? `${owner.metadata.name}-`,
    ...(owner.metadata.namespace !== undefined && { namespace: owner.metadata.namespace }),
    labels: { ...template.metadata?.labels, ...labels },
    ...(Object.keys(allAnnotations).length > 0 && { annotations: allAnnotations }),
    ...(template.metadata?.finalizers !== undefined && { finalizers: template.metadata.finalizers }),
    ownerReferences: [ownerReferenceTo(owner, { controller: true, blockOwnerDeletion: true })],
  };
  // The server makes the name; the port's type has no room for an object without one.
  return { apiVersion: 'v1', kind: 'Pod', metadata: metadata as ObjectMeta, spec: { ...template.spec!, ...spec } };
}
