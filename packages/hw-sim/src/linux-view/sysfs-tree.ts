import { PfFlag } from '../model/columns.ts';
import { representorName } from '../model/names.ts';
import { devicesWithNetdev, netdevMac, netdevMtu, netdevName, rareOf } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import { acceleratorGroup, acceleratorsOf } from '../kernel/accelerators.ts';
import { boundDriver, driverOverride } from '../kernel/drivers.ts';
import { hasSriov } from '../kernel/numvfs.ts';
import { subfunctionsOf } from '../kernel/subfunctions.ts';
import { HOLDER_PROGRAM, holderPid, iommuGroup, whereIs } from '../kernel/vfio.ts';
import { rdmaDevicesOf } from '../observe.ts';
import { physPortName, switchId } from './ports.ts';
import { vdpaDevices } from './vdpa.ts';
import type { VdpaBus } from './vdpa.ts';

/** One entry of the kernel's files. Folders are there by what is in them, or by themselves when they are empty. */
export type TreeEntry =
  | { readonly kind: 'file'; readonly text: string; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'folder' };

export type Tree = ReadonlyMap<string, TreeEntry>;

const READABLE = 0o444;
const WRITABLE = 0o644;
const WRITE_ONLY = 0o200;

class TreeBuilder {
  readonly entries = new Map<string, TreeEntry>();

  file(path: string, text: string | number, mode = READABLE): void {
    this.entries.set(path, { kind: 'file', text: `${text}\n`, mode });
  }

  link(path: string, target: string): void {
    this.entries.set(path, { kind: 'link', target });
  }

  folder(path: string): void {
    this.entries.set(path, { kind: 'folder' });
  }
}

/** Where a function's folder is: devices are not behind bridges here. */
export function devicePath(address: string): string {
  return `/sys/devices/pci${address.split(':').slice(0, 2).join(':')}/${address}`;
}

/** Everything of /sys and /proc that tells of the node's NICs, at this moment. */
export function sysfsTree(node: NodeModel, vdpa: VdpaBus): Tree {
  const tree = new TreeBuilder();
  addHost(tree, node);
  addDrivers(tree, node);
  for (const device of node.functions()) addFunction(tree, node, device);
  addAccelerators(tree, node);
  addSubfunctions(tree, node);
  addNetdevs(tree, node);
  addVdpa(tree, node, vdpa);
  return tree.entries;
}

function addHost(tree: TreeBuilder, node: NodeModel): void {
  const { spec } = node;
  tree.file('/proc/cmdline', node.kernelArguments.join(' '));
  tree.file('/proc/sys/kernel/osrelease', spec.kernelVersion);
  tree.file('/proc/sys/kernel/random/boot_id', node.bootId);
  tree.file('/proc/cpuinfo', `processor\t: 0\nvendor_id\t: ${{ intel: 'GenuineIntel', amd: 'AuthenticAMD', other: 'Other' }[spec.cpuVendor]}`);
  for (const folder of ['/sys/bus/pci/devices', '/sys/bus/vdpa/devices', '/sys/kernel/iommu_groups', '/sys/class/net', '/sys/module']) tree.folder(folder);
  tree.file('/sys/bus/pci/drivers_probe', '', WRITE_ONLY);
  tree.file('/sys/bus/pci/rescan', '', WRITE_ONLY);
}

function addDrivers(tree: TreeBuilder, node: NodeModel): void {
  for (const driver of node.loadedDrivers()) {
    tree.folder(`/sys/module/${driver.replaceAll('-', '_')}`);
    for (const name of ['bind', 'unbind', 'new_id', 'remove_id']) tree.file(`/sys/bus/pci/drivers/${driver}/${name}`, '', WRITE_ONLY);
  }
}

