import type { FieldError } from '../../errors/field-error.ts';
import { arrayAt, equalJson, isObject, objectAt } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { faults } from './cursor.ts';
import type { Cursor } from './cursor.ts';

const isTrue = (job: ApiObject, type: string): boolean =>
  arrayAt(objectAt(job, 'status'), 'conditions').some((condition) => isObject(condition) && condition['type'] === type && condition['status'] === 'True');
const isFinished = (job: ApiObject): boolean => isTrue(job, 'Complete') || isTrue(job, 'Failed');

/** A write of a job's status: what it says now, what it said before. */
interface Transition {
  readonly status: Cursor;
  readonly next: ApiObject;
  readonly previous: ApiObject;
  /** Faults are only looked for in what this write changes. */
  changes(...what: readonly string[]): boolean;
  now(type: string): boolean;
  refuse(detail: string): void;
}

/** Statuses of jobs: what has ended stays so, and its numbers agree (batch/validation, ValidateJobStatusUpdate). */
export function validateJobStatus(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return faults(next, '', (object) => {
    const status = object.at('status');
    const changes = (...what: readonly string[]) => what.some((one) => (/^[A-Z]/.test(one)
      ? (one === 'Finished' ? isFinished(next) !== isFinished(previous) : isTrue(next, one) !== isTrue(previous, one))
      : !equalJson(status.at(one).value, objectAt(previous, 'status')[one])));
    const transition: Transition = { status, next, previous, changes, now: (type) => isTrue(next, type), refuse: (detail) => status.at('conditions').invalidWithoutValue(detail) };
    for (const count of ['active', 'succeeded', 'failed', 'ready', 'terminating']) status.at(count).notNegative();
    checkEnds(transition);
    checkFinished(transition);
    const { now, refuse } = transition;
    if (now('SuccessCriteriaMet') && now('Failed')) refuse('cannot set SuccessCriteriaMet=True and Failed=true conditions');
    if (now('SuccessCriteriaMet') && now('FailureTarget')) refuse('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
    if (objectAt(next, 'spec')['successPolicy'] !== undefined && now('Complete') && !now('SuccessCriteriaMet')) refuse('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
    checkNotUndone(transition);
  });
}

function checkEnds({ status, now, changes, refuse }: Transition): void {
  const [completionTime, startTime] = [status.at('completionTime'), status.at('startTime')];
  if (changes('Complete', 'Failed') && now('Complete') && now('Failed')) refuse('cannot set Complete=True and Failed=true conditions');
  if (changes('Complete', 'FailureTarget') && now('Complete') && now('FailureTarget')) refuse('cannot set Complete=True and FailureTarget=true conditions');
  if (changes('Complete', 'completionTime')) {
    if (completionTime.isSet && !now('Complete')) completionTime.invalid('cannot set completionTime when there is no Complete=True condition');
    if (!completionTime.isSet && now('Complete')) completionTime.required('completionTime is required for Complete jobs');
  }
  if (changes('startTime', 'completionTime') && startTime.isSet && completionTime.isSet && completionTime.text < startTime.text) completionTime.invalid('must be equal to or after `startTime`');
  if (changes('Failed', 'failedIndexes') && now('Failed') && !now('FailureTarget')) refuse('cannot set Failed=True condition without the FailureTarget=true condition');
  if (changes('Complete', 'SuccessCriteriaMet') && now('Complete') && !now('SuccessCriteriaMet')) refuse('cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
}

function checkFinished({ status, next, changes }: Transition): void {
  const [active, startTime, terminating, ready] = [status.at('active'), status.at('startTime'), status.at('terminating'), status.at('ready')];
  const spec = objectAt(next, 'spec');
  const finished = isFinished(next);
  if (changes('Finished', 'active') && finished && (active.number ?? 0) > 0) active.invalid('active>0 is invalid for finished job');
  const hasNothingToDo = spec['suspend'] === true && spec['completions'] === 0;
  if (changes('Finished', 'startTime') && finished && !startTime.isSet && !hasNothingToDo) startTime.required('startTime is required for finished job');
  const uncounted = status.at('uncountedTerminatedPods');
  const uncountedPods = uncounted.at('failed').items.length + uncounted.at('succeeded').items.length;
  if (changes('Finished', 'uncountedTerminatedPods') && finished && uncountedPods > 0) uncounted.invalid('must be empty for finished job');
  const indexes = status.at('completedIndexes');
  if (changes('completedIndexes') && indexes.text !== '' && spec['completionMode'] !== 'Indexed') indexes.invalid('cannot set non-empty completedIndexes when non-indexed completion mode');
  if (changes('Finished', 'terminating') && finished && (terminating.number ?? 0) > 0) terminating.invalid('terminating>0 is invalid for finished job');
  if (changes('ready', 'active') && (ready.number ?? 0) > (active.number ?? 0)) ready.invalid('cannot set more ready pods than active');
}

function checkNotUndone({ status, next, previous, now, changes, refuse }: Transition): void {
  const [spec, before] = [objectAt(next, 'spec'), objectAt(previous, 'status')];
  for (const type of ['Failed', 'Complete', 'FailureTarget']) if (isTrue(previous, type) && !now(type)) refuse(`cannot disable the terminal ${type}=True condition`);
  const mayShrink = spec['completionMode'] === 'Indexed' && spec['completions'] === spec['parallelism'];
  for (const counter of mayShrink ? ['failed'] : ['failed', 'succeeded']) {
    const count = status.at(counter).number ?? 0;
    if (count < Number(before[counter] ?? 0)) status.at(counter).invalid(`cannot decrease the ${counter} counter`, count);
  }
  const completionTime = status.at('completionTime');
  if (completionTime.isSet && before['completionTime'] !== undefined && completionTime.value !== before['completionTime']) completionTime.invalid('field is immutable');
  if (changes('startTime') && before['startTime'] !== undefined && spec['suspend'] !== true) status.at('startTime').required('startTime cannot be removed for unsuspended job');
  if (isTrue(previous, 'SuccessCriteriaMet') && !now('SuccessCriteriaMet')) refuse('cannot disable the SuccessCriteriaMet=True condition');
  if (isTrue(previous, 'Complete') && !isTrue(previous, 'SuccessCriteriaMet') && now('SuccessCriteriaMet')) refuse('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
}
