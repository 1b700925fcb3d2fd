import type { InterfaceStatus } from '../api/node-state.ts';
import { hasLabels } from '../render/label-selector.ts';
import { isNamed, pfNameWithoutRange, selectsNic } from '../render/nic-selection.ts';
import { IGNORED_POLICY_NAME, policyPriority } from '../render/policies.ts';
import type { NamedPolicy } from '../render/policies.ts';
import { brokenRanges, rangesOnPf } from '../render/vf-groups.ts';
import { formatVfRange, parsePfName, rangesOverlap } from '../render/vf-range.ts';
import type { VfRange } from '../render/vf-range.ts';
import type { AdmissionNode, NodePolicyContext } from './node-policy.ts';
import type { ReviewBuilder } from './review.ts';

/** Compares a policy with every other one that selects a node of its own. */
export function reviewAgainst(review: ReviewBuilder, policy: NamedPolicy, context: NodePolicyContext): void {
  const nodes = context.nodes.filter((node) => hasLabels(policy.spec.nodeSelector, node.labels));
  for (const other of context.policies) {
    if (other.name === policy.name || other.name === IGNORED_POLICY_NAME || brokenRanges(other).length > 0) continue;
    const shared = nodes.filter((node) => hasLabels(other.spec.nodeSelector, node.labels));
    if (shared.length === 0) continue;
    reviewTopology(review, policy, other);
    for (const node of shared) reviewOnNode(review, policy, other, node);
  }
}

function reviewTopology(review: ReviewBuilder, policy: NamedPolicy, other: NamedPolicy): void {
  if (policy.spec.resourceName !== other.spec.resourceName || (policy.spec.excludeTopology ?? false) === (other.spec.excludeTopology ?? false)) return;
  review.reject('excludeTopology', 'spec.excludeTopology', `policy ${other.name} advertises ${other.spec.resourceName} with another excludeTopology`, 'use the same value in both, or another resourceName');
}

function reviewOnNode(review: ReviewBuilder, policy: NamedPolicy, other: NamedPolicy, node: AdmissionNode): void {
  const own = (policy.spec.nicSelector.rootDevices ?? []).map((address) => address.toLowerCase());
  const sharedRoot = (other.spec.nicSelector.rootDevices ?? []).map((address) => address.toLowerCase()).filter((address) => own.includes(address));
  if (sharedRoot.length > 0) {
    review.reject('sharedRootDevice', 'spec.nicSelector.rootDevices', `policy ${other.name} selects ${sharedRoot.join(', ')} as well, on node ${node.name}`, 'leave each PF to one policy, or divide its VFs with pfNames and ranges');
  }
  if (node.interfaces === undefined || node.interfaces.length === 0) reviewNames(review, policy, other, node);
  for (const nic of node.interfaces ?? []) {
    if (!selectsNic(policy.spec.nicSelector, nic) || !selectsNic(other.spec.nicSelector, nic)) continue;
    reviewOnPf(review, policy, other, node, nic);
  }
}

function reviewOnPf(review: ReviewBuilder, policy: NamedPolicy, other: NamedPolicy, node: AdmissionNode, nic: InterfaceStatus): void {
  const where = `node ${node.name}, ${nic.name ?? nic.pciAddress}`;
  if ((policy.spec.externallyManaged ?? false) !== (other.spec.externallyManaged ?? false)) {
    review.reject('differentlyManaged', 'spec.externallyManaged', `policy ${other.name} selects the PF too, with another externallyManaged (${where})`, 'use the same value in both');
  }
  if (policy.spec.numVfs === 0 || other.spec.numVfs === 0) return;
  const overlap = overlapOf(rangesOnPf(policy.spec, nic), rangesOnPf(other.spec, nic));
  if (overlap === undefined) return;
  const cause = `VFs ${formatVfRange(overlap)} are taken by policy ${other.name} as well (${where})`;
  const remedy = 'give the policies disjoint ranges in pfNames, such as "ens1f0#0-3" and "ens1f0#4-7"';
  const named = isNamedBy(policy, nic) && isNamedBy(other, nic);
  // Where one of them only describes NICs, a priority may decide on purpose: a general policy, and a special one over it.
  if (named || policyPriority(policy.spec) === policyPriority(other.spec)) review.reject('overlap', 'spec.nicSelector', cause, remedy);
  else {
    const winner = policyPriority(policy.spec) < policyPriority(other.spec) ? policy.name : other.name;
    review.warn('overlap', 'spec.nicSelector', `${cause}; policy ${winner} wins by its priority`, remedy);
  }
}

/** Whether the policy names this PF, instead of describing NICs by vendor or device. */
function isNamedBy({ spec }: NamedPolicy, nic: InterfaceStatus): boolean {
  const { pfNames = [], rootDevices = [] } = spec.nicSelector;
  return rootDevices.length > 0 || pfNames.some((entry) => isNamed(nic, pfNameWithoutRange(entry)));
}

/** Before discovery only the names can be compared. */
function reviewNames(review: ReviewBuilder, policy: NamedPolicy, other: NamedPolicy, node: AdmissionNode): void {
  for (const [index, text] of (policy.spec.nicSelector.pfNames ?? []).entries()) {
    for (const otherText of other.spec.nicSelector.pfNames ?? []) {
      const [own, others] = [parsePfName(text), parsePfName(otherText)];
      if (!own.ok || !others.ok || own.value.pfName !== others.value.pfName) continue;
      const overlap = overlapOf([own.value.range ?? all(policy)], [others.value.range ?? all(other)]);
      if (overlap === undefined) continue;
      review.reject('overlap', `spec.nicSelector.pfNames[${index}]`, `VFs ${formatVfRange(overlap)} of ${own.value.pfName} are taken by policy ${other.name} as well (node ${node.name})`, 'give the policies disjoint ranges');
    }
  }
}

function all({ spec }: NamedPolicy): VfRange {
  return { first: 0, last: Math.max(0, spec.numVfs - 1) };
}

function overlapOf(a: readonly VfRange[], b: readonly VfRange[]): VfRange | undefined {
  for (const one of a) {
    for (const two of b) {
      if (rangesOverlap(one, two)) return { first: Math.max(one.first, two.first), last: Math.min(one.last, two.last) };
    }
  }
  return undefined;
}
