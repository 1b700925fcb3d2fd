import type { StepFaults } from '../faults.ts';
import { PfFlag, VfFlag } from '../model/columns.ts';
import { rareOf, birthName, isNameTaken } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';

/** The life of VFs: made by sriov_numvfs, given to drivers, taken away. Events in the order the kernel was seen to send them. */

/** Binds a driver to a VF that has none, and makes its netdev if the driver is the NIC's own. */
export function attachVfDriver(node: NodeModel, device: Device, driver: string, faults: StepFaults): void {
  const { fleet } = node;
  const { vfs } = fleet;
  const model = node.modelOf(device.pf);
  vfs.driver[device.vf] = fleet.drivers.id(driver);
  if (driver === model.vfDriver) makeNetdev(node, device, faults);
  if (!node.hasListeners) return;
  const address = node.addressOf(device);
  if (driver === model.vfDriver && rareOf(node, device)?.netdevLate !== true) announceNetdev(node, device);
  node.emit({ action: 'bind', subsystem: 'pci', device: address, driver });
}

export function announceNetdev(node: NodeModel, device: Device): void {
  if (!node.hasListeners) return;
  const address = node.addressOf(device);
  const name = rareOf(node, device)?.name ?? birthName(node, device);
  node.emit({ action: 'add', subsystem: 'net', device: address, name });
  node.emit({ action: 'add', subsystem: 'queues', device: address, name });
}

/** Whether somebody answers a VF's driver that asks the PF; without an answer it makes up a MAC (igbvf/netdev.c igbvf_probe). */
export function isHeard(node: NodeModel, pf: number): boolean {
  return node.modelOf(pf).macRules.unheardWhilePfDown !== true || node.hasFlag(pf, PfFlag.adminUp);
}

function makeNetdev(node: NodeModel, device: Device, faults: StepFaults): void {
  const { fleet } = node;
  const { vfs } = fleet;
  const row = device.vf;
  const fixed = vfs.adminMacHigh[row]! !== 0 || vfs.adminMacLow[row]! !== 0;
  const mac = fixed && isHeard(node, device.pf) ? { high: vfs.adminMacHigh[row]!, low: vfs.adminMacLow[row]! } : fleet.nextRandomMac();
  vfs.macHigh[row] = mac.high;
  vfs.macLow[row] = mac.low;
  vfs.mtu[row] = 1500;
  vfs.flags[row] = (vfs.flags[row]! | VfFlag.netdev) & ~VfFlag.adminUp;
  if (faults.netdevLateMs > 0) delayNetdev(node, device, faults);
  else nameNetdev(node, device, faults.kernelNames);
}

/** Where somebody took the predictable name, udev's renaming fails and the kernel's own name stays. */
function nameNetdev(node: NodeModel, device: Device, kernelName: boolean): void {
  if (!kernelName && (!node.hasRenamedNetdevs || !isNameTaken(node, 'host', birthName(node, device), device))) return;
  node.fleet.rareVf(device.vf).name = freeKernelName(node);
}

function delayNetdev(node: NodeModel, device: Device, faults: StepFaults): void {
  const rare = node.fleet.rareVf(device.vf);
  rare.netdevLate = true;
  const { generation } = node;
  node.fleet.clock.setTimer(faults.netdevLateMs, () => {
    // The VF may have been destroyed, or made again, since.
    if (node.generation !== generation || node.fleet.rareVfs.get(device.vf) !== rare || !rare.netdevLate) return;
    nameNetdev(node, device, faults.kernelNames);
    rare.netdevLate = false;
    announceNetdev(node, device);
  });
}

function freeKernelName(node: NodeModel): string {
  for (let number = 0; ; number++) if (!isNameTaken(node, 'host', `eth${number}`)) return `eth${number}`;
}

