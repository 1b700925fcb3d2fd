// Goal: what the configuration asks to be logged is told when it is known and on each change, and logs follow. Method: the whole operator against an
// in-process API server under simulated time; and the log that processes write.
import { expect, test } from 'vitest';
import type { LogLevel } from '@vfleet/core';
import { SeededRandom, silentLog } from '@vfleet/core';
import { createOperator } from '@vfleet/controllers';
import { operatorConfigs } from '@vfleet/kube';
import { JsonLinesLog } from '@vfleet/cli/log.ts';
import { NAMESPACE, world } from './harness.ts';

test('levels of the configuration "default" are told, and of no other', async () => {
  const { clock, kube, server } = await world();
  const told: (LogLevel | undefined)[] = [];
  const operator = createOperator({ kube: server.client(), clock, random: new SeededRandom(1), log: silentLog }, { identity: 'a', leaderElection: false }, { onLogLevel: (level) => told.push(level) });
  operator.start();
  await clock.run(5000);
  const key = { namespace: NAMESPACE, name: 'default' };
  const set = async (spec: object) => {
    await kube.patch(operatorConfigs, key, { type: 'merge', patch: { spec } });
    await clock.run(1000);
  };
  // The operator's own configuration asks for all.
  expect(told).toEqual(['debug']);
  await set({ disableDrain: true });
  await set({ logLevel: 0 });
  await set({ logLevel: 1 });
  await set({ logLevel: null });
  await set({ logLevel: 2 });
  await kube.create(operatorConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovOperatorConfig', metadata: { namespace: NAMESPACE, name: 'other' }, spec: { logLevel: 0 } });
  await clock.run(1000);
  expect(told).toEqual(['debug', 'info', undefined, 'debug']);
  await kube.delete(operatorConfigs, key);
  await clock.run(1000);
  expect(told.at(-1)).toBeUndefined();
  await operator.stop();
});

test('a log writes what its level lets through at that moment, and so do those made of it', () => {
  const lines: string[] = [];
  let level: LogLevel = 'info';
  const log = new JsonLinesLog((line) => lines.push((JSON.parse(line) as { message: string }).message), () => level).with({ component: 'x' });
  log.debug('one');
  log.info('two');
  level = 'debug';
  log.debug('three');
  level = 'error';
  log.warn('four');
  log.error('five');
  expect(lines).toEqual(['two', 'three', 'five']);
});
