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

function groupHeld(node: NodeModel): boolean {
  return [...node.functions()].some((device) => (device.vf < 0 ? node.fleet.rarePfs.get(device.pf) : node.fleet.rareVfs.get(device.vf))?.held === true);
}

/** SET_CONTAINER wants every device of the group to be with vfio-pci or without driver (drivers/vfio/group.c). */
function groupViable(node: NodeModel): boolean {
  return [...node.functions()].every((device) => ['vfio-pci', 'pci-stub', undefined].includes(boundDriver(node, device)));
}
