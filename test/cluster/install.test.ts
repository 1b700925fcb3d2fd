// Goal: a real API server takes the manifest as it is, without a warning, again without a change, and lets all of it go. Method: kubectl
// with its own strict validation; then what is stored, and what the server makes of the pods' templates.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import type { Kube, KubeObject } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import type { RealApiServer } from '../../tools/rigs/real-cluster.ts';
import { readManifest, resourceOf } from '../installation/apply.ts';
import { MANIFEST, install, kubectl } from './rbac-install.ts';
import { realServerIsBuilt } from './servers.ts';

const objects = readManifest(readFileSync(MANIFEST, 'utf8'));

describe.skipIf(!(await realServerIsBuilt()))('deploy/install.yaml on a real API server', () => {
  const open = new AsyncDisposableStack();
  let server: RealApiServer;
  let kube: Kube;

  beforeAll(async () => {
    server = open.adopt(await startRealApiServer({ unsafeNoFsync: true }), (running) => running.stop());
    kube = open.adopt(kubeFromConfigFile(server.kubeconfig), (one) => one.close());
  }, 300_000);
  afterAll(() => open.disposeAsync());

  test('is created, then unchanged', { timeout: 300_000 }, async () => {
    expect((await install(server)).filter((line) => !line.endsWith(' created'))).toEqual([]);
    expect((await install(server)).filter((line) => !line.endsWith(' unchanged'))).toEqual([]);
  });

  test('nothing of it was dropped or changed by the server beyond its defaults', async () => {
    for (const object of objects) expect(await kube.get(resourceOf(object), object.metadata)).toMatchObject({ metadata: { name: object.metadata.name }, ...('rules' in object ? { rules: object.rules } : {}) });
  });

  test('pods of its templates are admitted as they are, with their accounts, priorities and security', { timeout: 120_000 }, async () => {
    for (const { kind, metadata: { namespace = '', name }, spec } of objects as readonly (KubeObject & { readonly spec?: { readonly template?: { readonly metadata: object; readonly spec: { readonly serviceAccountName: string; readonly priorityClassName: string } } } })[]) {
      if (spec?.template === undefined) continue;
      // A DaemonSet's controller names the node; here nobody does.
      const made = await kube.create(api.pods, { apiVersion: 'v1', kind: 'Pod', metadata: { ...spec.template.metadata, namespace, name: `a-${kind.toLowerCase()}` }, spec: spec.template.spec } as unknown as api.Pod);
      expect(made.spec).toMatchObject({ serviceAccountName: name, priority: expect.any(Number), volumes: expect.arrayContaining([expect.objectContaining({ name: expect.stringMatching(/^kube-api-access-/) })]) });
    }
  });

  test('is deleted', { timeout: 300_000 }, async () => {
    // Nobody ends pods and empties namespaces here, where there is no controller manager and no kubelet.
    for (const name of ['a-deployment', 'a-daemonset']) await kube.delete(api.pods, { namespace: 'sriov-network-operator', name }, { gracePeriodSeconds: 0 });
    await kubectl(server, 'delete', '-f', MANIFEST, '--wait=false');
    for (const object of objects) {
      if (object.kind === 'Namespace' || object.kind === 'CustomResourceDefinition') continue;
      expect([object.kind, object.metadata.name, await isThere(kube, object)]).toEqual([object.kind, object.metadata.name, false]);
    }
  });
});

/** One that is on its way out does not count. */
async function isThere(kube: Kube, object: KubeObject): Promise<boolean> {
  try {
    return (await kube.get(resourceOf(object), object.metadata)).metadata.deletionTimestamp === undefined;
  } catch (error) {
    if (isKubeError(error, 'NotFound')) return false;
    throw error;
  }
}
