import type { Clock, Kube, KubeObject, Resource } from '@vfleet/core';
import { configMaps, finalizers, isKubeError } from '@vfleet/core';
import { configMapResource, leases, operatorConfigs, ovsNetworks, pods, poolConfigs, removeFinalizerPatch, secrets, sriovIbNetworks, sriovNetworks } from '@vfleet/kube';
import { AUTHORITY_SECRET, SERVING_SECRET } from '../admission/certificates/keeper.ts';
import { removeWebhooks } from '../admission/webhook-installer.ts';
import { LEASE_NAME } from '../operator/operator.ts';
import { podLabelsOf } from './workloads.ts';

/** Kinds that the operator puts a finalizer on, and whether they are only in its own namespace. */
export const heldKinds: readonly { readonly resource: Resource; readonly finalizer: string; readonly in: 'own' | 'everywhere' }[] = [
  { resource: sriovNetworks, finalizer: finalizers.network, in: 'everywhere' },
  { resource: sriovIbNetworks, finalizer: finalizers.network, in: 'everywhere' },
  { resource: ovsNetworks, finalizer: finalizers.network, in: 'everywhere' },
  { resource: poolConfigs, finalizer: finalizers.poolConfig, in: 'own' },
  { resource: operatorConfigs, finalizer: finalizers.operatorConfig, in: 'own' },
];

/** What the operator makes by itself in its namespace. */
export const madeObjects: readonly { readonly resource: Resource; readonly name: string }[] = [
  { resource: secrets, name: AUTHORITY_SECRET }, { resource: secrets, name: SERVING_SECRET }, { resource: configMapResource, name: configMaps.devicePluginConfig }, { resource: leases, name: LEASE_NAME },
];

export type Removal =
  | { readonly kind: 'done'; readonly released: number }
  /** Its pods are still there; nothing was done, because it would be made again. */
  | { readonly kind: 'operator runs'; readonly pods: readonly string[] };

const LOOK_AGAIN_MS = 1_000;

/**
 * What is left to do when the operator is gone for good: the webhook configurations go, without which API servers would refuse every pod (their
 * failure policy is Fail); its Secrets, ConfigMap and Lease go; custom resources stay, and lose the finalizers that nobody would take off
 * any more. NetworkAttachmentDefinitions stay too: pods may use them. Waits for the operator's pods to go, `limitMs` at most.
 */
export async function removeRemains({ kube, clock }: { readonly kube: Kube; readonly clock: Clock }, namespace: string, limitMs: number): Promise<Removal> {
  const deadlineMs = clock.now() + limitMs;
  for (;;) {
    const running = await operatorPods(kube, namespace);
    if (running.length === 0) break;
    if (clock.now() >= deadlineMs) return { kind: 'operator runs', pods: running };
    await clock.sleep(LOOK_AGAIN_MS);
  }
  await removeWebhooks(kube);
  for (const { resource, name } of madeObjects) await kube.delete(resource, { namespace, name }).catch(unlessNotFound);
  let released = 0;
  for (const held of heldKinds) released += await release(kube, held.resource, held.finalizer, held.in === 'own' ? { namespace } : {});
  return { kind: 'done', released };
}

async function operatorPods(kube: Kube, namespace: string): Promise<readonly string[]> {
  const labelSelector = Object.entries(podLabelsOf('operator')).map(([key, value]) => `${key}=${value}`).join(',');
  return (await kube.list(pods, { namespace, labelSelector })).items.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed').map(({ metadata }) => metadata.name);
}

async function release(kube: Kube, resource: Resource, finalizer: string, where: { readonly namespace?: string }): Promise<number> {
  let released = 0;
  for (const object of await listed(kube, resource, where)) {
    // Somebody else may write the object at the same time: then the patch is made anew of what it is.
    for (let current: KubeObject | undefined = object; current !== undefined;) {
      const patch = removeFinalizerPatch(current, finalizer);
      if (patch === undefined) break;
      const outcome = await kube.patch(resource, current.metadata, patch).then(() => 'released' as const, conflictOrGone);
      if (outcome === 'released') released += 1;
      if (outcome !== 'conflict') break;
      current = await kube.get(resource, current.metadata).catch(unlessNotFound);
    }
  }
  return released;
}

/** None where the API does not know the kind any more. */
async function listed(kube: Kube, resource: Resource, where: { readonly namespace?: string }): Promise<readonly KubeObject[]> {
  const items: KubeObject[] = [];
  let next: string | undefined;
  do {
    const page = await kube.list(resource, { ...where, limit: 500, ...(next === undefined ? {} : { continue: next }) }).catch(unlessNotFound);
    items.push(...(page?.items ?? []));
    next = page?.continue;
  } while (next !== undefined && next !== '');
  return items;
}

function conflictOrGone(error: unknown): 'conflict' | 'gone' {
  if (isKubeError(error, 'Conflict')) return 'conflict';
  if (isKubeError(error, 'NotFound')) return 'gone';
  throw error;
}

function unlessNotFound(error: unknown): undefined {
  if (!isKubeError(error, 'NotFound')) throw error;
  return undefined;
}
