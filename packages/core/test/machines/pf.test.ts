// Goal: a PF is checkpointed before it is first changed, saved when it is as wanted, forgotten when it is given back, and never worked on for ever.
// Method: graph search over all situations with xstate/graph; rules checked on each transition; stories.
import { describe, expect, it } from 'vitest';
import { PF_ROUNDS_MAX, advance, machineToMermaid, pciAddress, pfMachine, startMachine } from '@vfleet/core';
import type { PfEvent, PfMachineState } from '@vfleet/core';
import { reachable } from './explore.ts';

const input = { pf: pciAddress('0000:01:00.0') };
const planned = (action: 'configure' | 'reset', steps: number): PfEvent => ({ type: 'planned', action, steps });
const events: PfEvent[] = [
  planned('configure', 3), planned('configure', 0), planned('reset', 2), planned('reset', 0),
  { type: 'stepsDone' }, { type: 'stepFailed', cause: 'EBUSY' }, { type: 'surveyFailed', cause: 'EIO' }, { type: 'leftOut' }, { type: 'removed' },
];
const situations = reachable(pfMachine, input, events, (context) => ({ rounds: context.rounds, failed: context.cause !== undefined }));

describe('every reachable situation of a PF', () => {
  it('covers every state', () => {
    expect([...new Set(situations.map((situation) => situation.value))].sort()).toEqual(Object.keys(pfMachine.root.states).sort());
  });

  it('takes every transition, and none breaks a rule', () => {
    const taken = new Set<string>();
    for (const { value, context } of situations) {
      for (const event of events) {
        const step = advance(pfMachine, { value, context } as PfMachineState, event);
        if (step.changed || step.state.value !== value) taken.add(`${value} ${event.type}`);
        const types = step.effects.map((effect) => effect.type);
        if (types.includes('runSteps')) {
          expect(types.indexOf('checkpoint'), 'a checkpoint comes before the first write').toBeLessThan(types.indexOf('runSteps'));
          expect(types).toContain('checkpoint');
          expect(event).toMatchObject({ type: 'planned' });
        }
        if (types.includes('forget')) expect(event).toMatchObject({ action: 'reset', steps: 0 });
        if (types.includes('saveApplied')) expect(event).toMatchObject({ action: 'configure', steps: 0 });
        expect(step.state.context.rounds).toBeLessThanOrEqual(PF_ROUNDS_MAX);
        if (step.state.value === 'failed') expect(step.state.context.cause).toBeTruthy();
      }
    }
    const defined = Object.values(pfMachine.root.states).flatMap((state) => [...state.transitions.keys()].map((event) => `${state.key} ${event}`));
    expect([...taken].sort()).toEqual(defined.sort());
  });
});

const run = (...sequence: PfEvent[]) => sequence.reduce((step, event) => advance(pfMachine, step.state, event), startMachine(pfMachine, input));

describe('stories of a PF', () => {
  it('is configured in rounds', () => {
    const done = run(planned('configure', 3), { type: 'stepsDone' }, planned('configure', 2), { type: 'stepsDone' }, planned('configure', 0));
    expect(done.state).toMatchObject({ value: 'configured', context: { rounds: 0 } });
    expect(done.effects.map((effect) => effect.type)).toEqual(['saveApplied']);
  });

  it('is given back and forgotten', () => {
    const done = run(planned('configure', 0), planned('reset', 2), { type: 'stepsDone' }, planned('reset', 0));
    expect(done.state.value).toBe('unmanaged');
    expect(done.effects.map((effect) => effect.type)).toEqual(['forget']);
  });

  it('fails when its plan never ends, and can be tried again', () => {
    const round: PfEvent[] = [{ type: 'stepsDone' }, planned('configure', 1)];
    const stuck = run(planned('configure', 1), ...Array.from({ length: PF_ROUNDS_MAX }, () => round).flat());
    expect(stuck.state.value).toBe('failed');
    expect(advance(pfMachine, stuck.state, planned('configure', 1)).state).toMatchObject({ value: 'applying', context: { rounds: 1 } });
  });

  it('has a diagram', () => {
    expect(machineToMermaid(pfMachine)).toContain('  applying --> surveying : stepsDone\n');
  });
});
