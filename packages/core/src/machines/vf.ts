import { assign, setup } from 'xstate';
import type { PciAddress } from '../domain/pci.ts';
import type { EffectOf, MachineEffect, MachineState } from './machine.ts';

/** Who uses a VF: one network attachment of one pod sandbox, as CNI names it (container id and interface name). */
export interface VfHolder {
  readonly containerId: string;
  readonly interfaceName: string;
  readonly podNamespace: string;
  readonly podName: string;
  readonly podUid: string;
  readonly netns: string;
}

export interface VfContext {
  readonly pf: PciAddress;
  readonly index: number;
  readonly pciAddress?: PciAddress | undefined;
  readonly driver?: string | undefined;
  /** Resource that the VF is to be advertised under; absent when no policy names it. */
  readonly resourceName?: string | undefined;
  /** Resource that the device plugin lists the VF under. */
  readonly listedAs?: string | undefined;
  /** kubelet has given the VF to a pod that still exists. */
  readonly held: boolean;
  /** Present from the start of an attachment until the VF is as it was before. */
  readonly holder?: VfHolder | undefined;
  /** Failed tries of the present release or reset. */
  readonly attempts: number;
  /** Between two tries; `deadlineAtMs` then says when to try again, otherwise when the present try counts as failed. */
  readonly waiting: boolean;
  /** Clock.now() at which a `time` event matters. Persisted; see {@link VfEvent} `resumed`. */
  readonly deadlineAtMs?: number | undefined;
  /** Why the last thing failed. */
  readonly cause?: string | undefined;
}

/** What can happen to a VF. `nowMs` is Clock.now(). */
export type VfEvent =
  /** The PF made the VF (sriov_numvfs). */
  | { readonly type: 'created'; readonly pciAddress: PciAddress }
  /** The VF is no longer there: fewer VFs, PF reset or unplugged. */
  | { readonly type: 'removed' }
  | { readonly type: 'driverBound'; readonly driver: string }
  | { readonly type: 'driverUnbound' }
  /** The node state's group for this VF has been applied. */
  | { readonly type: 'configured'; readonly resourceName: string }
  /** No group of the node state names this VF any more. */
  | { readonly type: 'unclaimed' }
  /** The device plugin lists the VF, or has ceased to. */
  | { readonly type: 'advertised' }
  | { readonly type: 'withdrawn' }
  /** kubelet's Allocate named the VF. */
  | { readonly type: 'allocated'; readonly nowMs: number }
  /** No pod holds the VF according to kubelet's pod resources. */
  | { readonly type: 'freed'; readonly nowMs: number }
  | { readonly type: 'attachStarted'; readonly holder: VfHolder; readonly nowMs: number }
  | { readonly type: 'attached' }
  | { readonly type: 'attachFailed'; readonly cause: string; readonly nowMs: number }
  /** CNI DEL. Ignored unless it comes from the holder, so that a late DEL never resets another pod's VF. */
  | { readonly type: 'detachRequested'; readonly containerId: string; readonly interfaceName: string; readonly nowMs: number }
  /** The netdev is back on the host. */
  | { readonly type: 'released'; readonly nowMs: number }
  /** Name, MAC, MTU, VLAN and the other settings are as before the attachment. */
  | { readonly type: 'resetDone'; readonly nowMs: number }
  /** The release or reset under way failed. */
  | { readonly type: 'failed'; readonly cause: string; readonly nowMs: number }
  /** A person, or the daemon after a hardware change, asks for another try on a quarantined VF. */
  | { readonly type: 'repairRequested'; readonly nowMs: number }
  | { readonly type: 'time'; readonly nowMs: number }
  /** The process started again with a restored state: deadlines are set anew, since the clock may have been stepped meanwhile. */
  | { readonly type: 'resumed'; readonly nowMs: number };

/** How long a VF may stay in a state before the machine asks or acts, in milliseconds. */
export const vfDeadlinesMs = {
  /** Allocated without an attachment: ask kubelet whether a pod still holds it. */
  allocated: 120_000,
  attaching: 60_000,
  releasing: 30_000,
  resetting: 30_000,
  /** First pause between failed tries; doubles with each. */
  retry: 1_000,
  /** Between tries on a quarantined VF. */
  quarantined: 300_000,
} as const;

