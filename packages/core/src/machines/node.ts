import { assign, setup } from 'xstate';
import type { EffectOf, MachineEffect, MachineState } from './machine.ts';

/** What a plan means for the node as a whole, and what the node is allowed just now. */
export interface PlanSummary {
  /** Nothing is left to be done: neither steps nor a reboot. */
  readonly settled: boolean;
  /** Why some PF cannot be what its spec wants, in one line each; empty when all can. */
  readonly blocked: readonly string[];
  readonly drainNeeded: boolean;
  readonly rebootNeeded: boolean;
  /** `drain`: pods that use VFs are gone. `reboot`: every pod is gone, or draining is switched off. */
  readonly permission: 'none' | 'drain' | 'reboot';
  /** The running boot (HostFacts). */
  readonly bootId: string;
}

export interface NodeContext {
  /** Failures in a row since the last success or change of the spec. */
  readonly attempts: number;
  /** Times that steps were carried out since the last rest: guards against a plan that never ends. */
  readonly rounds: number;
  /** Reboots asked for since the node last needed none. Persisted before each, so that a node never boots in a circle. */
  readonly rebootAttempts: number;
  /** The boot in which the last reboot was asked for. */
  readonly bootId?: string | undefined;
  /** Clock.now() at which a `time` event matters. */
  readonly deadlineAtMs?: number | undefined;
  readonly cause?: string | undefined;
}

export type NodeEvent =
  /** The daemon came up; `nowMs` is Clock.now(). Sent to a restored state too. */
  | { readonly type: 'started'; readonly bootId: string; readonly nowMs: number }
  | { readonly type: 'discovered' }
  | { readonly type: 'discoveryFailed'; readonly cause: string; readonly nowMs: number }
  /** There is a SriovNetworkNodeState of this node's name, or there is none any more. */
  | { readonly type: 'stateSeen' }
  | { readonly type: 'stateGone' }
  | { readonly type: 'planned'; readonly summary: PlanSummary; readonly nowMs: number }
  | { readonly type: 'applied' }
  | { readonly type: 'applyFailed'; readonly cause: string; readonly nowMs: number }
  /** The host's steps were enough: it need not be booted. */
  | { readonly type: 'rebootUnneeded' }
  | { readonly type: 'rebootFailed'; readonly cause: string; readonly nowMs: number }
  | { readonly type: 'specChanged' }
  /** `awaited`: it is about a device whose absence is among the present problems. */
  | { readonly type: 'hardwareChanged'; readonly awaited?: boolean }
  /** The operator moved on with the drain, or somebody changed the annotations. */
  | { readonly type: 'drainChanged' }
  /** The node is Idle again: pods may come. */
  | { readonly type: 'drainReleased' }
  | { readonly type: 'time'; readonly nowMs: number };

export const REBOOT_ATTEMPTS_MAX = 3;
/** A PF takes up to five rounds (through 0, mode, drivers, GUIDs, settings); the rest is for changes that come in between. */
export const NODE_ROUNDS_MAX = 12;

export const nodeDeadlinesMs = {
  /** From asking for a reboot until it counts as refused. */
  rebooting: 900_000,
  /** First pause after a failure; doubles with each further one. */
  retry: 2_000,
  retryMax: 120_000,
} as const;

const atRest = { deadlineAtMs: undefined, cause: undefined, rounds: 0 } as const;
const summaryOf = (event: NodeEvent): PlanSummary | undefined => (event.type === 'planned' ? event.summary : undefined);

/** The host has not booted since a reboot was last asked for. */
const isSameBoot = (context: NodeContext, event: NodeEvent): boolean => context.bootId !== undefined && summaryOf(event)?.bootId === context.bootId;

/** What a transition may ask for. */
const effects = {
  /** Look at the hardware and publish it in the node state. Answer `discovered` or `discoveryFailed`. */
  discover: () => {},
  /** Compare with the node state. Answer `planned`, or `stateGone`. */
  plan: () => {},
  /** Ask the operator, by the Node's annotation, for what is named. Nothing to do when it has been asked for. */
  requestDrain: (_: unknown, _params: { readonly request: 'Drain_Required' | 'Reboot_Required' }) => {},
  /** Tell the operator that the drain is no longer needed. Answer `drainReleased` when it has ended. */
  releaseDrain: () => {},
  /** Carry out the steps of the newest plan. Answer `applied` or `applyFailed`. */
  apply: () => {},
  /** Set kernel arguments, carry out the host's steps, boot. Answer `rebootUnneeded` (also when its permission is gone), `rebootFailed`, or nothing. */
  reboot: () => {},
  /** Write syncStatus, lastSyncError and conditions, where they differ. */
  report: (_: unknown, _params: { readonly syncStatus: 'InProgress' | 'Succeeded' | 'Failed'; readonly cause?: string | undefined }) => {},
  /** Send `time` when the deadline has come. */
  schedule: (_: unknown, _params: { readonly atMs: number }) => {},
};

