import type { FieldError } from '../../errors/field-error.ts';
import { equalJson } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { qualifiedNameProblems } from '../../values/names.ts';
import { faults } from './cursor.ts';
import type { Cursor } from './cursor.ts';

const SHORT_MAX = 128;
const MESSAGE_MAX = 1024;

/** Events as core/v1 takes them (kubernetes pkg/apis/core/validation/events.go); `reporter` is the name of one field, which versions differ in. */
export function validateEvent(event: ApiObject, reporter = 'reportingComponent'): readonly FieldError[] {
  return faults(event, '', (object) => {
    const involved = object.at('involvedObject').at('namespace');
    const { namespace } = event.metadata;
    const isOther = (involved.text === '' ? namespace !== 'default' : namespace !== involved.text);
    if (!object.at('eventTime').isSet) {
      if (isOther) involved.invalid('does not match event.namespace', involved.text);
      return;
    }
    if (involved.text === '' && namespace !== 'default' && namespace !== 'kube-system') involved.invalid('does not match event.namespace', involved.text);
    const controller = object.at('reportingComponent').shownAt(reporter);
    if (controller.text === '') controller.required();
    controller.check(qualifiedNameProblems);
    for (const field of ['reportingInstance', 'action', 'reason']) {
      if (object.at(field).text === '') object.at(field).required();
      checkLength(object.at(field), SHORT_MAX);
    }
    checkLength(object.at('message'), MESSAGE_MAX);
  });
}

function checkLength(field: Cursor, max: number): void {
  if (Buffer.byteLength(field.text) > max) field.invalid(`can have at most ${max} characters`, '');
}

/** Events through events.k8s.io/v1: stricter, and most of an event is for good. */
export function validateNewerEvent(event: ApiObject): readonly FieldError[] {
  return [...validateEvent(event, 'reportingController'), ...faults(event, '', (object) => {
    checkSeries(object.at('series'));
    if (!object.at('eventTime').isSet) object.at('eventTime').required();
    const type = object.at('type').text;
    if (type !== 'Normal' && type !== 'Warning') object.at('type').invalid(`has invalid value: ${type}`, '');
    for (const field of ['firstTimestamp', 'lastTimestamp']) if (object.at(field).isSet) object.at(field).invalid('needs to be unset', '');
    if ((object.at('count').number ?? 0) !== 0) object.at('count').invalid('needs to be unset', '');
    if (Object.values(object.at('source').object).some((value) => value !== '')) object.at('source').invalid('needs to be unset', '');
  })];
}

function checkSeries(series: Cursor): void {
  if (!series.isSet) return;
  if ((series.at('count').number ?? 0) < 2) series.at('count').invalid('should be at least 2', '');
  if (!series.at('lastObservedTime').isSet) series.at('lastObservedTime').required();
}

/** As the real server, which names the reason twice. */
const FOR_GOOD: readonly (readonly [string, string])[] = [
  ['involvedObject', 'involvedObject'], ['reason', 'reason'], ['message', 'message'], ['source', 'source'], ['firstTimestamp', 'firstTimestamp'], ['lastTimestamp', 'lastTimestamp'],
  ['count', 'count'], ['reason', 'reason'], ['type', 'type'], ['eventTime', 'eventTime'], ['action', 'action'], ['related', 'related'], ['reportingComponent', 'reportingController'], ['reportingInstance', 'reportingInstance'],
];

export function validateNewerEventUpdate(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return [...validateEvent(next, 'reportingController'), ...faults(next, '', (object) => {
    if (!equalJson(next['series'], previous['series'])) checkSeries(object.at('series'));
    for (const [field, shown] of FOR_GOOD) if (!equalJson(next[field], previous[field])) object.at(field).shownAt(shown).invalid('field is immutable', next[field] ?? null);
  })];
}
