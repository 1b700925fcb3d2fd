// Goal: the daemon never changes NICs on a permission that was not given to its present request, and daemon and operator together
// always come to an end.
// Method: every combination of the three annotations, and a model of the operator (contract §3) that takes turns with the daemon in
// every order that fast-check draws.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeAnnotations, nodeStateAnnotations } from '@vfleet/core';
import type { DrainProgress, DrainRequest } from '@vfleet/core';
import { drainView, isReleased, nextRequest, permissionOf, requestedOf } from '../../src/config-daemon/drain-protocol.ts';
import type { DrainView } from '../../src/config-daemon/drain-protocol.ts';

const requests: readonly DrainRequest[] = ['Idle', 'Drain_Required', 'Reboot_Required'];
const progresses: readonly DrainProgress[] = ['Idle', 'Draining', 'DrainComplete'];
const views: readonly DrainView[] = requests.flatMap((requested) =>
  [undefined, ...requests].flatMap((desired) => progresses.map((current) => ({ requested, ...(desired === undefined ? {} : { desired }), current }))),
);

describe('permission', () => {
  it('is given by a drain that is complete and answers the request that stands', () => {
    for (const view of views) {
      const given = permissionOf(view);
      const answered = view.current === 'DrainComplete' && view.requested !== 'Idle' && (view.desired === undefined || view.desired === view.requested);
      expect(given, JSON.stringify(view)).toBe(!answered ? 'none' : view.requested === 'Reboot_Required' ? 'reboot' : 'drain');
    }
  });
});

describe('requests', () => {
  it('begin only from Idle and Idle, and turn from drain to reboot, and from a reboot that was permitted to a drain, by way of Idle', () => {
    for (const view of views) {
      for (const wanted of ['Drain_Required', 'Reboot_Required'] as const) {
        const next = nextRequest(view, wanted);
        if (next === wanted) expect([view.requested, view.current]).toEqual(['Idle', 'Idle']);
        if (next === 'Idle') expect([['Drain_Required', 'Reboot_Required'], ['Reboot_Required', 'Drain_Required']]).toContainEqual([view.requested, wanted]);
        if (next === 'Idle' && view.requested === 'Reboot_Required') expect(view.current).toBe('DrainComplete');
        if (next === undefined) expect(view.requested === wanted || view.requested === 'Reboot_Required' || view.current !== 'Idle').toBe(true);
      }
    }
  });

  it('are read from the annotations, and strange values mean Idle', () => {
    const node = (state?: string) => ({ metadata: { name: 'n', ...(state === undefined ? {} : { annotations: { [nodeAnnotations.state]: state } }) } });
    expect([undefined, 'Idle', 'Drain_Required', 'Reboot_Required', 'drain', ''].map((text) => requestedOf(node(text)))).toEqual([
      'Idle', 'Idle', 'Drain_Required', 'Reboot_Required', 'Idle', 'Idle',
    ]);
    const state = { metadata: { name: 'n', annotations: { [nodeStateAnnotations.desiredState]: 'Drain_Required', [nodeStateAnnotations.currentState]: 'nearly' } } };
    expect(drainView('Idle', state)).toEqual({ requested: 'Idle', desired: 'Drain_Required', current: 'Idle' });
    expect(drainView('Idle', undefined)).toEqual({ requested: 'Idle', current: 'Idle' });
  });
});

/** The operator's next move: it copies what it sees first, then drains or uncordons, in two writes each. */
function operatorMove(view: DrainView, cordoned: { value: boolean }): DrainView {
  const desired = view.desired ?? 'Idle';
  if (desired !== view.requested) return { ...view, desired: view.requested };
  if (desired !== 'Idle' && view.current === 'Idle') {
    cordoned.value = true;
    return { ...view, current: 'Draining' };
  }
  if (desired !== 'Idle' && view.current === 'Draining') return { ...view, current: 'DrainComplete' };
  if (desired === 'Idle' && view.current !== 'Idle') {
    cordoned.value = false;
    return { ...view, current: 'Idle' };
  }
  return view;
}

describe('daemon and operator', () => {
  it('give permission only while the node is drained, and end at Idle and Idle', () => {
    const turn = fc.constantFrom('operator', 'drain', 'reboot', 'release');
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 40 }), (turns) => {
        let view: DrainView = { requested: 'Idle', current: 'Idle' };
        const cordoned = { value: false };
        for (const who of turns) {
          if (who === 'operator') view = operatorMove(view, cordoned);
          else if (who === 'release') view = { ...view, requested: 'Idle' };
          else view = { ...view, requested: nextRequest(view, who === 'drain' ? 'Drain_Required' : 'Reboot_Required') ?? view.requested };
          if (permissionOf(view) !== 'none') expect(cordoned.value).toBe(true);
        }
        view = { ...view, requested: 'Idle' };
        for (let move = 0; move < 3; move++) view = operatorMove(view, cordoned);
        expect(isReleased(view)).toBe(true);
        expect(cordoned.value).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('come to a granted reboot from wherever they are', () => {
    for (const start of views) {
      let view = start;
      for (let move = 0; move < 12; move++) view = operatorMove({ ...view, requested: nextRequest(view, 'Reboot_Required') ?? view.requested }, { value: false });
      expect(permissionOf(view), JSON.stringify(start)).toBe('reboot');
    }
  });
});
