import { assign, setup } from 'xstate';
import type { PciAddress } from '../domain/pci.ts';
import type { EffectOf, MachineEffect, MachineState } from './machine.ts';

export interface PfContext {
  readonly pf: PciAddress;
  /** Times that steps were carried out since the PF was last as wanted. */
  readonly rounds: number;
  readonly cause?: string | undefined;
}

export type PfEvent =
  /** The newest plan has so many steps for the PF; `reset`: no spec names it any more. */
  | { readonly type: 'planned'; readonly action: 'configure' | 'reset'; readonly steps: number }
  /** Every step was carried out, or the plan has to be made anew to go on. */
  | { readonly type: 'stepsDone' }
  | { readonly type: 'stepFailed'; readonly cause: string }
  | { readonly type: 'surveyFailed'; readonly cause: string }
  /** The plan leaves the PF out: its spec cannot be had, or somebody else manages it now. */
  | { readonly type: 'leftOut' }
  | { readonly type: 'removed' };

/** A PF needs at most: through 0 to N, the mode, drivers, GUIDs or RDMA, settings; once more for what comes up late. */
export const PF_ROUNDS_MAX = 8;

/** What a transition may ask for. */
const effects = {
  /** Save what the PF is like, unless it is saved already, so that it can be given back. Comes before the first write. */
  checkpoint: () => {},
  /** Carry out the newest plan's steps up to its end or the first `rediscover`. Answer `stepsDone` or `stepFailed`. */
  runSteps: () => {},
  /** Discover and plan again. Answer `planned`, `leftOut`, `surveyFailed` or `removed`. */
  survey: () => {},
  /** Save what was applied. */
  saveApplied: () => {},
  /** The PF is as we found it: drop what was saved. */
  forget: () => {},
};

const setupPf = setup({
  types: {
    context: {} as PfContext,
    events: {} as PfEvent,
    emitted: {} as EffectOf<typeof effects>,
    input: {} as { readonly pf: PciAddress },
  },
  actions: {
    ...effects,
    countRound: assign({ rounds: ({ context }) => context.rounds + 1 }),
    rest: assign({ rounds: 0, cause: undefined }),
    noteCause: assign(({ event }) => ('cause' in event ? { cause: event.cause } : {})),
    noteEndless: assign({ cause: `after ${PF_ROUNDS_MAX} rounds of changes the PF is still not as wanted` }),
  },
  guards: {
    toDo: ({ event }) => event.type === 'planned' && event.steps > 0,
    doneWithReset: ({ event }) => event.type === 'planned' && event.action === 'reset',
    endless: ({ context, event }) => event.type === 'planned' && event.steps > 0 && context.rounds >= PF_ROUNDS_MAX,
  },
});

const onPlanned = [
  { guard: 'endless', target: '#pf.failed', actions: 'noteEndless' },
  { guard: 'toDo', target: '#pf.applying' },
  { guard: 'doneWithReset', target: '#pf.unmanaged', actions: 'forget' },
  // Also when it was so before: what was applied may go by other names now.
  { target: '#pf.configured', reenter: true },
] as const;

/** One PF under the config daemon. Run it with `advance`. */
export const pfMachine = setupPf.createMachine({
  id: 'pf',
  initial: 'unmanaged',
  context: ({ input }) => ({ pf: input.pf, rounds: 0 }),
  states: {
    /** Not ours: no spec names it and nothing of it is saved. */
    unmanaged: { entry: 'rest', on: { planned: onPlanned, removed: 'gone' } },
    applying: {
      entry: ['countRound', 'checkpoint', 'runSteps'],
      on: { stepsDone: 'surveying', stepFailed: { target: 'failed', actions: 'noteCause' }, removed: 'gone' },
    },
    surveying: {
      entry: 'survey',
      on: { planned: onPlanned, leftOut: 'unmanaged', surveyFailed: { target: 'failed', actions: 'noteCause' }, removed: 'gone' },
    },
    configured: { entry: ['rest', 'saveApplied'], on: { planned: onPlanned, leftOut: 'unmanaged', removed: 'gone' } },
    failed: {
      // The next try begins with as many rounds as the first.
      entry: assign({ rounds: 0 }),
      on: { planned: onPlanned, leftOut: 'unmanaged', removed: 'gone' },
    },
    gone: { entry: 'rest', on: { planned: onPlanned, leftOut: 'unmanaged' } },
  },
});

export type PfMachineState = MachineState<typeof pfMachine>;
export type PfStateName = PfMachineState['value'];
/** What the config daemon carries out for a PF. */
export type PfEffect = MachineEffect<typeof pfMachine>;
