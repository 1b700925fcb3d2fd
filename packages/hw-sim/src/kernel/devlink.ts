import type { VdpaType } from '@vfleet/core';
import { VfFlag } from '../model/columns.ts';
import { netnsOf, rareFor } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';

/** ethtool -K on the device's interface in the host's namespace. */
export function setFeature(node: NodeModel, device: Device, feature: string, enabled: boolean): Outcome {
  if (netnsOf(node, device) !== 'host') return 'ENODEV';
  if (!node.modelOf(device.pf).features.includes(feature)) return 'EOPNOTSUPP';
  const rare = rareFor(node, device);
  rare.features = (rare.features ?? new Map<string, boolean>()).set(feature, enabled);
  return 'ok';
}

/** devlink dev param set: at once, or with the next boot for parameters that the NIC keeps in its own memory. */
export function setDevlinkParam(node: NodeModel, pf: number, name: string, value: string | number | boolean): Outcome | Promise<Outcome> {
  const model = node.modelOf(pf);
  if (node.fleet.pfs.driver[pf] !== node.fleet.drivers.id(model.pfDriver)) return 'ENODEV';
  if (Object.keys(model.devlinkParams).length === 0) return 'EOPNOTSUPP';
  const parameter = Object.hasOwn(model.devlinkParams, name) ? model.devlinkParams[name] : undefined;
  if (parameter === undefined || typeof parameter.value !== typeof value) return 'EINVAL';
  if (name === 'total_vfs' && (!Number.isInteger(value) || Number(value) < 0 || Number(value) > model.maxTotalVfs)) return 'EINVAL';
  return node.afterOn(pf, node.fleet.draw(model.delays.devlink), () => {
    const rare = node.fleet.rarePf(pf);
    if (parameter.permanent) rare.pendingParams = (rare.pendingParams ?? new Map<string, string | number | boolean>()).set(name, value);
    else rare.devlinkParams = (rare.devlinkParams ?? new Map<string, string | number | boolean>()).set(name, value);
    return 'ok';
  });
}

/** vdpa dev add on the VF's management device. */
export function createVdpa(node: NodeModel, device: Device, type: VdpaType): Outcome | Promise<Outcome> {
  const model = node.modelOf(device.pf);
  if (device.vf < 0 || !model.vdpa || node.fleet.vfs.driver[device.vf] !== node.fleet.drivers.id(model.vfDriver)) return 'EOPNOTSUPP';
  const { vfs } = node.fleet;
  if ((vfs.flags[device.vf]! & (VfFlag.vdpaVirtio | VfFlag.vdpaVhost)) !== 0) return 'EEXIST';
  return node.afterOn(device.pf, node.fleet.draw(model.delays.devlink), () => {
    vfs.flags[device.vf] = vfs.flags[device.vf]! | (type === 'virtio' ? VfFlag.vdpaVirtio : VfFlag.vdpaVhost);
    return 'ok';
  });
}

export function deleteVdpa(node: NodeModel, device: Device): Outcome | Promise<Outcome> {
  if (device.vf < 0) return 'ENODEV';
  const { vfs } = node.fleet;
  const both = VfFlag.vdpaVirtio | VfFlag.vdpaVhost;
  if ((vfs.flags[device.vf]! & both) === 0) return 'ENODEV';
  return node.afterOn(device.pf, node.fleet.draw(node.modelOf(device.pf).delays.devlink), () => {
    vfs.flags[device.vf] = vfs.flags[device.vf]! & ~both;
    return 'ok';
  });
}