/** Takes the driver from a VF; its netdev goes, wherever it was. */
export function detachVfDriver(node: NodeModel, device: Device): void {
  const { fleet } = node;
  const { vfs } = fleet;
  const driver = fleet.drivers.name(vfs.driver[device.vf]!);
  if (driver === undefined) return;
  const hadNetdev = (vfs.flags[device.vf]! & VfFlag.netdev) !== 0;
  if (node.hasListeners) {
    const address = node.addressOf(device);
    if (hadNetdev && rareOf(node, device)?.netdevLate !== true) {
      const name = rareOf(node, device)?.name ?? birthName(node, device);
      node.emit({ action: 'remove', subsystem: 'queues', device: address, name });
      node.emit({ action: 'remove', subsystem: 'net', device: address, name });
    }
  }
  vfs.driver[device.vf] = 0;
  vfs.flags[device.vf] = vfs.flags[device.vf]! & ~(VfFlag.netdev | VfFlag.adminUp | VfFlag.vdpaVirtio | VfFlag.vdpaVhost);
  forgetNetdev(node, device);
  if (node.hasListeners) node.emit({ action: 'unbind', subsystem: 'pci', device: node.addressOf(device), driver });
}

/** What belongs to the netdev and dies with it; GUIDs and holders belong to the device. */
function forgetNetdev(node: NodeModel, device: Device): void {
  const rare = node.fleet.rareVfs.get(device.vf);
  if (rare === undefined) return;
  if (rare.nodeGuid === undefined && rare.portGuid === undefined && !rare.held) {
    node.fleet.rareVfs.delete(device.vf);
    return;
  }
  delete rare.netns;
  delete rare.rdmaNetns;
  delete rare.name;
  rare.altNames = [];
  rare.addresses = [];
  rare.routes = [];
  rare.netdevLate = false;
}

/** Makes `count` VFs at once: what is seen when the write to sriov_numvfs returns. */
export function createVfs(node: NodeModel, pf: number, count: number, withDriver: boolean, faults: StepFaults): void {
  const { fleet } = node;
  const { pfs, vfs } = fleet;
  const model = node.modelOf(pf);
  const first = fleet.vfRowsFor(pf, Math.max(count, pfs.totalVfs[pf]!));
  vfs.clear(first, count);
  const flags = (model.vfDefaults.spoofCheck ? VfFlag.spoofCheck : 0) | (model.vfDefaults.trust ? VfFlag.trust : 0);
  vfs.flags.fill(flags, first, first + count);
  pfs.numVfs[pf] = count;
  for (let index = 0; index < count; index++) {
    const device = { pf, vf: first + index, index };
    if (node.hasListeners) {
      const address = node.vfAddress(pf, index);
      node.emit({ action: 'add', subsystem: 'pci', device: address });
      node.emit({ action: 'change', subsystem: 'pci', device: address });
    }
    if (withDriver && !faults.bindFails) attachVfDriver(node, device, model.vfDriver, faults);
  }
  if (node.hasListeners) node.emit({ action: 'change', subsystem: 'pci', device: node.pfAddress(pf) });
}

/** Removes every VF of a PF, also out of the namespaces their netdevs are in. */
export function destroyVfs(node: NodeModel, pf: number): void {
  const { fleet } = node;
  const count = fleet.pfs.numVfs[pf]!;
  if (count === 0) return;
  for (let index = 0; index < count; index++) {
    const device = node.vfDevice(pf, index);
    detachVfDriver(node, device);
    fleet.rareVfs.delete(device.vf);
    if (node.hasListeners) node.emit({ action: 'remove', subsystem: 'pci', device: node.vfAddress(pf, index) });
  }
  fleet.pfs.numVfs[pf] = 0;
  if (node.hasListeners) node.emit({ action: 'change', subsystem: 'pci', device: node.pfAddress(pf) });
}

/** Whether a process has the VFIO group of any of the PF's VFs open. */
export function anyHeld(node: NodeModel, pf: number): boolean {
  const { fleet } = node;
  const first = fleet.pfs.firstVf[pf]!;
  const count = fleet.pfs.numVfs[pf]!;
  if (fleet.rareVfs.size === 0) return false;
  for (let index = 0; index < count; index++) if (fleet.rareVfs.get(first + index)?.held === true) return true;
  return false;
}
