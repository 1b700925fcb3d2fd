import { fieldText } from '@vfleet/kube/selectors/index.ts';
import type { Definition } from '../registry/define.ts';
import type { Strategy } from '../registry/strategy.ts';
import { withFields } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import { eventStrategy } from './config-strategies.ts';
import { validateNewerEvent, validateNewerEventUpdate } from './validation/event.ts';

/** Fields that events.k8s.io calls otherwise than core/v1, in which events are stored (kubernetes pkg/apis/events/v1/conversion.go). */
const OLDER_NAMES: Readonly<Record<string, string>> = {
  regarding: 'involvedObject', note: 'message', deprecatedSource: 'source', deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp', deprecatedCount: 'count', reportingController: 'reportingComponent',
};
const NEWER_NAMES: Readonly<Record<string, string>> = Object.fromEntries(Object.entries(OLDER_NAMES).map(([newer, older]) => [older, newer]));
const REPORTER = ['reportingComponent', 'reportingInstance'] as const;
const SELECTABLE: readonly string[] = ['reason', 'regarding.kind', 'regarding.namespace', 'regarding.name', 'regarding.uid', 'regarding.apiVersion', 'regarding.resourceVersion', 'regarding.fieldPath', 'reportingController', 'type', 'metadata.namespace', 'metadata.name'];

function renamed(event: ApiObject, names: Readonly<Record<string, string>>, apiVersion: string): ApiObject {
  const fields = Object.entries(event).map(([name, value]) => [Object.hasOwn(names, name) ? names[name]! : name, value]);
  return Object.freeze({ ...Object.fromEntries(fields), apiVersion }) as unknown as ApiObject;
}

/** The same event in core/v1, which always says who reported. */
function older(event: ApiObject): ApiObject {
  const made = renamed(event, OLDER_NAMES, 'v1');
  return withFields(made, Object.fromEntries(REPORTER.map((name) => [name, made[name] ?? ''])));
}

/** The same event in events.k8s.io/v1. */
function newer(event: ApiObject): ApiObject {
  const absent = REPORTER.filter((name) => event[name] === '');
  return renamed(withFields(event, Object.fromEntries(absent.map((name) => [name, undefined]))), NEWER_NAMES, 'events.k8s.io/v1');
}

const strategy: Strategy = {
  ...eventStrategy,
  validateCreate: (event) => validateNewerEvent(older(event)),
  validateUpdate: (next, previous) => validateNewerEventUpdate(older(next), older(previous)),
};

/** Events through events.k8s.io/v1: the objects of core/v1 under other names. */
export const newerEvent: Omit<Definition, 'decode'> = {
  group: 'events.k8s.io', version: 'v1', kind: 'Event', plural: 'events', namespaced: true, shortNames: ['ev'],
  storage: 'events', storageGroup: '', strategy, fromStored: newer, toStored: older,
  hasOwnSelectableFields: true,
  isSelectableField: (field) => SELECTABLE.includes(field),
  // Selection looks at what is stored.
  fieldText: (event, field) => fieldText(event, field.split('.').map((step) => (Object.hasOwn(OLDER_NAMES, step) ? OLDER_NAMES[step]! : step)).join('.')),
};
