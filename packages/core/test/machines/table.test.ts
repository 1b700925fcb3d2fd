// Goal: the tables by which machines are run do what xstate does with the machines. Method: every state with every event, over the product of
// all values of the context and of the events that a guard or an assignment looks at, against xstate's own transition; every candidate of
// every table is taken at least once.
import { initialTransition, setup, transition } from 'xstate';
import type { AnyStateMachine } from 'xstate';
import { describe, expect, it } from 'vitest';
import { NODE_ROUNDS_MAX, PF_ROUNDS_MAX, REBOOT_ATTEMPTS_MAX, VF_ATTEMPTS_MAX, advance, compileTable, machineTables, nodeMachine, pciAddress, pfMachine, startMachine, vfMachine } from '@vfleet/core';

type Row = Readonly<Record<string, unknown>>;
type Event = Row & { readonly type: string };

/** Every combination of one value of each field; undefined leaves the field out. */
function product(fields: Readonly<Record<string, readonly unknown[]>>): readonly Row[] {
  return Object.entries(fields).reduce<readonly Row[]>((rows, [name, values]) => rows.flatMap((row) => values.map((value) => (value === undefined ? row : { ...row, [name]: value }))), [{}]);
}

const pf = pciAddress('0000:01:00.0');
const holder = { containerId: 'c', interfaceName: 'net1', podNamespace: 'n', podName: 'p', podUid: 'u', netns: '/n' };
const times = [0, 1000];
const plain = (...types: string[]): readonly Event[] => types.map((type) => ({ type }));
const timed = (type: string, more: Row = {}): readonly Event[] => times.map((nowMs) => ({ type, nowMs, ...more }));

interface Case {
  readonly machine: AnyStateMachine;
  readonly input: unknown;
  readonly contexts: readonly Row[];
  readonly events: readonly Event[];
}

const cases: Readonly<Record<string, Case>> = {
  node: {
    machine: nodeMachine, input: undefined,
    contexts: product({ attempts: [0, 1, 21], rounds: [0, 1, NODE_ROUNDS_MAX], rebootAttempts: [0, REBOOT_ATTEMPTS_MAX], bootId: [undefined, 'a'], deadlineAtMs: [undefined, 500], cause: [undefined, 'why'] }),
    events: [
      ...plain('discovered', 'stateSeen', 'stateGone', 'applied', 'rebootUnneeded', 'specChanged', 'drainChanged', 'drainReleased', 'hardwareChanged', 'unheardOf'),
      { type: 'hardwareChanged', awaited: true }, ...timed('started', { bootId: 'a' }), ...timed('started', { bootId: 'b' }), ...timed('discoveryFailed', { cause: 'EIO' }),
      ...timed('applyFailed', { cause: 'EBUSY' }), ...timed('rebootFailed', { cause: 'no' }), ...timed('time'),
      ...product({ settled: [false, true], blocked: [[], ['one', 'two']], drainNeeded: [false, true], rebootNeeded: [false, true], permission: ['none', 'drain', 'reboot'], bootId: ['a'] })
        .flatMap((summary) => timed('planned', { summary })),
    ],
  },
  pf: {
    machine: pfMachine, input: { pf },
    contexts: product({ pf: [pf], rounds: [0, 1, PF_ROUNDS_MAX], cause: [undefined, 'why'] }),
    events: [
      ...product({ type: ['planned'], action: ['configure', 'reset'], steps: [0, 3] }) as readonly Event[],
      ...plain('stepsDone', 'leftOut', 'removed', 'unheardOf'), { type: 'stepFailed', cause: 'EBUSY' }, { type: 'surveyFailed', cause: 'EIO' },
    ],
  },
  vf: {
    machine: vfMachine, input: { pf, index: 3 },
    contexts: product({
      pf: [pf], index: [3], pciAddress: [pf], driver: [undefined, 'iavf'], resourceName: [undefined, 'a'], listedAs: [undefined, 'a', 'b'], held: [false, true], holder: [undefined, holder],
      attempts: [0, VF_ATTEMPTS_MAX - 1], waiting: [false, true], deadlineAtMs: [undefined, 500], cause: [undefined, 'why'],
    }),
    events: [
      ...plain('removed', 'driverUnbound', 'unclaimed', 'advertised', 'withdrawn', 'attached', 'unheardOf'), { type: 'created', pciAddress: pf },
      { type: 'driverBound', driver: 'iavf' }, { type: 'driverBound', driver: 'vfio-pci' }, { type: 'configured', resourceName: 'a' }, { type: 'configured', resourceName: 'b' },
      ...['allocated', 'freed', 'released', 'resetDone', 'repairRequested', 'time', 'resumed'].flatMap((type) => timed(type)),
      ...timed('attachStarted', { holder }), ...timed('attachFailed', { cause: 'EIO' }), ...timed('failed', { cause: 'EIO' }),
      ...timed('detachRequested', { containerId: 'c', interfaceName: 'net1' }), ...timed('detachRequested', { containerId: 'other', interfaceName: 'net1' }),
    ],
  },
};

