import { hardwareError } from '@vfleet/core';
import type { AcceleratorObservation, Blockage, Inventory, PfObservation, VdpaType, VfObservation, VfSettings } from '@vfleet/core';
import { PfFlag, VfFlag } from './model/columns.ts';
import { formatMac } from './model/mac.ts';
import { rdmaDeviceName, representorName } from './model/names.ts';
import { hasCarrier, hasNetdev, netdevOf, netnsOf, rareOf } from './model/netdev.ts';
import type { Device, NodeModel } from './model/node-model.ts';
import type { AcceleratorSpec } from './model/spec.ts';
import type { NicModel } from './personalities/nic-model.ts';
import { acceleratorGroup, acceleratorsOf } from './kernel/accelerators.ts';
import { subfunctionsOf } from './kernel/subfunctions.ts';
import { describeHolders, iommuGroup, whereIs } from './kernel/vfio.ts';

/** Reading a node's columns as the Inventory that sysfs, rtnetlink, devlink and rdma would give together. */
export function observeNode(node: NodeModel): Inventory {
  const pfs: PfObservation[] = [];
  for (let pf = node.firstPf; pf < node.endPf; pf++) if (node.isPresent(pf)) pfs.push(observePf(node, pf));
  const accelerators = acceleratorsOf(node).map((spec) => observeAccelerator(node, spec));
  const subfunctions = subfunctionsOf(node);
  return { pfs, rdmaMode: node.rdmaMode, ...(accelerators.length === 0 ? {} : { accelerators }), ...(subfunctions.length === 0 ? {} : { subfunctions }) };
}

function observeAccelerator(node: NodeModel, { pciAddress, vendor, deviceId, driver, numaNode }: AcceleratorSpec): AcceleratorObservation {
  const iommuGroup = acceleratorGroup(node, pciAddress);
  return { pciAddress, vendor, deviceId, ...(driver === undefined ? {} : { driver }), numaNode, ...(iommuGroup === undefined ? {} : { iommuGroup }) };
}

export function observePf(node: NodeModel, pf: number): PfObservation {
  const { pfs, drivers } = node.fleet;
  const spec = node.specOf(pf);
  const model = node.modelOf(pf);
  const device: Device = { pf, vf: -1, index: -1 };
  const driver = drivers.name(pfs.driver[pf]!);
  const visible = hasNetdev(node, device) && node.fleet.rarePfs.get(pf)?.netns === undefined;
  // By ethtool of its interface, else by devlink: without its driver a card says nothing.
  const tellsFirmware = visible || (driver === model.pfDriver && hasDevlink(model));
  const isStuck = node.operationOn(pf)?.stuck === true;
  const vfs = isStuck ? observeVfs(node, pf).filter((vf) => whereIs(node, node.vfDevice(pf, vf.index)) === 'there') : observeVfs(node, pf);
  return {
    pciAddress: spec.pciAddress,
    vendor: model.vendor,
    deviceId: node.pfDeviceId(pf),
    ...(driver === undefined ? {} : { driver }),
    ...(visible ? { netdev: netdevOf(node, device) } : {}),
    linkType: spec.linkType,
    linkSpeedMbps: visible && hasCarrier(node, device) && !isStuck ? model.linkSpeedMbps : -1,
    eswitchMode: node.hasFlag(pf, PfFlag.switchdev) ? 'switchdev' : 'legacy',
    totalVfs: pfs.totalVfs[pf]!,
    numVfs: isStuck ? vfs.length : pfs.numVfs[pf]!,
    vfs,
    numaNode: pfs.numaNode[pf]!,
    rdmaDevices: rdmaDevicesOf(node, device),
    ...(tellsFirmware && !isStuck ? { firmwareVersion: model.firmwareVersion } : {}),
    ...(spec.netFilter === undefined ? {} : { netFilter: spec.netFilter }),
    holdsDefaultRoute: node.hasFlag(pf, PfFlag.defaultRoute),
    ...(isStuck ? { blocked: blockageOf(node, device) } : {}),
  };
}

/** What can be said of a change that hangs: the look does not wait for it. */
function blockageOf(node: NodeModel, device: Device): Blockage {
  const holders = describeHolders(node, device);
  const { cause, remedy } = hardwareError({ operation: 'discover', failure: 'stuckWrite', device: node.pfAddress(device.pf), ...(holders === undefined ? {} : { detail: holders }) });
  return { cause, remedy };
}

