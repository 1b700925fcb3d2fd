import { objectAt, withFields } from '../../values/json.ts';
import { TEMPLATE_GENERATION } from '../../values/template-generation.ts';
import type { JsonObject } from '../../values/json.ts';
import type { Defaulter } from './defaults.ts';
import { fill, within } from './fill.ts';

/** Deployments, daemon sets, replica sets and jobs (kubernetes pkg/apis/{apps,batch}/v1/defaults.go). */
export const workloadDefaults: Readonly<Record<string, Defaulter>> = {
  'io.k8s.api.apps.v1.DeploymentSpec': (spec) => fill(rolling(spec, 'strategy', { maxUnavailable: '25%', maxSurge: '25%' }), { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 }),
  'io.k8s.api.apps.v1.DaemonSetSpec': (spec) => fill(rolling(spec, 'updateStrategy', { maxUnavailable: 1, maxSurge: 0 }), { revisionHistoryLimit: 10 }),
  'io.k8s.api.apps.v1.DaemonSet': withTemplateGeneration,
  'io.k8s.api.apps.v1.ReplicaSetSpec': (spec) => fill(spec, { replicas: 1 }),
  'io.k8s.api.batch.v1.Job': jobDefaults,
  'io.k8s.api.batch.v1.PodFailurePolicyOnPodConditionsPattern': (pattern) => fill(pattern, { status: 'True' }),
};

function rolling(spec: JsonObject, key: string, limits: JsonObject): JsonObject {
  const strategy = fill(objectAt(spec, key), { type: 'RollingUpdate' });
  if (strategy['type'] !== 'RollingUpdate') return strategy === spec[key] ? spec : withFields(spec, { [key]: strategy });
  const update = fill(objectAt(strategy, 'rollingUpdate'), limits);
  if (update === strategy['rollingUpdate'] && strategy === spec[key]) return spec;
  return withFields(spec, { [key]: withFields(strategy, { rollingUpdate: update }) });
}

/** The generation of the template is an annotation, and the first of it is nothing. */
function withTemplateGeneration(daemonSet: JsonObject): JsonObject {
  const metadata = objectAt(daemonSet, 'metadata');
  const annotations = objectAt(metadata, 'annotations');
  const filled = fill(annotations, { [TEMPLATE_GENERATION]: '0' });
  return filled === annotations ? daemonSet : withFields(daemonSet, { metadata: withFields(metadata, { annotations: filled }) });
}

const RETRIES_UNLIMITED = 2 ** 31 - 1;

function jobDefaults(job: JsonObject): JsonObject {
  const filled = within(job, 'spec', (spec) => fill(spec, {
    ...(spec['completions'] === undefined && spec['parallelism'] === undefined ? { completions: 1 } : {}),
    parallelism: 1,
    backoffLimit: spec['backoffLimitPerIndex'] === undefined ? 6 : RETRIES_UNLIMITED,
    completionMode: 'NonIndexed',
    suspend: false,
    podReplacementPolicy: spec['podFailurePolicy'] === undefined ? 'TerminatingOrFailed' : 'Failed',
    manualSelector: false,
  }));
  const labels = objectAt(objectAt(objectAt(objectAt(filled, 'spec'), 'template'), 'metadata'), 'labels');
  const metadata = objectAt(filled, 'metadata');
  if (Object.keys(labels).length === 0 || Object.keys(objectAt(metadata, 'labels')).length > 0) return filled;
  return withFields(filled, { metadata: withFields(metadata, { labels }) });
}
