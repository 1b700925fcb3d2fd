// Goal: the VF machine is right in every situation it can get into, not only in those that somebody thought of.
// Method: xstate's graph search generates a path to every reachable situation; invariants are checked in each, and along random
// event sequences by fast-check. A few stories at the end fix what the rules mean for people.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VF_ATTEMPTS_MAX, advance, machineToMermaid, pciAddress, startMachine, vfDeadlinesMs, vfMachine } from '@vfleet/core';
import type { VfEvent, VfHolder, VfMachineState } from '@vfleet/core';
import { reachable } from './explore.ts';

const input = { pf: pciAddress('0000:01:00.0'), index: 3 };
const holder = (name: string): VfHolder => ({
  containerId: name, interfaceName: 'net1', podNamespace: 'default', podName: name, podUid: `uid-${name}`, netns: `/var/run/netns/${name}`,
});
/** Later than any deadline that an event at 0 sets. */
const LATE = 10_000_000;
const events: VfEvent[] = [
  { type: 'created', pciAddress: pciAddress('0000:01:10.6') },
  { type: 'removed' },
  { type: 'driverBound', driver: 'iavf' },
  { type: 'driverBound', driver: 'vfio-pci' },
  { type: 'driverUnbound' },
  { type: 'configured', resourceName: 'fast' },
  { type: 'configured', resourceName: 'slow' },
  { type: 'unclaimed' },
  { type: 'advertised' },
  { type: 'withdrawn' },
  { type: 'allocated', nowMs: 0 },
  { type: 'freed', nowMs: 0 },
  { type: 'attachStarted', holder: holder('a'), nowMs: 0 },
  { type: 'attachStarted', holder: holder('b'), nowMs: 0 },
  { type: 'attached' },
  { type: 'attachFailed', cause: 'no address', nowMs: 0 },
  { type: 'detachRequested', containerId: 'a', interfaceName: 'net1', nowMs: 0 },
  { type: 'detachRequested', containerId: 'b', interfaceName: 'net1', nowMs: 0 },
  { type: 'released', nowMs: 0 },
  { type: 'resetDone', nowMs: 0 },
  { type: 'failed', cause: 'EBUSY', nowMs: 0 },
  { type: 'repairRequested', nowMs: 0 },
  { type: 'time', nowMs: LATE },
  { type: 'resumed', nowMs: 0 },
];

const situations = reachable(vfMachine, input, events, (context) => ({
  driven: context.driver !== undefined, resource: context.resourceName, listed: context.listedAs === context.resourceName, held: context.held,
  holder: context.holder?.containerId, attempts: context.attempts, waiting: context.waiting, timed: context.deadlineAtMs !== undefined,
}));

const IN_POD = ['attaching', 'attached', 'releasing', 'resetting', 'quarantined'];
const TIMED = ['allocated', 'attaching', 'releasing', 'resetting', 'quarantined'];

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function checkInvariants({ value, context }: VfMachineState): void {
  const where = `${value} ${JSON.stringify(context)}`;
  expect(context.holder !== undefined, `a holder exactly while a pod may have the VF: ${where}`).toBe(IN_POD.includes(value));
  expect(context.deadlineAtMs !== undefined, `a deadline exactly where waiting could last for ever: ${where}`).toBe(TIMED.includes(value));
  expect(context.pciAddress !== undefined, `an address exactly while the VF exists: ${where}`).toBe(value !== 'absent');
  if (value === 'advertised') {
    expect(context.driver, where).toBeDefined();
    expect(context.listedAs, where).toBe(context.resourceName);
    expect(context.resourceName, where).toBeDefined();
    expect(context.held, where).toBe(false);
  }
  if (value === 'allocated' || value === 'attached') expect(context.held, where).toBe(true);
  expect(context.attempts, where).toBeLessThan(VF_ATTEMPTS_MAX);
}

