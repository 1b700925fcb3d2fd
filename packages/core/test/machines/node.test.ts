// Goal: in every situation the node machine can get into, nothing is applied without the drain that it needs, nobody is rebooted without
// permission or in a circle, and the node comes to rest when all goes well.
// Method: graph search over all situations with xstate/graph; rules checked on each transition out of each of them; random walks by fast-check.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NODE_ROUNDS_MAX, REBOOT_ATTEMPTS_MAX, advance, machineToMermaid, nodeDeadlinesMs, nodeMachine, startMachine } from '@vfleet/core';
import type { NodeEvent, NodeMachineState, PlanSummary } from '@vfleet/core';
import { reachable } from './explore.ts';

const LATE = 100_000_000;
const summaries: PlanSummary[] = [];
for (const [settled, drainNeeded, rebootNeeded] of [[true, false, false], [false, false, false], [false, true, false], [false, false, true], [false, true, true]] as const) {
  for (const permission of ['none', 'drain', 'reboot'] as const) {
    for (const blocked of [[], ['ens1f0 is not there']]) summaries.push({ settled, drainNeeded, rebootNeeded, permission, blocked, bootId: 'one' });
  }
}
const planned = (summary: PlanSummary): NodeEvent => ({ type: 'planned', summary, nowMs: 0 });
const events: NodeEvent[] = [
  { type: 'started', bootId: 'one', nowMs: 0 },
  { type: 'started', bootId: 'two', nowMs: 0 },
  { type: 'discovered' },
  { type: 'discoveryFailed', cause: 'EIO', nowMs: 0 },
  { type: 'stateSeen' },
  { type: 'stateGone' },
  ...summaries.map(planned),
  { type: 'applied' },
  { type: 'applyFailed', cause: 'EBUSY', nowMs: 0 },
  { type: 'rebootUnneeded' },
  { type: 'rebootFailed', cause: 'denied', nowMs: 0 },
  { type: 'specChanged' },
  { type: 'hardwareChanged' },
  { type: 'hardwareChanged', awaited: true },
  { type: 'drainChanged' },
  { type: 'drainReleased' },
  { type: 'time', nowMs: LATE },
];
const situations = reachable(nodeMachine, undefined, events, (context) => ({
  // Beyond the limits the counts make no difference, and below them only whether the limit is reached.
  spent: context.rebootAttempts >= REBOOT_ATTEMPTS_MAX ? 'spent' : context.rebootAttempts, endless: context.rounds >= NODE_ROUNDS_MAX, rounds: Math.min(context.rounds, NODE_ROUNDS_MAX),
  timed: context.deadlineAtMs !== undefined,
}));

const stateOf = ({ value, context }: (typeof situations)[number]) => ({ value, context }) as NodeMachineState;

function checkStep(before: NodeMachineState, event: NodeEvent): NodeMachineState {
  const { state, effects } = advance(nodeMachine, before, event);
  const types = effects.map((effect) => effect.type);
  const summary = event.type === 'planned' ? event.summary : undefined;
  if (types.includes('apply')) {
    expect(summary!.drainNeeded && summary!.permission === 'none', 'nothing is applied without the drain that it needs').toBe(false);
    expect(summary!.rebootNeeded, 'what needs a reboot waits for it').toBe(false);
  }
  if (types.includes('reboot')) {
    expect(summary!.permission).toBe('reboot');
    expect(state.context.rebootAttempts).toBeLessThanOrEqual(REBOOT_ATTEMPTS_MAX);
    const again = before.context.bootId !== undefined && before.context.bootId === summary!.bootId;
    expect(state.context.rebootAttempts, 'the attempt is counted before it is made, and once as long as no boot comes of it').toBe(before.context.rebootAttempts + (again ? 0 : 1));
  }
  expect(state.context.deadlineAtMs !== undefined, state.value).toBe(state.value === 'failed' || state.value === 'rebooting');
  if (state.value === 'failed') expect(state.context.cause, 'a failure has a cause').toBeTruthy();
  if (types.includes('releaseDrain')) expect(['succeeded', 'failed', 'awaitingState']).toContain(state.value);
  return state;
}

