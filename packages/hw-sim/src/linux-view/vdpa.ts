import { VfFlag } from '../model/columns.ts';
import type { Device, NodeModel } from '../model/node-model.ts';

/** The drivers of the vdpa bus. */
export type VdpaDriver = 'virtio_vdpa' | 'vhost_vdpa';

/** What the bus knows and the NIC does not: the devices' names, and those that wait without a driver. */
export interface VdpaBus {
  /** By row of the VF. */
  readonly names: Map<number, string>;
  readonly unbound: Set<number>;
}

export interface VdpaDevice {
  readonly device: Device;
  readonly name: string;
  readonly driver: VdpaDriver | undefined;
}

const FLAGS: Readonly<Record<VdpaDriver, number>> = { virtio_vdpa: VfFlag.vdpaVirtio, vhost_vdpa: VfFlag.vdpaVhost };
const BOTH = VfFlag.vdpaVirtio | VfFlag.vdpaVhost;

export function isVdpaDriver(name: string): name is VdpaDriver {
  return name === 'virtio_vdpa' || name === 'vhost_vdpa';
}

export function vdpaDevices(node: NodeModel, bus: VdpaBus): readonly VdpaDevice[] {
  const { flags } = node.fleet.vfs;
  return [...node.functions()].filter(({ vf }) => vf >= 0 && (flags[vf]! & BOTH) !== 0).map((device) => ({
    device,
    name: bus.names.get(device.vf) ?? `vdpa${device.index}`,
    driver: bus.unbound.has(device.vf) ? undefined : (flags[device.vf]! & VfFlag.vdpaVhost) !== 0 ? 'vhost_vdpa' : 'virtio_vdpa',
  }));
}

export function setVdpaDriver(node: NodeModel, bus: VdpaBus, { vf }: Device, driver: VdpaDriver | undefined): void {
  const { flags } = node.fleet.vfs;
  if (driver === undefined) {
    bus.unbound.add(vf);
    return;
  }
  bus.unbound.delete(vf);
  flags[vf] = (flags[vf]! & ~BOTH) | FLAGS[driver];
}
