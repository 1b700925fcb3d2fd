import type { NodePolicySpec } from '../api/node-policy.ts';
import type { InterfaceStatus, NodeStateInterface, VfGroup } from '../api/node-state.ts';
import { isNamed, pfNameWithoutRange } from './nic-selection.ts';
import { policyPriority } from './policies.ts';
import type { NamedPolicy } from './policies.ts';
import type { PolicyBroken } from './problems.ts';
import { formatVfRange, parsePfName, parseVfRange, rangesOverlap, uniteRanges } from './vf-range.ts';
import type { VfRange } from './vf-range.ts';

export type BrokenRange = Exclude<PolicyBroken, { readonly kind: 'dryRun' }>;

/** What is wrong with the ranges in a policy's pfNames, whatever the node. */
export function brokenRanges(policy: NamedPolicy): readonly BrokenRange[] {
  const broken: BrokenRange[] = [];
  for (const selector of policy.spec.nicSelector.pfNames ?? []) {
    const entry = parsePfName(selector);
    if (!entry.ok) {
      broken.push({ kind: 'malformedRange', policy: policy.name, selector, cause: entry.error, remedy: `correct "${selector}" in nicSelector.pfNames of policy ${policy.name}` });
    } else if (entry.value.range !== undefined && entry.value.range.last >= policy.spec.numVfs) {
      broken.push({
        kind: 'rangeBeyondNumVfs',
        policy: policy.name,
        selector,
        cause: `"${selector}" ends at VF ${entry.value.range.last}, but numVfs is ${policy.spec.numVfs}, so that the last VF is ${policy.spec.numVfs - 1}`,
        remedy: `raise numVfs of policy ${policy.name} to ${entry.value.range.last + 1}, or end the range earlier`,
      });
    }
  }
  return broken;
}

/** The VF indices that a policy (not broken, numVfs > 0) takes of a PF that it selects, united. */
export function rangesOnPf(spec: NodePolicySpec, nic: InterfaceStatus): readonly VfRange[] {
  const all = { first: 0, last: spec.numVfs - 1 };
  const entries = (spec.nicSelector.pfNames ?? []).filter((entry) => isNamed(nic, pfNameWithoutRange(entry)));
  if (entries.length === 0) return [all];
  return uniteRanges(
    entries.map((text) => {
      const entry = parsePfName(text);
      return (entry.ok ? entry.value.range : undefined) ?? all;
    }),
  );
}

/** What one policy alone wants of one PF. */
export function interfaceOfPolicy(policy: NamedPolicy, nic: InterfaceStatus): NodeStateInterface & { readonly vfGroups: VfGroup[] } {
  const { spec } = policy;
  return {
    pciAddress: nic.pciAddress,
    numVfs: spec.numVfs,
    ...(spec.mtu ? { mtu: spec.mtu } : {}),
    ...(nic.name === undefined ? {} : { name: nic.name }),
    ...(spec.linkType ? { linkType: spec.linkType } : {}),
    ...(spec.eSwitchMode ? { eSwitchMode: spec.eSwitchMode } : {}),
    ...(spec.externallyManaged ? { externallyManaged: true } : {}),
    vfGroups: rangesOnPf(spec, nic).map((range) => ({
      resourceName: spec.resourceName,
      deviceType: spec.deviceType ?? 'netdevice',
      vfRange: formatVfRange(range),
      policyName: policy.name,
      ...(spec.mtu ? { mtu: spec.mtu } : {}),
      ...(spec.isRdma ? { isRdma: true } : {}),
      ...(spec.vdpaType ? { vdpaType: spec.vdpaType } : {}),
    })),
  };
}

/** A PF's interface while policies are laid one over the other. */
export interface LayeredInterface {
  readonly interface: NodeStateInterface & { readonly vfGroups: VfGroup[] };
  /** Of the policy on top. */
  readonly priority: number;
}

/**
 * Lays a policy over what earlier ones made of a PF. Earlier groups stay, after the new ones, unless they share the resource name
 * or a VF with them. numVfs and mtu are the maximum if the priorities are equal or a group stayed; all else is the new policy's.
 */
export function layPolicyOver(below: LayeredInterface | undefined, policy: NamedPolicy, nic: InterfaceStatus): LayeredInterface {
  const top = interfaceOfPolicy(policy, nic);
  const priority = policyPriority(policy.spec);
  if (below === undefined) return { interface: top, priority };
  const kept = below.interface.vfGroups.filter((group) => !top.vfGroups.some((own) => own.resourceName === group.resourceName || groupsOverlap(own, group)));
  if (kept.length === 0 && below.priority !== priority) return { interface: top, priority };
  const mtu = Math.max(top.mtu ?? 0, below.interface.mtu ?? 0);
  return {
    interface: {
      ...top,
      numVfs: Math.max(top.numVfs ?? 0, below.interface.numVfs ?? 0),
      ...(mtu > 0 ? { mtu } : {}),
      vfGroups: [...top.vfGroups, ...kept],
    },
    priority,
  };
}

/** The range of a group as this module writes it; undefined for a group that somebody wrote by hand and wrongly. */
export function rangeOfGroup(group: VfGroup): VfRange | undefined {
  const range = parseVfRange(group.vfRange ?? '');
  return range.ok ? range.value : undefined;
}

function groupsOverlap(a: VfGroup, b: VfGroup): boolean {
  const first = rangeOfGroup(a);
  const second = rangeOfGroup(b);
  return first !== undefined && second !== undefined && rangesOverlap(first, second);
}
