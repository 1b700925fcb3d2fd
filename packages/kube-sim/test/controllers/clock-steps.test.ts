// Goal: a host whose clock is set, ahead or back, loses nothing of its cluster: nodes stay ready, pods stay, watches go on, and nothing
// is ended early or late. Method: a running cluster under simulated time whose wall clock is stepped; what counts durations must not notice.
import { expect, test } from 'vitest';
import type { KubeObject } from '@vfleet/core';
import { deployments, jobs, leases, nodes, pods } from '@vfleet/kube';
import { rig } from '../kubelet/harness.ts';

const DAY_MS = 86_400_000;

const workload = (name: string, more: object = {}): KubeObject => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' },
  spec: { replicas: 3, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'm', image: 'i:1' }] } } }, ...more,
} as KubeObject);

test.each([['a day ahead', DAY_MS], ['a day back', -DAY_MS], ['to before 1970', -80 * 365 * DAY_MS], ['forty years ahead', 40 * 365 * DAY_MS]])('%s', async (_name, byMs) => {
  const one = await rig(['a', 'b'].map((name) => ({ name })));
  const { cluster } = one;
  const heard: string[] = [];
  cluster.kube.watch(pods, { resourceVersion: cluster.apiServer.resourceVersion }, { event: (event) => void (event.type !== 'BOOKMARK' && heard.push(`${event.type} ${event.object.metadata.name}`)), end: (error) => void heard.push(`ended ${String(error)}`) });
  await cluster.kube.create(deployments, workload('web') as never);
  await one.run(30_000);
  const before = (await cluster.kube.list(pods)).items.map(({ metadata }) => metadata.uid).sort();
  expect(before).toHaveLength(3);
  const versions = () => Number(cluster.apiServer.resourceVersion);
  const versionBefore = versions();
  heard.length = 0;

  one.clock.stepWallClock(byMs);
  await one.run(120_000);

  const after = (await cluster.kube.list(pods)).items;
  expect(after.map(({ metadata }) => metadata.uid).sort()).toEqual(before);
  expect(after.every(({ status }) => status?.phase === 'Running' && status.containerStatuses?.every(({ restartCount }) => restartCount === 0))).toBe(true);
  for (const node of (await cluster.kube.list(nodes)).items) {
    expect(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    expect(node.spec?.taints ?? []).toEqual([]);
  }
  // Heartbeats go on, in the new time, and versions only rise.
  const renewed = (await cluster.kube.list(leases, { namespace: 'kube-node-lease' })).items.map(({ spec }) => Date.parse(spec?.renewTime ?? ''));
  expect(renewed).toHaveLength(2);
  for (const time of renewed) expect(Math.abs(time - one.clock.now())).toBeLessThan(60_000);
  expect(versions()).toBeGreaterThan(versionBefore);
  expect(heard.filter((what) => /^(ended|DELETED)/.test(what))).toEqual([]);

  // What is begun afterwards takes as long as it should, and is ordered after what was there.
  await cluster.kube.create(deployments, workload('later') as never);
  await one.run(30_000);
  expect((await cluster.kube.list(pods)).items).toHaveLength(6);
  await cluster.kube.delete(deployments, { namespace: 'default', name: 'web' }, { propagationPolicy: 'Foreground' });
  await one.run(120_000);
  expect((await cluster.kube.list(pods)).items).toHaveLength(3);
  await cluster.stop();
});

test('a Job with a deadline is not ended by a clock that goes back', async () => {
  const one = await rig([{ name: 'a' }]);
  const { cluster } = one;
  await cluster.kube.create(jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', namespace: 'default' }, spec: { activeDeadlineSeconds: 600, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i', command: ['sleep', '10000'] }] } } } } as never);
  await one.run(60_000);
  const conditions = async () => (await cluster.kube.get(jobs, { namespace: 'default', name: 'j' })).status?.conditions?.map(({ type }) => type) ?? [];
  one.clock.stepWallClock(-DAY_MS);
  await one.run(60_000);
  expect(await conditions()).not.toContain('Failed');
  await cluster.stop();
});
