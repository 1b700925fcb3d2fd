import { attribute, attributeTable, bytesOf, decodeAttributes, readText, readU16, readU32, readU64, readU8, text, u16, u32, u8 } from './attributes.ts';
import { GENERIC_HEADER_BYTES, genericHeader } from './generic.ts';

/** devlink messages (include/uapi/linux/devlink.h). */

/** How devlink names a device: `pci` and its address, or another bus and its name there. */
export interface DevlinkHandle {
  readonly bus: string;
  readonly device: string;
}

export function pciHandle(address: string): DevlinkHandle {
  return { bus: 'pci', device: address };
}

const COMMAND = { get: 1, portGet: 5, eswitchGet: 29, eswitchSet: 30, paramGet: 38, paramSet: 39, infoGet: 51, reporterGet: 52, reporterRecover: 54 } as const;
const ATTR = {
  bus: 1, device: 2, portIndex: 3, netdevIndex: 6, netdevName: 7, eswitchMode: 25, portFlavour: 77, portNumber: 78, param: 80, paramName: 81, paramType: 83, paramValues: 84, paramValue: 85, valueData: 86, valueMode: 87,
  driverName: 98, serialNumber: 99, versionFixed: 100, versionRunning: 101, versionStored: 102, versionName: 103, versionValue: 104, reporter: 114, reporterName: 115, reporterState: 116, reporterErrors: 117,
  reporterRecoveries: 118, portPf: 127, portVf: 128, portController: 150,
} as const;
const MODE_SWITCHDEV = 1;

function device({ bus, device: name }: DevlinkHandle): Uint8Array {
  return bytesOf(attribute(ATTR.bus, text(bus)), attribute(ATTR.device, text(name)));
}

function tableOf(payload: Uint8Array): ReadonlyMap<number, Uint8Array> {
  return attributeTable(payload.subarray(GENERIC_HEADER_BYTES));
}

/** Whose message it is; undefined when it says neither. */
export function decodeHandle(payload: Uint8Array): DevlinkHandle | undefined {
  const table = tableOf(payload);
  const [bus, name] = [table.get(ATTR.bus), table.get(ATTR.device)];
  return bus === undefined || name === undefined ? undefined : { bus: readText(bus), device: readText(name) };
}

export function encodeListDevices(): Uint8Array {
  return genericHeader(COMMAND.get);
}

// ---- eswitch ----------------------------------------------------------------------------------------------------------------------

export function encodeGetEswitch(handle: DevlinkHandle): Uint8Array {
  return bytesOf(genericHeader(COMMAND.eswitchGet), device(handle));
}

export function encodeSetEswitch(handle: DevlinkHandle, mode: 'legacy' | 'switchdev'): Uint8Array {
  return bytesOf(genericHeader(COMMAND.eswitchSet), device(handle), attribute(ATTR.eswitchMode, u16(mode === 'switchdev' ? MODE_SWITCHDEV : 0)));
}

export function decodeEswitch(payload: Uint8Array): 'legacy' | 'switchdev' {
  const mode = tableOf(payload).get(ATTR.eswitchMode);
  return mode !== undefined && readU16(mode) === MODE_SWITCHDEV ? 'switchdev' : 'legacy';
}

// ---- info -------------------------------------------------------------------------------------------------------------------------

export interface DeviceInfo {
  readonly driver?: string;
  readonly serialNumber?: string;
  /** By name, as `fw` or `fw.mgmt`; running versions before stored ones before fixed ones. */
  readonly versions: ReadonlyMap<string, string>;
}

export function encodeGetDeviceInfo(handle: DevlinkHandle): Uint8Array {
  return bytesOf(genericHeader(COMMAND.infoGet), device(handle));
}

export function decodeDeviceInfo(payload: Uint8Array): DeviceInfo {
  const table = tableOf(payload);
  const [driver, serialNumber] = [table.get(ATTR.driverName), table.get(ATTR.serialNumber)];
  return { ...(driver === undefined ? {} : { driver: readText(driver) }), ...(serialNumber === undefined ? {} : { serialNumber: readText(serialNumber) }), versions: versionsOf(payload) };
}

