import type { Clock, Kube } from '@vfleet/core';
import { nodes, pods } from '@vfleet/kube';
import { removeWebhooks } from '../admission/webhook-installer.ts';
import { heldKinds, madeObjects } from '../installation/made-objects.ts';
import { podLabelsOf } from '../installation/workloads.ts';
import { unmarked } from './node-marks.ts';
import { listEvery, patchNewest, release, unlessNotFound } from './requests.ts';

export type RemainsRemoval =
  /** Finalizers that were taken off, and Nodes that have no mark of ours any more. */
  | { readonly kind: 'done'; readonly released: number; readonly nodes: number }
  /** Its pods are still there; nothing was done, because it would be made again. */
  | { readonly kind: 'operator runs'; readonly pods: readonly string[] };

const LOOK_AGAIN_MS = 1_000;

/**
 * What is left to do when somebody else, such as Helm, has removed what was applied: the webhook configurations go, without which API servers would
 * refuse every pod (their failure policy is Fail); the operator's Secrets, ConfigMap and Lease go; Nodes lose our marks, and the cordon of a drain
 * that nobody would end; custom resources stay, and lose the finalizers that nobody would take off any more. NetworkAttachmentDefinitions
 * stay too: pods may use them. Waits for the operator's pods to go, `limitMs` at most.
 */
export async function removeRemains({ kube, clock }: { readonly kube: Kube; readonly clock: Clock }, namespace: string, limitMs: number): Promise<RemainsRemoval> {
  const deadlineMs = clock.now() + limitMs;
  for (;;) {
    const running = await operatorPods(kube, namespace);
    if (running.length === 0) break;
    if (clock.now() >= deadlineMs) return { kind: 'operator runs', pods: running };
    await clock.sleep(LOOK_AGAIN_MS);
  }
  await removeWebhooks(kube);
  for (const { resource, name } of madeObjects) await kube.delete(resource, { namespace, name }).catch(unlessNotFound);
  let freed = 0;
  for (const node of await listEvery(kube, nodes)) if (await patchNewest(kube, nodes, node, unmarked)) freed += 1;
  let released = 0;
  for (const { resource, finalizer, in: where } of heldKinds) for (const object of await listEvery(kube, resource, where === 'own' ? { namespace } : {})) if (await release(kube, resource, object, finalizer)) released += 1;
  return { kind: 'done', released, nodes: freed };
}

async function operatorPods(kube: Kube, namespace: string): Promise<readonly string[]> {
  const labelSelector = Object.entries(podLabelsOf('operator')).map(([key, value]) => `${key}=${value}`).join(',');
  return (await kube.list(pods, { namespace, labelSelector })).items.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed').map(({ metadata }) => metadata.name);
}