describe('every reachable situation of a node', () => {
  it('covers every state', () => {
    expect([...new Set(situations.map((situation) => situation.value))].sort()).toEqual(Object.keys(nodeMachine.root.states).sort());
  });

  it('takes every transition, and none breaks a rule', () => {
    const taken = new Set<string>();
    for (const situation of situations) {
      const before = stateOf(situation);
      for (const event of events) {
        if (checkStep(before, event) !== before) taken.add(`${before.value} ${event.type}`);
      }
    }
    const defined = Object.values(nodeMachine.root.states).flatMap((state) => [...state.transitions.keys()].map((event) => `${state.key} ${event}`));
    // Staying in `succeeded` asks for the release again and changes nothing else.
    expect([...taken].sort()).toEqual(defined.sort());
  });

  it('comes to rest from everywhere when all goes well', () => {
    const good: Record<string, NodeEvent> = {
      starting: { type: 'started', bootId: 'two', nowMs: LATE },
      discovering: { type: 'discovered' },
      awaitingState: { type: 'stateSeen' },
      planning: planned(summaries[0]!),
      drainRequested: { type: 'drainChanged' },
      applying: { type: 'applied' },
      verifying: planned(summaries[0]!),
      rebooting: { type: 'started', bootId: 'two', nowMs: LATE },
      succeeded: { type: 'drainReleased' },
      failed: { type: 'time', nowMs: LATE },
    };
    for (const situation of situations) {
      let state = stateOf(situation);
      for (let hops = 0; state.value !== 'idle' && hops < 10; hops++) state = advance(nodeMachine, state, good[state.value]!).state;
      expect(state.value, JSON.stringify(situation.path)).toBe('idle');
      expect(state.context).toMatchObject({ attempts: 0, rounds: 0, rebootAttempts: 0 });
    }
  });

  it('is plain data', () => {
    for (const situation of situations) {
      const state = stateOf(situation);
      const restored = JSON.parse(JSON.stringify(state)) as NodeMachineState;
      const event: NodeEvent = { type: 'started', bootId: 'one', nowMs: 5 };
      expect(JSON.parse(JSON.stringify(advance(nodeMachine, restored, event)))).toEqual(JSON.parse(JSON.stringify(advance(nodeMachine, state, event))));
    }
  });
});

describe('a node along random events', () => {
  it('keeps the rules', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 80 }), (sequence) => {
        sequence.reduce(checkStep, startMachine(nodeMachine, undefined).state);
      }),
      { numRuns: 300 },
    );
  });
});

const run = (...sequence: NodeEvent[]) => sequence.reduce((step, event) => advance(nodeMachine, step.state, event), startMachine(nodeMachine, undefined));
const need = (more: Partial<PlanSummary>): NodeEvent =>
  planned({ settled: false, blocked: [], drainNeeded: false, rebootNeeded: false, permission: 'none', bootId: 'one', ...more });
const begin: NodeEvent[] = [{ type: 'started', bootId: 'one', nowMs: 0 }, { type: 'discovered' }];

