import type { Errno, HardwareOperation, PciAddress } from '@vfleet/core';

/** Where a fault may strike: once per step, before it runs. */
export interface FaultPoint {
  readonly node: string;
  readonly operation: HardwareOperation;
  readonly device: PciAddress | 'host';
  /** The PF of the device; absent for the host's own operations. */
  readonly pf?: PciAddress;
  /** The how-manieth time this operation runs on this PF (or host) of this node, from 1. */
  readonly nth: number;
  readonly atMs: number;
}

/** What goes wrong. Several may strike one step. */
export type HardwareFault =
  /** The kernel refuses; nothing changes. */
  | { readonly kind: 'errno'; readonly errno: Errno }
  /** The change happens and is reported as failed. */
  | { readonly kind: 'errnoAfter'; readonly errno: Errno }
  /** The step takes longer. */
  | { readonly kind: 'delay'; readonly byMs: number }
  /** The step hangs in the kernel, as with an open VFIO group. */
  | { readonly kind: 'hang'; readonly forMs: number }
  /** Fewer VFs than asked for; the write succeeds unless an errno is given. */
  | { readonly kind: 'partialCreation'; readonly created: number; readonly errno?: Errno }
  /** New netdevs become visible later than their driver's bind. */
  | { readonly kind: 'lateNetdev'; readonly byMs: number }
  /** New netdevs keep the kernel's names (eth0, eth1 …): udev did not rename them. */
  | { readonly kind: 'otherName' }
  /** The driver's probe fails: the device stays without driver. */
  | { readonly kind: 'bindFails' }
  /** The PF loses its carrier once the step is done, for a while. */
  | { readonly kind: 'linkFlap'; readonly downMs: number }
  /** The PF leaves the bus once the step is done, and comes back if told so. */
  | { readonly kind: 'hotUnplug'; readonly returnAfterMs?: number }
  /** The VFs vanish with an eswitch change. */
  | { readonly kind: 'eswitchDropsVfs' }
  /** Watchers lose events and are told to discover again. */
  | { readonly kind: 'eventsLost' };

export type FaultKind = HardwareFault['kind'];

/** Decides what goes wrong. Must depend on nothing but the point and its own seeded state. */
export interface FaultPlan {
  consult(point: FaultPoint): readonly HardwareFault[];
}

export const noFaults: FaultPlan = { consult: () => [] };

/** A fault with a name and the points it strikes; what is left out matches everything. */
export interface FaultRule {
  readonly name: string;
  readonly node?: string;
  readonly operation?: HardwareOperation;
  /** A device or PF. */
  readonly device?: PciAddress | 'host';
  /** Only the n-th occurrence. */
  readonly nth?: number;
  /** Strikes at most so often; unlimited when absent. */
  readonly times?: number;
  readonly fault: HardwareFault;
}

/** A plan made of rules, that counts what fired, so that a campaign can fail when a fault never did. */
export interface RuleFaultPlan extends FaultPlan {
  /** How often each rule fired, by name, in order of the rules. */
  fired(): ReadonlyMap<string, number>;
}

export function faultRules(rules: readonly FaultRule[]): RuleFaultPlan {
  const counts = new Map<string, number>(rules.map((rule) => [rule.name, 0]));
  if (counts.size !== rules.length) throw new TypeError('two fault rules have the same name');
  return {
    consult(point) {
      const struck: HardwareFault[] = [];
      for (const rule of rules) {
        const fired = counts.get(rule.name)!;
        if (!matches(rule, point) || (rule.times !== undefined && fired >= rule.times)) continue;
        counts.set(rule.name, fired + 1);
        struck.push(rule.fault);
      }
      return struck;
    },
    fired: () => new Map(counts),
  };
}

function matches(rule: FaultRule, point: FaultPoint): boolean {
  return (
    (rule.node === undefined || rule.node === point.node) &&
    (rule.operation === undefined || rule.operation === point.operation) &&
    (rule.device === undefined || rule.device === point.device || rule.device === point.pf) &&
    (rule.nth === undefined || rule.nth === point.nth)
  );
}

/** The faults of one step, sorted by what they touch. */
export interface StepFaults {
  readonly errno?: Errno;
  readonly errnoAfter?: Errno;
  readonly delayMs: number;
  readonly hangMs: number;
  readonly partialCount?: number;
  readonly partialErrno?: Errno;
  readonly netdevLateMs: number;
  readonly kernelNames: boolean;
  readonly bindFails: boolean;
  readonly linkFlapMs?: number;
  readonly unplug?: { readonly returnAfterMs?: number };
  readonly eswitchDropsVfs: boolean;
  readonly eventsLost: boolean;
}

export const NO_STEP_FAULTS: StepFaults = Object.freeze({
  delayMs: 0, hangMs: 0, netdevLateMs: 0, kernelNames: false, bindFails: false, eswitchDropsVfs: false, eventsLost: false,
});

export function stepFaults(faults: readonly HardwareFault[]): StepFaults {
  if (faults.length === 0) return NO_STEP_FAULTS;
  return faults.reduce<StepFaults>((all, fault) => {
    switch (fault.kind) {
      case 'errno':
        return { ...all, errno: fault.errno };
      case 'errnoAfter':
        return { ...all, errnoAfter: fault.errno };
      case 'delay':
        return { ...all, delayMs: all.delayMs + fault.byMs };
      case 'hang':
        return { ...all, hangMs: all.hangMs + fault.forMs };
      case 'partialCreation':
        return { ...all, partialCount: fault.created, ...(fault.errno === undefined ? {} : { partialErrno: fault.errno }) };
      case 'lateNetdev':
        return { ...all, netdevLateMs: fault.byMs };
      case 'otherName':
        return { ...all, kernelNames: true };
      case 'bindFails':
        return { ...all, bindFails: true };
      case 'linkFlap':
        return { ...all, linkFlapMs: fault.downMs };
      case 'hotUnplug':
        return { ...all, unplug: fault.returnAfterMs === undefined ? {} : { returnAfterMs: fault.returnAfterMs } };
      case 'eswitchDropsVfs':
        return { ...all, eswitchDropsVfs: true };
      case 'eventsLost':
        return { ...all, eventsLost: true };
    }
  }, NO_STEP_FAULTS);
}