/** What xstate does, in the same words. */
function byXstate(machine: AnyStateMachine, value: string, context: Row, event: Event) {
  const [after, actions] = transition(machine, machine.resolveState({ value, context }), event);
  return { value: after.value, context: after.context, effects: actions.map(({ type, params }) => ({ type, params })) };
}

describe.each(Object.entries(cases))('the table of %s', (id, { machine, input, contexts, events }) => {
  it('is the one that the machine compiles to', () => {
    expect(machineTables[id]).toEqual(compileTable(machine));
  });

  it('begins as xstate does', () => {
    const [first, actions] = initialTransition(machine, input as never);
    const { state, effects } = startMachine(machine, input as never);
    expect({ ...state, effects }).toEqual({ value: first.value, context: first.context, effects: actions.map(({ type, params }) => ({ type, params })) });
  });

  it('answers every event in every state as xstate does', () => {
    const differing: unknown[] = [];
    const answers = new Set<string>();
    for (const value of Object.keys(machine.root.states)) {
      for (const event of events) {
        for (const context of contexts) {
          const { state, effects } = advance(machine, { value, context }, event as never);
          const expected = byXstate(machine, value, context, event);
          const same = state.value === expected.value && JSON.stringify(state.context) === JSON.stringify(expected.context) && JSON.stringify(effects) === JSON.stringify(expected.effects);
          if (!same && differing.length < 3) differing.push({ value, event, context, is: { ...state, effects }, expected });
          answers.add(`${value} ${event.type} ${String(state.value)} ${effects.map(({ type }) => type).join()}`);
        }
      }
    }
    expect(differing).toEqual([]);
    // Every candidate leads somewhere: no fewer answers than there are candidates that can be told apart by where they lead.
    expect(answers.size).toBeGreaterThan(machineTables[id]!.events.length * 2);
  });

  it('has no candidate that nothing takes', () => {
    const { states, events: names, guards, cells, ways } = machineTables[id]!;
    const untaken: string[] = [];
    for (const [state, value] of states.entries()) {
      for (const [kind, type] of names.entries()) {
        const cell = state * names.length + kind;
        const own = events.filter((event) => event.type === type);
        const holds = (guard: number, context: Row, event: Event) => guard === 0 || (machine.implementations.guards[guards[guard - 1]!] as (info: { context: Row; event: Event }) => boolean)({ context, event });
        const before: number[] = [];
        for (let at = cells[cell]!; at < cells[cell + 1]!; at += 3 + ways[at + 2]!) {
          const guard = ways[at]!;
          const taken = own.some((event) => contexts.some((context) => holds(guard, context, event) && !before.some((other) => holds(other, context, event))));
          if (!taken) untaken.push(`${value} ${type} ${guard === 0 ? 'otherwise' : guards[guard - 1]}`);
          before.push(guard);
        }
      }
    }
    expect(untaken).toEqual([]);
  });
});

describe('what a table cannot say', () => {
  it.each([
    ['nested states', 'no plain state', setup({}).createMachine({ id: 'm', initial: 'a', states: { a: { initial: 'b', states: { b: {} } } } })],
    ['transitions of the root', 'the root has transitions', setup({}).createMachine({ id: 'm', initial: 'a', on: { x: '.a' }, states: { a: {} } })],
    ['delays', 'no plain state', setup({}).createMachine({ id: 'm', initial: 'a', states: { a: { after: { 5: 'a' } } } })],
    ['wildcards', 'wildcard', setup({}).createMachine({ id: 'm', initial: 'a', states: { a: { on: { '*': 'a' } } } })],
    ['guards without a name', 'has to be named', setup({}).createMachine({ id: 'm', initial: 'a', states: { a: { on: { x: { guard: () => true, target: 'a' } } } } })],
  ])('is refused: %s', (_, says, machine) => {
    expect(() => compileTable(machine)).toThrow(says);
  });

  it('is a state that is not there', () => {
    expect(() => advance(pfMachine, { value: 'nowhere' as never, context: { pf, rounds: 0 } }, { type: 'removed' })).toThrow('nowhere');
  });
});
