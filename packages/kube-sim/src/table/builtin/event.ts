import { isObject, objectAt, stringAt } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { humanAge } from '../age.ts';

/** Last Seen, Type, Reason, Object, Subobject, Source, Message, First Seen, Count, Name: of either group's Event. */
export function eventCells(event: ApiObject, nowMs: number): readonly unknown[] {
  const involved = objectAt(event, event['regarding'] === undefined ? 'involvedObject' : 'regarding');
  const either = (...keys: readonly string[]) => keys.map((key) => stringAt(event, key)).find((text) => text !== '');
  const firstSeen = humanAge(either('firstTimestamp', 'deprecatedFirstTimestamp', 'eventTime'), nowMs);
  const last = either('lastTimestamp', 'deprecatedLastTimestamp');
  const series = isObject(event['series']) ? event['series'] : undefined;
  const count = event['count'] ?? event['deprecatedCount'];
  const kind = stringAt(involved, 'kind').toLowerCase();
  const name = stringAt(involved, 'name');
  return [
    series !== undefined ? humanAge(stringAt(series, 'lastObservedTime') || undefined, nowMs) : last === undefined ? firstSeen : humanAge(last, nowMs),
    stringAt(event, 'type'), stringAt(event, 'reason'), name === '' ? kind : `${kind}/${name}`, stringAt(involved, 'fieldPath'),
    source(event), (either('message', 'note') ?? '').trim(), firstSeen,
    series !== undefined ? (series['count'] ?? 0) : typeof count === 'number' && count > 0 ? count : 1, event.metadata.name,
  ];
}

function source(event: ApiObject): string {
  const from = objectAt(event, event['source'] === undefined ? 'deprecatedSource' : 'source');
  const component = stringAt(from, 'component') || stringAt(event, 'reportingComponent') || stringAt(event, 'reportingController');
  const instance = stringAt(from, 'host') || stringAt(event, 'reportingInstance');
  return instance === '' ? component : `${component}, ${instance}`;
}
