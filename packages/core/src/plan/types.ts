import type { NodeStateSpec, VfGroup } from '../api/node-state.ts';
import type { EswitchMode, Inventory, LinkType, RdmaMode, VdpaType } from '../domain/inventory.ts';
import type { PciAddress } from '../domain/pci.ts';
import type { HardwareStep } from '../ports/hardware.ts';
import type { HostFacts } from '../ports/host.ts';
import type { OvsBridge } from '../ports/software-bridges.ts';
import type { VfRange } from '../render/vf-range.ts';

/** A PF that we have configured before: what it was like at first, so that it can be given back. */
export interface OwnedPf {
  readonly pciAddress: PciAddress;
  readonly name?: string;
  /** Before our first change; absent when the PF had no netdev then. */
  readonly firstMtu?: number;
  readonly firstEswitchMode: EswitchMode;
  /** What was applied last was marked as externally managed: such a PF is never reset. */
  readonly externallyManaged: boolean;
}

export interface PlanInput {
  /** `spec` of the node's SriovNetworkNodeState. */
  readonly desired: NodeStateSpec;
  readonly observed: Inventory;
  readonly owned: readonly OwnedPf[];
  readonly host: HostFacts;
  /** `spec.disableDrain` of the operator configuration. */
  readonly disableDrain: boolean;
  /** `spec.featureGates` of the operator configuration. */
  readonly gates?: Readonly<Record<string, boolean>>;
  /** `spec.disablePlugins` of the operator configuration. */
  readonly disabledPlugins?: readonly string[];
  /** The node's bridges that are ours; absent where nobody can make bridges. */
  readonly bridges?: readonly OvsBridge[];
  /** Which pod (`namespace/name`) holds a VF, by the VF's address, from kubelet. */
  readonly holders?: ReadonlyMap<string, string>;
  /** PFs that an unfinished run has begun to configure and whose VFs nobody can have got yet: they ask for no second drain. */
  readonly begun?: ReadonlySet<string>;
  /** {@link triedKey}s of steps that this device does not support or that had no effect: they are not planned again. */
  readonly tried?: ReadonlySet<string>;
}

/**
 * What a plan is made of. The addresses of VFs are known only once they exist, so a plan for a PF ends at `rediscover`: look
 * again, and plan again.
 */
export type PlanStep =
  | HardwareStep
  /** Until the PF shows `count` VFs. */
  | { readonly kind: 'waitForVfs'; readonly pf: PciAddress; readonly count: number; readonly deadlineMs: number }
  /**
   * Discover until the VFs that groups name have a driver (for at most `settleMs`), and a netdev if it is the kernel's (for at most
   * `netdevsMs`); then plan anew.
   */
  | { readonly kind: 'rediscover'; readonly pf: PciAddress; readonly settleMs: number; readonly netdevsMs: number };

/** Done when all PFs are as wanted. Each is one transaction, and doing it twice is doing it once. */
export type BridgeStep = { readonly kind: 'ensureBridge'; readonly bridge: OvsBridge } | { readonly kind: 'removeBridge'; readonly name: string };

/** What the plans after this one will do, as far as it is known now. */
export type Expectation =
  | { readonly kind: 'eswitchMode'; readonly mode: EswitchMode }
  | { readonly kind: 'pfMtu'; readonly mtu: number }
  | { readonly kind: 'pfUp' }
  | {
      readonly kind: 'vfs';
      readonly range: VfRange;
      readonly driver: 'default' | (string & {});
      readonly resourceName?: string;
      readonly mtu?: number;
      readonly isRdma: boolean;
      readonly vdpaType?: VdpaType;
    };

/** One way in which a PF is not as its spec wants it. */
export type Difference =
  | { readonly kind: 'numVfs'; readonly from: number; readonly to: number }
  /** sriov_numvfs is right, but fewer VFs are there. */
  | { readonly kind: 'vfsMissing'; readonly from: number; readonly to: number }
  | { readonly kind: 'eswitchMode'; readonly from: EswitchMode; readonly to: EswitchMode }
  | { readonly kind: 'pfMtu'; readonly from: number; readonly to: number }
  | { readonly kind: 'pfDown' }
  | { readonly kind: 'vfDriver'; readonly vfIndex: number; readonly from?: string; readonly to: 'default' | (string & {}) }
  | { readonly kind: 'vfMtu'; readonly vfIndex: number; readonly from: number; readonly to: number }
  | { readonly kind: 'vfGuid'; readonly vfIndex: number }
  | { readonly kind: 'vfVdpa'; readonly vfIndex: number; readonly from?: VdpaType; readonly to?: VdpaType }
  /** The bridge that the PF is an uplink of. */
  | { readonly kind: 'bridge'; readonly name: string; readonly change: 'changed' | 'removed' };