const setupNode = setup({
  types: { context: {} as NodeContext, events: {} as NodeEvent, emitted: {} as EffectOf<typeof effects> },
  actions: {
    ...effects,
    rest: assign(atRest),
    forgetDeadline: assign({ deadlineAtMs: undefined }),
    countRound: assign({ rounds: ({ context }) => context.rounds + 1 }),
    /** One that was refused, so that the host is still in the boot in which it was asked for, is not counted twice. */
    countReboot: assign(({ context, event }) => ({ rebootAttempts: context.rebootAttempts + (isSameBoot(context, event) ? 0 : 1), bootId: summaryOf(event)?.bootId })),
    forgetReboots: assign({ rebootAttempts: 0, bootId: undefined }),
    forgetFailures: assign({ attempts: 0 }),
    /** Counts the failure and sets when to try again. */
    countFailure: assign(({ context, event }) => ({
      attempts: context.attempts + 1,
      rounds: 0,
      deadlineAtMs: ('nowMs' in event ? event.nowMs : 0) + Math.min(nodeDeadlinesMs.retryMax, nodeDeadlinesMs.retry * 2 ** Math.min(context.attempts, 20)),
    })),
    noteCause: assign(({ event }) => ('cause' in event ? { cause: event.cause } : {})),
    noteBlocked: assign(({ event }) => ({ cause: summaryOf(event)?.blocked.join('; ') })),
  },
  guards: {
    settledWithProblems: ({ event }) => summaryOf(event)?.settled === true && event.type === 'planned' && event.summary.blocked.length > 0,
    settled: ({ event }) => summaryOf(event)?.settled === true,
    rebootBudgetSpent: ({ context, event }) => summaryOf(event)?.rebootNeeded === true && context.rebootAttempts >= REBOOT_ATTEMPTS_MAX && !isSameBoot(context, event),
    mayReboot: ({ event }) => summaryOf(event)?.rebootNeeded === true && summaryOf(event)?.permission === 'reboot',
    rebootNeeded: ({ event }) => summaryOf(event)?.rebootNeeded === true,
    drainNeeded: ({ event }) => summaryOf(event)?.drainNeeded === true && summaryOf(event)?.permission === 'none',
    endless: ({ context }) => context.rounds >= NODE_ROUNDS_MAX,
    booted: ({ context, event }) => event.type === 'started' && event.bootId !== context.bootId,
    awaited: ({ event }) => event.type === 'hardwareChanged' && event.awaited === true,
    due: ({ context, event }) => event.type === 'time' && context.deadlineAtMs !== undefined && event.nowMs >= context.deadlineAtMs,
  },
});

/** What follows from a plan, by how grave it is. */
const onPlanned = [
  // Nothing more can be done about PFs with problems, so the node need not stay drained for them.
  { guard: 'settledWithProblems', target: '#node.failed', actions: ['noteBlocked', 'releaseDrain'] },
  { guard: 'settled', target: '#node.succeeded' },
  { guard: 'rebootBudgetSpent', target: '#node.failed', actions: ['noteBudgetSpent', 'releaseDrain'] },
  { guard: 'mayReboot', target: '#node.rebooting', actions: 'countReboot' },
  { guard: 'rebootNeeded', target: '#node.drainRequested', actions: { type: 'requestDrain', params: { request: 'Reboot_Required' } } },
  { guard: 'drainNeeded', target: '#node.drainRequested', actions: { type: 'requestDrain', params: { request: 'Drain_Required' } } },
  { guard: 'endless', target: '#node.failed', actions: 'noteEndless' },
  { target: '#node.applying' },
] as const;

const setupWithCauses = setupNode.extend({
  actions: {
    noteBudgetSpent: setupNode.assign({
      cause: `the node was rebooted ${REBOOT_ATTEMPTS_MAX} times and still needs a reboot; see whether the boot loader takes the kernel arguments over, then change the policy to try again`,
    }),
    noteEndless: setupNode.assign({
      cause: `after ${NODE_ROUNDS_MAX} rounds of changes the NICs are still not as wanted; something else changes them at the same time`,
    }),
    noteNoReboot: setupNode.assign({ cause: 'a reboot was asked for and the node did not boot' }),
  },
});