function versionsOf(payload: Uint8Array): ReadonlyMap<string, string> {
  const versions = new Map<string, string>();
  const all = decodeAttributes(payload.subarray(GENERIC_HEADER_BYTES));
  for (const kind of [ATTR.versionFixed, ATTR.versionStored, ATTR.versionRunning]) {
    for (const entry of all.filter(({ type }) => type === kind)) {
      const table = attributeTable(entry.payload);
      const [name, value] = [table.get(ATTR.versionName), table.get(ATTR.versionValue)];
      if (name !== undefined && value !== undefined) versions.set(readText(name), readText(value));
    }
  }
  return versions;
}

// ---- parameters -------------------------------------------------------------------------------------------------------------------

/** NLA_U8 and so on, as devlink numbers the types of parameters. */
const PARAM_TYPE = { u8: 1, u16: 2, u32: 3, text: 5, flag: 6 } as const;
const VALUE_MODES = ['runtime', 'driverinit', 'permanent'] as const;

export type ParameterMode = (typeof VALUE_MODES)[number];
export type ParameterValue = string | number | boolean;

export interface DeviceParameter {
  readonly name: string;
  readonly type: number;
  /** What it is in each mode that it can be set in, the driver's order; a value of a type nobody knows is undefined. */
  readonly values: readonly { readonly mode: ParameterMode; readonly value: ParameterValue | undefined }[];
}

export function encodeGetParameter(handle: DevlinkHandle, name: string): Uint8Array {
  return bytesOf(genericHeader(COMMAND.paramGet), device(handle), attribute(ATTR.paramName, text(name)));
}

/** All parameters of all devices: a dump. */
export function encodeListParameters(): Uint8Array {
  return genericHeader(COMMAND.paramGet);
}

export function decodeParameter(payload: Uint8Array): DeviceParameter | undefined {
  const param = tableOf(payload).get(ATTR.param);
  if (param === undefined) return undefined;
  const table = attributeTable(param);
  const [name, typeBytes, list] = [table.get(ATTR.paramName), table.get(ATTR.paramType), table.get(ATTR.paramValues)];
  if (name === undefined || typeBytes === undefined) return undefined;
  const type = readU8(typeBytes);
  const values = decodeAttributes(list ?? new Uint8Array()).filter((entry) => entry.type === ATTR.paramValue).flatMap((entry) => {
    const value = attributeTable(entry.payload);
    const mode = value.get(ATTR.valueMode);
    const known = mode === undefined ? undefined : VALUE_MODES[readU8(mode)];
    return known === undefined ? [] : [{ mode: known, value: readValue(type, value.get(ATTR.valueData)) }];
  });
  return { name: readText(name), type, values };
}

function readValue(type: number, data: Uint8Array | undefined): ParameterValue | undefined {
  if (type === PARAM_TYPE.flag) return data !== undefined;
  if (data === undefined) return undefined;
  switch (type) {
    case PARAM_TYPE.u8:
      return readU8(data);
    case PARAM_TYPE.u16:
      return readU16(data);
    case PARAM_TYPE.u32:
      return readU32(data);
    case PARAM_TYPE.text:
      return readText(data);
    default:
      return undefined;
  }
}

/** In the parameter's first mode: runtime where there is one. Undefined when the value is not of the parameter's type. */
export function encodeSetParameter(handle: DevlinkHandle, parameter: DeviceParameter, value: ParameterValue): Uint8Array | undefined {
  const data = parameterData(parameter.type, value);
  if (data === undefined) return undefined;
  const mode = parameter.values[0]?.mode ?? 'runtime';
  return bytesOf(
    genericHeader(COMMAND.paramSet), device(handle), attribute(ATTR.paramName, text(parameter.name)), attribute(ATTR.paramType, u8(parameter.type)), attribute(ATTR.valueMode, u8(VALUE_MODES.indexOf(mode))), ...data,
  );
}

