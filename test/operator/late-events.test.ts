// Goal: the operator is as quick as its API server: what it wrote and has not seen yet holds it up until the event comes, and no longer.
// Method: the whole operator under simulated time, with watch events that come 80 ms after the answers to the writes, as they may
// from a real API server; the drains of a pool are timed.
import { expect, test } from 'vitest';
import type { Clock, Kube } from '@vfleet/core';
import { nodeStateAnnotations, silentLog } from '@vfleet/core';
import { createOperator } from '@vfleet/controllers';
import { nodeStates, nodes } from '@vfleet/kube';
import { NAMESPACE, addNode, addPod, addPool, askDrain, buryPods, nic, report, world } from './harness.ts';

const LATE_MS = 80;

function withLateEvents(kube: Kube, clock: Clock): Kube {
  return new Proxy(kube, {
    get: (target, property) => {
      if (property !== 'watch') return Reflect.get(target, property).bind(target);
      const watch: Kube['watch'] = (resource, options, sink) =>
        kube.watch(resource, options, { event: (event) => void clock.setTimer(LATE_MS, () => sink.event(event)), end: (error) => void clock.setTimer(LATE_MS, () => sink.end(error)) });
      return watch;
    },
  });
}

test('nodes of a pool are drained one after the other without a pause', async () => {
  const { kube, clock, server } = await world();
  const operator = createOperator({ clock, random: { next: () => 0.5, integer: () => 0, uuid: () => 'u', suffix: (length) => 'x'.repeat(length) }, log: silentLog, kube: withLateEvents(server.client(), clock) }, { identity: 'a', leaderElection: false });
  operator.start();
  const names = ['w1', 'w2', 'w3'];
  for (const name of names) await addNode(kube, name, { rack: 'a' });
  await clock.run(3_000);
  for (const name of names) await report(kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'InProgress' });
  await addPool(kube, 'one', { maxUnavailable: 1, nodeSelector: { matchLabels: { rack: 'a' } } });
  buryPods(kube, clock, 100);
  for (const name of names) await addPod(kube, `user-${name}`, { node: name, devices: true });
  await clock.run(3_000);
  for (const name of names) await askDrain(kube, name, 'Drain_Required');
  // What daemons do: they give the node back as soon as it is drained.
  kube.watch(nodeStates, { namespace: NAMESPACE }, {
    event: (event) => {
      if (event.type === 'MODIFIED' && event.object.metadata.annotations?.[nodeStateAnnotations.currentState] === 'DrainComplete') void askDrain(kube, event.object.metadata.name, 'Idle');
    },
    end: () => undefined,
  });
  await clock.run(12_000);
  const progress = (await kube.list(nodeStates)).items.map(({ metadata }) => metadata.annotations?.[nodeStateAnnotations.currentState]);
  const wishes = (await kube.list(nodes)).items.map(({ metadata }) => metadata.annotations?.['sriovnetwork.openshift.io/state']);
  expect({ progress, wishes }).toEqual({ progress: ['Idle', 'Idle', 'Idle'], wishes: ['Idle', 'Idle', 'Idle'] });
  await operator.stop();
});
