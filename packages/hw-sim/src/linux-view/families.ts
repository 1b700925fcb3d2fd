import type { PciAddress } from '@vfleet/core';
import { parsePciAddress } from '@vfleet/core';
import { createVdpa, deleteVdpa, setDevlinkParam, setFeature } from '../kernel/devlink.ts';
import { setEswitchMode } from '../kernel/eswitch.ts';
import { NO_STEP_FAULTS } from '../faults.ts';
import { PfFlag } from '../model/columns.ts';
import { hasCarrier, rareOf } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import { hasDevlink } from '../observe.ts';
import { BadRequest, attr, attrMap, byte, concat, get16, get32, getByte, getString, nest, readAttrs, string, word16, word32 } from './bytes.ts';
import { deviceOfIndex } from './link-messages.ts';
import { vdpaDevices } from './vdpa.ts';
import type { VdpaBus } from './vdpa.ts';

/** What a family answers: how it ended, and the payloads before that. */
export interface FamilyAnswer {
  readonly outcome: Outcome;
  readonly payloads: readonly Uint8Array[];
}

const done = (outcome: Outcome): FamilyAnswer => ({ outcome, payloads: [] });
const shown = (command: number, ...attributes: readonly Uint8Array[]): FamilyAnswer => ({ outcome: 'ok', payloads: [concat(new Uint8Array([command, 1, 0, 0]), ...attributes)] });

/** Generic netlink (include/uapi/linux/genetlink.h): families by number. */
export const FAMILIES = { nlctrl: 16, devlink: 20, ethtool: 21, vdpa: 22 } as const;

export interface FamilyKernel {
  readonly node: NodeModel;
  readonly vdpa: VdpaBus;
  /** Families that this kernel was built without. */
  readonly lacks: readonly string[];
}

export async function askFamily({ node, vdpa, lacks }: FamilyKernel, netns: string, family: number, payload: Uint8Array): Promise<FamilyAnswer> {
  if (payload.length < 4) throw new BadRequest('EINVAL', 'no generic header');
  const table = attrMap(payload.subarray(4));
  const command = payload[0]!;
  switch (family) {
    case FAMILIES.nlctrl:
      return control(command, table, lacks);
    case FAMILIES.devlink:
      return devlink(node, command, table);
    case FAMILIES.ethtool:
      return ethtool(node, netns, command, table);
    case FAMILIES.vdpa:
      return vdpaFamily(node, vdpa, command, table);
    default:
      return done('ENOENT');
  }
}

type Table = ReadonlyMap<number, Uint8Array>;

function need(table: Table, type: number): Uint8Array {
  const value = table.get(type);
  if (value === undefined) throw new BadRequest('EINVAL', `attribute ${type} is missing`);
  return value;
}

function control(command: number, table: Table, lacks: readonly string[]): FamilyAnswer {
  const name = getString(need(table, 2));
  if (command !== 3) return done('EOPNOTSUPP');
  if (!Object.hasOwn(FAMILIES, name) || lacks.includes(name)) return done('ENOENT');
  return shown(1, attr(2, string(name)), attr(1, word16(FAMILIES[name as keyof typeof FAMILIES])));
}

// ---- devlink (include/uapi/linux/devlink.h) ---------------------------------------------------------------------------------------

const DEVLINK = { eswitchGet: 29, eswitchSet: 30, paramGet: 38, paramSet: 39, infoGet: 51 } as const;
const ATTR = {
  bus: 1, device: 2, eswitchMode: 25, param: 80, paramName: 81, paramType: 83, paramValues: 84, paramValue: 85, valueData: 86, valueMode: 87, driverName: 98, versionRunning: 101, versionName: 103, versionValue: 104,
} as const;
const TYPE = { u32: 3, string: 5, flag: 6 } as const;
const RUNTIME = 0;
const PERMANENT = 2;

async function devlink(node: NodeModel, command: number, table: Table): Promise<FamilyAnswer> {
  const pf = pfOfHandle(node, table);
  if (typeof pf === 'string') return done(pf);
  const handle = concat(attr(ATTR.bus, string('pci')), attr(ATTR.device, string(node.pfAddress(pf))));
  const model = node.modelOf(pf);
  switch (command) {
    case DEVLINK.eswitchGet:
      return model.eswitch === 'none' ? done('EOPNOTSUPP') : shown(command, handle, attr(ATTR.eswitchMode, word16(node.hasFlag(pf, PfFlag.switchdev) ? 1 : 0)));
    case DEVLINK.eswitchSet:
      return done(await setEswitchMode(node, pf, get16(need(table, ATTR.eswitchMode)) === 1 ? 'switchdev' : 'legacy', NO_STEP_FAULTS));
    case DEVLINK.paramGet:
      return getParameter(node, pf, handle, getString(need(table, ATTR.paramName)));
    case DEVLINK.paramSet:
      return done(await setParameter(node, pf, table));
    case DEVLINK.infoGet:
      return shown(command, handle, attr(ATTR.driverName, string(model.pfDriver)), nest(ATTR.versionRunning, attr(ATTR.versionName, string('fw')), attr(ATTR.versionValue, string(model.firmwareVersion))));
    default:
      return done('EOPNOTSUPP');
  }
}

/** Drivers register with devlink when they bind, if they do at all. */
function pfOfHandle(node: NodeModel, table: Table): number | 'ENODEV' {
  const address = parsePciAddress(getString(need(table, ATTR.device)));
  const pf = getString(need(table, ATTR.bus)) === 'pci' && address.ok ? node.findPf(address.value) : undefined;
  if (pf === undefined || node.fleet.pfs.driver[pf] !== node.fleet.drivers.id(node.modelOf(pf).pfDriver)) return 'ENODEV';
  return hasDevlink(node.modelOf(pf)) ? pf : 'ENODEV';
}

