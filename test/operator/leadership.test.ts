import { expect, test } from 'vitest';
import { KubeError } from '@vfleet/core';
import { createOperator } from '@vfleet/controllers';
import { LEASE_NAME } from '@vfleet/controllers';
import { leases, nodeStates } from '@vfleet/kube';
import { SeededRandom, silentLog } from '@vfleet/core';
import { NAMESPACE, addNode, addPolicy, recordingKube, world } from './harness.ts';

// Goal: of several operators one works; when it goes or is cut off another takes over, and the first writes nothing any more.
// Method: two whole operators with their own clients against one API server under simulated time.

async function two() {
  const { kube, clock, server } = await world();
  const make = (identity: string) => {
    const client = recordingKube(server.client());
    const operator = createOperator({ kube: client, clock, random: new SeededRandom(identity), log: silentLog }, { identity });
    operator.start();
    return { client, operator, works: () => client.writes.filter((write) => write.plural !== 'leases').length };
  };
  const first = make('first');
  await clock.run(5000);
  const second = make('second');
  await clock.run(5000);
  return { kube, clock, first, second };
}

test('one works, the other waits; when it stops the other takes over at once', async () => {
  const { kube, clock, first, second } = await two();
  await addNode(kube, 'w1');
  await clock.run(5000);
  expect([first.operator.leading, second.operator.leading, second.works()]).toEqual([true, false, 0]);
  expect((await kube.get(leases, { namespace: NAMESPACE, name: LEASE_NAME })).spec?.holderIdentity).toMatch(/^first_/);
  let stopped = false;
  void first.operator.stop().then(() => {
    stopped = true;
  });
  await clock.run(6000);
  expect([stopped, first.operator.leading, second.operator.leading]).toEqual([true, false, true]);
  await addNode(kube, 'w2');
  await clock.run(5000);
  expect((await kube.list(nodeStates)).items).toHaveLength(2);
  void second.operator.stop();
  await clock.run(20_000);
});

test('a leader that is cut off stops writing before another one starts', async () => {
  const { kube, clock, first, second } = await two();
  await addNode(kube, 'w1');
  await clock.run(5000);
  const cutOff = () => new KubeError('Unreachable', 0, 'cut off');
  first.client.refuse = (write) => (write.plural === 'leases' ? cutOff() : undefined);
  const get = first.client.get;
  first.client.get = async (resource, key) => {
    if (resource.plural === 'leases') throw cutOff();
    return get(resource, key);
  };
  let overlap = false;
  for (let seconds = 0; seconds < 60; seconds++) {
    await clock.run(1000);
    overlap ||= first.operator.leading && second.operator.leading;
  }
  expect([overlap, first.operator.leading, second.operator.leading]).toEqual([false, false, true]);
  const before = first.works();
  await addPolicy(kube, 'p', {});
  await addNode(kube, 'w2');
  await clock.run(10_000);
  expect(first.works()).toBe(before);
  expect((await kube.list(nodeStates)).items).toHaveLength(2);
  void first.operator.stop();
  void second.operator.stop();
  await clock.run(20_000);
});
