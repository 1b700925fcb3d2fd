import { attribute, attributeTable, bytesOf, decodeAttributes, nested, readText, readU16, readU32, readU8, text, u16, u32, u8 } from './attributes.ts';

/** Generic netlink: families are found by name (include/uapi/linux/genetlink.h). */
export const CONTROL_FAMILY = 16;
const HEADER_BYTES = 4;
const CONTROL = { getFamily: 3, familyId: 1, familyName: 2 } as const;

/** struct genlmsghdr. */
function header(command: number, version = 1): Uint8Array {
  return new Uint8Array([command, version, 0, 0]);
}

export function encodeGetFamily(name: string): Uint8Array {
  return bytesOf(header(CONTROL.getFamily), attribute(CONTROL.familyName, text(name)));
}

/** The family's number; undefined when the answer has none. */
export function decodeFamily(payload: Uint8Array): number | undefined {
  const id = attributeTable(payload.subarray(HEADER_BYTES)).get(CONTROL.familyId);
  return id === undefined ? undefined : readU16(id);
}

// ---- devlink (include/uapi/linux/devlink.h) ---------------------------------------------------------------------------------------

const DEVLINK = { eswitchGet: 29, eswitchSet: 30, paramGet: 38, paramSet: 39, infoGet: 51 } as const;
const DEVLINK_ATTR = {
  bus: 1, device: 2, eswitchMode: 25, param: 80, paramName: 81, paramType: 83, paramValues: 84, paramValue: 85, valueData: 86, valueMode: 87,
  driverName: 98, versionFixed: 100, versionRunning: 101, versionStored: 102, versionName: 103, versionValue: 104,
} as const;
/** NLA_U8 and so on, as devlink numbers the types of parameters. */
const PARAM_TYPE = { u8: 1, u16: 2, u32: 3, text: 5, flag: 6 } as const;
const MODE_SWITCHDEV = 1;

function device(address: string): Uint8Array {
  return bytesOf(attribute(DEVLINK_ATTR.bus, text('pci')), attribute(DEVLINK_ATTR.device, text(address)));
}

export function encodeGetEswitch(address: string): Uint8Array {
  return bytesOf(header(DEVLINK.eswitchGet), device(address));
}

export function encodeSetEswitch(address: string, mode: 'legacy' | 'switchdev'): Uint8Array {
  return bytesOf(header(DEVLINK.eswitchSet), device(address), attribute(DEVLINK_ATTR.eswitchMode, u16(mode === 'switchdev' ? MODE_SWITCHDEV : 0)));
}

export function decodeEswitch(payload: Uint8Array): 'legacy' | 'switchdev' {
  const mode = attributeTable(payload.subarray(HEADER_BYTES)).get(DEVLINK_ATTR.eswitchMode);
  return mode !== undefined && readU16(mode) === MODE_SWITCHDEV ? 'switchdev' : 'legacy';
}

export function encodeGetDeviceInfo(address: string): Uint8Array {
  return bytesOf(header(DEVLINK.infoGet), device(address));
}

/** Versions by name, as `fw` or `fw.mgmt`; running ones before stored ones before fixed ones. */
export function decodeDeviceVersions(payload: Uint8Array): ReadonlyMap<string, string> {
  const versions = new Map<string, string>();
  const all = decodeAttributes(payload.subarray(HEADER_BYTES));
  for (const kind of [DEVLINK_ATTR.versionFixed, DEVLINK_ATTR.versionStored, DEVLINK_ATTR.versionRunning]) {
    for (const entry of all.filter(({ type }) => type === kind)) {
      const table = attributeTable(entry.payload);
      const [name, value] = [table.get(DEVLINK_ATTR.versionName), table.get(DEVLINK_ATTR.versionValue)];
      if (name !== undefined && value !== undefined) versions.set(readText(name), readText(value));
    }
  }
  return versions;
}

export interface DeviceParameter {
  readonly name: string;
  readonly type: number;
  /** The mode of its first value: 0 runtime, 1 at driver initialisation, 2 permanent. */
  readonly mode: number;
}

export function encodeGetParameter(address: string, name: string): Uint8Array {
  return bytesOf(header(DEVLINK.paramGet), device(address), attribute(DEVLINK_ATTR.paramName, text(name)));
}

export function decodeParameter(payload: Uint8Array): DeviceParameter | undefined {
  const param = attributeTable(payload.subarray(HEADER_BYTES)).get(DEVLINK_ATTR.param);
  if (param === undefined) return undefined;
  const table = attributeTable(param);
  const [name, type, values] = [table.get(DEVLINK_ATTR.paramName), table.get(DEVLINK_ATTR.paramType), table.get(DEVLINK_ATTR.paramValues)];
  if (name === undefined || type === undefined) return undefined;
  const value = values === undefined ? undefined : attributeTable(values).get(DEVLINK_ATTR.paramValue);
  const mode = value === undefined ? undefined : attributeTable(value).get(DEVLINK_ATTR.valueMode);
  return { name: readText(name), type: readU8(type), mode: mode === undefined ? 0 : readU8(mode) };
}

