import type { Clock, Kube, KubeObject } from '@vfleet/core';
import { networkAttachmentAnnotations, parseNetworkOwnerRef } from '@vfleet/core';
import type { NetworkAttachmentDefinition } from '@vfleet/kube';
import { hasFinalizer, keyText, networkAttachmentDefinitions, objectKey, objectKeyText } from '@vfleet/kube';
import { ownKinds } from './own-kinds.ts';
import type { OwnKind } from './own-kinds.ts';
import type { Removal } from './removal.ts';
import { listEvery, release } from './requests.ts';

function all(kube: Kube, { resource, in: where }: OwnKind, namespace: string): Promise<readonly KubeObject[]> {
  return listEvery(kube, resource, where === 'own' ? { namespace } : {});
}

/** Takes our finalizers off: nobody else would, and their objects could never be deleted. */
export async function customResourcesReleased(removal: Removal, kube: Kube, namespace: string): Promise<void> {
  for (const kind of ownKinds) {
    const { finalizer, resource } = kind;
    if (finalizer === undefined) continue;
    await removal.attempt(resource.plural, async () => {
      for (const object of await all(kube, kind, namespace)) {
        if (hasFinalizer(object, finalizer)) await removal.change(`finalizer of ${resource.kind} ${objectKeyText(object)}`, () => release(kube, resource, object, finalizer));
      }
    });
  }
}

/** Deletes all objects of our kinds, and what was rendered from networks; objects that other finalizers hold are problems. */
export async function customResourcesGone(removal: Removal, { kube }: { readonly kube: Kube; readonly clock: Clock }, namespace: string, waitMs: number): Promise<void> {
  await removal.attempt('NetworkAttachmentDefinitions', async () => {
    for (const attachment of await listEvery(kube, networkAttachmentDefinitions)) if (isRendered(attachment, namespace)) await removal.remove(networkAttachmentDefinitions, objectKey(attachment));
  });
  for (const kind of ownKinds) {
    await removal.attempt(kind.resource.plural, async () => {
      for (const object of await all(kube, kind, namespace)) await removal.remove(kind.resource, objectKey(object));
    });
  }
  await removal.awaitNothing(async () => {
    const left: string[] = [];
    for (const kind of ownKinds) for (const object of await all(kube, kind, namespace)) left.push(`${kind.resource.kind} ${keyText(objectKey(object))} is still there: ${heldBy(object)}`);
    return left;
  }, waitMs);
}

function heldBy({ metadata: { finalizers = [], deletionTimestamp } }: KubeObject): string {
  if (deletionTimestamp === undefined) return 'somebody made it again';
  return finalizers.length === 0 ? 'it is being deleted' : `it is held by ${finalizers.join(', ')}, which is not ours`;
}

/** One that names a network of this operator: of its namespace, or of the namespace that the definition itself is in. */
function isRendered({ metadata: { namespace: own, annotations } }: NetworkAttachmentDefinition, namespace: string): boolean {
  const owner = parseNetworkOwnerRef(annotations?.[networkAttachmentAnnotations.ownerRef] ?? '');
  return owner !== undefined && (owner.namespace === namespace || owner.namespace === own);
}