/** One node's configuration, from discovery to rest. Used by the config daemon through `advance`; see it for what the effects do. */
export const nodeMachine = setupWithCauses.createMachine({
  id: 'node',
  initial: 'starting',
  context: { attempts: 0, rounds: 0, rebootAttempts: 0 },
  states: {
    starting: { on: { started: 'discovering' } },
    discovering: {
      entry: 'discover',
      on: {
        started: { target: 'discovering', reenter: true },
        discovered: 'planning',
        discoveryFailed: { target: 'failed', actions: 'noteCause' },
      },
    },
    /** No node state yet: the operator creates it. */
    awaitingState: {
      entry: 'rest',
      on: { started: 'discovering', stateSeen: 'discovering', hardwareChanged: 'discovering' },
    },
    planning: {
      entry: 'plan',
      on: { started: 'discovering', planned: onPlanned, stateGone: 'awaitingState' },
    },
    drainRequested: {
      entry: { type: 'report', params: { syncStatus: 'InProgress' } },
      on: {
        started: 'discovering',
        drainChanged: 'planning',
        specChanged: { target: 'planning', actions: 'forgetFailures' },
        hardwareChanged: 'discovering',
        stateGone: { target: 'awaitingState', actions: 'releaseDrain' },
      },
    },
    applying: {
      entry: [{ type: 'report', params: { syncStatus: 'InProgress' } }, 'countRound', 'apply'],
      on: { started: 'discovering', applied: 'verifying', applyFailed: { target: 'failed', actions: 'noteCause' } },
    },
    /** Looks whether the hardware is now as wanted; nothing is believed because a write succeeded. */
    verifying: {
      entry: 'discover',
      on: {
        started: 'discovering',
        discovered: { actions: 'plan' },
        discoveryFailed: { target: 'failed', actions: 'noteCause' },
        planned: onPlanned,
        stateGone: { target: 'awaitingState', actions: 'releaseDrain' },
      },
    },
    rebooting: {
      exit: 'forgetDeadline',
      entry: [
        assign(({ event }) => ({ deadlineAtMs: 'nowMs' in event ? event.nowMs + nodeDeadlinesMs.rebooting : undefined })),
        { type: 'report', params: { syncStatus: 'InProgress' } },
        { type: 'schedule', params: ({ context }) => ({ atMs: context.deadlineAtMs ?? 0 }) },
        'reboot',
      ],
      on: {
        started: [
          { guard: 'booted', target: 'discovering', actions: 'rest' },
          // Only the process was restarted; the boot is still to come.
          {
            actions: [
              assign(({ event }) => ({ deadlineAtMs: event.nowMs + nodeDeadlinesMs.rebooting })),
              { type: 'schedule', params: ({ event }) => ({ atMs: event.nowMs + nodeDeadlinesMs.rebooting }) },
            ],
          },
        ],
        rebootUnneeded: 'discovering',
        rebootFailed: { target: 'failed', actions: 'noteCause' },
        time: { guard: 'due', target: 'failed', actions: 'noteNoReboot' },
      },
    },
    succeeded: {
      entry: ['rest', 'forgetFailures', 'forgetReboots', { type: 'report', params: { syncStatus: 'Succeeded' } }, 'releaseDrain'],
      on: { started: 'discovering', drainReleased: 'idle', specChanged: 'discovering', hardwareChanged: 'discovering', drainChanged: { actions: 'releaseDrain' } },
    },
    idle: {
      on: { started: 'discovering', specChanged: 'discovering', hardwareChanged: 'discovering', stateGone: 'awaitingState' },
    },
    failed: {
      exit: 'forgetDeadline',
      entry: [
        'countFailure',
        { type: 'report', params: ({ context }) => ({ syncStatus: 'Failed', cause: context.cause }) },
        { type: 'schedule', params: ({ context }) => ({ atMs: context.deadlineAtMs ?? 0 }) },
      ],
      on: {
        started: 'discovering',
        time: { guard: 'due', target: 'discovering' },
        // What our own failed steps stirred up must not start the next try before its time.
        hardwareChanged: { guard: 'awaited', target: 'discovering' },
        specChanged: { target: 'discovering', actions: ['forgetFailures', 'forgetReboots'] },
      },
    },
  },
});

export type NodeMachineState = MachineState<typeof nodeMachine>;
export type NodeStateName = NodeMachineState['value'];
/** What the config daemon carries out for its node. */
export type NodeEffect = MachineEffect<typeof nodeMachine>;
