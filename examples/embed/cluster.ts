/**
 * An embedded Kubernetes for the tests of your own controller: in process, no sockets, under a clock that you move. The same seed
 * gives the same objects, names and uids every time. Run: node examples/embed/cluster.ts
 */
import { SeededRandom, SimClock } from '@vfleet/core';
import type { Kube } from '@vfleet/core';
import { configMapResource, deployments, pods } from '@vfleet/kube';
import { createCluster } from '@vfleet/kube-sim';

const clock = new SimClock();
const cluster = createCluster({ clock, random: new SeededRandom('my test'), nodes: [{ name: 'node-a' }, { name: 'node-b' }] });
await settle(cluster.start());
const kube: Kube = cluster.kube;

// A controller under test: it notes every pod that runs in a ConfigMap.
const seen = new Set<string>();
const watch = kube.watch(pods, { namespace: 'default', allowBookmarks: true }, {
  event(event) {
    if (event.type === 'MODIFIED' && event.object.status?.phase === 'Running') seen.add(event.object.metadata.name);
  },
  end() {},
});

await kube.create(deployments, {
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' },
  spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web' }] } } },
});
// A minute passes, in a few milliseconds.
await clock.run(60_000);
await kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'seen', namespace: 'default' }, data: { pods: [...seen].sort().join('\n') } });

const { items } = await kube.list(pods, { namespace: 'default' });
console.log(`${items.length} pods on ${new Set(items.map((pod) => pod.spec?.nodeName)).size} nodes, ${seen.size} seen running`);
watch.stop();
await settle(cluster.stop());

/** Moves simulated time until a promise settles: whatever waits, waits for the clock. */
async function settle<Value>(promise: Promise<Value>): Promise<Value> {
  const progress = { done: false };
  const finished = promise.finally(() => (progress.done = true));
  while (!progress.done) await clock.run(10);
  return finished;
}
