import type { DevicePluginDeviceType, JsonValue } from '@vfleet/core';
import { isJsonObject, parseJson } from '@vfleet/core';
import { asObject, field, fieldPath, isJsonArray, knownKey } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { Problems, unknownKeys } from './problems.ts';
import type { ConfigProblem } from './problems.ts';
import { parseSelectors, selectorKeys } from './selector-config.ts';
import type { FunctionSelector } from './selector-config.ts';

/** A resource of the configuration, understood: defaults filled in, texts normalised. */
export interface ResourceConfig {
  readonly resourceName: string;
  readonly prefix: string;
  /** `<prefix>/<resourceName>`, as pods request it. */
  readonly fullName: string;
  readonly deviceType: DevicePluginDeviceType;
  readonly excludeTopology: boolean;
  /** In order; a function belongs to the resource when any of them selects it. */
  readonly selectors: readonly FunctionSelector[];
  readonly additionalInfo?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** One element of `resourceList`: usable, or not; then its full name says which earlier version may stay in force. */
export type ConfigEntry = { readonly usable: true; readonly resource: ResourceConfig } | { readonly usable: false; readonly fullName?: string };

export interface ParsedConfig {
  /** Undefined when the text as a whole cannot be understood. */
  readonly entries?: readonly ConfigEntry[];
  /** The Container Device Interface is to be used; false when the text does not say so, or cannot be understood. */
  readonly useCdi: boolean;
  readonly problems: readonly ConfigProblem[];
}

const DEVICE_TYPES: readonly DevicePluginDeviceType[] = ['netDevice', 'accelerator', 'auxNetDevice'];
const RESOURCE_KEYS = ['resourceName', 'resourcePrefix', 'deviceType', 'excludeTopology', 'selectors', 'additionalInfo'] as const;
const RESOURCE_NAME = /^[a-zA-Z0-9_-]+$/;
const DNS_SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

/**
 * Reads a configuration of the SR-IOV network device plugin. Never throws: what is wrong is a problem with its path, and what is
 * right stays usable. `defaultPrefix` serves resources that name none; `taken` are full names used by an earlier configuration.
 */
export function parseDevicePluginConfig(text: string, defaultPrefix: string, taken: ReadonlySet<string> = new Set()): ParsedConfig {
  const problems = new Problems();
  const document = parseJson(text);
  if (!document.ok) {
    const { line, column, cause } = document.error;
    problems.error('invalidJson', '', `it is not JSON: line ${line}, column ${column}: ${cause}`, 'Correct the text; the last good configuration stays in force.');
    return { useCdi: false, problems: problems.list };
  }
  const root = asObject(document.value);
  const list = root === undefined ? undefined : field(root, 'resourceList');
  if (root === undefined || (list !== undefined && list !== null && !isJsonArray(list))) {
    problems.error('wrongType', root === undefined ? '' : 'resourceList', 'it is no {"resourceList": [ … ]}', 'Write one object with the list "resourceList".');
    return { useCdi: false, problems: problems.list };
  }
  unknownKeys(root, '', ['resourceList', 'useCdi'], problems);
  if (!isJsonArray(list)) {
    problems.error('missing', 'resourceList', 'there is no "resourceList"', 'Write {"resourceList": []} to advertise nothing.');
    return { useCdi: false, problems: problems.list };
  }
  const names = new Set(taken);
  const entries = list.map((item, index) => parseEntry(item, fieldPath('resourceList', index), defaultPrefix, names, problems));
  return { entries, useCdi: flag(root, 'useCdi', '', problems), problems: problems.list };
}

function parseEntry(item: JsonValue, path: string, defaultPrefix: string, names: Set<string>, problems: Problems): ConfigEntry {
  if (!isJsonObject(item)) {
    problems.error('wrongType', path, 'a resource must be an object', 'Write {"resourceName": …, "selectors": {…}}.');
    return { usable: false };
  }
  const before = problems.errors;
  resourceKeys(item, path, problems);
  const resourceName = text(item, 'resourceName', path, problems);
  const prefix = text(item, 'resourcePrefix', path, problems) ?? defaultPrefix;
  const fullName = checkedName(resourceName, prefix, path, names, problems);
  const deviceType = parseDeviceType(item, path, problems);
  const excludeTopology = flag(item, 'excludeTopology', path, problems);
  const additionalInfo = parseAdditionalInfo(item, path, problems);
  const selectors = parseSelectors(field(item, 'selectors'), fieldPath(path, 'selectors'), deviceType, problems);
  if (problems.errors > before || fullName === undefined) return { usable: false, ...(fullName === undefined ? {} : { fullName }) };
  return {
    usable: true,
    resource: {
      resourceName: resourceName!, prefix, fullName, deviceType, excludeTopology, selectors, ...(additionalInfo === undefined ? {} : { additionalInfo }),
    },
  };
}

/** The full name when kubelet would take it and it is not in use. */
function checkedName(resourceName: string | undefined, prefix: string, path: string, names: Set<string>, problems: Problems): string | undefined {
  if (resourceName === undefined) {
    const place = fieldPath(path, 'resourceName');
    if (!problems.list.some((problem) => problem.path === place)) problems.error('missing', place, 'there is no "resourceName"', 'Name the resource.');
    return undefined;
  }
  const fullName = `${prefix}/${resourceName}`;
  if (!RESOURCE_NAME.test(resourceName) || resourceName.length > 63) {
    problems.error('invalidName', fieldPath(path, 'resourceName'), `the resource name "${resourceName}" is not allowed`, 'Use up to 63 letters, digits, "_" and "-".');
    return undefined;
  }
  if (!DNS_SUBDOMAIN.test(prefix) || prefix.length > 253) {
    problems.error('invalidName', fieldPath(path, 'resourcePrefix'), `the resource prefix "${prefix}" is no DNS name`, 'Use a lower-case DNS name such as intel.com.');
    return undefined;
  }
  if (names.has(fullName)) {
    problems.error('duplicate', fieldPath(path, 'resourceName'), `the resource ${fullName} is defined already`, 'Join the two into one resource with a list of selectors, or rename one.');
    return undefined;
  }
  names.add(fullName);
  return fullName;
}

function parseDeviceType(item: JsonObject, path: string, problems: Problems): DevicePluginDeviceType {
  const value = text(item, 'deviceType', path, problems);
  const known = DEVICE_TYPES.find((type) => type === value);
  if (value !== undefined && known === undefined) {
    problems.error('invalidValue', fieldPath(path, 'deviceType'), `the device type "${value}" does not exist`, `Use one of ${DEVICE_TYPES.join(', ')}.`);
  }
  return known ?? 'netDevice';
}

function parseAdditionalInfo(item: JsonObject, path: string, problems: Problems): ResourceConfig['additionalInfo'] {
  const value = field(item, 'additionalInfo');
  if (value === undefined || value === null) return undefined;
  const place = fieldPath(path, 'additionalInfo');
  const object = asObject(value);
  const entries = Object.entries(object ?? {}).map(([key, info]) => [key, asObject(info)] as const);
  const bad = object === undefined ? place : entries.find(([, info]) => info === undefined || Object.values(info).some((text) => typeof text !== 'string'))?.[0];
  if (bad !== undefined) {
    problems.error('wrongType', bad === place ? place : fieldPath(place, bad), 'it must map PCI addresses, or "*", to objects of strings', 'Write {"*": {"key": "value"}}.');
    return undefined;
  }
  return Object.fromEntries(entries.map(([key, info]) => [key, Object.fromEntries(Object.entries(info!).map(([name, text]) => [name, String(text)]))]));
}

function resourceKeys(item: JsonObject, path: string, problems: Problems): void {
  for (const key of Object.keys(item)) {
    if (knownKey(key, RESOURCE_KEYS) !== undefined) continue;
    const selector = knownKey(key, selectorKeys);
    if (selector === undefined) unknownKeys({ [key]: item[key]! }, path, RESOURCE_KEYS, problems);
    else problems.warn('misplacedKey', fieldPath(path, key), `"${key}" does nothing beside "selectors"`, `Move it into ${fieldPath(path, 'selectors')}.`);
  }
}

/** A string field; null and the empty string count as absent, as they do in Go. */
function text(item: JsonObject, name: string, path: string, problems: Problems): string | undefined {
  const value = field(item, name);
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  problems.error('wrongType', fieldPath(path, name), `"${name}" must be a string`, 'Put it into double quotes.');
  return undefined;
}

function flag(item: JsonObject, name: string, path: string, problems: Problems): boolean {
  const value = field(item, name);
  if (typeof value === 'boolean') return value;
  if (value !== undefined && value !== null) problems.error('wrongType', fieldPath(path, name), `"${name}" must be true or false`, 'Write it without quotes.');
  return false;
}