function parameterData(type: number, value: ParameterValue): readonly Uint8Array[] | undefined {
  const as = (payload: Uint8Array) => [attribute(ATTR.valueData, payload)];
  if (type === PARAM_TYPE.text) return as(text(String(value)));
  // A flag is there or is not.
  if (type === PARAM_TYPE.flag) return value === true || value === 'true' || value === 1 ? as(new Uint8Array()) : value === false || value === 'false' || value === 0 ? [] : undefined;
  const number = Number(value);
  const bits = { [PARAM_TYPE.u8]: 8, [PARAM_TYPE.u16]: 16, [PARAM_TYPE.u32]: 32 }[type];
  if (bits === undefined || !Number.isInteger(number) || number < 0 || number >= 2 ** bits) return undefined;
  return as(bits === 8 ? u8(number) : bits === 16 ? u16(number) : u32(number));
}

// ---- ports and health -------------------------------------------------------------------------------------------------------------

const FLAVOURS: Readonly<Record<number, DevlinkPort['flavour']>> = { 0: 'physical', 1: 'cpu', 2: 'dsa', 3: 'pcipf', 4: 'pcivf', 5: 'virtual', 7: 'pcisf' };

/** A port of a device: the uplink, or the switch's side of a PF, VF or SF. */
export interface DevlinkPort extends DevlinkHandle {
  readonly index: number;
  readonly flavour: 'physical' | 'cpu' | 'dsa' | 'pcipf' | 'pcivf' | 'virtual' | 'pcisf' | 'other';
  readonly netdevName?: string;
  readonly netdevIndex?: number;
  readonly number?: number;
  readonly controller?: number;
  readonly pf?: number;
  readonly vf?: number;
}

export function encodeListPorts(): Uint8Array {
  return genericHeader(COMMAND.portGet);
}

export function decodePort(payload: Uint8Array): DevlinkPort | undefined {
  const table = tableOf(payload);
  const [handle, index, flavour] = [decodeHandle(payload), table.get(ATTR.portIndex), table.get(ATTR.portFlavour)];
  if (handle === undefined || index === undefined) return undefined;
  const number = (key: string, type: number, read: (value: Uint8Array) => number) => (table.has(type) ? { [key]: read(table.get(type)!) } : {});
  const name = table.get(ATTR.netdevName);
  return {
    ...handle, index: readU32(index), flavour: (flavour === undefined ? undefined : FLAVOURS[readU16(flavour)]) ?? 'other', ...(name === undefined ? {} : { netdevName: readText(name) }),
    ...number('netdevIndex', ATTR.netdevIndex, readU32), ...number('number', ATTR.portNumber, readU32), ...number('controller', ATTR.portController, readU32), ...number('pf', ATTR.portPf, readU16), ...number('vf', ATTR.portVf, readU16),
  };
}

/** What watches over a part of the device and mends it. */
export interface HealthReporter {
  readonly name: string;
  readonly isHealthy: boolean;
  readonly errors: number;
  readonly recoveries: number;
}

export function encodeListReporters(): Uint8Array {
  return genericHeader(COMMAND.reporterGet);
}

export function encodeRecoverReporter(handle: DevlinkHandle, name: string): Uint8Array {
  return bytesOf(genericHeader(COMMAND.reporterRecover), device(handle), attribute(ATTR.reporterName, text(name)));
}

export function decodeReporter(payload: Uint8Array): HealthReporter | undefined {
  const reporter = tableOf(payload).get(ATTR.reporter);
  const table = reporter === undefined ? undefined : attributeTable(reporter);
  const name = table?.get(ATTR.reporterName);
  if (table === undefined || name === undefined) return undefined;
  const count = (type: number) => {
    const value = table.get(type);
    return value === undefined ? 0 : Number(readU64(value));
  };
  const state = table.get(ATTR.reporterState);
  return { name: readText(name), isHealthy: state === undefined || readU8(state) === 0, errors: count(ATTR.reporterErrors), recoveries: count(ATTR.reporterRecoveries) };
}

/** Messages of one device among those of all: a dump of the kernel asks for no device. */
export function ofDevice<Value>(handle: DevlinkHandle, decode: (payload: Uint8Array) => Value | undefined): (payload: Uint8Array) => Value | undefined {
  return (payload) => {
    const own = decodeHandle(payload);
    return own?.bus === handle.bus && own.device === handle.device ? decode(payload) : undefined;
  };
}
