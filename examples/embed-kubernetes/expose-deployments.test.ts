// Goal: the controller does its work on a real API's behaviour: watches, conflicts, owners, a garbage collector, pods that run. Method: the
// embedded Kubernetes in this process, under a clock that the test moves.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom, SimClock, isKubeError, silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real';
import type { Deployment } from '@vfleet/kube';
import { deployments, pods, services } from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/kubeconfig';
import { createCluster } from '@vfleet/kube-sim';
import type { Cluster } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/serve';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PORT_ANNOTATION, exposeDeployments } from './expose-deployments.ts';

const web = { namespace: 'default', name: 'web' };

function deployment(port: string): Deployment {
  return {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...web, annotations: { [PORT_ANNOTATION]: port } },
    spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web' }] } } },
  };
}

describe('in simulated time', () => {
  let clock: SimClock;
  let cluster: Cluster;
  let controller: { stop(): Promise<void> };

  beforeEach(async () => {
    clock = new SimClock();
    const random = new SeededRandom('my test');
    cluster = createCluster({ clock, random, nodes: [{ name: 'node-a' }, { name: 'node-b' }] });
    await clock.settle(cluster.start());
    controller = exposeDeployments({ kube: cluster.kube, clock, random, log: silentLog });
  });

  afterEach(async () => {
    await clock.settle(controller.stop());
    await clock.settle(cluster.stop());
  });

  test('a Deployment with the annotation gets a Service, which goes with it', async () => {
    await clock.settle(cluster.kube.create(deployments, deployment('8080')));
    // A minute passes, in milliseconds.
    await clock.run(60_000);
    const { items } = await clock.settle(cluster.kube.list(pods, { namespace: 'default' }));
    expect(items.map(({ status }) => status?.phase)).toEqual(['Running', 'Running', 'Running']);
    const service = await clock.settle(cluster.kube.get(services, web));
    expect(service.spec).toMatchObject({ selector: { app: 'web' }, ports: [{ port: 8080 }] });

    await clock.settle(cluster.kube.delete(deployments, web));
    await clock.run(60_000);
    const gone = await clock.settle(cluster.kube.get(services, web).catch((error: unknown) => error));
    expect(isKubeError(gone, 'NotFound')).toBe(true);
  });

  test('another port is followed', async () => {
    await clock.settle(cluster.kube.create(deployments, deployment('8080')));
    await clock.run(5_000);
    await clock.settle(cluster.kube.patch(deployments, web, { type: 'merge', patch: { metadata: { annotations: { [PORT_ANNOTATION]: '9090' } } } }));
    await clock.run(5_000);
    expect((await clock.settle(cluster.kube.get(services, web))).spec?.ports).toMatchObject([{ port: 9090 }]);
  });

  test.each(['', 'http', '70000'])('the port %j makes no Service', async (port) => {
    await clock.settle(cluster.kube.create(deployments, deployment(port)));
    await clock.run(60_000);
    expect((await clock.settle(cluster.kube.list(services, { namespace: 'default' }))).items.map(({ metadata }) => metadata.name)).toEqual([]);
  });
});

test('the same over HTTPS, as any client with a kubeconfig reaches it', { timeout: 300_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'embed-kubernetes-'));
  const clock = new RealClock();
  const random = new SystemRandom();
  const cluster = createCluster({ clock, random, nodes: [{ name: 'node-a' }] });
  await cluster.start();
  const server = await serve(cluster.apiServer, { port: 0, host: '127.0.0.1', folder });
  const kube = kubeFromConfigFile(server.kubeconfigPath);
  const controller = exposeDeployments({ kube, clock, random, log: silentLog });
  try {
    await kube.create(deployments, deployment('8080'));
    await expect.poll(async () => (await kube.list(services, { namespace: 'default' })).items.map(({ metadata }) => metadata.name), { timeout: 120_000 }).toContain('web');
  } finally {
    await controller.stop();
    kube.close();
    await server.close();
    await cluster.stop();
    rmSync(folder, { recursive: true });
  }
});