function addFunction(tree: TreeBuilder, node: NodeModel, device: Device): void {
  const place = whereIs(node, device);
  if (place === 'gone') return;
  const address = node.addressOf(device);
  const at = devicePath(address);
  const model = node.modelOf(device.pf);
  tree.link(`/sys/bus/pci/devices/${address}`, `../../..${at.slice('/sys'.length)}`);
  tree.file(`${at}/class`, node.hasFlag(device.pf, PfFlag.infiniband) ? '0x020700' : '0x020000');
  tree.file(`${at}/vendor`, `0x${model.vendor}`);
  tree.file(`${at}/device`, `0x${device.vf < 0 ? node.pfDeviceId(device.pf) : model.vfDeviceId}`);
  tree.file(`${at}/numa_node`, node.fleet.pfs.numaNode[device.pf]!);
  tree.file(`${at}/driver_override`, driverOverride(node, device) ?? '(null)', WRITABLE);
  tree.file(`${at}/reset`, '', WRITE_ONLY);
  tree.file(`${at}/remove`, '', WRITE_ONLY);
  const driver = place === 'leaving' ? undefined : boundDriver(node, device);
  if (driver !== undefined) {
    tree.link(`${at}/driver`, `../../../bus/pci/drivers/${driver}`);
    tree.link(`/sys/bus/pci/drivers/${driver}/${address}`, `../../../..${at.slice('/sys'.length)}`);
  }
  const group = iommuGroup(node, device);
  if (group !== undefined) {
    tree.link(`${at}/iommu_group`, `../../../kernel/iommu_groups/${group}`);
    tree.link(`/sys/kernel/iommu_groups/${group}/devices/${address}`, `../../../..${at.slice('/sys'.length)}`);
  }
  for (const name of rdmaDevicesOf(node, device)) tree.folder(`${at}/infiniband/${name}`);
  if (device.vf < 0) addSriov(tree, node, device.pf, at);
  else if (place === 'there') tree.link(`${at}/physfn`, `../../${devicePath(node.pfAddress(device.pf)).split('/').slice(-2).join('/')}`);
}

function addSriov(tree: TreeBuilder, node: NodeModel, pf: number, at: string): void {
  if (!hasSriov(node, pf)) return;
  const { pfs } = node.fleet;
  tree.file(`${at}/sriov_totalvfs`, pfs.totalVfs[pf]!);
  tree.file(`${at}/sriov_numvfs`, pfs.numVfs[pf]!, WRITABLE);
  tree.file(`${at}/sriov_drivers_autoprobe`, node.hasFlag(pf, PfFlag.autoprobe) ? 1 : 0, WRITABLE);
  tree.file(`${at}/sriov_offset`, pfs.vfOffset[pf]!);
  tree.file(`${at}/sriov_stride`, node.modelOf(pf).vfStride);
  tree.file(`${at}/sriov_vf_device`, node.modelOf(pf).vfDeviceId);
  for (let index = 0; index < pfs.numVfs[pf]!; index++) {
    if (whereIs(node, node.vfDevice(pf, index)) !== 'there') continue;
    const place = devicePath(node.vfAddress(pf, index));
    // A VF may be on another bus than its PF.
    tree.link(`${at}/virtfn${index}`, `../../${place.split('/').slice(-2).join('/')}`);
  }
}

/** Only what is read of them: nothing of an accelerator can be written here. */
function addAccelerators(tree: TreeBuilder, node: NodeModel): void {
  for (const { pciAddress: address, vendor, deviceId, driver, numaNode } of acceleratorsOf(node)) {
    const at = devicePath(address);
    tree.link(`/sys/bus/pci/devices/${address}`, `../../..${at.slice('/sys'.length)}`);
    tree.file(`${at}/class`, '0x120000');
    tree.file(`${at}/vendor`, `0x${vendor}`);
    tree.file(`${at}/device`, `0x${deviceId}`);
    tree.file(`${at}/numa_node`, numaNode);
    if (driver !== undefined) {
      tree.link(`${at}/driver`, `../../../bus/pci/drivers/${driver}`);
      tree.link(`/sys/bus/pci/drivers/${driver}/${address}`, `../../../..${at.slice('/sys'.length)}`);
    }
    const group = acceleratorGroup(node, address);
    if (group === undefined) continue;
    tree.link(`${at}/iommu_group`, `../../../kernel/iommu_groups/${group}`);
    tree.link(`/sys/kernel/iommu_groups/${group}/devices/${address}`, `../../../..${at.slice('/sys'.length)}`);
  }
}

