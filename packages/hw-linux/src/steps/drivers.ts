import type { PciAddress } from '@vfleet/core';
import { driverOf, isProgramDriver, pfOf, vfAddresses } from '../sysfs/functions.ts';
import { PCI_DEVICES, PCI_DRIVERS, PCI_PROBE, deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { describeHolders, vfioHolders } from '../sysfs/vfio-holders.ts';
import { failed, ofSysfs } from './outcome.ts';
import type { StepOutcome } from './outcome.ts';
import type { StepTools } from './tools.ts';

/** Override, unbind what is bound, probe, and look again: drivers_probe reports success also when it did nothing. */
export async function bindDriver(tools: StepTools, device: PciAddress, driver: string): Promise<StepOutcome> {
  const { sysfs } = tools;
  if (!(await sysfs.exists(`${PCI_DEVICES}/${device}`))) return failed('ENODEV', `no device at ${device}`);
  const isDefault = driver === 'default';
  const overridden = await sysfs.write(deviceFile(device, 'driver_override'), isDefault ? '\n' : `${driver}\n`);
  if (!overridden.ok) return ofSysfs(overridden.error);
  const bound = await driverOf(sysfs, device);
  const isIt = (name: string | undefined) => name !== undefined && (isDefault ? !isProgramDriver(name) : name === driver);
  if (isIt(bound)) return undefined;
  if (bound !== undefined) {
    const unbound = await unbindDriver(tools, device);
    if (unbound !== undefined) return unbound;
  }
  const probed = await probe(sysfs, device, isDefault);
  if (probed !== undefined) return probed;
  if (isIt(await driverOf(sysfs, device))) return undefined;
  return whyNotBound(sysfs, device, driver);
}

async function whyNotBound(sysfs: Sysfs, device: PciAddress, driver: string): Promise<StepOutcome> {
  // Which driver a device would have got by itself nobody says; that none came is mostly a module that is not there.
  if (driver === 'default' || !(await sysfs.exists(`${PCI_DRIVERS}/${driver}`))) return failed('driverNotLoaded', `driver ${driver}`);
  const hasGroup = await sysfs.exists(deviceFile(device, 'iommu_group'));
  return driver === 'vfio-pci' && !hasGroup ? failed('EINVAL', `driver ${driver}`) : failed('probeWithoutEffect', `driver ${driver}`);
}

/**
 * Offers the device to drivers. While a PF's autoprobe is off the kernel offers its VFs only to the driver of an override
 * (drivers/pci/pci-driver.c pci_device_can_probe): for the moment of this probe it is turned on.
 */
async function probe(sysfs: Sysfs, device: PciAddress, isDefault: boolean): Promise<StepOutcome> {
  const autoprobe = deviceFile(device, 'physfn/sriov_drivers_autoprobe');
  const now = isDefault ? await sysfs.read(autoprobe) : undefined;
  const isOff = now?.ok === true && now.value === '0';
  if (isOff) {
    const on = await sysfs.write(autoprobe, '1');
    if (!on.ok) return ofSysfs(on.error);
  }
  const probed = await sysfs.write(PCI_PROBE, device);
  if (isOff) await sysfs.write(autoprobe, '0');
  // The driver's own refusal is told like this on some kernels; what counts is whether it is bound.
  return probed.ok || probed.error.errno === 'EINVAL' ? undefined : ofSysfs(probed.error);
}

/** Refused while somebody holds the device, or one of its VFs, through VFIO: the kernel would wait for that without an end. */
export async function unbindDriver(tools: StepTools, device: PciAddress): Promise<StepOutcome> {
  const { sysfs } = tools;
  if (!(await sysfs.exists(`${PCI_DEVICES}/${device}`))) return failed('ENODEV', `no device at ${device}`);
  if ((await driverOf(sysfs, device)) === undefined) return failed('ENODEV', 'no driver is bound');
  const holders = await vfioHolders(sysfs, [device, ...(await vfAddresses(sysfs, device))]);
  if (holders.length > 0) return failed('EBUSY', describeHolders(holders));
  const written = await tools.writeLong(await pfOf(sysfs, device), deviceFile(device, 'driver/unbind'), device);
  if (written === undefined) return undefined;
  if ('failure' in written) return written;
  // The link is gone: somebody else was faster.
  return written.errno === 'ENOENT' ? failed('ENODEV', 'no driver is bound') : ofSysfs({ errno: written.errno, path: 'driver/unbind' });
}
