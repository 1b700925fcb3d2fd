import type { DevicePluginDeviceType, JsonValue, VdpaType } from '@vfleet/core';
import { isJsonObject, parsePciAddress } from '@vfleet/core';
import { field, fieldPath, isJsonArray, knownKey } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { parseFunctionSet } from './function-set.ts';
import type { FunctionSet } from './function-set.ts';
import { unknownKeys } from './problems.ts';
import type { Problems } from './problems.ts';

/** One set of selectors, understood. An absent list selects everything; the lists that are there must all agree. */
export interface FunctionSelector {
  readonly vendors?: readonly string[];
  readonly devices?: readonly string[];
  readonly drivers?: readonly string[];
  readonly pciAddresses?: readonly string[];
  readonly pfNames?: readonly FunctionSet[];
  readonly rootDevices?: readonly FunctionSet[];
  readonly linkTypes?: readonly string[];
  readonly isRdma: boolean;
  readonly needVhostNet: boolean;
  readonly vdpaType?: VdpaType;
  /** Decimal numbers, as the kernel shows them. */
  readonly acpiIndexes?: readonly string[];
  readonly ddpProfiles?: readonly string[];
  /** Hexadecimal with `0x`, in lower case. */
  readonly pKeys?: readonly string[];
}

const LISTS = ['vendors', 'devices', 'drivers', 'pciAddresses', 'acpiIndexes', 'pfNames', 'rootDevices', 'linkTypes', 'ddpProfiles', 'pKeys', 'auxTypes'] as const;
type ListName = (typeof LISTS)[number];
const FLAGS = ['isRdma', 'needVhostNet'] as const;

/** Every key that a set of selectors of some device type may have. */
export const selectorKeys: readonly string[] = [...LISTS, ...FLAGS, 'vdpaType'];

/** Which keys each device type reads (SR-IOV network device plugin, "Configurations"). */
const KEYS: Readonly<Record<DevicePluginDeviceType, readonly string[]>> = {
  netDevice: selectorKeys.filter((key) => key !== 'auxTypes'),
  accelerator: ['vendors', 'devices', 'drivers', 'pciAddresses'],
  auxNetDevice: ['vendors', 'devices', 'drivers', 'auxTypes', 'pfNames', 'rootDevices', 'linkTypes', 'isRdma', 'needVhostNet'],
};

/** `selectors`: one set, or a list of them. */
export function parseSelectors(value: JsonValue | undefined, path: string, deviceType: DevicePluginDeviceType, problems: Problems): readonly FunctionSelector[] {
  if (value === undefined || value === null) {
    problems.error('missing', path, 'there are no "selectors"', 'Write "selectors": {} if every network function of the node is meant.');
    return [];
  }
  if (isJsonObject(value)) return [parseSelector(value, path, deviceType, problems)];
  if (!isJsonArray(value) || value.length === 0) {
    problems.error('wrongType', path, '"selectors" must be an object, or a list with at least one', 'Write {"vendors": [ … ]}.');
    return [];
  }
  return value.flatMap((item, index) => {
    if (isJsonObject(item)) return [parseSelector(item, fieldPath(path, index), deviceType, problems)];
    problems.error('wrongType', fieldPath(path, index), 'a set of selectors must be an object', 'Write {"vendors": [ … ]}.');
    return [];
  });
}

function parseSelector(written: JsonObject, path: string, deviceType: DevicePluginDeviceType, problems: Problems): FunctionSelector {
  selectorKeysOf(written, path, deviceType, problems);
  // What does nothing for this type has been warned of.
  const object = Object.fromEntries(Object.entries(written).filter(([key]) => knownKey(key, KEYS[deviceType]) !== undefined));
  const list = (name: ListName) => textItems(object, name, path, problems);
  const items = <Item>(name: ListName, read: (text: string, place: string) => Item | undefined) => readItems(list(name), fieldPath(path, name), read);
  const hexadecimal = (text: string, place: string) => hexadecimalId(text, place, problems);
  const [isRdma, needVhostNet] = FLAGS.map((name) => flagOf(object, name, path, problems)) as [boolean, boolean];
  const vdpaType = vdpaTypeOf(object, path, problems);
  if (isRdma && vdpaType !== undefined) problems.error('conflict', fieldPath(path, 'vdpaType'), '"isRdma" and "vdpaType" exclude each other', 'Keep one of them, or make two resources.');
  if (deviceType === 'auxNetDevice') checkAuxTypes(list('auxTypes'), path, problems);
  const vendors = items('vendors', hexadecimal);
  const devices = items('devices', hexadecimal);
  const drivers = items('drivers', (text) => text);
  const pciAddresses = items('pciAddresses', (text, place) => address(text, place, problems));
  const pfNames = items('pfNames', (text, place) => functionSet(text, place, problems));
  const rootDevices = items('rootDevices', (text, place) => rootDevice(text, place, problems));
  const acpiIndexes = items('acpiIndexes', (text, place) => acpiIndex(text, place, problems));
  const ddpProfiles = items('ddpProfiles', (text) => text);
  const pKeys = items('pKeys', (text, place) => partitionKey(text, place, problems));
  const linkTypes = items('linkTypes', (text, place) => linkType(text, place, problems));
  return {
    ...(vendors === undefined ? {} : { vendors }),
    ...(devices === undefined ? {} : { devices }),
    ...(drivers === undefined ? {} : { drivers }),
    ...(pciAddresses === undefined ? {} : { pciAddresses }),
    ...(pfNames === undefined ? {} : { pfNames }),
    ...(rootDevices === undefined ? {} : { rootDevices }),
    ...(linkTypes === undefined ? {} : { linkTypes }),
    ...(acpiIndexes === undefined ? {} : { acpiIndexes }),
    ...(ddpProfiles === undefined ? {} : { ddpProfiles }),
    ...(pKeys === undefined ? {} : { pKeys }),
    isRdma,
    needVhostNet,
    ...(vdpaType === undefined ? {} : { vdpaType }),
  };
}