/** Whether the card's driver registers with devlink at all. */
export function hasDevlink(model: NicModel): boolean {
  return model.eswitch !== 'none' || model.devlinkAbsent !== 'ENODEV';
}

const NO_NAMES: readonly string[] = Object.freeze([]);

/**
 * The VFs of a PF. Of those whose columns are as they were at the last look the same objects are given again: they are never changed, and
 * most looks see what others saw.
 */
function observeVfs(node: NodeModel, pf: number): readonly VfObservation[] {
  const count = node.fleet.pfs.numVfs[pf]!;
  if (count === 0) return NO_VFS;
  const known = node.seen.of(pf, surroundingsOf(node, pf));
  const bits = new Uint32Array(count * WORDS);
  const vfs: VfObservation[] = [];
  let isSame = known?.vfs.length === count;
  for (let index = 0; index < count; index++) {
    const device = node.vfDevice(pf, index);
    readBits(node, device.vf, bits, index * WORDS);
    const before = known !== undefined && index < known.vfs.length && sameBits(bits, known.bits, index * WORDS) ? known.vfs[index] : undefined;
    // Of the rare the columns do not tell all.
    const reusable = before !== undefined && !node.fleet.rareVfs.has(device.vf);
    vfs.push(reusable ? before : observeVf(node, device));
    isSame &&= reusable;
    if (node.fleet.rareVfs.has(device.vf)) bits[index * WORDS] = RARE;
  }
  if (isSame) return known!.vfs;
  node.seen.note(pf, { surroundings: surroundingsOf(node, pf), bits, vfs });
  return vfs;
}

const NO_VFS: readonly VfObservation[] = Object.freeze([]);
/** Words of a VF's columns; in the first of them a value that no column gives, for what must be read anew. */
const WORDS = 8;
const RARE = 0xffff_ffff;

function readBits({ fleet: { vfs } }: NodeModel, row: number, bits: Uint32Array, at: number): void {
  bits[at] = vfs.flags[row]! | (vfs.driver[row]! << 16);
  bits[at + 1] = vfs.vlan[row]! | (vfs.mtu[row]! << 16);
  bits[at + 2] = vfs.macHigh[row]! | (vfs.adminMacHigh[row]! << 16);
  bits[at + 3] = vfs.macLow[row]!;
  bits[at + 4] = vfs.adminMacLow[row]!;
  bits[at + 5] = vfs.minTxRateMbps[row]!;
  bits[at + 6] = vfs.maxTxRateMbps[row]!;
  bits[at + 7] = vfs.vlanQos[row]!;
}

function sameBits(a: Uint32Array, b: Uint32Array, at: number): boolean {
  for (let word = at; word < at + WORDS; word++) if (a[word] !== b[word]) return false;
  return true;
}

/** What a VF's observation depends on beside its own columns. */
function surroundingsOf(node: NodeModel, pf: number): string {
  const { pfs } = node.fleet;
  const port = pfs.portRow[pf]!;
  return `${pfs.flags[pf]!} ${pfs.flags[port]!} ${pfs.epoch[pf]!} ${pfs.firstVf[pf]!} ${pfs.vfOffset[pf]!} ${pfs.routingId[pf]!} ${node.rdmaMode} ${node.iommuEnabled} ${node.generation} ${netnsOf(node, { pf, vf: -1, index: -1 })}`;
}

function observeVf(node: NodeModel, device: Device): VfObservation {
  const { fleet } = node;
  const { vfs } = fleet;
  const model = node.modelOf(device.pf);
  const flags = vfs.flags[device.vf]!;
  const driver = fleet.drivers.name(vfs.driver[device.vf]!);
  const rare = fleet.rareVfs.get(device.vf);
  const visible = (flags & VfFlag.netdev) !== 0 && rare?.netns === undefined && rare?.netdevLate !== true;
  const netdev = visible ? netdevOf(node, device) : undefined;
  const group = iommuGroup(node, device);
  const vdpaType: VdpaType | undefined = (flags & VfFlag.vdpaVirtio) !== 0 ? 'virtio' : (flags & VfFlag.vdpaVhost) !== 0 ? 'vhost' : undefined;
  const own = { index: device.index, pciAddress: node.vfAddress(device.pf, device.index), vendor: model.vendor, deviceId: model.vfDeviceId };
  const settings = netnsOf(node, { pf: device.pf, vf: -1, index: -1 }) === 'host' ? settingsOf(node, device, netdev?.mac) : UNTOLD;
  const rdmaDevices = rdmaDevicesOf(node, device);
  const isSwitchdev = node.hasFlag(device.pf, PfFlag.switchdev);
  if (driver !== undefined && netdev !== undefined && group === undefined && vdpaType === undefined && !isSwitchdev) {
    // Most of a large fleet: written out, such an object takes three quarters of what one takes that is put together.
    return { index: own.index, pciAddress: own.pciAddress, vendor: own.vendor, deviceId: own.deviceId, driver, netdev, settings, rdmaDevices };
  }
  return {
    ...own,
    ...(driver === undefined ? {} : { driver }),
    ...(netdev === undefined ? {} : { netdev }),
    settings,
    ...(group === undefined ? {} : { iommuGroup: group }),
    rdmaDevices,
    ...(vdpaType === undefined ? {} : { vdpaType }),
    ...(isSwitchdev ? { representor: representorName(fleet.pfNames[device.pf]!, device.index) } : {}),
  };
}

