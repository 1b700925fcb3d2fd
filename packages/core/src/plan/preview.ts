import type { InterfaceStatus, NodeStateSpec } from '../api/node-state.ts';
import type { RdmaMode } from '../domain/inventory.ts';
import type { HostFacts } from '../ports/host.ts';
import { hasLabels } from '../render/label-selector.ts';
import type { Labels } from '../render/label-selector.ts';
import { holdBrokenInterfaces, renderNodeState } from '../render/node-state.ts';
import type { NamedPolicy } from '../render/policies.ts';
import type { NamedPool } from '../render/pools.ts';
import { observedFromStatus, ownedFromSpec } from './from-interface-status.ts';
import { isSettled, planNode } from './plan-node.ts';
import type { Plan } from './types.ts';

/** A node as the API shows it, and the policies that there would be. */
export interface PreviewInput {
  readonly labels: Labels;
  /** `status.interfaces` of its node state. */
  readonly interfaces: readonly InterfaceStatus[];
  readonly rdmaMode?: RdmaMode;
  /** `spec` of its node state. */
  readonly current: NodeStateSpec;
  /** All of the cluster's, after the change. */
  readonly policies: readonly NamedPolicy[];
  /** Those that select the node. */
  readonly pools: readonly NamedPool[];
  readonly disableDrain: boolean;
  readonly gates?: Readonly<Record<string, boolean>>;
}

/** What a change of policies would do to one node. */
export interface NodePreview {
  readonly plan: Plan;
  /** VFs that are destroyed or cut off, and the pods (`namespace/name`) that hold one. */
  readonly affectedVfs: number;
  readonly pods: readonly string[];
  /**
   * `yes`: for what the API shows already. `perhaps`: when arguments for the IOMMU are missing in the node's kernel command line, which only the
   * node knows.
   */
  readonly reboot: 'no' | 'perhaps' | 'yes';
  readonly isSettled: boolean;
}

/** A host that has all it could need, and one that has nothing. */
const EQUIPPED: HostFacts = { bootId: '', kernelVersion: '', kernelArguments: ['intel_iommu=on', 'iommu=pt'], pendingKernelArguments: ['intel_iommu=on', 'iommu=pt'], cpuVendor: 'intel', iommuEnabled: true };
const BARE: HostFacts = { ...EQUIPPED, kernelArguments: [], pendingKernelArguments: [], iommuEnabled: false };

/** The same rendering and the same planning as in operator and config daemon, on what the API shows of the node. */
export function previewNode(input: PreviewInput): NodePreview {
  const { interfaces, current, pools, disableDrain, gates, labels } = input;
  const policies = input.policies.filter(({ spec, dryRun }) => dryRun === true || hasLabels(spec.nodeSelector, labels));
  const rendered = holdBrokenInterfaces(renderNodeState({ policies, interfaces, pools, ...(gates === undefined ? {} : { gates }) }), current);
  const { inventory, holders } = observedFromStatus(interfaces, input.rdmaMode);
  // PFs that no policy knows about and that were never configured stay out of it.
  const common = { desired: rendered.spec ?? current, observed: inventory, owned: ownedFromSpec(current), disableDrain, holders, ...(gates === undefined ? {} : { gates }) };
  const plan = planNode({ ...common, host: EQUIPPED });
  const affected = plan.drain.reasons.flatMap((reason) => reason.affectedVfs);
  const usesVfioAnew = planNode({ ...common, host: BARE }).reboot.needed && plan.pfs.some((pf) => pf.steps.length > 0);
  return {
    plan,
    affectedVfs: affected.length,
    pods: [...new Set(affected.flatMap(({ pod }) => (pod === undefined ? [] : [pod])))].sort(),
    reboot: plan.reboot.needed ? 'yes' : usesVfioAnew ? 'perhaps' : 'no',
    isSettled: isSettled(plan),
  };
}