describe('every reachable situation of a VF', () => {
  it('covers every state of the machine', () => {
    expect([...new Set(situations.map((situation) => situation.value))].sort()).toEqual(Object.keys(vfMachine.root.states).sort());
  });

  it('takes every transition of the machine', () => {
    const taken = new Set<string>();
    for (const { value, context } of situations) {
      for (const event of events) {
        const step = advance(vfMachine, { value, context } as VfMachineState, event);
        if (step.changed) taken.add(`${value} ${event.type}`);
      }
    }
    const defined = Object.values(vfMachine.root.states).flatMap((state) => [...state.transitions.keys()].map((event) => `${state.key} ${event}`));
    expect([...taken].sort()).toEqual(defined.sort());
  });

  it('satisfies the invariants', () => {
    expect(situations.length).toBeGreaterThan(100);
    for (const { value, context } of situations) checkInvariants({ value, context } as VfMachineState);
  });

  it('is plain data: after a round trip through JSON every event has the same outcome', () => {
    for (const { value, context } of situations.filter((_, index) => index % 3 === 0)) {
      const state = { value, context } as VfMachineState;
      const restored = JSON.parse(JSON.stringify(state)) as VfMachineState;
      for (const event of events) expect(plain(advance(vfMachine, restored, event))).toEqual(plain(advance(vfMachine, state, event)));
    }
  });

  it('ends at rest when what was asked for is done and the pod is gone', () => {
    const answers: VfEvent[] = [
      { type: 'freed', nowMs: LATE }, { type: 'repairRequested', nowMs: LATE }, { type: 'released', nowMs: LATE }, { type: 'resetDone', nowMs: LATE },
      { type: 'advertised' },
    ];
    for (const { value, context, path } of situations) {
      let state = { value, context } as VfMachineState;
      for (const event of answers) state = advance(vfMachine, state, event).state;
      expect(['absent', 'created', 'bound', 'advertised'], JSON.stringify(path)).toContain(state.value);
      expect(state.context.holder).toBeUndefined();
    }
  });

  it('never gives a VF that one sandbox has to another one, and ignores a DEL that is not from the holder', () => {
    for (const { value, context } of situations) {
      if (context.holder === undefined) continue;
      const other = context.holder.containerId === 'a' ? 'b' : 'a';
      const state = { value, context } as VfMachineState;
      expect(advance(vfMachine, state, { type: 'attachStarted', holder: holder(other), nowMs: 1 }).changed).toBe(false);
      expect(advance(vfMachine, state, { type: 'detachRequested', containerId: other, interfaceName: 'net1', nowMs: 1 }).changed).toBe(false);
      expect(advance(vfMachine, state, { type: 'detachRequested', containerId: context.holder.containerId, interfaceName: 'net2', nowMs: 1 }).changed).toBe(false);
    }
  });
});

