import { specStrategy, statusStrategy, withoutStatus } from '../../registry/strategies.ts';
import type { Strategy } from '../../registry/strategy.ts';
import { equalJson, objectAt, withFields, withMeta } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { CONTROLLER_UID_LABELS, JOB_NAME_LABELS, validateJob, validateJobUpdate } from '../validation/job.ts';
import { validateJobStatus } from '../validation/job-status.ts';
import { podNameWarnings, templateWarnings } from './strategies.ts';

/** Jobs (kubernetes pkg/registry/batch/job). Their pods outlive them unless the client says otherwise: the default of batch/v1. */
export const jobStrategy: Strategy = {
  ...specStrategy,
  metaChecksOnUpdate: ['whole', 'change'],
  prepareForCreate: (job) => withGeneratedSelector(withoutStatus(job)),
  validateCreate: validateJob,
  validateUpdate: validateJobUpdate,
  warnings: (next, previous) => [...(previous === undefined ? podNameWarnings(next) : []), ...templateWarnings(next, previous)],
  defaultPropagation: 'Orphan',
  unsaidPropagationWarning: 'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
};

export const jobStatusStrategy: Strategy = { ...statusStrategy, validateUpdate: validateJobStatus };

/** Pods of a job are found by its uid, unless the client asks to select them itself. */
function withGeneratedSelector(job: ApiObject): ApiObject {
  const spec = objectAt(job, 'spec');
  if (spec['manualSelector'] === true) return job;
  const { name = '', uid } = job.metadata;
  const template = objectAt(spec, 'template');
  const templateMeta = objectAt(template, 'metadata');
  const generated = Object.fromEntries([...JOB_NAME_LABELS.map((label) => [label, name]), ...CONTROLLER_UID_LABELS.map((label) => [label, uid])]);
  const labels = Object.freeze({ ...generated, ...objectAt(templateMeta, 'labels') });
  const selector = objectAt(spec, 'selector');
  const matchLabels = Object.freeze({ [CONTROLLER_UID_LABELS[1]!]: uid, ...objectAt(selector, 'matchLabels') });
  const selected = withFields(job, { spec: withFields(spec, { selector: withFields(selector, { matchLabels }), template: withFields(template, { metadata: withFields(templateMeta, { labels }) }) }) });
  // A job without labels of its own has those of its template.
  const own = job.metadata.labels;
  const hasOwn = own !== undefined && Object.keys(own).length > 0 && !equalJson(own, templateMeta['labels']);
  return hasOwn ? selected : withMeta(selected, { labels });
}