describe('stories of a node', () => {
  it('drains, applies, verifies and gives the node back', () => {
    const asked = run(...begin, need({ drainNeeded: true }));
    expect(asked.state.value).toBe('drainRequested');
    expect(asked.effects[0]).toEqual({ type: 'requestDrain', params: { request: 'Drain_Required' } });
    const applying = [...begin, need({ drainNeeded: true }), { type: 'drainChanged' } as NodeEvent, need({ drainNeeded: true, permission: 'drain' })];
    expect(run(...applying).effects.map((effect) => effect.type)).toEqual(['report', 'apply']);
    const done = run(...applying, { type: 'applied' }, { type: 'discovered' }, need({ settled: true }));
    expect(done.effects).toEqual([{ type: 'report', params: { syncStatus: 'Succeeded' } }, { type: 'releaseDrain', params: undefined }]);
  });

  it('turns a drain into a reboot when it needs one later', () => {
    const later = run(...begin, need({ drainNeeded: true }), { type: 'specChanged' }, need({ drainNeeded: true, rebootNeeded: true, permission: 'drain' }));
    expect(later.state.value).toBe('drainRequested');
    expect(later.effects[0]).toEqual({ type: 'requestDrain', params: { request: 'Reboot_Required' } });
  });

  it('never boots in a circle', () => {
    let step = run(...begin);
    for (let boot = 0; boot < REBOOT_ATTEMPTS_MAX; boot++) {
      step = advance(nodeMachine, step.state, need({ rebootNeeded: true, permission: 'reboot', bootId: `boot ${boot}` }));
      expect(step.state.value).toBe('rebooting');
      step = advance(nodeMachine, step.state, { type: 'started', bootId: `boot ${boot + 1}`, nowMs: 0 });
      step = advance(nodeMachine, step.state, { type: 'discovered' });
    }
    const last = advance(nodeMachine, step.state, need({ rebootNeeded: true, permission: 'reboot' }));
    expect(last.state.value).toBe('failed');
    expect(last.state.context.cause).toContain('still needs a reboot');
    expect(last.effects.map((effect) => effect.type)).toContain('releaseDrain');
  });

  it('does not count a reboot that was refused as one that did not help', () => {
    let step = run(...begin);
    for (let refused = 0; refused < REBOOT_ATTEMPTS_MAX + 2; refused++) {
      step = advance(nodeMachine, step.state, need({ rebootNeeded: true, permission: 'reboot' }));
      expect([step.state.value, step.state.context.rebootAttempts]).toEqual(['rebooting', 1]);
      step = advance(nodeMachine, step.state, { type: 'rebootFailed', cause: 'EBUSY', nowMs: 0 });
      step = advance(nodeMachine, advance(nodeMachine, step.state, { type: 'time', nowMs: LATE }).state, { type: 'discovered' });
    }
  });

  it('goes on waiting for the boot when only the process was restarted', () => {
    const waiting = run(...begin, need({ rebootNeeded: true, permission: 'reboot' }), { type: 'started', bootId: 'one', nowMs: 77 });
    expect(waiting.state.value).toBe('rebooting');
    expect(waiting.state.context.deadlineAtMs).toBe(77 + nodeDeadlinesMs.rebooting);
    expect(advance(nodeMachine, waiting.state, { type: 'time', nowMs: 78 + nodeDeadlinesMs.rebooting }).state.value).toBe('failed');
  });

  it('waits twice as long after each failure, up to a limit, and at once when the spec changes', () => {
    let step = run(...begin);
    const pauses: number[] = [];
    for (let failure = 0; failure < 9; failure++) {
      step = advance(nodeMachine, step.state, { type: 'planned', summary: summaries.at(6)!, nowMs: 0 });
      step = advance(nodeMachine, step.state, { type: 'applyFailed', cause: 'EBUSY', nowMs: 0 });
      pauses.push(step.state.context.deadlineAtMs!);
      step = advance(nodeMachine, advance(nodeMachine, step.state, { type: 'time', nowMs: LATE }).state, { type: 'discovered' });
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000]);
    const changed = advance(nodeMachine, run(...begin, need({}), { type: 'applyFailed', cause: 'EBUSY', nowMs: 0 }).state, { type: 'specChanged' });
    expect(changed.state).toMatchObject({ value: 'discovering', context: { attempts: 0 } });
  });

  it('does not let its own failed steps start the next try, but sees a device come back', () => {
    const failed = run(...begin, need({ settled: true, blocked: ['ens1f0 is not there'] }));
    expect(failed.state.value).toBe('failed');
    expect(advance(nodeMachine, failed.state, { type: 'hardwareChanged' }).changed).toBe(false);
    expect(advance(nodeMachine, failed.state, { type: 'hardwareChanged', awaited: true }).state.value).toBe('discovering');
  });

  it('gives up a plan that never ends', () => {
    let step = run(...begin, need({}));
    for (let round = 1; round < NODE_ROUNDS_MAX; round++) step = [{ type: 'applied' } as NodeEvent, { type: 'discovered' } as NodeEvent, need({})].reduce((at, event) => advance(nodeMachine, at.state, event), step);
    const last = [{ type: 'applied' } as NodeEvent, { type: 'discovered' } as NodeEvent, need({})].reduce((at, event) => advance(nodeMachine, at.state, event), step);
    expect(last.state.value).toBe('failed');
    expect(last.state.context.cause).toContain('something else changes them');
  });
});

describe('the diagram of the node machine', () => {
  it('shows the way through a drain', () => {
    const diagram = machineToMermaid(nodeMachine);
    expect(diagram).toContain('  planning --> drainRequested : planned [drainNeeded] / requestDrain\n');
    expect(diagram).toContain('  applying --> verifying : applied\n');
  });
});
