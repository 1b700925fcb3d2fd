import type { Clock, Kube, KubeObject, Log, Resource } from '@vfleet/core';
import { isKubeError, rfc3339 } from '@vfleet/core';
import type { Informer, Namespace } from '@vfleet/kube';
import { Controller, namespaces, objectKey, pods } from '@vfleet/kube';
import type { ResourceCatalog } from './catalog.ts';
import { resourceKey } from './catalog.ts';
import { unlessGone } from './unless-gone.ts';

export interface NamespaceControllerOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: ResourceCatalog;
  readonly namespaces: Informer<Namespace>;
  readonly onBug?: (error: unknown, key: string) => void;
}

type Condition = NonNullable<NonNullable<Namespace['status']>['conditions']>[number];

/** The finalizer in spec that stands for "has been emptied". */
const FINALIZER = 'kubernetes';
/** Between looks at a namespace that does not get empty. */
const RETRY_MS = 500;

interface Remains {
  readonly resource: Resource;
  readonly objects: readonly KubeObject[];
}

/**
 * Empties namespaces that are being deleted, pods first (KEP-5080), says in conditions what is left, and lets them go
 * (kubernetes pkg/controller/namespace/deletion).
 */
export class NamespaceController {
  readonly #options: NamespaceControllerOptions;
  readonly #controller: Controller;

  constructor(options: NamespaceControllerOptions) {
    this.#options = options;
    this.#controller = new Controller(options, {
      name: 'namespace', workers: 2, reconcile: (name) => unlessGone(this.#reconcile(name)), ...(options.onBug !== undefined && { onBug: options.onBug }),
    });
  }

  start(): void {
    const look = (namespace: Namespace) => {
      if (namespace.metadata.deletionTimestamp !== undefined) this.#controller.queue.add(namespace.metadata.name);
    };
    this.#options.namespaces.subscribe({ added: look, updated: (_, namespace) => look(namespace) });
    this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  async #reconcile(name: string): Promise<void | { readonly requeueAfterMs: number }> {
    const namespace = this.#options.namespaces.get(name);
    if (namespace?.metadata.deletionTimestamp === undefined || !(namespace.spec?.finalizers ?? []).includes(FINALIZER)) return undefined;
    const remains = await this.#empty(name);
    if (remains.length > 0) {
      await this.#report(namespace, remains);
      return { requeueAfterMs: RETRY_MS };
    }
    await this.#finalize(namespace);
    return undefined;
  }

  /** Deletes everything there is; answers what is still there afterwards. */
  async #empty(namespace: string): Promise<readonly Remains[]> {
    const pod = await this.#emptyOf(pods, namespace);
    if (pod.length > 0) return [{ resource: pods, objects: pod }];
    const remains: Remains[] = [];
    for (const resource of this.#options.catalog.all()) {
      if (!resource.namespaced) continue;
      const objects = await this.#emptyOf(resource, namespace);
      if (objects.length > 0) remains.push({ resource, objects });
    }
    return remains;
  }

  async #emptyOf(resource: Resource, namespace: string): Promise<readonly KubeObject[]> {
    const { kube } = this.#options;
    const { items } = await kube.list(resource, { namespace });
    for (const object of items) {
      if (object.metadata.deletionTimestamp !== undefined) continue;
      try {
        await kube.delete(resource, objectKey(object), { propagationPolicy: 'Background', preconditions: { uid: object.metadata.uid! } });
      } catch (error) {
        if (!isKubeError(error, 'NotFound', 'Conflict')) throw error;
      }
    }
    return items.length === 0 ? [] : (await kube.list(resource, { namespace })).items;
  }

  async #report(namespace: Namespace, remains: readonly Remains[]): Promise<void> {
    const conditions = conditionsOf(remains).map((condition) => this.#withTime(namespace, condition));
    if (JSON.stringify(conditions) === JSON.stringify(namespace.status?.conditions)) return;
    await this.#options.kube.patch(namespaces, { name: namespace.metadata.name }, { type: 'merge', patch: { status: { conditions } } }, { subresource: 'status' });
  }

  #withTime(namespace: Namespace, condition: Condition): Condition {
    const before = namespace.status?.conditions?.find(({ type }) => type === condition.type);
    const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: lastTransitionTime ?? rfc3339(this.#options.clock.now()) };
  }

  async #finalize(namespace: Namespace): Promise<void> {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
    await this.#options.kube.update(namespaces, { ...namespace, spec: { ...namespace.spec, finalizers } }, { subresource: 'finalize' });
  }
}

/** Texts of pkg/controller/namespace/deletion/status_condition_utils.go. */
function conditionsOf(remains: readonly Remains[]): readonly Condition[] {
  const finalizers = new Map<string, number>();
  for (const { objects } of remains) for (const { metadata } of objects) for (const finalizer of metadata.finalizers ?? []) finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
  const content = remains.map(({ resource, objects }) => `${resourceKey(resource)} has ${objects.length} resource instances`).sort().join(', ');
  const held = [...finalizers].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`).sort().join(', ');
  return [
    { type: 'NamespaceDeletionDiscoveryFailure', status: 'False', reason: 'ResourcesDiscovered', message: 'All resources successfully discovered' },
    { type: 'NamespaceDeletionGroupVersionParsingFailure', status: 'False', reason: 'ParsedGroupVersions', message: 'All legacy kube types successfully parsed' },
    { type: 'NamespaceDeletionContentFailure', status: 'False', reason: 'ContentDeleted', message: 'All content successfully deleted, may be waiting on finalization' },
    { type: 'NamespaceContentRemaining', status: 'True', reason: 'SomeResourcesRemain', message: `Some resources are remaining: ${content}` },
    held === ''
      ? { type: 'NamespaceFinalizersRemaining', status: 'False', reason: 'ContentHasNoFinalizers', message: 'All content-preserving finalizers finished' }
      : { type: 'NamespaceFinalizersRemaining', status: 'True', reason: 'SomeFinalizersRemain', message: `Some content in the namespace has finalizers remaining: ${held}` },
  ];
}
