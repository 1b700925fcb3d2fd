import { fail, ok } from '@vfleet/core';
import type { Errno, Result } from '@vfleet/core';
import type { Device, NodeModel } from '../model/node-model.ts';
import { boundDriver } from './drivers.ts';

/** An open /dev/vfio/GROUP. Closing twice does nothing. */
export interface VfioHandle {
  readonly group: number;
  close(): void;
}

/** IOMMU group of a device: its own, or one for all where slots have no ACS; undefined while the IOMMU is off. */
export function iommuGroup(node: NodeModel, device: Device): number | undefined {
  if (!node.iommuEnabled) return undefined;
  if (!node.spec.acs) return 1;
  let group = 16;
  for (let pf = node.firstPf; pf < device.pf; pf++) group += 1 + node.specOf(pf).totalVfs;
  return device.vf < 0 ? group : group + 1 + device.index;
}

/** Opens the VFIO group of a device as DPDK or a VM does. One process at a time; the group must not mix kernel drivers in. */
export function openVfio(node: NodeModel, device: Device): Result<VfioHandle, Errno> {
  const group = iommuGroup(node, device);
  if (boundDriver(node, device) !== 'vfio-pci' || group === undefined) return fail('ENOENT');
  if (!node.spec.acs) {
    if (groupHeld(node)) return fail('EBUSY');
    if (!groupViable(node)) return fail('EPERM');
  }
  const rare = device.vf < 0 ? node.fleet.rarePf(device.pf) : node.fleet.rareVf(device.vf);
  if (rare.held) return fail('EBUSY');
  rare.held = true;
  node.changes++;
  return ok({
    group,
    close: () => {
      if (!rare.held) return;
      rare.held = false;
      node.notifyReleased();
    },
  });
}

/** Held by a process, itself or through its group. */
function isHeld(node: NodeModel, device: Device): boolean {
  if (boundDriver(node, device) !== 'vfio-pci') return false;
  if (!node.spec.acs) return groupHeld(node);
  return (device.vf < 0 ? node.fleet.rarePfs.get(device.pf) : node.fleet.rareVfs.get(device.vf))?.held === true;
}

/** Processes that hold a device or, of a PF, its VFs, as the look into /proc finds them; undefined when there are none. */
export function describeHolders(node: NodeModel, device: Device): string | undefined {
  if (node.fleet.rareVfs.size === 0 && node.fleet.rarePfs.size === 0) return undefined;
  const vfs = device.vf < 0 ? Array.from({ length: node.fleet.pfs.numVfs[device.pf]! }, (_, index) => node.vfDevice(device.pf, index)) : [];
  const held = [device, ...vfs].filter((one) => isHeld(node, one));
  if (held.length === 0) return undefined;
  return held.map((one) => `process ${holderPid(iommuGroup(node, one)!)} (${HOLDER_PROGRAM}) has /dev/vfio/${iommuGroup(node, one)} of ${node.addressOf(one)} open`).join(', ');
}

/**
 * Whether the kernel is held up in taking VFs away from another PF: it does so under one lock for all of the bus (drivers/pci/iov.c
 * sriov_del_vfs, pci_lock_rescan_remove), so that adding or removing VFs elsewhere would wait as long.
 */
export function heldUpElsewhere(node: NodeModel, pf: number): string | undefined {
  for (let other = node.firstPf; other < node.endPf; other++) {
    const operation = node.operationOn(other);
    if (other === pf || operation?.stuck !== true || !operation.removesVfs) continue;
    const holders = describeHolders(node, { pf: other, vf: -1, index: -1 });
    if (holders !== undefined) return `the kernel adds and removes VFs of one PF at a time, and is held up at ${node.pfAddress(other)}: ${holders}`;
  }
  return undefined;
}

/** What /proc calls those who hold groups. */
export const HOLDER_PROGRAM = 'vfio-user';

/** Process numbers of holders: nobody else in this world has one. */
export function holderPid(group: number): number {
  return 10_000 + group;
}

/**
 * Whether a VF can be seen while its PF's VFs are being taken away and one of them is held: those before that one are gone, its own links
 * and driver are (drivers/pci/iov.c pci_iov_remove_virtfn, drivers/base/dd.c __device_release_driver), those after it are as ever.
 */
export function whereIs(node: NodeModel, { pf, vf, index }: Device): 'there' | 'leaving' | 'gone' {
  const operation = vf < 0 ? undefined : node.operationOn(pf);
  if (operation?.stuck !== true || !operation.removesVfs) return 'there';
  const first = node.fleet.pfs.firstVf[pf]!;
  for (let held = 0; held < node.fleet.pfs.numVfs[pf]!; held++) {
    if (node.fleet.rareVfs.get(first + held)?.held === true) return index < held ? 'gone' : index === held ? 'leaving' : 'there';
  }
  return 'there';
}

function groupHeld(node: NodeModel): boolean {
  return [...node.functions()].some((device) => (device.vf < 0 ? node.fleet.rarePfs.get(device.pf) : node.fleet.rareVfs.get(device.vf))?.held === true);
}

/** SET_CONTAINER wants every device of the group to be with vfio-pci or without driver (drivers/vfio/group.c). */
function groupViable(node: NodeModel): boolean {
  return [...node.functions()].every((device) => ['vfio-pci', 'pci-stub', undefined].includes(boundDriver(node, device)));
}