function addSubfunctions(tree: TreeBuilder, node: NodeModel): void {
  for (const { name, sfNumber, pf, netdev, rdmaDevices } of subfunctionsOf(node)) {
    const at = `${devicePath(pf)}/${name}`;
    tree.link(`/sys/bus/auxiliary/devices/${name}`, `../../..${at.slice('/sys'.length)}`);
    tree.file(`${at}/sfnum`, sfNumber);
    if (netdev !== undefined) addNetdev(tree, `${at}/net/${netdev.name}`, netdev.mac, netdev.mtu);
    for (const rdma of rdmaDevices) tree.folder(`${at}/infiniband/${rdma}`);
  }
}

/** Interfaces in the host's namespace; those elsewhere are seen only from there. */
function addNetdevs(tree: TreeBuilder, node: NodeModel): void {
  for (const device of devicesWithNetdev(node)) {
    if (rareOf(node, device)?.netns !== undefined) continue;
    const at = `${devicePath(node.addressOf(device))}/net/${netdevName(node, device)}`;
    addNetdev(tree, at, netdevMac(node, device), netdevMtu(node, device));
    const port = physPortName(node, device);
    if (port !== undefined) tree.file(`${at}/phys_port_name`, port);
    if (device.vf < 0 && node.hasFlag(device.pf, PfFlag.switchdev)) {
      tree.file(`${at}/phys_switch_id`, switchId(node, device.pf));
      for (let index = 0; index < node.fleet.pfs.numVfs[device.pf]!; index++) addRepresentor(tree, node, device.pf, index);
    }
  }
}

function addNetdev(tree: TreeBuilder, at: string, mac: string, mtu: number): void {
  tree.file(`${at}/address`, mac);
  tree.file(`${at}/mtu`, mtu, WRITABLE);
  tree.link(`/sys/class/net/${at.slice(at.lastIndexOf('/') + 1)}`, `../..${at.slice('/sys'.length)}`);
}

function addRepresentor(tree: TreeBuilder, node: NodeModel, pf: number, index: number): void {
  const at = `${devicePath(node.pfAddress(pf))}/net/${representorName(node.fleet.pfNames[pf]!, index)}`;
  addNetdev(tree, at, '00:00:00:00:00:00', 1500);
  tree.file(`${at}/phys_port_name`, physPortName(node, { pf, vf: -1, index }) ?? '');
  tree.file(`${at}/phys_switch_id`, switchId(node, pf));
}

function addVdpa(tree: TreeBuilder, node: NodeModel, bus: VdpaBus): void {
  for (const driver of ['virtio_vdpa', 'vhost_vdpa']) for (const name of ['bind', 'unbind']) tree.file(`/sys/bus/vdpa/drivers/${driver}/${name}`, '', WRITE_ONLY);
  for (const { device, name, driver } of vdpaDevices(node, bus)) {
    const at = `${devicePath(node.addressOf(device))}/${name}`;
    tree.link(`/sys/bus/vdpa/devices/${name}`, `../../..${at.slice('/sys'.length)}`);
    tree.file(`${at}/driver_override`, '(null)', WRITABLE);
    if (driver !== undefined) tree.link(`${at}/driver`, `../../../../bus/vdpa/drivers/${driver}`);
  }
}

/** A process that has a device's VFIO group open, as /proc shows it. */
export function holderTree(node: NodeModel): Tree {
  const tree = new TreeBuilder();
  for (const device of node.functions()) {
    if (rareOf(node, device)?.held !== true) continue;
    const group = iommuGroup(node, device);
    if (group === undefined) continue;
    const pid = holderPid(group);
    tree.file(`/proc/${pid}/comm`, HOLDER_PROGRAM);
    tree.link(`/proc/${pid}/fd/3`, `/dev/vfio/${group}`);
  }
  return tree.entries;
}
