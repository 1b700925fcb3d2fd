import { expect, test } from 'vitest';
import type { Kube } from '@vfleet/core';
import { KubeError, SeededRandom, SimClock, silentLog } from '@vfleet/core';
import type { CoreEvent } from '@vfleet/kube';
import { ApiEvents, eventLimitsDefault } from '@vfleet/kube';

// Goal: Events tell what happened without ever failing a controller or flooding the API server.
// Method: a recorder over a Kube that notes creations and patches, under simulated time.

function recorder(limits = {}) {
  const clock = new SimClock();
  const created: CoreEvent[] = [];
  const patched: { readonly name: string; readonly patch: unknown }[] = [];
  const faults: { error?: KubeError } = {};
  const kube = {
    create: async (_: unknown, event: CoreEvent) => {
      await clock.sleep(5);
      if (faults.error !== undefined) throw faults.error;
      created.push(event);
      return event;
    },
    patch: async (_: unknown, key: { readonly name: string }, { patch }: { readonly patch: unknown }) => {
      if (faults.error !== undefined) throw faults.error;
      patched.push({ name: key.name, patch });
    },
    // The recorder only creates and patches.
  } as unknown as Kube;
  const events = new ApiEvents({ kube, clock, random: new SeededRandom(1), log: silentLog }, { component: 'sriov-operator', instance: 'pod-1' }, { ...eventLimitsDefault, ...limits });
  return { clock, created, patched, faults, events };
}

const about = (name: string, namespace?: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name, uid: `uid-${name}`, resourceVersion: '7', ...(namespace === undefined ? {} : { namespace }) } });

test('an Event is what kubectl describe looks for', async () => {
  const { clock, created, events } = recorder();
  events.record('Warning', about('w1'), 'DrainFailed', 'a sentence');
  await clock.run();
  expect(created).toMatchObject([
    {
      apiVersion: 'v1', kind: 'Event', type: 'Warning', reason: 'DrainFailed', message: 'a sentence', count: 1,
      metadata: { namespace: 'default', name: expect.stringMatching(/^w1\.[a-z0-9]{16}$/) },
      involvedObject: { apiVersion: 'v1', kind: 'Node', name: 'w1', uid: 'uid-w1', resourceVersion: '7' },
      source: { component: 'sriov-operator' }, reportingComponent: 'sriov-operator', reportingInstance: 'pod-1',
      firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:00Z',
    },
  ]);
  events.record('Normal', about('p', 'shop'), 'Evicted', 'gone');
  await clock.run();
  expect(created[1]).toMatchObject({ metadata: { namespace: 'shop' }, involvedObject: { namespace: 'shop' } });
});

test('repeats are counted on the first one, even while that is under way', async () => {
  const { clock, created, patched, events } = recorder();
  for (let times = 0; times < 4; times++) events.record('Normal', about('w1'), 'Drained', 'again');
  await clock.run();
  expect(created).toHaveLength(1);
  expect(patched.at(-1)).toEqual({ name: created[0]!.metadata.name, patch: { count: 4, message: 'again', lastTimestamp: '2026-01-01T00:00:00Z' } });
});

test('many different messages about one thing become one', async () => {
  const { clock, created, patched, events } = recorder({ similarMax: 4 });
  for (let index = 0; index < 10; index++) events.record('Normal', about('w1'), 'Evicted', `pod ${index}`);
  events.record('Normal', about('w2'), 'Evicted', 'pod 0');
  await clock.run();
  expect(created.map((event) => event.message)).toEqual(['pod 0', 'pod 1', 'pod 2', '(combined from similar events): pod 3', 'pod 0']);
  expect(patched.at(-1)).toMatchObject({ patch: { count: 7 } });
});

test('a flood is cut off, and goes on later', async () => {
  const { clock, created, events } = recorder({ burst: 5, perSecond: 1 });
  for (let index = 0; index < 50; index++) events.record('Normal', about(`w${index}`), 'Drained', 'x');
  await clock.run();
  expect(created).toHaveLength(5);
  await clock.run(2000);
  for (let index = 50; index < 60; index++) events.record('Normal', about(`w${index}`), 'Drained', 'x');
  await clock.run();
  expect(created).toHaveLength(7);
});

test('a refusal is no failure, and the next occurrence is a new Event', async () => {
  const { clock, created, faults, events } = recorder();
  faults.error = new KubeError('Forbidden', 403, 'the namespace is going away');
  events.record('Normal', about('w1'), 'Drained', 'x');
  await clock.run();
  delete faults.error;
  events.record('Normal', about('w1'), 'Drained', 'x');
  await clock.run();
  expect(created).toHaveLength(1);
  faults.error = new KubeError('NotFound', 404, 'expired');
  events.record('Normal', about('w1'), 'Drained', 'x');
  await clock.run();
  delete faults.error;
  events.record('Normal', about('w1'), 'Drained', 'x');
  await clock.run();
  expect(created).toHaveLength(2);
});