describe('a VF along random events', () => {
  it('keeps the invariants, and is advertised and withdrawn in turn', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 60 }), (sequence) => {
        let state: VfMachineState = startMachine(vfMachine, input).state;
        let listed = false;
        for (const event of sequence) {
          const step = advance(vfMachine, state, event);
          state = step.state;
          checkInvariants(state);
          for (const effect of step.effects) if (effect.type === 'withdraw') listed = false;
          if (step.changed && event.type === 'advertised') listed = true;
          if (['absent', 'created', 'bound'].includes(state.value)) expect(listed, 'a VF without claim is not left on a list').toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** Runs events from the start and answers with the last step. */
function run(...sequence: VfEvent[]) {
  return sequence.reduce((step, event) => advance(vfMachine, step.state, event), startMachine(vfMachine, input));
}

const advertised: VfEvent[] = [events[0]!, events[2]!, events[5]!, { type: 'advertised' }];
const attached: VfEvent[] = [...advertised, { type: 'allocated', nowMs: 0 }, { type: 'attachStarted', holder: holder('a'), nowMs: 10 }, { type: 'attached' }];

describe('stories of a VF', () => {
  it('goes through a pod and back to the list', () => {
    expect(run(...attached).state.value).toBe('attached');
    const leaving = run(...attached, { type: 'detachRequested', containerId: 'a', interfaceName: 'net1', nowMs: 20 });
    expect(leaving.effects).toEqual([{ type: 'release', params: undefined }]);
    const back: VfEvent[] = [...attached, { type: 'detachRequested', containerId: 'a', interfaceName: 'net1', nowMs: 20 }, { type: 'released', nowMs: 21 }, { type: 'resetDone', nowMs: 22 }];
    expect(run(...back).state.value, 'kubelet still holds it for the pod').toBe('allocated');
    expect(run(...back, { type: 'freed', nowMs: 30 }).state.value).toBe('advertised');
  });

  it('goes into quarantine after failing for good, says why, and comes back after a repair', () => {
    const failures = Array.from({ length: VF_ATTEMPTS_MAX }, (): VfEvent => ({ type: 'failed', cause: 'EBUSY', nowMs: 30 }));
    const detach: VfEvent = { type: 'detachRequested', containerId: 'a', interfaceName: 'net1', nowMs: 20 };
    const stuck = run(...attached, detach, ...failures);
    expect(stuck.state.value).toBe('quarantined');
    expect(stuck.effects).toContainEqual({ type: 'quarantine', params: { cause: 'EBUSY' } });
    const later = advance(vfMachine, stuck.state, { type: 'time', nowMs: 30 + vfDeadlinesMs.quarantined });
    expect(later.state.value).toBe('releasing');
    const repaired = advance(vfMachine, advance(vfMachine, later.state, { type: 'released', nowMs: LATE }).state, { type: 'resetDone', nowMs: LATE });
    expect(repaired.state.value).toBe('allocated');
    expect(repaired.effects.map((effect) => effect.type)).toContain('markHealthy');
  });

  it('waits twice as long before each next try', () => {
    const detach: VfEvent = { type: 'detachRequested', containerId: 'a', interfaceName: 'net1', nowMs: 0 };
    let step = run(...attached, detach);
    for (let attempt = 0; attempt < VF_ATTEMPTS_MAX - 1; attempt++) {
      step = advance(vfMachine, step.state, { type: 'failed', cause: 'EBUSY', nowMs: 0 });
      const pauseMs = vfDeadlinesMs.retry * 2 ** attempt;
      expect(step.state.context.deadlineAtMs).toBe(pauseMs);
      expect(advance(vfMachine, step.state, { type: 'time', nowMs: pauseMs - 1 }).changed).toBe(false);
      step = advance(vfMachine, step.state, { type: 'time', nowMs: pauseMs });
      expect(step.effects).toEqual([{ type: 'release', params: undefined }]);
    }
  });

  it('undoes an attachment that a restart interrupted', () => {
    const restarted = run(...advertised, { type: 'allocated', nowMs: 0 }, { type: 'attachStarted', holder: holder('a'), nowMs: 10 }, { type: 'resumed', nowMs: 99 });
    expect(restarted.state.value).toBe('releasing');
    expect(restarted.state.context.deadlineAtMs).toBe(99 + vfDeadlinesMs.releasing);
  });

  it('is advertised anew when its resource changed while a pod had it', () => {
    const moved = run(
      ...attached, { type: 'configured', resourceName: 'slow' }, { type: 'freed', nowMs: 20 }, { type: 'released', nowMs: 21 }, { type: 'resetDone', nowMs: 22 },
    );
    expect(moved.state.value).toBe('configured');
    expect(moved.effects.map((effect) => effect.type)).toEqual(['markHealthy', 'withdraw', 'advertise']);
  });
});

describe('the diagram of the VF machine', () => {
  it('shows every state and the effects of transitions, not the notes in the context', () => {
    const diagram = machineToMermaid(vfMachine);
    for (const state of Object.keys(vfMachine.root.states)) expect(diagram).toMatch(new RegExp(`^  ${state}( : ${state})?$`, 'm'));
    expect(diagram).toContain('  [*] --> absent\n');
    expect(diagram).toContain('  attached --> releasing : detachRequested [byHolder]\n');
    expect(diagram).toContain('  releasing : entry / release\n');
    expect(diagram).not.toContain('noteDriver');
  });
});
