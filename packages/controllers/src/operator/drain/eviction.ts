import type { Kube, KubeError } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import { labelRequirementsOf, matchesLabels, objectKey, podDisruptionBudgets } from '@vfleet/kube';

export type EvictionOutcome =
  /** It terminates now. */
  | { readonly kind: 'evicted' }
  /** It is not there any more, or another one of its name is. */
  | { readonly kind: 'gone' }
  /** A PodDisruptionBudget forbids it for now. */
  | { readonly kind: 'blocked'; readonly budget: string; readonly detail: string }
  | { readonly kind: 'failed'; readonly error: KubeError };

/** Asks the API server to evict a pod, and finds out which PodDisruptionBudget forbids it (eviction subresource, policy/v1). */
export async function evict(kube: Kube, pod: Pod): Promise<EvictionOutcome> {
  const { uid } = pod.metadata;
  try {
    await kube.evict(objectKey(pod), uid === undefined ? {} : { preconditions: { uid } });
    return { kind: 'evicted' };
  } catch (error) {
    if (!isKubeError(error)) throw error;
    if (error.reason === 'NotFound' || error.reason === 'Conflict') return { kind: 'gone' };
    const cause = error.causes.find((candidate) => candidate.reason === 'DisruptionBudget');
    const named = /^The disruption budget (\S+) /.exec(cause?.message ?? '')?.[1];
    if (named !== undefined) return { kind: 'blocked', budget: named, detail: cause!.message! };
    // A pod in several budgets is refused with 500, and a server may give no cause: the budgets themselves tell.
    const budgets = error.code === 429 || error.code === 500 ? await budgetsOf(kube, pod) : [];
    return budgets.length === 0 ? { kind: 'failed', error } : { kind: 'blocked', budget: budgets.join(' and '), detail: error.message };
  }
}

async function budgetsOf(kube: Kube, pod: Pod): Promise<readonly string[]> {
  try {
    const { items } = await kube.list(podDisruptionBudgets, { namespace: pod.metadata.namespace! });
    return items
      .filter(({ spec }) => {
        const requirements = spec?.selector === undefined ? undefined : labelRequirementsOf(spec.selector);
        return requirements?.ok === true && matchesLabels(requirements.value, pod.metadata.labels);
      })
      .map((budget) => budget.metadata.name);
  } catch (error) {
    if (!isKubeError(error)) throw error;
    return [];
  }
}
