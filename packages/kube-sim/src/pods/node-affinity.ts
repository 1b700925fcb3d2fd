import type { Node, Pod } from '@vfleet/kube';

type NodeAffinity = NonNullable<NonNullable<NonNullable<Pod['spec']>['affinity']>['nodeAffinity']>;
type Term = NonNullable<NodeAffinity['preferredDuringSchedulingIgnoredDuringExecution']>[number]['preference'];
type Requirement = NonNullable<Term['matchExpressions']>[number];

function meets(requirement: Requirement, value: string | undefined): boolean {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In': return value !== undefined && values.includes(value);
    case 'NotIn': return value === undefined || !values.includes(value);
    case 'Exists': return value !== undefined;
    case 'DoesNotExist': return value === undefined;
    case 'Gt':
    case 'Lt': return comparesTo(requirement.operator, value, values[0]);
    default: return false;
  }
}

function comparesTo(operator: 'Gt' | 'Lt', value: string | undefined, bound: string | undefined): boolean {
  if (value === undefined || bound === undefined || !/^-?\d+$/.test(value) || !/^-?\d+$/.test(bound)) return false;
  return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}

/** A term without any requirement selects nothing (component-helpers nodeaffinity.isEmptyNodeSelectorTerm). */
function matchesTerm(term: Term, node: Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  return expressions.every((one) => meets(one, Object.hasOwn(labels, one.key) ? labels[one.key] : undefined))
    && fields.every((one) => meets(one, one.key === 'metadata.name' ? node.metadata.name : undefined));
}

/** `nodeSelector` and required node affinity: both must hold (component-helpers nodeaffinity.GetRequiredNodeAffinity). */
export function matchesNodeAffinity(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) {
    if (!Object.hasOwn(labels, key) || labels[key] !== value) return false;
  }
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** The share of the preferred terms' weight that a node meets, 0 to 100; 0 when nothing is preferred. */
export function preferredAffinityScore(pod: Pod, node: Node): number {
  const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  let met = 0;
  let total = 0;
  for (const { weight, preference } of preferred) {
    total += weight;
    if (matchesTerm(preference, node)) met += weight;
  }
  return total === 0 ? 0 : Math.floor((100 * met) / total);
}
