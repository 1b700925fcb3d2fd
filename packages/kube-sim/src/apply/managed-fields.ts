import { parseRfc3339 } from '@vfleet/core';
import { frozen, isObject, stringAt } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import { difference, EMPTY_SET, isEmptySet, union } from './field-set.ts';
import type { FieldSet } from './field-set.ts';

/** One manager's fields: an entry of metadata.managedFields. */
export interface ManagerEntry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** More managers of updates than these are joined, the oldest first (managedfields DefaultMaxUpdateManagers). */
const UPDATE_MANAGERS_MAX = 10;
const ANCIENT = 'ancient-changes';

/** The entries of an object; none when one of them cannot be read, as the real server starts over then. */
export function readEntries(object: ApiObject | undefined): readonly ManagerEntry[] {
  const entries = object?.metadata.managedFields ?? [];
  const read = entries.map(readEntry);
  return read.every((entry) => entry !== undefined) ? distinct(read) : [];
}

/** Writes through scale may leave two entries of one manager: the last one counts. */
function distinct(entries: readonly ManagerEntry[]): readonly ManagerEntry[] {
  return entries.length < 2 ? entries : entries.filter((entry, index) => !entries.some((later, at) => at > index && isSameManager(later, entry)));
}

function readEntry(entry: JsonObject): ManagerEntry | undefined {
  const operation = entry['operation'];
  const apiVersion = stringAt(entry, 'apiVersion');
  const fields = entry['fieldsV1'];
  if ((operation !== 'Apply' && operation !== 'Update') || apiVersion === '' || entry['fieldsType'] !== 'FieldsV1') return undefined;
  return {
    manager: stringAt(entry, 'manager'), operation, apiVersion, subresource: stringAt(entry, 'subresource'),
    time: stringAt(entry, 'time') || undefined, fields: isObject(fields) ? (fields as unknown as FieldSet) : EMPTY_SET,
  };
}

/** The client asks to forget who set what: an empty list, or one empty entry. */
export function isReset({ metadata }: ApiObject): boolean {
  const entries = metadata.managedFields;
  return entries !== undefined && (entries.length === 0 || (entries.length === 1 && Object.keys(entries[0]!).length === 0));
}

/** Entries as they are stored: appliers first, then by time and name; undefined for none. */
export function writeEntries(entries: readonly ManagerEntry[]): readonly JsonObject[] | undefined {
  const kept = entries.filter((entry) => !isEmptySet(entry.fields));
  if (kept.length === 0) return undefined;
  return Object.freeze([...kept].sort(byAge).map(({ manager, operation, apiVersion, subresource, time, fields }) => Object.freeze({
    ...(manager === '' ? {} : { manager }), operation, apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: frozen(fields),
    ...(subresource === '' ? {} : { subresource }),
  })));
}

function byAge(a: ManagerEntry, b: ManagerEntry): number {
  if (a.operation !== b.operation) return a.operation < b.operation ? -1 : 1;
  return byTime(a, b) || order(a.manager, b.manager) || order(a.apiVersion, b.apiVersion) || order(a.subresource, b.subresource);
}

/** As they are stored, times are of one length, and so the order of their texts is theirs. */
function byTime(a: ManagerEntry, b: ManagerEntry): number {
  if (a.time === b.time) return 0;
  return isCanonical(a.time) && isCanonical(b.time) ? order(a.time, b.time) : seconds(a) - seconds(b);
}

const isCanonical = (time: string | undefined): time is string => time?.length === 20 && time.endsWith('Z');

function seconds({ time }: ManagerEntry): number {
  return time === undefined ? 0 : Math.floor((parseRfc3339(time) ?? 0) / 1000);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether two entries are one manager: appliers are the same in every version. */
export function isSameManager(a: ManagerEntry, b: Pick<ManagerEntry, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource && (a.operation === 'Apply' || a.apiVersion === b.apiVersion);
}

export function withoutFieldsOf(entry: ManagerEntry, fields: FieldSet): ManagerEntry {
  const rest = difference(entry.fields, fields);
  return rest === entry.fields ? entry : { ...entry, fields: rest };
}

/** Joins the oldest update managers while there are too many. */
export function cappedEntries(entries: readonly ManagerEntry[]): readonly ManagerEntry[] {
  if (entries.length <= UPDATE_MANAGERS_MAX) return entries;
  const updaters = entries.filter(({ operation }) => operation === 'Update').sort((a, b) => byTime(a, b) || order(a.manager, b.manager));
  let excess = updaters.length - UPDATE_MANAGERS_MAX;
  if (excess <= 0) return entries;
  const joined = new Set<ManagerEntry>();
  const buckets = new Map<string, ManagerEntry>();
  const firsts = new Map<string, ManagerEntry>();
  for (const entry of updaters) {
    if (excess <= 0) break;
    const first = firsts.get(entry.apiVersion);
    if (first === undefined) {
      firsts.set(entry.apiVersion, entry);
      continue;
    }
    const bucket = buckets.get(entry.apiVersion) ?? { ...first, manager: ANCIENT, subresource: '' };
    joined.add(first).add(entry);
    buckets.set(entry.apiVersion, { ...bucket, fields: union(bucket.fields, entry.fields), time: entry.time });
    excess--;
  }
  return [...entries.filter((entry) => !joined.has(entry)), ...buckets.values()];
}
