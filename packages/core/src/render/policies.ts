import type { NodePolicySpec } from '../api/node-policy.ts';

/** A SriovNetworkNodePolicy by name. */
export interface NamedPolicy {
  readonly name: string;
  readonly spec: NodePolicySpec;
  /** It is not applied, on any node; what it configured before it was marked so is held as it is. */
  readonly dryRun?: boolean;
}

/** The policy of this name was once made by the operator itself; it is ignored. */
export const IGNORED_POLICY_NAME = 'default';

/** What a policy that states no priority gets from admission, and therefore counts as without admission. */
export const DEFAULT_PRIORITY = 99;

export function policyPriority(spec: Pick<NodePolicySpec, 'priority'>): number {
  return spec.priority ?? DEFAULT_PRIORITY;
}

/** Order of application: the lowest priority number comes last and wins; of equals, the last name wins. */
export function comparePolicies(a: NamedPolicy, b: NamedPolicy): number {
  return policyPriority(b.spec) - policyPriority(a.spec) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Policies in order of application, without those that are ignored by name. */
export function orderPolicies(policies: readonly NamedPolicy[]): readonly NamedPolicy[] {
  return policies.filter((policy) => policy.name !== IGNORED_POLICY_NAME).sort(comparePolicies);
}