/** Why a PF cannot be, or cannot wholly be, what its spec wants. */
export interface PlanProblem {
  readonly kind:
    | 'pfGone' // the spec names a PF that is not there
    | 'pfBlocked' // an earlier change hangs in the kernel
    | 'pfWithoutDriver'
    | 'tooManyVfs' // numVfs > sriov_totalvfs
    | 'tooFewVfs' // externally managed with fewer VFs than wanted
    | 'externallyManagedDiffers' // MTU or eswitch mode of a PF that we may not change
    | 'linkTypeDiffers' // a firmware setting
    | 'badSpec' // a value in the spec that means nothing
    | 'rangeBeyondVfs'
    | 'noRdmaDevice'
    | 'bridgesNotManaged';
  readonly pf?: string;
  readonly name?: string;
  readonly cause: string;
  readonly remedy: string;
  /** No step is planned for the PF because of it. */
  readonly blocks: boolean;
}

export interface AffectedVf {
  readonly index: number;
  readonly pciAddress: PciAddress;
  /** `namespace/name`. */
  readonly pod?: string;
}

export interface DrainReason {
  readonly pf: PciAddress;
  readonly name: string;
  readonly why: 'update' | 'reset';
  readonly differences: readonly Difference[];
  readonly affectedVfs: readonly AffectedVf[];
}

export type RebootReason =
  | { readonly kind: 'kernelArguments'; readonly missing: readonly string[]; readonly pfs: readonly string[] }
  | { readonly kind: 'rdmaMode'; readonly from: RdmaMode; readonly to: RdmaMode }
  /** The firmware offers fewer VFs than wanted and can be told to offer more, from the next boot on. */
  | { readonly kind: 'firmwareVfs'; readonly pf: string; readonly from: number; readonly to: number };

export interface PfPlan {
  readonly pf: PciAddress;
  readonly name: string;
  /** `configure`: the spec names it. `reset`: ours, and no spec names it any more; without steps it can be forgotten. */
  readonly action: 'configure' | 'reset';
  readonly externallyManaged: boolean;
  readonly differences: readonly Difference[];
  /** In order. Steps of one PF are never run at the same time. */
  readonly steps: readonly PlanStep[];
  readonly expectations: readonly Expectation[];
}

/** What to do on one node to get from what was observed to what is wanted. Pure data: show it, count it, or run it step by step. */
export interface Plan {
  /** In order of PCI address. */
  readonly pfs: readonly PfPlan[];
  /** Changes to the host as a whole, made just before a reboot. */
  readonly hostSteps: readonly HardwareStep[];
  readonly bridgeSteps: readonly BridgeStep[];
  readonly drain: { readonly needed: boolean; readonly reasons: readonly DrainReason[] };
  readonly reboot: {
    readonly needed: boolean;
    readonly reasons: readonly RebootReason[];
    /** Whole tokens that the kernel command line lacks. */
    readonly kernelArguments: readonly string[];
  };
  readonly problems: readonly PlanProblem[];
}

/** A checked {@link VfGroup}. */
export interface WantedGroup {
  readonly range: VfRange;
  /** `default`: the VF's own kernel driver. */
  readonly driver: 'default' | (string & {});
  readonly resourceName?: string;
  readonly mtu?: number;
  readonly isRdma: boolean;
  readonly vdpaType?: VdpaType;
}

/** A checked element of `spec.interfaces`. */
export interface WantedPf {
  readonly pciAddress: PciAddress;
  readonly numVfs: number;
  readonly eswitchMode: EswitchMode;
  readonly linkType?: LinkType;
  /** The greatest of the PF's and its groups' MTUs; absent when none is given. */
  readonly mtu?: number;
  readonly externallyManaged: boolean;
  readonly groups: readonly WantedGroup[];
}

export type { VfGroup };
