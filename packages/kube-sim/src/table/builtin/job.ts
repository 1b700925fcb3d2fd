import { parseRfc3339 } from '@vfleet/core';
import { arrayAt, objectAt, stringAt } from '../../values/json.ts';
import type { ApiObject, JsonObject } from '../../values/json.ts';
import { findCondition } from '../../values/conditions.ts';
import { humanAge, humanDuration } from '../age.ts';
import { containerNames, formatSelector } from './format.ts';

/** Name, Status, Completions, Duration, Age, Containers, Images, Selector. */
export function jobCells(job: ApiObject, nowMs: number): readonly unknown[] {
  const spec = objectAt(job, 'spec');
  const status = objectAt(job, 'status');
  return [
    job.metadata.name, state(job, status), completions(spec, status), duration(status, nowMs), humanAge(job.metadata.creationTimestamp, nowMs),
    ...containerNames(arrayAt(objectAt(objectAt(spec, 'template'), 'spec'), 'containers')), formatSelector(spec['selector']),
  ];
}

function state(job: ApiObject, status: JsonObject): string {
  const has = (type: string) => findCondition(status, type)?.['status'] === 'True';
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

function completions(spec: JsonObject, status: JsonObject): string {
  const succeeded = typeof status['succeeded'] === 'number' ? status['succeeded'] : 0;
  if (typeof spec['completions'] === 'number') return `${succeeded}/${spec['completions']}`;
  return typeof spec['parallelism'] === 'number' && spec['parallelism'] > 1 ? `${succeeded}/1 of ${spec['parallelism']}` : `${succeeded}/1`;
}

function duration(status: JsonObject, nowMs: number): string {
  const startedMs = parseRfc3339(stringAt(status, 'startTime'));
  if (startedMs === undefined) return '';
  return humanDuration((parseRfc3339(stringAt(status, 'completionTime')) ?? nowMs) - startedMs);
}
