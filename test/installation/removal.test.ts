// Goal: when the operator is gone, nothing of it stands in anybody's way: pods can be created, custom resources deleted; and while it runs,
// nothing is touched. Method: the embedded API server with the manifest, the real operator with admission making what it makes, then stopped;
// the verb by its command line over HTTPS.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Kube, KubeObject, Resource } from '@vfleet/core';
import { SimClock, finalizers, isKubeError, nodeAnnotations, nodeLabels, silentLog, webhookNames } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createOperator } from '@vfleet/controllers';
import { serveAdmission } from '@vfleet/controllers/admission/edge/admission-service.ts';
import { madeObjects } from '@vfleet/controllers/installation/made-objects.ts';
import { removeRemains } from '@vfleet/controllers/uninstall/remove-remains.ts';
import { CORDONED_ANNOTATION } from '@vfleet/controllers/operator/drain/drain-view.ts';
import { podLabelsOf } from '@vfleet/controllers/installation/workloads.ts';
import * as api from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { run } from '../../packages/cli/src/program.ts';
import { applyManifest, readManifest } from './apply.ts';

const NAMESPACE = 'sriov-network-operator';
const soon = <Value>(check: () => Value | Promise<Value>) => vi.waitFor(check, { timeout: 240_000, interval: 50 });

/** Waits until all of it is so. */
async function until(checks: readonly (() => Promise<boolean>)[]): Promise<void> {
  await soon(async () => {
    for (const check of checks) if (!(await check())) throw new Error(`not yet: ${String(check)}`);
  });
}

async function isThere(kube: Kube, resource: Resource, key: { readonly namespace?: string; readonly name: string }): Promise<boolean> {
  return kube.get(resource, key).then(() => true, (error: unknown) => {
    if (isKubeError(error, 'NotFound')) return false;
    throw error;
  });
}

describe('vfleet uninstall --remains', () => {
  const open = new AsyncDisposableStack();
  let admin: Kube;
  let kubeconfig: string;
  const networks = [api.sriovNetworks, api.sriovIbNetworks, api.ovsNetworks] as readonly Resource[];
  const held = [...networks.map((resource) => ({ resource, namespace: resource === api.ovsNetworks ? 'default' : NAMESPACE, name: 'net' })), { resource: api.poolConfigs as Resource, namespace: NAMESPACE, name: 'pool' }, { resource: api.operatorConfigs as Resource, namespace: NAMESPACE, name: 'default' }];
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name: 'operator-1', labels: podLabelsOf('operator') }, spec: { containers: [{ name: 'operator', image: 'vfleet' }] } } as const;

  beforeAll(async () => {
    const folder = open.adopt(mkdtempSync(join(tmpdir(), 'vfleet-removal-')), (path) => rmSync(path, { recursive: true }));
    const [clock, random, log] = [new RealClock(), new SystemRandom(), silentLog];
    const server = createApiServer({ clock, random, log });
    const served = open.adopt(await serve(server, { port: 0, host: '127.0.0.1', folder }), (one) => one.close());
    kubeconfig = served.kubeconfigPath;
    admin = server.client();
    await applyManifest(admin, readManifest(readFileSync(join(import.meta.dirname, '../../deploy/install.yaml'), 'utf8')));
    await admin.create(api.customResourceDefinitionResource, api.networkAttachmentDefinitionCrd());
    await soon(() => admin.list(api.networkAttachmentDefinitions, { namespace: 'default' }));
    const ports = { kube: server.client({ fieldManager: 'operator' }), clock, random, log };
    const operator = createOperator(ports, { namespace: NAMESPACE, resourcePrefix: 'openshift.io', identity: 'a', leaderElection: true });
    operator.start();
    const spec = { [api.poolConfigs.plural]: { maxUnavailable: 1 } } as Readonly<Record<string, object>>;
    for (const { resource, namespace, name } of held.filter((one) => one.name !== 'default')) {
      const object = { apiVersion: `${resource.group}/${resource.version}`, kind: resource.kind, metadata: { namespace, name }, spec: spec[resource.plural] ?? { resourceName: 'nics' } };
      await soon(() => admin.create(resource, object as KubeObject).catch((error: unknown) => {
        if (!isKubeError(error, 'AlreadyExists')) throw error;
      }));
    }
    await until(held.filter((one) => one.namespace === NAMESPACE).map(({ resource, namespace, name }) => async () => (await admin.get(resource, { namespace, name })).metadata.finalizers?.length === 1));
    // Behind its Service, as in a cluster: there its webhook configurations outlive it. Nobody answers for that Service here.
    const admission = await serveAdmission(ports, { namespace: NAMESPACE, resourcePrefix: 'openshift.io', port: 0, host: '127.0.0.1', reachedBy: { kind: 'service' }, limits: { quietMs: 0 }, certificates: 'own', signal: new AbortController().signal });
    const made = [...madeObjects.filter(({ resource }) => resource !== api.configMapResource), { resource: api.mutatingWebhookConfigurations, name: webhookNames.injectorConfiguration }];
    await until(made.map(({ resource, name }) => () => isThere(admin, resource, resource.namespaced ? { namespace: NAMESPACE, name } : { name })));
    await admission.stop();
    await operator.stop();
  }, 600_000);
  afterAll(() => open.disposeAsync());

  const say = async (...words: readonly string[]) => {
    let text = '';
    const write = (more: string) => void (text += more);
    const status = await run(['uninstall', '--remains', '--kubeconfig', kubeconfig, ...words], { environment: {}, terminal: { out: write, err: write, colours: false } });
    return { status, text };
  };

  test('touches nothing while a pod of the operator is there, and says what to do', async () => {
    // The webhook of the injector answers nobody now: a pod that it is not asked about.
    await admin.create(api.pods, { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, 'sriovnetwork.openshift.io/inject-resources': 'false' } } } as unknown as api.Pod);
    expect(await say('--wait', '0')).toEqual({ status: 1, text: expect.stringMatching(/operator still runs: operator-1 in sriov-network-operator[^]*Delete its Deployment first/) });
    expect(await isThere(admin, api.mutatingWebhookConfigurations, { name: webhookNames.injectorConfiguration })).toBe(true);
    await admin.delete(api.pods, { namespace: NAMESPACE, name: 'operator-1' }, { gracePeriodSeconds: 0 });
  });

  test('before it no pod can be created; after it pods can be, and custom resources go at once', async () => {
    const plain = { ...pod, metadata: { namespace: 'default', name: 'plain' } } as unknown as api.Pod;
    await admin.create(api.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'default' } }).catch((error: unknown) => {
      if (!isKubeError(error, 'AlreadyExists')) throw error;
    });
    await expect(admin.create(api.pods, plain)).rejects.toThrow(/network-resources-injector/);
    expect(await say()).toEqual({ status: 0, text: expect.stringMatching(/finalizers taken off: [45]\.\n$/) });
    await admin.create(api.pods, plain);
    for (const { resource, name } of madeObjects) expect([name, await isThere(admin, resource, { namespace: NAMESPACE, name })]).toEqual([name, false]);
    for (const { resource, namespace, name } of held) {
      await admin.delete(resource, { namespace, name });
      expect([resource.kind, await isThere(admin, resource, { namespace, name })]).toEqual([resource.kind, false]);
    }
  });

  test('again it finds nothing to do, also where the kinds are gone', async () => {
    expect(await say()).toEqual({ status: 0, text: expect.stringContaining('finalizers taken off: 0.') });
    for (const { metadata: { name } } of api.customResourceDefinitions()) await admin.delete(api.customResourceDefinitionResource, { name });
    await soon(async () => expect(await say()).toEqual({ status: 0, text: expect.stringContaining('finalizers taken off: 0.') }));
  });
});

