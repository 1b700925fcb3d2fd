import type { Clock, Kube, Log, Random, Result } from '@vfleet/core';
import { fail, isKubeError, ok } from '@vfleet/core';
import { mergePatchOf } from '../helpers/merge-patch.ts';
import { Informer } from '../reflector/informer.ts';
import type { CustomResourceDefinition } from './custom-resource-definition.ts';
import { customResourceDefinitionResource, isEstablished } from './custom-resource-definition.ts';
import { customResourceDefinitions, networkAttachmentDefinitionCrd } from './definitions.ts';

export interface InstallCrdsPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Names of CustomResourceDefinitions, by what was done. */
export interface InstalledCrds {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly unchanged: readonly string[];
}

export interface InstallCrdsError {
  readonly code: 'notEstablished';
  readonly names: readonly string[];
  readonly cause: string;
  readonly remedy: string;
}

type Outcome = keyof InstalledCrds;

/**
 * Makes the API server serve our kinds: creates what is absent, updates what differs, writes nothing else, and returns when
 * all are established. NetworkAttachmentDefinition is created where absent and otherwise left as it is, since Multus may own
 * it; nothing is ever removed. Throws KubeError when the API server refuses a write.
 */
export async function installCrds(ports: InstallCrdsPorts, timeoutMs = 60_000): Promise<Result<InstalledCrds, InstallCrdsError>> {
  const report: Record<Outcome, string[]> = { created: [], updated: [], unchanged: [] };
  const pending = new Set<string>();
  for (const { wanted, keep } of [...customResourceDefinitions().map((one) => ({ wanted: one, keep: false })), { wanted: networkAttachmentDefinitionCrd(), keep: true }]) {
    const { outcome, stored } = await put(ports.kube, wanted, keep);
    report[outcome].push(wanted.metadata.name);
    if (!isEstablished(stored)) pending.add(wanted.metadata.name);
  }
  const missing = pending.size === 0 ? [] : await waitEstablished(ports, pending, timeoutMs);
  if (missing.length === 0) return ok(report);
  return fail({
    code: 'notEstablished', names: missing,
    cause: `the API server does not serve ${missing.join(', ')} after ${timeoutMs / 1000} s`,
    remedy: `Look at the conditions: kubectl describe crd ${missing[0]}. NamesAccepted=False means that another definition uses the same names.`,
  });
}

async function put(kube: Kube, wanted: CustomResourceDefinition, keep: boolean): Promise<{ readonly outcome: Outcome; readonly stored: CustomResourceDefinition }> {
  const key = { name: wanted.metadata.name };
  for (;;) {
    const stored = await read(kube, key.name);
    if (stored === undefined) {
      try {
        return { outcome: 'created', stored: await kube.create(customResourceDefinitionResource, wanted) };
      } catch (error) {
        // Another replica was faster: look at what it made.
        if (!isKubeError(error, 'AlreadyExists')) throw error;
        continue;
      }
    }
    const patch = keep ? undefined : mergePatchOf({ spec: stored.spec }, { spec: { ...stored.spec, ...wanted.spec } });
    if (patch === undefined) return { outcome: 'unchanged', stored };
    return { outcome: 'updated', stored: await kube.patch(customResourceDefinitionResource, key, { type: 'merge', patch }) };
  }
}

async function read(kube: Kube, name: string): Promise<CustomResourceDefinition | undefined> {
  try {
    return await kube.get(customResourceDefinitionResource, { name });
  } catch (error) {
    if (isKubeError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Waits until all of `pending` are established; returns those that are not when the time is over. */
async function waitEstablished(ports: InstallCrdsPorts, pending: Set<string>, timeoutMs: number): Promise<readonly string[]> {
  const informer = new Informer(ports, customResourceDefinitionResource);
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (definition: CustomResourceDefinition) => {
    if (isEstablished(definition)) pending.delete(definition.metadata.name);
    if (pending.size === 0) resolve();
  };
  informer.subscribe({ added: look, updated: (_, definition) => look(definition) });
  const timer = ports.clock.setTimer(timeoutMs, resolve);
  informer.start();
  await promise;
  informer.stop();
  timer.cancel();
  return [...pending];
}
