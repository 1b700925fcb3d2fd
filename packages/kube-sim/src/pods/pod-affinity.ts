import type { LabelSelector } from '@vfleet/core';
import type { LabelRequirements, Pod } from '@vfleet/kube';
import { labelRequirementsOf, matchesLabels } from '@vfleet/kube';

/** One required term of pod (anti-)affinity, ready to be matched. */
export interface PodTerm {
  readonly topologyKey: string;
  readonly namespaces: readonly string[];
  /** Undefined when all namespaces are meant (an empty namespaceSelector). */
  readonly allNamespaces: boolean;
  /** Undefined when the term has no selector (or a broken one): it then matches no pod. */
  readonly labels: LabelRequirements | undefined;
}

type Affinity = NonNullable<NonNullable<Pod['spec']>['affinity']>;
type Term = NonNullable<NonNullable<Affinity['podAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']>[number];

/**
 * Required terms only; preferences between pods are not scored here. A namespaceSelector other than the empty one would need
 * the namespaces' labels: it selects the pod's own namespace and those listed.
 */
export function requiredPodTerms(pod: Pod, kind: 'podAffinity' | 'podAntiAffinity'): readonly PodTerm[] {
  const terms = pod.spec?.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.map((term: Term) => {
    const requirements = term.labelSelector === undefined ? undefined : labelRequirementsOf(term.labelSelector as LabelSelector);
    const selector = term.namespaceSelector;
    const allNamespaces = selector !== undefined && Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
    const listed = term.namespaces ?? [];
    return {
      topologyKey: term.topologyKey,
      namespaces: listed.length === 0 ? [pod.metadata.namespace ?? ''] : listed,
      allNamespaces,
      labels: requirements?.ok === true ? requirements.value : undefined,
    };
  });
}

export function matchesPodTerm(term: PodTerm, pod: Pod): boolean {
  if (!term.allNamespaces && !term.namespaces.includes(pod.metadata.namespace ?? '')) return false;
  return term.labels !== undefined && matchesLabels(term.labels, pod.metadata.labels);
}