test('somebody else\'s finalizers stay, Nodes lose our marks, and a write between reading and writing loses nothing', async () => {
  const clock = new SimClock();
  const kube = createApiServer({ clock, random: new SystemRandom() }).client();
  await clock.settle(applyManifest(kube, api.customResourceDefinitions() as unknown as readonly KubeObject[]).then(() => kube.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } })));
  await clock.run(5_000);
  const key = { namespace: NAMESPACE, name: 'pool' };
  await kube.create(api.poolConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkPoolConfig', metadata: { ...key, finalizers: [finalizers.poolConfig, 'example.com/other'] }, spec: {} });
  const marked = { annotations: { [nodeAnnotations.state]: '{}', [CORDONED_ANNOTATION]: 'true', 'example.com/other': 'kept' }, labels: { [nodeLabels.devicePlugin]: 'Enabled', other: 'kept' } };
  await kube.create(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'drained', ...marked }, spec: { unschedulable: true } });
  await kube.create(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'cordoned-by-hand' }, spec: { unschedulable: true } });
  const undisturbed = new Set<string>();
  const patch: Kube['patch'] = async (resource, object, change, options) => {
    if (!undisturbed.has(resource.plural)) await kube.patch(resource, object, { type: 'merge', patch: { metadata: { labels: { written: 'meanwhile' } } } });
    undisturbed.add(resource.plural);
    return kube.patch(resource, object, change, options);
  };
  const disturbed: Kube = {
    get: kube.get.bind(kube), list: kube.list.bind(kube), watch: kube.watch.bind(kube), create: kube.create.bind(kube), update: kube.update.bind(kube), patch,
    delete: kube.delete.bind(kube), evict: kube.evict.bind(kube), bind: kube.bind.bind(kube),
  };
  const removal = await clock.settle(removeRemains({ kube: disturbed, clock }, NAMESPACE, 0));
  expect(removal).toEqual({ kind: 'done', released: 1, nodes: 1 });
  const [drained, byHand] = [await kube.get(api.nodes, { name: 'drained' }), await kube.get(api.nodes, { name: 'cordoned-by-hand' })];
  expect([drained.metadata.annotations, drained.metadata.labels, drained.spec?.unschedulable, byHand.spec?.unschedulable]).toEqual([{ 'example.com/other': 'kept' }, expect.objectContaining({ other: 'kept', written: 'meanwhile' }), undefined, true]);
  expect(drained.metadata.labels).not.toHaveProperty([nodeLabels.devicePlugin]);
  expect((await kube.get(api.poolConfigs, key)).metadata).toMatchObject({ finalizers: ['example.com/other'], labels: { written: 'meanwhile' } });
});