function selectorKeysOf(object: JsonObject, path: string, deviceType: DevicePluginDeviceType, problems: Problems): void {
  for (const key of Object.keys(object)) {
    if (knownKey(key, KEYS[deviceType]) !== undefined) continue;
    if (knownKey(key, ['excludeTopology', 'resourcePrefix', 'resourceName', 'deviceType', 'additionalInfo']) !== undefined) {
      problems.warn('misplacedKey', fieldPath(path, key), `"${key}" does nothing inside "selectors"`, 'Move it up, beside "selectors".');
    } else if (knownKey(key, selectorKeys) !== undefined) {
      problems.warn('misplacedKey', fieldPath(path, key), `"${key}" does nothing for devices of type ${deviceType}`, 'Remove it, or correct "deviceType".');
    } else {
      unknownKeys({ [key]: object[key]! }, path, KEYS[deviceType], problems);
    }
  }
}

function textItems(object: JsonObject, name: ListName, path: string, problems: Problems): readonly string[] {
  const value = field(object, name);
  if (value === undefined || value === null) return [];
  const texts = isJsonArray(value) ? value.filter((item) => typeof item === 'string') : [];
  if (isJsonArray(value) && texts.length === value.length) return texts;
  if (!problems.list.some((problem) => problem.path === fieldPath(path, name))) {
    problems.error('wrongType', fieldPath(path, name), `"${name}" must be a list of strings`, 'Write ["…"].');
  }
  return [];
}

/** Items that can match. A list of which no item can match stays a list, so that it selects nothing. */
function readItems<Item>(texts: readonly string[], path: string, read: (text: string, place: string) => Item | undefined): readonly Item[] | undefined {
  if (texts.length === 0) return undefined;
  return texts.flatMap((text, index) => {
    const item = read(text, fieldPath(path, index));
    return item === undefined ? [] : [item];
  });
}

function hexadecimalId(text: string, place: string, problems: Problems): string | undefined {
  if (/^[0-9a-fA-F]{4}$/.test(text)) return text.toLowerCase();
  problems.warn('neverMatches', place, `"${text}" is no PCI id`, 'Write four hexadecimal digits without 0x, such as "8086".');
  return undefined;
}

function address(text: string, place: string, problems: Problems): string | undefined {
  const parsed = parsePciAddress(text);
  if (parsed.ok) return parsed.value;
  problems.warn('neverMatches', place, parsed.error, 'Write the address as lspci -D shows it.');
  return undefined;
}

function functionSet(text: string, place: string, problems: Problems): FunctionSet | undefined {
  const set = parseFunctionSet(text);
  if (set.ok) return set.value;
  problems.warn('neverMatches', place, set.error, 'Write <PF>, or <PF>#0,2-7 for some of its VFs.');
  return undefined;
}

function rootDevice(text: string, place: string, problems: Problems): FunctionSet | undefined {
  const set = functionSet(text, place, problems);
  const pf = set === undefined ? undefined : address(set.pf, place, problems);
  return set === undefined || pf === undefined ? undefined : { ...set, pf };
}

function linkType(text: string, place: string, problems: Problems): string | undefined {
  if (text === 'ether' || text === 'infiniband') return text;
  problems.warn('neverMatches', place, `no network function has the link type "${text}"`, 'Use "ether" or "infiniband".');
  return undefined;
}

function acpiIndex(text: string, place: string, problems: Problems): string | undefined {
  if (/^(?:0|[1-9]\d{0,9})$/.test(text)) return text;
  problems.warn('neverMatches', place, `"${text}" is no ACPI index`, 'Write the number that acpi_index of the device shows, such as "101".');
  return undefined;
}

function partitionKey(text: string, place: string, problems: Problems): string | undefined {
  if (/^0x[0-9a-fA-F]{1,4}$/.test(text)) return text.toLowerCase();
  problems.warn('neverMatches', place, `"${text}" is no partition key`, 'Write it as the interface\'s pkey shows it, such as "0x8001".');
  return undefined;
}

function vdpaTypeOf(object: JsonObject, path: string, problems: Problems): VdpaType | undefined {
  const value = field(object, 'vdpaType');
  if (value === undefined || value === null || value === '') return undefined;
  if (value === 'virtio' || value === 'vhost') return value;
  problems.error('invalidValue', fieldPath(path, 'vdpaType'), `${JSON.stringify(value)} is no vDPA type`, 'Use "virtio" or "vhost".');
  return undefined;
}

function flagOf(object: JsonObject, name: string, path: string, problems: Problems): boolean {
  const value = field(object, name);
  if (typeof value === 'boolean') return value;
  if (value !== undefined && value !== null) problems.error('wrongType', fieldPath(path, name), `"${name}" must be true or false`, 'Write it without quotes.');
  return false;
}

function checkAuxTypes(types: readonly string[], path: string, problems: Problems): void {
  if (types.length > 0 && types.every((type) => type === 'sf')) return;
  problems.error(types.length === 0 ? 'missing' : 'invalidValue', fieldPath(path, 'auxTypes'), 'auxNetDevice needs "auxTypes", and only "sf" exists', 'Write "auxTypes": ["sf"].');
}
