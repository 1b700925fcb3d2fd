import type { DeviceFiles, PciAddress, VdpaType } from '@vfleet/core';
import { PCI_DEVICES, baseName, deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';

/** vDPA devices by the PCI function they belong to: their type by the driver they are bound to, and their character device. */
export interface VdpaDevice {
  readonly name: string;
  readonly type: VdpaType | undefined;
  readonly vhostFile: string | undefined;
}

const VDPA_DEVICES = '/sys/bus/vdpa/devices';

export async function listVdpa(sysfs: Sysfs): Promise<ReadonlyMap<string, VdpaDevice>> {
  const found = new Map<string, VdpaDevice>();
  const names = await sysfs.list(VDPA_DEVICES);
  for (const name of names.ok ? names.value : []) {
    const place = await sysfs.readLink(`${VDPA_DEVICES}/${name}`);
    const parent = place.ok ? /([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\/[^/]+$/.exec(place.value)?.[1] : undefined;
    if (parent === undefined) continue;
    found.set(parent, await readVdpa(sysfs, name));
  }
  return found;
}

/** One vDPA device of the bus by its name. */
export async function readVdpa(sysfs: Sysfs, name: string): Promise<VdpaDevice> {
  const driver = await sysfs.readLink(`${VDPA_DEVICES}/${name}/driver`);
  const type = driver.ok ? ({ virtio_vdpa: 'virtio', vhost_vdpa: 'vhost' } as const)[baseName(driver.value)] : undefined;
  const inside = await sysfs.list(`${VDPA_DEVICES}/${name}`);
  const vhost = (inside.ok ? inside.value : []).find((entry) => entry.startsWith('vhost-vdpa-'));
  return { name, type, vhostFile: vhost === undefined ? undefined : `/dev/${vhost}` };
}

/** RDMA devices of a function (`mlx5_0`). */
export function rdmaDevices(sysfs: Sysfs, address: PciAddress): Promise<readonly string[]> {
  return rdmaDevicesIn(sysfs, `${PCI_DEVICES}/${address}`);
}

/** RDMA devices below a device's folder, on whatever bus it is. */
export async function rdmaDevicesIn(sysfs: Sysfs, folder: string): Promise<readonly string[]> {
  const names = await sysfs.list(`${folder}/infiniband`);
  return names.ok ? names.value : [];
}

/** What programs open to reach the function; undefined when there is nothing beyond `/dev/vfio/<group>`. */
export async function deviceFilesOf(sysfs: Sysfs, address: PciAddress, driver: string | undefined, rdma: readonly string[], vdpa: VdpaDevice | undefined): Promise<DeviceFiles | undefined> {
  const uio = driver !== undefined && /uio/.test(driver) ? await sysfs.list(deviceFile(address, 'uio')) : undefined;
  const rdmaFiles = rdma.length === 0 ? [] : await rdmaFilesIn(sysfs, `${PCI_DEVICES}/${address}`);
  const noIommu = driver === 'vfio-pci' ? await noIommuGroup(sysfs, address) : undefined;
  const files: DeviceFiles = {
    ...(uio?.ok === true && uio.value[0] !== undefined ? { uio: `/dev/${uio.value[0]}` } : {}),
    ...(noIommu === undefined ? {} : { vfioGroup: { host: `/dev/vfio/noiommu-${noIommu}`, container: `/dev/vfio/${noIommu}` } }),
    ...(rdmaFiles.length === 0 ? {} : { rdma: rdmaFiles }),
    ...(vdpa?.vhostFile === undefined ? {} : { vhostVdpa: vdpa.vhostFile }),
  };
  return Object.keys(files).length === 0 ? undefined : files;
}

/** The character devices of the RDMA devices below a device's folder. */
export async function rdmaFilesIn(sysfs: Sysfs, device: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const folder of ['infiniband_verbs', 'infiniband_mad']) {
    const names = await sysfs.list(`${device}/${folder}`);
    if (names.ok) files.push(...names.value.map((name) => `/dev/infiniband/${name}`));
  }
  return files.length === 0 ? [] : [...files, '/dev/infiniband/rdma_cm'];
}

/** Without an IOMMU the group is made by VFIO itself, and named so. */
async function noIommuGroup(sysfs: Sysfs, address: PciAddress): Promise<string | undefined> {
  const group = await sysfs.readLink(deviceFile(address, 'iommu_group'));
  if (!group.ok) return undefined;
  const name = await sysfs.read(deviceFile(address, 'iommu_group/name'));
  return name.ok && name.value === 'vfio-noiommu' ? baseName(group.value) : undefined;
}
