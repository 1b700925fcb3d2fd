import type { FieldError } from '../../errors/field-error.ts';
import { keepingStatus, specStrategy, statusStrategy, withNextGeneration, withoutStatus, withStatusOf } from '../../registry/strategies.ts';
import type { Strategy } from '../../registry/strategy.ts';
import { equalJson, objectAt, withMeta } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { dnsLabelProblems } from '../../values/names.ts';
import { checkSameSelector, validateDaemonSet, validateDeployment, validateReplicaSet, validateWorkloadStatus } from '../validation/workloads.ts';
import { TEMPLATE_GENERATION } from '../../values/template-generation.ts';
import { podTemplateWarnings } from '../validation/pod-warnings.ts';

type Validate = (object: ApiObject) => readonly FieldError[];

function workload(validate: Validate): Strategy {
  return {
    ...specStrategy,
    validateCreate: validate,
    validateUpdate: (next, previous) => [...validate(next), ...checkSameSelector(next, previous)],
    warnings: (next, previous) => [...(previous === undefined ? podNameWarnings(next) : []), ...templateWarnings(next, previous)],
  };
}

export function podNameWarnings({ metadata }: ApiObject): readonly string[] {
  const problems = dnsLabelProblems(metadata.name);
  return problems.length === 0 ? [] : [`metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`];
}

export function templateWarnings(next: ApiObject, previous: ApiObject | undefined): readonly string[] {
  if (previous !== undefined && previous.metadata.generation === next.metadata.generation) return [];
  return podTemplateWarnings(objectAt(objectAt(next, 'spec'), 'template'), 'spec.template');
}

/** Annotations of a deployment are copied to its replica sets, so a change of them is one of the deployment. */
export const deploymentStrategy: Strategy = {
  ...workload(validateDeployment),
  prepareForUpdate: (next, previous) => {
    const kept = withNextGeneration(keepingStatus(next, previous), previous);
    if (kept.metadata.generation !== previous.metadata.generation || equalJson(next.metadata.annotations ?? {}, previous.metadata.annotations ?? {})) return kept;
    return withMeta(kept, { generation: (previous.metadata.generation ?? 0) + 1 });
  },
};

export const replicaSetStrategy: Strategy = workload(validateReplicaSet);

export const daemonSetStrategy: Strategy = {
  ...workload(validateDaemonSet),
  warnings: (next, previous) => templateWarnings(next, previous),
  prepareForCreate: (daemonSet) => withTemplateGeneration(withoutStatus(daemonSet), Math.max(1, templateGeneration(daemonSet))),
  prepareForUpdate: (next, previous) => {
    const before = templateGeneration(previous);
    const isSame = equalJson(objectAt(next, 'spec')['template'], objectAt(previous, 'spec')['template']);
    return withNextGeneration(withTemplateGeneration(keepingStatus(next, previous), isSame ? before : before + 1), previous);
  },
  validateUpdate: (next, previous) => [...checkSameSelector(next, previous), ...validateDaemonSet(next)],
};

function templateGeneration({ metadata }: ApiObject): number {
  return Number(metadata.annotations?.[TEMPLATE_GENERATION] ?? 0);
}

function withTemplateGeneration(daemonSet: ApiObject, generation: number): ApiObject {
  const { annotations } = daemonSet.metadata;
  return annotations?.[TEMPLATE_GENERATION] === String(generation) ? daemonSet : withMeta(daemonSet, { annotations: Object.freeze({ ...annotations, [TEMPLATE_GENERATION]: String(generation) }) });
}

export function workloadStatusStrategy(kind: 'Deployment' | 'ReplicaSet' | 'DaemonSet'): Strategy {
  const strategy: Strategy = { ...statusStrategy, validateUpdate: validateWorkloadStatus(kind) };
  if (kind !== 'Deployment') return strategy;
  return { ...strategy, prepareForUpdate: (next, previous) => withMeta(withStatusOf(next, previous), { labels: previous.metadata.labels }) };
}
