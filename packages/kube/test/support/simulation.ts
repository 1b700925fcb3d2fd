import type { KubeObject, Resource } from '@vfleet/core';
import { SeededRandom, SimClock, silentLog } from '@vfleet/core';
import { FakeKube } from './fake-kube.ts';

export interface Thing extends KubeObject {
  readonly spec: { readonly value: number };
}

export const things: Resource<Thing> = { group: 'test', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };

export function thing(name: string, value = 0, metadata: Partial<KubeObject['metadata']> = {}): Thing {
  return { apiVersion: 'test/v1', kind: 'Thing', metadata: { name, namespace: 'default', ...metadata }, spec: { value } };
}

export function simulation(seed: string | number = 1) {
  const clock = new SimClock();
  return { clock, kube: new FakeKube(clock), random: new SeededRandom(seed), log: silentLog };
}