/** Failed tries of a release or reset before the VF is put into quarantine. */
export const VF_ATTEMPTS_MAX = 4;

type At = { readonly nowMs: number };

const DRIVER_LOST = 'the driver was taken from the VF while a pod had it';
const VF_LOST = 'the VF went away while a pod had it';
const noDeadline = { deadlineAtMs: undefined, waiting: false } as const;
const atRest = { ...noDeadline, attempts: 0, cause: undefined } as const;
const due = (context: VfContext, event: At) => context.deadlineAtMs !== undefined && event.nowMs >= context.deadlineAtMs;

/** The deadline of a try that starts with `event`; events without a time come from states that set none. */
const deadlineAfter = (event: VfEvent, forMs: number) =>
  'nowMs' in event ? { deadlineAtMs: event.nowMs + forMs, waiting: false } : noDeadline;

/** What a transition may ask for. */
const effects = {
  /** List the VF in its resource's device plugin; answer `advertised`. */
  advertise: () => {},
  /** Take it off the list. */
  withdraw: () => {},
  /** Ask kubelet's pod resources who holds the VF; answer `freed` if nobody does. */
  checkHolder: () => {},
  /** Save the VF's settings, then bring it into the pod. Answer `attached` or `attachFailed`. */
  attach: () => {},
  /** Bring the netdev back to the host. Answer `released` or `failed`. Nothing to do is `released`. */
  release: () => {},
  /** Restore the saved settings and check them. Answer `resetDone` or `failed`. */
  reset: () => {},
  /** Report the device unhealthy to kubelet and say why in the node state. */
  quarantine: (_: unknown, _params: { readonly cause: string }) => {},
  markHealthy: () => {},
  /** The VF went away, or lost its driver, while a pod had it. */
  reportLost: (_: unknown, _params: { readonly cause: string }) => {},
};

const setupVf = setup({
  types: {
    context: {} as VfContext,
    events: {} as VfEvent,
    emitted: {} as EffectOf<typeof effects>,
    input: {} as { readonly pf: PciAddress; readonly index: number },
  },
  actions: {
    ...effects,
    noteDriver: assign(({ event }) => (event.type === 'driverBound' ? { driver: event.driver } : {})),
    forgetDriver: assign({ driver: undefined }),
    claim: assign(({ event }) => (event.type === 'configured' ? { resourceName: event.resourceName } : {})),
    disclaim: assign({ resourceName: undefined }),
    noteListed: assign(({ context }) => ({ listedAs: context.resourceName })),
    forgetListed: assign({ listedAs: undefined }),
    noteHolder: assign(({ event }) => (event.type === 'attachStarted' ? { held: true, holder: event.holder } : {})),
    forgetHolder: assign({ holder: undefined }),
    noteFreed: assign({ held: false }),
    noteCause: assign(({ event }) => ('cause' in event ? { cause: event.cause } : {})),
    rest: assign(atRest),
    /** Counts a failed try and sets when the next one is due. */
    pause: assign(({ context, event }) =>
      'nowMs' in event
        ? {
            attempts: context.attempts + 1,
            waiting: true,
            deadlineAtMs: event.nowMs + vfDeadlinesMs.retry * 2 ** context.attempts,
            cause: 'cause' in event ? event.cause : 'it did not finish in time',
          }
        : {},
    ),
  },
  guards: {
    due: ({ context, event }) => event.type === 'time' && due(context, event),
    dueForRetry: ({ context, event }) => event.type === 'time' && due(context, event) && context.waiting,
    timedOut: ({ context, event }) => event.type === 'time' && due(context, event) && !context.waiting,
    timedOutOnce: ({ context, event }) => event.type === 'time' && due(context, event) && !context.waiting && context.attempts + 1 < VF_ATTEMPTS_MAX,
    mayRetry: ({ context }) => context.attempts + 1 < VF_ATTEMPTS_MAX,
    byHolder: ({ context, event }) =>
      event.type === 'detachRequested' && context.holder?.containerId === event.containerId && context.holder.interfaceName === event.interfaceName,
    held: ({ context }) => context.held,
    listedAsClaimed: ({ context }) => context.resourceName !== undefined && context.resourceName === context.listedAs,
    claimed: ({ context }) => context.resourceName !== undefined,
    driven: ({ context }) => context.driver !== undefined,
    driverless: ({ context }) => context.driver === undefined,
    otherResource: ({ context, event }) => event.type === 'configured' && event.resourceName !== context.resourceName,
    otherDriver: ({ context, event }) => event.type === 'driverBound' && event.driver !== context.driver,
  },
});

