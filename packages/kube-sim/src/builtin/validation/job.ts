import type { FieldError } from '../../errors/field-error.ts';
import { equalJson, objectAt, withFields } from '../../values/json.ts';
import type { ApiObject, JsonObject } from '../../values/json.ts';
import { dnsLabelProblems } from '../../values/names.ts';
import { matchesLabels } from '@vfleet/kube';
import { faults } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { checkPodTemplate, checkSelectsTemplate, selectorRequirements, selectorText } from './pod-template.ts';
import { checkLabelSelector } from './selector.ts';

/** Labels that say whose pod a pod is: with and without the prefix that labels of Kubernetes have today. */
export const JOB_NAME_LABELS: readonly string[] = ['job-name', 'batch.kubernetes.io/job-name'];
export const CONTROLLER_UID_LABELS: readonly string[] = ['controller-uid', 'batch.kubernetes.io/controller-uid'];

const MODES: readonly string[] = ['NonIndexed', 'Indexed'];
const INDEXED_MAX = 100_000;
const PARALLELISM_OF_MANY_MAX = 10_000;

/** Jobs (kubernetes pkg/apis/batch/validation, ValidateJob). */
export function validateJob(job: ApiObject): readonly FieldError[] {
  return faults(job, '', (object) => {
    checkGeneratedSelector(object, job);
    checkJobSpec(object.at('spec'));
    const spec = object.at('spec');
    const completions = spec.at('completions').number ?? 0;
    if (spec.at('completionMode').text !== 'Indexed' || completions <= 0) return;
    const hostname = `${job.metadata.name}-${completions - 1}`;
    if (dnsLabelProblems(hostname).length > 0) object.at('metadata').at('name').invalid(`will not able to create pod with invalid DNS label: ${hostname}`);
  });
}

function checkGeneratedSelector(object: Cursor, job: ApiObject): void {
  const spec = object.at('spec');
  const selector = spec.at('selector');
  if (spec.at('manualSelector').value === true || !selector.isSet) return;
  const { uid = '', name = '' } = job.metadata;
  const expected: Record<string, string> = {};
  const labels = spec.at('template').at('metadata').at('labels');
  for (const [key, value] of [[CONTROLLER_UID_LABELS[0]!, uid], [JOB_NAME_LABELS[0]!, name], [CONTROLLER_UID_LABELS[1]!, uid], [JOB_NAME_LABELS[1]!, name]] as const) {
    expected[key] = value;
    const label = labels.key(key);
    if (!label.isSet) label.required(`must be '${value}'`);
    else if (label.text !== value) label.invalid(`must be '${value}'`, labels.value);
  }
  const requirements = selectorRequirements(selector);
  if (requirements === undefined || requirements === 'nothing' || matchesLabels(requirements, expected)) return;
  selector.invalid('`selector` not auto-generated', selectorText(selector));
}