function parameterOf(node: NodeModel, pf: number, name: string): { readonly value: string | number | boolean; readonly permanent: boolean } | undefined {
  const { devlinkParams } = node.modelOf(pf);
  return Object.hasOwn(devlinkParams, name) ? devlinkParams[name] : undefined;
}

function getParameter(node: NodeModel, pf: number, handle: Uint8Array, name: string): FamilyAnswer {
  if (Object.keys(node.modelOf(pf).devlinkParams).length === 0) return done('EOPNOTSUPP');
  const parameter = parameterOf(node, pf, name);
  if (parameter === undefined) return done('EINVAL');
  const rare = node.fleet.rarePfs.get(pf);
  const value = (parameter.permanent ? rare?.pendingParams : rare?.devlinkParams)?.get(name) ?? parameter.value;
  const data = typeof value === 'string' ? [attr(ATTR.valueData, string(value))] : typeof value === 'number' ? [attr(ATTR.valueData, word32(value))] : value ? [attr(ATTR.valueData, new Uint8Array())] : [];
  return shown(
    DEVLINK.paramGet, handle,
    nest(ATTR.param, attr(ATTR.paramName, string(name)), attr(ATTR.paramType, byte(typeOf(parameter.value))), nest(ATTR.paramValues, nest(ATTR.paramValue, attr(ATTR.valueMode, byte(parameter.permanent ? PERMANENT : RUNTIME)), ...data))),
  );
}

function typeOf(value: string | number | boolean): number {
  return typeof value === 'string' ? TYPE.string : typeof value === 'number' ? TYPE.u32 : TYPE.flag;
}

async function setParameter(node: NodeModel, pf: number, table: Table): Promise<Outcome> {
  const name = getString(need(table, ATTR.paramName));
  const parameter = parameterOf(node, pf, name);
  if (parameter === undefined || getByte(need(table, ATTR.paramType)) !== typeOf(parameter.value)) return 'EINVAL';
  if (getByte(need(table, ATTR.valueMode)) !== (parameter.permanent ? PERMANENT : RUNTIME)) return 'EOPNOTSUPP';
  const data = table.get(ATTR.valueData);
  const value = typeof parameter.value === 'boolean' ? data !== undefined : typeof parameter.value === 'number' ? get32(need(table, ATTR.valueData)) : getString(need(table, ATTR.valueData));
  return node.locked(pf, () => setDevlinkParam(node, pf, name, value));
}

// ---- ethtool (include/uapi/linux/ethtool_netlink.h) -------------------------------------------------------------------------------

const ETHTOOL = { linkModesGet: 4, featuresGet: 11, featuresSet: 12 } as const;
const SPEED_UNKNOWN = 0xffff_ffff;

async function ethtool(node: NodeModel, netns: string, command: number, table: Table): Promise<FamilyAnswer> {
  const index = attrMap(need(table, 1)).get(1);
  const device = index === undefined ? undefined : deviceOfIndex(node, netns, get32(index));
  if (device === undefined) return done('ENODEV');
  switch (command) {
    case ETHTOOL.linkModesGet:
      return shown(4, attr(2, byte(1)), attr(6, byte(hasCarrier(node, device) ? 1 : 0xff)), attr(5, word32(hasCarrier(node, device) ? node.modelOf(device.pf).linkSpeedMbps : SPEED_UNKNOWN)));
    case ETHTOOL.featuresGet:
      return shown(11, features(node, device, 2, () => true), features(node, device, 4, (name) => rareOf(node, device)?.features?.get(name) === true));
    case ETHTOOL.featuresSet:
      return done(await setFeatures(node, device, need(table, 3)));
    default:
      return done('EOPNOTSUPP');
  }
}

/** A bitset as a list of names: those that are set have a value. */
function features(node: NodeModel, device: Device, type: number, isSet: (name: string) => boolean): Uint8Array {
  const bits = node.modelOf(device.pf).features.map((name) => nest(1, attr(2, string(name)), ...(isSet(name) ? [attr(3, new Uint8Array())] : [])));
  return nest(type, nest(3, ...bits));
}

async function setFeatures(node: NodeModel, device: Device, wanted: Uint8Array): Promise<Outcome> {
  for (const { value } of readAttrs(attrMap(wanted).get(3) ?? new Uint8Array())) {
    const bit = attrMap(value);
    const name = getString(need(bit, 2));
    const outcome = await node.locked(device.pf, () => setFeature(node, device, name, bit.has(3)));
    if (outcome !== 'ok') return outcome;
  }
  return 'ok';
}

// ---- vDPA -------------------------------------------------------------------------------------------------------------------------

/** The family `vdpa` (include/uapi/linux/vdpa.h): devices are made on a VF and given to a driver of the vdpa bus. */
async function vdpaFamily(node: NodeModel, bus: VdpaBus, command: number, table: Table): Promise<FamilyAnswer> {
  const name = getString(need(table, 4));
  const known = vdpaDevices(node, bus).find((device) => device.name === name);
  if (command === 4) return done(known === undefined ? 'ENODEV' : await node.locked(known.device.pf, () => deleteVdpa(node, known.device)));
  if (command !== 3) return done('EOPNOTSUPP');
  if (known !== undefined) return done('EEXIST');
  const address = parsePciAddress(getString(need(table, 2)));
  const device = address.ok ? node.find(address.value as PciAddress) : undefined;
  if (device === undefined) return done('ENODEV');
  const outcome = await node.locked(device.pf, () => createVdpa(node, device, 'virtio'));
  if (outcome !== 'ok') return done(outcome === 'EOPNOTSUPP' ? 'ENODEV' : outcome);
  bus.names.set(device.vf, name);
  bus.unbound.delete(device.vf);
  return done('ok');
}