/** What changes around a VF while a pod has it is noted, and acted upon when the pod is done with it. */
const inUse = {
  configured: { guard: 'otherResource', actions: 'claim' },
  unclaimed: { guard: 'claimed', actions: 'disclaim' },
  withdrawn: { actions: 'forgetListed' },
  // With another driver the group is no longer applied: its `configured` has to come again.
  driverBound: { guard: 'otherDriver', actions: ['noteDriver', 'disclaim'] },
  driverUnbound: { guard: 'driven', actions: ['forgetDriver', 'disclaim', { type: 'reportLost', params: { cause: DRIVER_LOST } }] },
  removed: { target: '#vf.absent', actions: ['withdraw', { type: 'reportLost', params: { cause: VF_LOST } }] },
} as const;

/** A pod is no longer using the VF: where it goes from there, by what is wanted of it now. */
const unused = [
  { guard: 'driverless', target: '#vf.created', actions: 'withdraw' },
  { guard: 'listedAsClaimed', target: '#vf.advertised' },
  { guard: 'claimed', target: '#vf.configured', actions: 'withdraw' },
  { target: '#vf.bound', actions: 'withdraw' },
] as const;

const failing = [{ guard: 'mayRetry', actions: 'pause' }, { target: '#vf.quarantined', actions: 'noteCause' }] as const;