/** In exclusive mode an RDMA device that was moved into a namespace is out of the host's view. */
export function rdmaDevicesOf(node: NodeModel, device: Device): readonly string[] {
  return node.rdmaMode === 'exclusive' && rareOf(node, device)?.rdmaNetns !== undefined ? NO_NAMES : bornRdmaDevices(node, device);
}

/** What its driver has made of RDMA devices, wherever they are. */
export function bornRdmaDevices(node: NodeModel, device: Device): readonly string[] {
  const { fleet } = node;
  const model = node.modelOf(device.pf);
  if (device.vf < 0) {
    const isOwn = fleet.drivers.name(fleet.pfs.driver[device.pf]!) === model.pfDriver;
    return isOwn && model.rdma.pf ? [rdmaDeviceName(node.specOf(device.pf).linkType, fleet.pfs.domain[device.pf]!, fleet.pfs.routingId[device.pf]!)] : NO_NAMES;
  }
  if (!model.rdma.vf || (fleet.vfs.flags[device.vf]! & VfFlag.netdev) === 0) return NO_NAMES;
  return [rdmaDeviceName(node.specOf(device.pf).linkType, fleet.pfs.domain[device.pf]!, fleet.pfs.routingId[device.pf]!, device.index)];
}

/** With the MAC of its netdev, which mostly is the one that was set: one text serves both. */
function settingsOf(node: NodeModel, device: Device, netdevMac: string | undefined): VfSettings {
  const { vfs } = node.fleet;
  const row = device.vf;
  const flags = vfs.flags[row]!;
  const rare = node.fleet.rareVfs.get(row);
  const isShared = netdevMac !== undefined && vfs.adminMacHigh[row] === vfs.macHigh[row] && vfs.adminMacLow[row] === vfs.macLow[row] && !node.hasFlag(device.pf, PfFlag.infiniband);
  return {
    mac: isShared ? netdevMac : formatMac(vfs.adminMacHigh[row]!, vfs.adminMacLow[row]!),
    vlan: vfs.vlan[row]!,
    vlanQos: vfs.vlanQos[row]!,
    vlanProtocol: (flags & VfFlag.vlan8021ad) !== 0 ? '802.1ad' : '802.1q',
    spoofCheck: (flags & VfFlag.spoofCheck) !== 0,
    trust: (flags & VfFlag.trust) !== 0,
    minTxRateMbps: vfs.minTxRateMbps[row]!,
    maxTxRateMbps: vfs.maxTxRateMbps[row]!,
    linkState: (flags & VfFlag.linkEnable) !== 0 ? 'enable' : (flags & VfFlag.linkDisable) !== 0 ? 'disable' : 'auto',
    ...(node.hasFlag(device.pf, PfFlag.infiniband)
      ? { nodeGuid: rare?.nodeGuid ?? ZERO_GUID, portGuid: rare?.portGuid ?? ZERO_GUID }
      : {}),
  };
}

/** The PF's interface tells of its VFs; when it is in another namespace, or not there, nothing is told on the host. */
const UNTOLD: VfSettings = Object.freeze({
  mac: '00:00:00:00:00:00', vlan: 0, vlanQos: 0, vlanProtocol: '802.1q', spoofCheck: false, trust: false, minTxRateMbps: 0, maxTxRateMbps: 0, linkState: 'auto',
});

const ZERO_GUID = '00:00:00:00:00:00:00:00';
