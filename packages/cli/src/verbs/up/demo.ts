import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Kube, KubeObject, Resource } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { objectKey } from '@vfleet/kube';
import * as kubeApi from '@vfleet/kube';
import { CliFailure } from '../../failure.ts';
import { readManifests } from '../../manifests.ts';
import { outlook } from './settled.ts';
import type { Outlook } from './settled.ts';

/** How often the whole picture is looked at while waiting. A person waits; the controllers themselves watch. */
const LOOK_EVERY_MS = 150;

/** The manifests and fleets that ship with the executable. */
export function examplesFolder(): string {
  // Beside the sources, beside a bundle, in the published package.
  const candidates = ['../../../../../examples', '../examples', '../../../examples'].map((path) => join(import.meta.dirname, path));
  const found = candidates.find((folder) => existsSync(join(folder, 'demo', 'fleet.yaml')));
  if (found === undefined) throw new CliFailure('the examples are not beside the executable', 'Run from a checkout, or name a fleet with --fleet and leave the demo out with --no-demo.');
  return found;
}

/** The kinds that the demo's manifests use. */
function resourceOf(object: KubeObject): Resource {
  const all: readonly Resource[] = [kubeApi.pods, kubeApi.configMapResource, kubeApi.nodePolicies, kubeApi.sriovNetworks, kubeApi.networkAttachmentDefinitions, kubeApi.namespaces, kubeApi.deployments];
  const found = all.find((resource) => resource.kind === object.kind);
  if (found === undefined) throw new CliFailure(`the demo does not know the kind ${object.kind}`, 'Apply it with kubectl instead.');
  return found;
}

export async function applyFile(kube: Kube, path: string): Promise<readonly string[]> {
  const applied: string[] = [];
  for (const object of readManifests(path)) {
    const resource = resourceOf(object);
    const placed = resource.namespaced && object.metadata.namespace === undefined ? { ...object, metadata: { ...object.metadata, namespace: 'default' } } : object;
    // Applied, so that what an earlier manifest said and this one does not say goes. A pod cannot change any more.
    if (object.kind !== 'Pod') await kube.patch(resource, objectKey(placed), { type: 'apply', patch: { ...placed }, fieldManager: 'vfleet', force: true });
    else {
      await kube.create(resource, placed, { fieldManager: 'vfleet' }).catch((error: unknown) => {
        if (!isKubeError(error, 'AlreadyExists')) throw error;
      });
    }
    applied.push(`${object.kind.toLowerCase()}/${object.metadata.name}`);
  }
  return applied;
}

/** Waits until nothing is missing, looking from time to time; answers the last look, complete or not. */
export async function waitUntilSettled(kube: Kube, clock: Clock, expectedNodes: number, withinMs: number, signal: AbortSignal): Promise<Outlook> {
  const deadlineMs = clock.monotonicMs() + withinMs;
  for (;;) {
    const look = await outlook(kube, expectedNodes);
    if (look.missing.length === 0 || clock.monotonicMs() >= deadlineMs || signal.aborted) return look;
    await clock.sleep(LOOK_EVERY_MS, signal).catch(() => {});
  }
}
