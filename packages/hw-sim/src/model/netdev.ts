import type { AdminState, Netdev } from '@vfleet/core';
import { PfFlag, VfFlag } from './columns.ts';
import { formatMac, guidOf, infinibandAddress } from './mac.ts';
import type { Device, NodeModel } from './node-model.ts';
import type { RareState } from './rare-state.ts';

/** Reading and changing the network interface of a PF or VF, wherever it is. */

export function rareOf(node: NodeModel, device: Device): RareState | undefined {
  return device.vf < 0 ? node.fleet.rarePfs.get(device.pf) : node.fleet.rareVfs.get(device.vf);
}

export function rareFor(node: NodeModel, device: Device): RareState {
  return device.vf < 0 ? node.fleet.rarePf(device.pf) : node.fleet.rareVf(device.vf);
}

/** Whether the device has a visible netdev at all. */
export function hasNetdev(node: NodeModel, device: Device): boolean {
  const { pfs, vfs } = node.fleet;
  if (device.vf >= 0) return (vfs.flags[device.vf]! & VfFlag.netdev) !== 0 && node.fleet.rareVfs.get(device.vf)?.netdevLate !== true;
  if (!node.isPresent(device.pf) || pfs.driver[device.pf] !== node.fleet.drivers.id(node.modelOf(device.pf).pfDriver)) return false;
  const { layout } = node.modelOf(device.pf);
  if (layout.kind === 'functionPerPort' || (pfs.routingId[device.pf]! & 7) === layout.portFunction) return true;
  return pfs.numVfs[device.pf]! > 0;
}

/** The namespace its netdev is in; undefined without a netdev. */
export function netnsOf(node: NodeModel, device: Device): string | undefined {
  if (!hasNetdev(node, device)) return undefined;
  return rareOf(node, device)?.netns ?? 'host';
}

export function netdevName(node: NodeModel, device: Device): string {
  return rareOf(node, device)?.name ?? birthName(node, device);
}

/** The name a netdev gets when its driver makes it. */
export function birthName(node: NodeModel, device: Device): string {
  const { fleet } = node;
  if (device.vf >= 0) return fleet.vfName(device.pf, device.index);
  return fleet.pfNames[device.pf]!;
}

export function isAdminUp(node: NodeModel, device: Device): boolean {
  return device.vf < 0 ? node.hasFlag(device.pf, PfFlag.adminUp) : (node.fleet.vfs.flags[device.vf]! & VfFlag.adminUp) !== 0;
}

/** A VF follows the PF's port, unless the PF forces its link; nothing has carrier while its own interface is down. */
export function hasCarrier(node: NodeModel, device: Device): boolean {
  const port = node.fleet.pfs.portRow[device.pf]!;
  if (device.vf < 0) return node.hasFlag(port, PfFlag.carrier) && isAdminUp(node, device);
  const flags = node.fleet.vfs.flags[device.vf]!;
  if ((flags & VfFlag.adminUp) === 0 || (flags & VfFlag.linkDisable) !== 0) return false;
  return (flags & VfFlag.linkEnable) !== 0 || (node.hasFlag(port, PfFlag.carrier) && node.hasFlag(port, PfFlag.adminUp));
}

export function netdevMac(node: NodeModel, device: Device): string {
  const { pfs, vfs } = node.fleet;
  if (device.vf >= 0) {
    const high = vfs.macHigh[device.vf]!;
    const low = vfs.macLow[device.vf]!;
    if (!node.hasFlag(device.pf, PfFlag.infiniband)) return formatMac(high, low);
    return infinibandAddress(node.fleet.rareVfs.get(device.vf)?.portGuid ?? '00:00:00:00:00:00:00:00');
  }
  const own = node.fleet.rarePfs.get(device.pf)?.mac;
  if (own !== undefined) return own;
  const [a, b, c] = node.modelOf(device.pf).oui.split(':').map((byte) => parseInt(byte, 16)) as [number, number, number];
  const low = (((c << 24) >>> 0) | pfs.macLow[device.pf]!) >>> 0;
  const high = (a << 8) | b;
  return node.hasFlag(device.pf, PfFlag.infiniband) ? infinibandAddress(guidOf(high, low)) : formatMac(high, low);
}

export function netdevMtu(node: NodeModel, device: Device): number {
  return device.vf < 0 ? node.fleet.pfs.mtu[device.pf]! : node.fleet.vfs.mtu[device.vf]!;
}

const NO_NAMES: readonly string[] = Object.freeze([]);

/** As rtnetlink shows it from inside the namespace it is in. */
export function netdevOf(node: NodeModel, device: Device): Netdev {
  const adminState: AdminState = isAdminUp(node, device) ? 'up' : 'down';
  return {
    name: netdevName(node, device),
    altNames: rareOf(node, device)?.altNames ?? NO_NAMES,
    mac: netdevMac(node, device),
    mtu: netdevMtu(node, device),
    adminState,
    carrier: hasCarrier(node, device),
  };
}

/** Every device of the node that has a netdev, in order of PF and VF index. */
export function* devicesWithNetdev(node: NodeModel): Generator<Device> {
  const { pfs } = node.fleet;
  for (let pf = node.firstPf; pf < node.endPf; pf++) {
    const device = { pf, vf: -1, index: -1 };
    if (hasNetdev(node, device)) yield device;
    const count = pfs.numVfs[pf]!;
    for (let index = 0; index < count; index++) {
      const vf = node.vfDevice(pf, index);
      if (hasNetdev(node, vf)) yield vf;
    }
  }
}

/** Whether an interface of that name, or with that alternative name, is in a namespace. */
export function isNameTaken(node: NodeModel, netns: string, name: string, except?: Device): boolean {
  for (const device of devicesWithNetdev(node)) {
    if (except !== undefined && device.pf === except.pf && device.vf === except.vf) continue;
    if ((rareOf(node, device)?.netns ?? 'host') !== netns) continue;
    if (netdevName(node, device) === name || rareOf(node, device)?.altNames.includes(name) === true) return true;
  }
  return false;
}

/** An interface index that stays the same as long as the device is there; 1 is the loopback's. */
export function interfaceIndex(node: NodeModel, device: Device): number {
  const pfCount = node.endPf - node.firstPf;
  if (device.vf < 0) return 2 + (device.pf - node.firstPf);
  let before = 2 + pfCount;
  for (let pf = node.firstPf; pf < device.pf; pf++) before += node.specOf(pf).totalVfs;
  return before + device.index;
}