/** The life of one VF, from its creation by the PF through its use by pods to its removal. Run it with `advance`. */
export const vfMachine = setupVf.createMachine({
  id: 'vf',
  initial: 'absent',
  context: ({ input }) => ({ pf: input.pf, index: input.index, held: false, attempts: 0, waiting: false }),
  states: {
    absent: {
      entry: assign({
        ...atRest, pciAddress: undefined, driver: undefined, resourceName: undefined, listedAs: undefined, held: false, holder: undefined,
      }),
      on: { created: { target: 'created', actions: assign(({ event }) => ({ pciAddress: event.pciAddress })) } },
    },
    created: {
      entry: ['forgetDriver', 'disclaim', 'forgetListed', 'rest'],
      on: { driverBound: { target: 'bound', actions: 'noteDriver' }, removed: 'absent' },
    },
    bound: {
      entry: ['disclaim', 'forgetListed', 'rest'],
      on: {
        configured: { target: 'configured', actions: 'claim' },
        driverBound: { guard: 'otherDriver', actions: 'noteDriver' },
        driverUnbound: 'created',
        removed: 'absent',
      },
    },
    configured: {
      entry: ['forgetListed', 'rest', 'advertise'],
      on: {
        advertised: { target: 'advertised', actions: 'noteListed' },
        configured: { guard: 'otherResource', target: 'configured', reenter: true, actions: 'claim' },
        unclaimed: { target: 'bound', actions: 'withdraw' },
        driverBound: { guard: 'otherDriver', target: 'bound', actions: ['withdraw', 'noteDriver'] },
        driverUnbound: { target: 'created', actions: 'withdraw' },
        removed: { target: 'absent', actions: 'withdraw' },
      },
    },
    advertised: {
      entry: 'rest',
      on: {
        allocated: { target: 'allocated', actions: assign({ held: true }) },
        // An attachment without an Allocate that we saw: the plugin was restarted in between.
        attachStarted: { target: 'attaching', actions: 'noteHolder' },
        withdrawn: 'configured',
        configured: { guard: 'otherResource', target: 'configured', actions: ['withdraw', 'claim'] },
        unclaimed: { target: 'bound', actions: 'withdraw' },
        driverBound: { guard: 'otherDriver', target: 'bound', actions: ['withdraw', 'noteDriver'] },
        driverUnbound: { target: 'created', actions: 'withdraw' },
        removed: { target: 'absent', actions: 'withdraw' },
      },
    },
    allocated: {
      entry: ['rest', assign(({ event }) => deadlineAfter(event, vfDeadlinesMs.allocated))],
      on: {
        ...inUse,
        attachStarted: { target: 'attaching', actions: 'noteHolder' },
        freed: unused.map((way) => ({ ...way, actions: ['noteFreed' as const, ...('actions' in way ? [way.actions] : [])] })),
        time: { guard: 'due', actions: ['checkHolder', assign(({ event }) => deadlineAfter(event, vfDeadlinesMs.allocated))] },
        resumed: { actions: ['checkHolder', assign(({ event }) => deadlineAfter(event, vfDeadlinesMs.allocated))] },
      },
    },
    attaching: {
      entry: ['rest', 'attach', assign(({ event }) => deadlineAfter(event, vfDeadlinesMs.attaching))],
      on: {
        ...inUse,
        attached: 'attached',
        attachFailed: { target: 'releasing', actions: 'noteCause' },
        detachRequested: { guard: 'byHolder', target: 'releasing' },
        freed: { target: 'releasing', actions: 'noteFreed' },
        time: { guard: 'due', target: 'releasing', actions: assign({ cause: 'the attachment did not finish in time' }) },
        // How far the attachment had come when the process died is unknown: undo it; the runtime asks again.
        resumed: { target: 'releasing', actions: assign({ cause: 'the attachment was interrupted by a restart' }) },
      },
    },
    attached: {
      entry: 'rest',
      on: {
        ...inUse,
        detachRequested: { guard: 'byHolder', target: 'releasing' },
        // The pod went without a CNI DEL.
        freed: { target: 'releasing', actions: 'noteFreed' },
        resumed: { actions: 'checkHolder' },
      },
    },
    releasing: {
      entry: ['release', assign(({ event }) => ({ attempts: 0, ...deadlineAfter(event, vfDeadlinesMs.releasing) }))],
      on: {
        ...inUse,
        released: 'resetting',
        failed: failing,
        time: [
          { guard: 'dueForRetry', actions: ['release', assign(({ event }) => deadlineAfter(event, vfDeadlinesMs.releasing))] },
          { guard: 'timedOutOnce', actions: 'pause' },
          { guard: 'timedOut', target: 'quarantined', actions: assign({ cause: 'the release did not finish in time' }) },
        ],
        resumed: { actions: ['release', assign(({ event }) => deadlineAfter(event, vfDeadlinesMs.releasing))] },
        freed: { guard: 'held', actions: 'noteFreed' },
      },
    },
    resetting: {
      entry: ['reset', assign(({ event }) => ({ attempts: 0, ...deadlineAfter(event, vfDeadlinesMs.resetting) }))],
      on: {
        ...inUse,
        // The sandbox may be made anew while kubelet still holds the VF for the same pod.
        resetDone: [
          { guard: 'held', target: 'allocated', actions: ['forgetHolder', 'markHealthy'] },
          ...unused.map((way) => ({ ...way, actions: ['forgetHolder' as const, 'markHealthy' as const, ...('actions' in way ? [way.actions] : [])] })),
        ],
        failed: failing,
        time: [
          { guard: 'dueForRetry', actions: ['reset', assign(({ event }) => deadlineAfter(event, vfDeadlinesMs.resetting))] },
          { guard: 'timedOutOnce', actions: 'pause' },
          { guard: 'timedOut', target: 'quarantined', actions: assign({ cause: 'the reset did not finish in time' }) },
        ],
        resumed: { actions: ['reset', assign(({ event }) => deadlineAfter(event, vfDeadlinesMs.resetting))] },
        freed: { guard: 'held', actions: 'noteFreed' },
      },
    },
    quarantined: {
      entry: [
        { type: 'quarantine', params: ({ context }) => ({ cause: context.cause ?? 'unknown' }) },
        assign(({ event }) => deadlineAfter(event, vfDeadlinesMs.quarantined)),
      ],
      on: {
        ...inUse,
        repairRequested: 'releasing',
        time: { guard: 'due', target: 'releasing' },
        resumed: { actions: assign(({ event }) => deadlineAfter(event, vfDeadlinesMs.quarantined)) },
        freed: { guard: 'held', actions: 'noteFreed' },
      },
    },
  },
});

export type VfMachineState = MachineState<typeof vfMachine>;
export type VfStateName = VfMachineState['value'];
/** What the device plugin and pod attachment carry out for a VF. */
export type VfEffect = MachineEffect<typeof vfMachine>;
