import type { Files, FilesError, Result } from '@vfleet/core';
import type { PoolMember } from './pools.ts';

/** Folder of what device plugins say about the devices they hand out (Network Plumbing Working Group, device-info specification 1.1.0). */
export const DEVICE_INFO_FOLDER = '/var/run/k8s.cni.cncf.io/devinfo/dp';

/** Device information as the specification has it and as `network-status` carries it. */
export type DeviceInfo =
  | { readonly type: 'pci'; readonly version: '1.1.0'; readonly pci: { readonly 'pci-address': string; readonly 'rdma-device'?: string } }
  | { readonly type: 'vdpa'; readonly version: '1.1.0'; readonly vdpa: { readonly 'parent-device': string; readonly driver: string; readonly path?: string; readonly 'pci-address': string } };

/** The file of one device of one resource: `<resource>-<id>-device.json`, slashes as hyphens. */
export function deviceInfoPath(resourceName: string, id: string): string {
  return `${DEVICE_INFO_FOLDER}/${resourceName.replaceAll('/', '-')}-${id.replaceAll('/', '-')}-device.json`;
}

/** The plain answer, for devices of which no plugin has written more. */
export function pciDeviceInfo(id: string, rdmaDevices: readonly string[] = []): DeviceInfo {
  return { type: 'pci', version: '1.1.0', pci: { 'pci-address': id, ...(rdmaDevices.length > 0 ? { 'rdma-device': rdmaDevices.join(',') } : {}) } };
}

export function deviceInfoOf({ function: own, selector }: PoolMember): DeviceInfo {
  if (selector.vdpaType === undefined) return pciDeviceInfo(own.id, selector.isRdma ? own.rdmaDevices : []);
  const path = selector.vdpaType === 'vhost' ? own.deviceFiles?.vhostVdpa : undefined;
  // The kernel names the vDPA device after its PCI function (drivers/vdpa, "vdpa:<address>").
  return { type: 'vdpa', version: '1.1.0', vdpa: { 'parent-device': `vdpa:${own.id}`, driver: selector.vdpaType, ...(path === undefined ? {} : { path }), 'pci-address': own.id } };
}

/**
 * Writes the file before a container gets the device. Files are only ever replaced, never removed: whoever restarts must not take
 * the information of running pods away.
 */
export function writeDeviceInfo(files: Files, resourceName: string, member: PoolMember): Promise<Result<void, FilesError>> {
  return files.replace(deviceInfoPath(resourceName, member.function.id), JSON.stringify(deviceInfoOf(member)), { mode: 0o444, durable: false });
}