/** Undefined when the value is not of the parameter's type. */
export function encodeSetParameter(address: string, parameter: DeviceParameter, value: string | number | boolean): Uint8Array | undefined {
  const data = parameterData(parameter.type, value);
  if (data === undefined) return undefined;
  return bytesOf(
    header(DEVLINK.paramSet), device(address), attribute(DEVLINK_ATTR.paramName, text(parameter.name)), attribute(DEVLINK_ATTR.paramType, u8(parameter.type)),
    attribute(DEVLINK_ATTR.valueMode, u8(parameter.mode)), ...data,
  );
}

function parameterData(type: number, value: string | number | boolean): readonly Uint8Array[] | undefined {
  const as = (payload: Uint8Array) => [attribute(DEVLINK_ATTR.valueData, payload)];
  if (type === PARAM_TYPE.text) return as(text(String(value)));
  // A flag is there or is not.
  if (type === PARAM_TYPE.flag) return value === true || value === 'true' || value === 1 ? as(new Uint8Array()) : value === false || value === 'false' || value === 0 ? [] : undefined;
  const number = Number(value);
  const bits = { [PARAM_TYPE.u8]: 8, [PARAM_TYPE.u16]: 16, [PARAM_TYPE.u32]: 32 }[type];
  if (bits === undefined || !Number.isInteger(number) || number < 0 || number >= 2 ** bits) return undefined;
  return as(bits === 8 ? u8(number) : bits === 16 ? u16(number) : u32(number));
}

// ---- ethtool (include/uapi/linux/ethtool_netlink.h) -------------------------------------------------------------------------------

const ETHTOOL = { linkModesGet: 4, featuresGet: 11, featuresSet: 12 } as const;
const ETHTOOL_ATTR = { header: 1, deviceIndex: 1, speed: 5, hardware: 2, wanted: 3, active: 4, bits: 3, bit: 1, bitName: 2, bitValue: 3 } as const;
const SPEED_UNKNOWN = 0xffff_ffff;

function ethtoolHeader(index: number): Uint8Array {
  return nested(ETHTOOL_ATTR.header, attribute(ETHTOOL_ATTR.deviceIndex, u32(index)));
}

export function encodeGetSpeed(index: number): Uint8Array {
  return bytesOf(header(ETHTOOL.linkModesGet), ethtoolHeader(index));
}

/** Mb/s; -1 when unknown, as without carrier. */
export function decodeSpeed(payload: Uint8Array): number {
  const speed = attributeTable(payload.subarray(HEADER_BYTES)).get(ETHTOOL_ATTR.speed);
  const value = speed === undefined ? SPEED_UNKNOWN : readU32(speed);
  return value === SPEED_UNKNOWN ? -1 : value;
}

export function encodeGetFeatures(index: number): Uint8Array {
  return bytesOf(header(ETHTOOL.featuresGet), ethtoolHeader(index));
}

export interface Features {
  /** Can be changed. */
  readonly changeable: ReadonlySet<string>;
  readonly active: ReadonlySet<string>;
}

export function decodeFeatures(payload: Uint8Array): Features {
  const table = attributeTable(payload.subarray(HEADER_BYTES));
  return { changeable: bitNames(table.get(ETHTOOL_ATTR.hardware)), active: bitNames(table.get(ETHTOOL_ATTR.active)) };
}

/** Names of the bits that are set: those of a list without a mask, else those with a value. */
function bitNames(bitset: Uint8Array | undefined): ReadonlySet<string> {
  const names = new Set<string>();
  if (bitset === undefined) return names;
  const table = attributeTable(bitset);
  const isPlainList = table.has(1);
  for (const { type, payload } of decodeAttributes(table.get(ETHTOOL_ATTR.bits) ?? new Uint8Array())) {
    if (type !== ETHTOOL_ATTR.bit) continue;
    const bit = attributeTable(payload);
    const name = bit.get(ETHTOOL_ATTR.bitName);
    if (name !== undefined && (isPlainList || bit.has(ETHTOOL_ATTR.bitValue))) names.add(readText(name));
  }
  return names;
}

export function encodeSetFeature(index: number, feature: string, enabled: boolean): Uint8Array {
  const bit = nested(ETHTOOL_ATTR.bit, attribute(ETHTOOL_ATTR.bitName, text(feature)), ...(enabled ? [attribute(ETHTOOL_ATTR.bitValue, new Uint8Array())] : []));
  return bytesOf(header(ETHTOOL.featuresSet), ethtoolHeader(index), nested(ETHTOOL_ATTR.wanted, nested(ETHTOOL_ATTR.bits, bit)));
}
