import type { Inventory, PfObservation, VdpaType, VfObservation, VfSettings } from '@vfleet/core';
import { PfFlag, VfFlag } from './model/columns.ts';
import { formatMac } from './model/mac.ts';
import { rdmaDeviceName, representorName } from './model/names.ts';
import { hasCarrier, hasNetdev, netdevOf, netnsOf } from './model/netdev.ts';
import type { Device, NodeModel } from './model/node-model.ts';
import type { NicModel } from './personalities/nic-model.ts';
import { iommuGroup } from './kernel/vfio.ts';

/** Reading a node's columns as the Inventory that sysfs, rtnetlink, devlink and rdma would give together. */
export function observeNode(node: NodeModel): Inventory {
  const pfs: PfObservation[] = [];
  for (let pf = node.firstPf; pf < node.endPf; pf++) if (node.isPresent(pf)) pfs.push(observePf(node, pf));
  return { pfs, rdmaMode: node.rdmaMode };
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
  const vfs: VfObservation[] = [];
  for (let index = 0; index < pfs.numVfs[pf]!; index++) vfs.push(observeVf(node, node.vfDevice(pf, index)));
  return {
    pciAddress: spec.pciAddress,
    vendor: model.vendor,
    deviceId: node.pfDeviceId(pf),
    ...(driver === undefined ? {} : { driver }),
    ...(visible ? { netdev: netdevOf(node, device) } : {}),
    linkType: spec.linkType,
    linkSpeedMbps: visible && hasCarrier(node, device) ? model.linkSpeedMbps : -1,
    eswitchMode: node.hasFlag(pf, PfFlag.switchdev) ? 'switchdev' : 'legacy',
    totalVfs: pfs.totalVfs[pf]!,
    numVfs: pfs.numVfs[pf]!,
    vfs,
    numaNode: pfs.numaNode[pf]!,
    rdmaDevices: rdmaDevicesOf(node, device),
    ...(tellsFirmware ? { firmwareVersion: model.firmwareVersion } : {}),
    ...(spec.netFilter === undefined ? {} : { netFilter: spec.netFilter }),
    holdsDefaultRoute: node.hasFlag(pf, PfFlag.defaultRoute),
  };
}

/** Whether the card's driver registers with devlink at all. */
export function hasDevlink(model: NicModel): boolean {
  return model.eswitch !== 'none' || model.devlinkAbsent !== 'ENODEV';
}

const NO_NAMES: readonly string[] = Object.freeze([]);

function observeVf(node: NodeModel, device: Device): VfObservation {
  const { fleet } = node;
  const { vfs } = fleet;
  const model = node.modelOf(device.pf);
  const flags = vfs.flags[device.vf]!;
  const driver = fleet.drivers.name(vfs.driver[device.vf]!);
  const rare = fleet.rareVfs.get(device.vf);
  const visible = (flags & VfFlag.netdev) !== 0 && rare?.netns === undefined && rare?.netdevLate !== true;
  const group = iommuGroup(node, device);
  const vdpaType: VdpaType | undefined = (flags & VfFlag.vdpaVirtio) !== 0 ? 'virtio' : (flags & VfFlag.vdpaVhost) !== 0 ? 'vhost' : undefined;
  return {
    index: device.index,
    pciAddress: node.vfAddress(device.pf, device.index),
    vendor: model.vendor,
    deviceId: model.vfDeviceId,
    ...(driver === undefined ? {} : { driver }),
    ...(visible ? { netdev: netdevOf(node, device) } : {}),
    settings: netnsOf(node, { pf: device.pf, vf: -1, index: -1 }) === 'host' ? settingsOf(node, device) : UNTOLD,
    ...(group === undefined ? {} : { iommuGroup: group }),
    rdmaDevices: rdmaDevicesOf(node, device),
    ...(vdpaType === undefined ? {} : { vdpaType }),
    ...(node.hasFlag(device.pf, PfFlag.switchdev) ? { representor: representorName(fleet.pfNames[device.pf]!, device.index) } : {}),
  };
}

/** In exclusive mode the RDMA device follows its netdev out of the host's view. */
export function rdmaDevicesOf(node: NodeModel, device: Device): readonly string[] {
  const { fleet } = node;
  const model = node.modelOf(device.pf);
  if (device.vf < 0) {
    const isOwn = fleet.drivers.name(fleet.pfs.driver[device.pf]!) === model.pfDriver;
    return isOwn && model.rdma.pf ? [rdmaDeviceName(node.specOf(device.pf).linkType, fleet.pfs.domain[device.pf]!, fleet.pfs.routingId[device.pf]!)] : NO_NAMES;
  }
  if (!model.rdma.vf || (fleet.vfs.flags[device.vf]! & VfFlag.netdev) === 0) return NO_NAMES;
  if (node.rdmaMode === 'exclusive' && fleet.rareVfs.get(device.vf)?.netns !== undefined) return NO_NAMES;
  return [rdmaDeviceName(node.specOf(device.pf).linkType, fleet.pfs.domain[device.pf]!, fleet.pfs.routingId[device.pf]!, device.index)];
}

function settingsOf(node: NodeModel, device: Device): VfSettings {
  const { vfs } = node.fleet;
  const row = device.vf;
  const flags = vfs.flags[row]!;
  const rare = node.fleet.rareVfs.get(row);
  return {
    mac: formatMac(vfs.adminMacHigh[row]!, vfs.adminMacLow[row]!),
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