function checkJobSpec(spec: Cursor): void {
  for (const count of ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished', 'backoffLimitPerIndex', 'maxFailedIndexes']) spec.at(count).notNegative();
  if (spec.at('maxFailedIndexes').isSet && !spec.at('backoffLimitPerIndex').isSet) spec.at('backoffLimitPerIndex').required('when maxFailedIndexes is specified');
  const mode = spec.at('completionMode');
  if (mode.isSet && !MODES.includes(mode.text)) mode.notSupported(MODES);
  if (mode.text === 'Indexed') checkIndexed(spec);
  else if (!mode.isSet || mode.text === 'NonIndexed') for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes']) if (spec.at(field).isSet) spec.at(field).invalid('requires indexed completion mode');
  const replacement = spec.at('podReplacementPolicy');
  const allowed = spec.at('podFailurePolicy').isSet ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  if (replacement.isSet && !allowed.includes(replacement.text)) replacement.notSupported(allowed);
  checkPodTemplate(spec.at('template'));
  checkRestartPolicy(spec);
  const selector = spec.at('selector');
  if (selector.isSet) checkLabelSelector(selector);
  else selector.required();
  const requirements = selectorRequirements(selector);
  if (requirements !== undefined) checkSelectsTemplate(requirements, spec.at('template'));
}

function checkIndexed(spec: Cursor): void {
  const [completions, parallelism, maxFailed] = [spec.at('completions'), spec.at('parallelism'), spec.at('maxFailedIndexes')];
  if (!completions.isSet) completions.required('when completion mode is Indexed');
  const atMost = (cursor: Cursor, max: number, why = '') => {
    if ((cursor.number ?? 0) > max) cursor.invalid(`must be less than or equal to ${max}${why}`);
  };
  atMost(parallelism, INDEXED_MAX, ' when completion mode is Indexed');
  if (completions.number !== undefined && (maxFailed.number ?? 0) > completions.number) maxFailed.invalid('must be less than or equal to completions');
  atMost(maxFailed, INDEXED_MAX);
  if ((completions.number ?? 0) <= INDEXED_MAX || !spec.at('backoffLimitPerIndex').isSet) return;
  if (!maxFailed.isSet) maxFailed.required(`must be specified when completions is above ${INDEXED_MAX}`);
  const why = ` when completions are above ${INDEXED_MAX} and used with backoff limit per index`;
  atMost(parallelism, PARALLELISM_OF_MANY_MAX, why);
  atMost(maxFailed, PARALLELISM_OF_MANY_MAX, why);
}

function checkRestartPolicy(spec: Cursor): void {
  const policy = spec.at('template').at('spec').at('restartPolicy');
  if (policy.text === 'Always' || policy.text === '') policy.required('valid values: "OnFailure", "Never"');
  else if (policy.text !== 'OnFailure' && policy.text !== 'Never') policy.notSupported(['OnFailure', 'Never']);
  else if (spec.at('podFailurePolicy').isSet && policy.text !== 'Never') policy.invalid('only "Never" is supported when podFailurePolicy is specified');
}

/** A job is made once; only what does not touch its pods may change (ValidateJobUpdate). */
export function validateJobUpdate(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return [...validateJob(next), ...faults(next, '', (object) => {
    const spec = object.at('spec');
    const before = objectAt(previous, 'spec');
    checkJobSpec(spec);
    checkCompletions(spec, before);
    const same = (field: string, old: unknown = before[field]) => {
      const value = spec.at(field);
      if (!equalJson(value.value, old)) value.invalid('field is immutable', field === 'selector' ? selectorText(value) : (value.value ?? null));
    };
    same('selector');
    same('template', isSuspendedUnstarted(previous) ? withNewDirectives(objectAt(before, 'template'), spec.at('template').object) : before['template']);
    for (const field of ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy']) same(field);
  })];
}

function checkCompletions(spec: Cursor, before: JsonObject): void {
  const completions = spec.at('completions');
  if (equalJson(completions.value, before['completions'])) return;
  if (spec.at('completionMode').text !== 'Indexed') completions.invalid('field is immutable', completions.value ?? null);
  else if (completions.isSet && completions.number !== spec.at('parallelism').number) completions.invalid('can only be modified in tandem with spec.parallelism');
}

function isSuspendedUnstarted(job: ApiObject): boolean {
  return objectAt(job, 'spec')['suspend'] === true && objectAt(job, 'status')['startTime'] === undefined;
}

/** Where pods of a suspended job will go may change until it first runs. */
function withNewDirectives(before: JsonObject, next: JsonObject): JsonObject {
  const [oldSpec, newSpec] = [objectAt(before, 'spec'), objectAt(next, 'spec')];
  const newMeta = objectAt(next, 'metadata');
  const affinity = withFields(objectAt(oldSpec, 'affinity'), { nodeAffinity: objectAt(newSpec, 'affinity')['nodeAffinity'] });
  const spec = withFields(oldSpec, {
    affinity: Object.keys(affinity).length === 0 && newSpec['affinity'] === undefined ? undefined : affinity,
    nodeSelector: newSpec['nodeSelector'], tolerations: newSpec['tolerations'], schedulingGates: newSpec['schedulingGates'],
  });
  return withFields(before, { metadata: withFields(objectAt(before, 'metadata'), { labels: newMeta['labels'], annotations: newMeta['annotations'] }), spec });
}

