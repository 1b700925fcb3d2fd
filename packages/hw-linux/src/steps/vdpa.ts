import type { PciAddress, VdpaType } from '@vfleet/core';
import { listVdpa } from '../inventory/device-files.ts';
import type { KernelLinks } from '../links.ts';
import { encodeDeleteVdpa, encodeNewVdpa } from '../netlink/vdpa.ts';
import type { VdpaManagement } from '../netlink/vdpa.ts';
import { PCI_DEVICES, baseName } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { failed, ofNetlink, ofSysfs } from './outcome.ts';
import type { StepOutcome } from './outcome.ts';

const ENOENT = 2;
const ENODEV = 19;
const DRIVERS: Readonly<Record<VdpaType, string>> = { virtio: 'virtio_vdpa', vhost: 'vhost_vdpa' };
const BUS = '/sys/bus/vdpa';

/** Makes `vdpa:<address>` on the VF and gives it the driver of its type. */
export async function createVdpa(sysfs: Sysfs, links: KernelLinks, device: PciAddress, type: VdpaType): Promise<StepOutcome> {
  if (!(await sysfs.exists(`${PCI_DEVICES}/${device}`))) return failed('ENODEV', `no device at ${device}`);
  if ((await listVdpa(sysfs)).has(device)) return failed('EEXIST');
  const name = `vdpa:${device}`;
  return addVdpa(sysfs, links, { bus: 'pci', device }, name, type);
}

/** The device made by whoever manages vDPA devices there, with the driver of its type. */
export async function addVdpa(sysfs: Sysfs, links: KernelLinks, management: VdpaManagement, name: string, type: VdpaType): Promise<StepOutcome> {
  const made = await links.askFamily('vdpa', 'host', encodeNewVdpa(management, name), () => undefined);
  if (!made.ok) return made.error.errno === ENOENT || made.error.errno === ENODEV ? failed('EOPNOTSUPP', `${management.device} has no vDPA management device`) : ofNetlink(made.error);
  return bindVdpa(sysfs, name, type);
}

/** Gives a vDPA device the driver of a type, whichever it has. */
export async function bindVdpa(sysfs: Sysfs, name: string, type: VdpaType): Promise<StepOutcome> {
  const driver = DRIVERS[type];
  const link = `${BUS}/devices/${name}/driver`;
  const bound = await sysfs.readLink(link);
  if (bound.ok && baseName(bound.value) === driver) return undefined;
  const overridden = await sysfs.write(`${BUS}/devices/${name}/driver_override`, `${driver}\n`);
  if (!overridden.ok) return ofSysfs(overridden.error);
  if (bound.ok) {
    const unbound = await sysfs.write(`${link}/unbind`, name);
    if (!unbound.ok) return ofSysfs(unbound.error);
  }
  const done = await sysfs.write(`${BUS}/drivers/${driver}/bind`, name);
  return done.ok ? undefined : ofSysfs(done.error, `driver ${driver}`);
}

export async function deleteVdpa(sysfs: Sysfs, links: KernelLinks, device: PciAddress): Promise<StepOutcome> {
  const found = (await listVdpa(sysfs)).get(device);
  if (found === undefined) return failed('ENODEV');
  return removeVdpa(links, found.name);
}

export async function removeVdpa(links: KernelLinks, name: string): Promise<StepOutcome> {
  const removed = await links.askFamily('vdpa', 'host', encodeDeleteVdpa(name), () => undefined);
  return removed.ok ? undefined : ofNetlink(removed.error);
}
