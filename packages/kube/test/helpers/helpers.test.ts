// Goal: the small helpers write no more than needed and keep what others wrote. Method: examples of each.
import { KubeError, SeededRandom, SimClock } from '@vfleet/core';
import type { Condition } from '@vfleet/core';
import { describe, expect, test } from 'vitest';
import {
  addFinalizerPatch, applyMergePatch, backoffMs, findCondition, isConditionTrue, isOwnedBy, keyText, objectKey, ownerReferenceTo, parseKeyText, removeCondition,
  removeFinalizerPatch, retryOnConflict, setCondition, withOwner,
} from '../../src/index.ts';
import { thing } from '../support/simulation.ts';

describe('conditions', () => {
  const clock = new SimClock();
  const ready = { type: 'Ready', status: 'False', reason: 'Missing', message: 'no namespace' } as const;

  test('the time changes with the status only, and nothing new is the same array', async () => {
    const first = setCondition(undefined, ready, clock);
    expect(first).toEqual([{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
    await clock.run(5_000);
    expect(setCondition(first, ready, clock)).toBe(first);
    const other = setCondition(first, { ...ready, message: 'still none', observedGeneration: 2 }, clock);
    expect(other[0]).toMatchObject({ message: 'still none', observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z' });
    const flipped = setCondition(other, { ...ready, status: 'True' }, clock);
    expect(flipped[0]!.lastTransitionTime).toBe('2026-01-01T00:00:05Z');
    expect([isConditionTrue(flipped, 'Ready'), isConditionTrue(first, 'Ready'), isConditionTrue(undefined, 'Ready')]).toEqual([true, false, false]);
  });

  test('other conditions keep their place', () => {
    const others: readonly Condition[] = ['A', 'Ready', 'B'].map((type) => ({ type, status: 'True', reason: 'R', message: '', lastTransitionTime: 't' }));
    expect(setCondition(others, ready, clock).map(({ type }) => type)).toEqual(['A', 'Ready', 'B']);
    expect(removeCondition(others, 'A').map(({ type }) => type)).toEqual(['Ready', 'B']);
    expect(removeCondition(others, 'C')).toBe(others);
    expect(findCondition(others, 'B')).toBe(others[2]);
  });
});

describe('owners', () => {
  const owner = thing('owner', 0, { uid: 'u1' });

  test('a reference is added once and replaced when it changed', () => {
    const reference = ownerReferenceTo(owner, { controller: true });
    const once = withOwner(undefined, reference);
    expect(once).toEqual([{ apiVersion: 'test/v1', kind: 'Thing', name: 'owner', uid: 'u1', controller: true }]);
    expect(withOwner(once, ownerReferenceTo(owner, { controller: true }))).toBe(once);
    expect(withOwner(once, ownerReferenceTo(owner))).toEqual([ownerReferenceTo(owner)]);
    expect(isOwnedBy(thing('x', 0, { ownerReferences: once }), owner)).toBe(true);
    expect(isOwnedBy(thing('x'), owner)).toBe(false);
    expect(() => ownerReferenceTo(thing('never stored'))).toThrow('no uid');
  });
});

describe('finalizers', () => {
  test('added and removed by patches that cannot overwrite a newer list', () => {
    const object = thing('a', 0, { resourceVersion: '7', finalizers: ['other'] });
    const add = addFinalizerPatch(object, 'mine');
    expect(add).toEqual({ type: 'merge', patch: { metadata: { finalizers: ['other', 'mine'], resourceVersion: '7' } } });
    expect(addFinalizerPatch(object, 'other')).toBeUndefined();
    expect(addFinalizerPatch(thing('a', 0, { deletionTimestamp: 't' }), 'mine')).toBeUndefined();
    expect(removeFinalizerPatch(object, 'mine')).toBeUndefined();
    const remove = removeFinalizerPatch(object, 'other');
    expect(remove?.type === 'merge' && applyMergePatch(object, remove.patch)).toMatchObject({ metadata: { name: 'a', resourceVersion: '7' } });
    expect(remove?.type === 'merge' && applyMergePatch(object, remove.patch)).not.toHaveProperty('metadata.finalizers');
  });
});

describe('retrying', () => {
  test('conflicts are tried again, other errors and too many conflicts are thrown', async () => {
    const clock = new SimClock();
    const ports = { clock, random: new SeededRandom(1) };
    const failing = (times: number, error: Error) => {
      let calls = 0;
      return { attempt: async () => { if (calls++ < times) throw error; return calls; } };
    };
    const conflict = new KubeError('Conflict', 409, 'newer');
    const settle = async <Value>(promise: Promise<Value>) => {
      const settled = promise.then((value) => ({ value }), (error: unknown) => ({ error }));
      await clock.run();
      return settled;
    };
    expect(await settle(retryOnConflict(ports, failing(3, conflict).attempt))).toEqual({ value: 4 });
    expect(await settle(retryOnConflict(ports, failing(9, conflict).attempt, 3))).toEqual({ error: conflict });
    const gone = new KubeError('NotFound', 404, 'gone');
    expect(await settle(retryOnConflict(ports, failing(1, gone).attempt))).toEqual({ error: gone });
  });

  test('backoff doubles to its limit and spreads by half', () => {
    const random = (value: number) => ({ ...new SeededRandom(1), next: () => value, integer: () => 0, uuid: () => '', suffix: () => '' });
    const limits = { initialMs: 100, maxMs: 1000 };
    expect([1, 2, 3, 4, 5, 50].map((failures) => backoffMs(limits, failures, random(0.5)))).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect([backoffMs(limits, 1, random(0)), backoffMs(limits, 1, random(0.999))]).toEqual([50, 150]);
  });
});

test('keys are texts and back', () => {
  expect([keyText({ namespace: 'a', name: 'b' }), keyText({ name: 'b' })]).toEqual(['a/b', 'b']);
  expect([parseKeyText('a/b'), parseKeyText('b')]).toEqual([{ namespace: 'a', name: 'b' }, { name: 'b' }]);
  expect(objectKey(thing('x'))).toEqual({ namespace: 'default', name: 'x' });
});
