import type { Job, Pod } from '@vfleet/kube';
import { parseIndexes } from './index-set.ts';
import type { IndexSet } from './index-set.ts';

type Spec = NonNullable<Job['spec']>;
type FailureRule = NonNullable<Spec['podFailurePolicy']>['rules'][number];

/** What a pod failure policy decides about one failed pod. */
export interface FailureDecision {
  readonly action: string;
  /** Why, as the Job's condition says it. */
  readonly message: string;
}

/** The first rule that a failed pod matches (kubernetes pkg/controller/job/pod_failure_policy.go). Undefined: it counts as usual. */
export function failureDecision({ podFailurePolicy, backoffLimitPerIndex }: Spec, pod: Pod): FailureDecision | undefined {
  for (const [at, rule] of (podFailurePolicy?.rules ?? []).entries()) {
    if (rule.action === 'FailIndex' && backoffLimitPerIndex === undefined) continue;
    const why = exitCodeMatch(rule, pod) ?? conditionMatch(rule, pod);
    if (why !== undefined) return { action: rule.action, message: `${why} matching ${rule.action} rule at index ${at}` };
  }
  return undefined;
}

function exitCodeMatch({ onExitCodes }: FailureRule, { metadata, status }: Pod): string | undefined {
  if (onExitCodes === undefined) return undefined;
  for (const { name, state } of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]) {
    const exitCode = state?.terminated?.exitCode ?? 0;
    if (exitCode === 0 || (onExitCodes.containerName ?? name) !== name) continue;
    if (onExitCodes.values.includes(exitCode) === (onExitCodes.operator === 'In')) return `Container ${name} for pod ${metadata.namespace}/${metadata.name} failed with exit code ${exitCode}`;
  }
  return undefined;
}

function conditionMatch({ onPodConditions = [] }: FailureRule, { metadata, status }: Pod): string | undefined {
  for (const { type, status: wanted = 'True' } of onPodConditions) {
    if (status?.conditions?.some((condition) => condition.type === type && condition.status === wanted) === true) return `Pod ${metadata.namespace}/${metadata.name} has condition ${type}`;
  }
  return undefined;
}

/** Why the indexes that have succeeded are enough (kubernetes pkg/controller/job/success_policy.go); undefined while they are not. */
export function successMatch({ successPolicy, completions = 0 }: Spec, succeeded: IndexSet): string | undefined {
  for (const [at, { succeededIndexes, succeededCount }] of (successPolicy?.rules ?? []).entries()) {
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, completions);
    const done = wanted === undefined ? succeeded.size : [...wanted].filter((index) => succeeded.has(index)).length;
    if (done >= (succeededCount ?? wanted?.size ?? completions)) return `Matched rules at index ${at}`;
  }
  return undefined;
}
