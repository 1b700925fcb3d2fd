import type { Clock, Kube } from '@vfleet/core';
import { customResourceDefinitionResource, namespaces } from '@vfleet/kube';
import { webhookObjects } from '../admission/webhook-installer.ts';
import { madeObjects } from '../installation/made-objects.ts';
import { componentNames } from '../installation/roles.ts';
import { podLabelsOf } from '../installation/workloads.ts';
import { customResourcesGone, customResourcesReleased } from './custom-resources.ts';
import { definitionNames, supports, workload } from './installed.ts';
import { nodesGivenBack } from './node-marks.ts';
import { nicsReset } from './nic-reset.ts';
import { find } from './requests.ts';
import { Removal } from './removal.ts';
import { componentGone } from './running.ts';

const PART_OF = 'app.kubernetes.io/part-of';

export interface UninstallPorts {
  readonly kube: Kube;
  readonly clock: Clock;
}

export interface UninstallSettings {
  /** The operator's. */
  readonly namespace: string;
  /** Policies, networks and all other objects of our kinds, with the NetworkAttachmentDefinitions that were rendered from them. */
  readonly customResources: boolean;
  /** The kinds themselves, which takes their objects along. */
  readonly definitions: boolean;
  /** The namespace, with everything in it. */
  readonly ownNamespace: boolean;
  /** First every NIC that was configured is given back: VFs go, under drains, which takes a live operator. */
  readonly resetNics: boolean;
  /** How long it is waited for pods to end and for objects to go. */
  readonly waitMs: number;
  /** How long it is waited for NICs to be given back. */
  readonly resetWaitMs: number;
  /** Nothing is written; what would be removed is said. */
  readonly pretend: boolean;
}

/** What one step came to. */
export interface UninstallStep {
  readonly name: string;
  readonly done: readonly string[];
  /** What could not be done, and why. Later steps are gone through all the same, unless the step is the last one. */
  readonly problems: readonly string[];
}

/**
 * Removes an installation step by step, in an order that cannot hang: webhooks go before what answers them, what writes goes before what is written, and
 * finalizers are taken off by us. It asks nobody for help but the API server: the operator may be dead, nodes unreachable, kinds gone. Every
 * wait has an end, and going through it again goes on where it stopped.
 */
export async function* uninstall(ports: UninstallPorts, settings: UninstallSettings): AsyncGenerator<UninstallStep> {
  const { namespace, waitMs } = settings;
  const { kube } = ports;
  const step = async (name: string, work: (removal: Removal) => Promise<void>): Promise<UninstallStep> => {
    const removal = new Removal(ports, settings.pretend);
    await removal.attempt(name, () => work(removal));
    return { name, done: removal.done, problems: removal.problems };
  };
  const webhooks = async (removal: Removal) => {
    for (const { resource, name } of webhookObjects) await removal.remove(resource, { name });
  };
  const strangers = await strangersThere(kube, namespace);
  if (strangers.length > 0) return yield { name: 'look', done: [], problems: strangers };
  if (settings.resetNics) {
    const reset = await step('NICs', (removal) => nicsReset(removal, ports, namespace, settings.resetWaitMs));
    yield reset;
    // Who took the daemons away now would leave NICs half given back.
    if (reset.problems.length > 0) return;
  }
  yield await step('webhooks', webhooks);
  yield await step('operator', async (removal) => {
    for (const { resource, key } of workload(namespace, 'Deployment')) await removal.remove(resource, key);
    await componentGone(removal, ports, { namespace, component: 'operator', byLease: true, waitMs });
    // Without its rights a copy that is cut off can bring nothing back; one that still ran may have done so until now.
    for (const { resource, key } of supports(namespace)) if (resource.kind.endsWith('RoleBinding') && key.name === componentNames.operator) await removal.remove(resource, key);
    if (!removal.pretend) await webhooks(removal);
  });
  yield await step('daemons', async (removal) => {
    for (const { resource, key } of workload(namespace, 'DaemonSet')) await removal.remove(resource, key);
    await componentGone(removal, ports, { namespace, component: 'node', byLease: false, waitMs });
  });
  yield await step('nodes', (removal) => nodesGivenBack(removal, kube));
  yield await step('finalizers', (removal) => customResourcesReleased(removal, kube, namespace));
  if (settings.customResources || settings.definitions) yield await step('custom resources', (removal) => customResourcesGone(removal, ports, namespace, waitMs));
  if (settings.definitions) yield await step('definitions', (removal) => definitionsGone(removal, namespace, waitMs));
  yield await step('namespace', async (removal) => {
    for (const { resource, name } of madeObjects) await removal.remove(resource, { namespace, name });
    for (const { resource, key } of supports(namespace)) await removal.remove(resource, key);
    if (!settings.ownNamespace) return;
    await removal.remove(namespaces, { name: namespace });
    await removal.awaitGone([{ resource: namespaces, key: { name: namespace } }], waitMs, () => 'its content is being deleted; its conditions say what holds it');
  });
}

async function definitionsGone(removal: Removal, namespace: string, waitMs: number): Promise<void> {
  const names = definitionNames(namespace);
  for (const name of names) await removal.remove(customResourceDefinitionResource, { name });
  await removal.awaitGone(names.map((name) => ({ resource: customResourceDefinitionResource, key: { name } })), waitMs, () => 'an object of it is held by a finalizer of somebody else');
}

/** Workloads of the names that ours have, and not ours: another operator is installed here, whose accounts and roles have these names too. */
async function strangersThere(kube: Kube, namespace: string): Promise<readonly string[]> {
  const found = await Promise.all([...workload(namespace, 'Deployment'), ...workload(namespace, 'DaemonSet')].map(({ resource, key }) => find(kube, resource, key)));
  return found.flatMap((object) => (object === undefined || object.metadata.labels?.[PART_OF] === podLabelsOf('operator')[PART_OF] ? [] : [`the ${object.kind} ${namespace}/${object.metadata.name} is not of this operator: nothing is removed; the Go operator is removed by its own means`]));
}
