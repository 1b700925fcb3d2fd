import type { HardwareStep, PciAddress } from '@vfleet/core';
import { Devlink } from '../devlink.ts';
import { Ethtool } from '../ethtool.ts';
import type { KernelLinks } from '../links.ts';
import { pciHandle } from '../netlink/devlink.ts';
import { driverOf, isProgramDriver } from '../sysfs/functions.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { failed, ofNetlink } from './outcome.ts';
import type { StepOutcome } from './outcome.ts';

const ENOENT = 2;
const ENODEV = 19;

/** devlink eswitch mode. A kernel without devlink answers as for a driver without it. */
export async function setEswitchMode(links: KernelLinks, { pf, mode }: Extract<HardwareStep, { kind: 'setEswitchMode' }>): Promise<StepOutcome> {
  const devlink = new Devlink(links, pciHandle(pf));
  const now = await devlink.eswitchMode();
  if (now.ok && now.value === mode) return undefined;
  if (!now.ok && now.error.errno === ENOENT) return failed('ENODEV', 'this kernel has no devlink');
  const set = await devlink.setEswitchMode(mode);
  return set.ok ? undefined : ofNetlink(set.error);
}

/** Every mode that the parameter has its first value in: runtime where there is one. */
export async function setDevlinkParam(sysfs: Sysfs, links: KernelLinks, { pf, name, value }: Extract<HardwareStep, { kind: 'setDevlinkParam' }>): Promise<StepOutcome> {
  const detail = `${name}=${value}`;
  const devlink = new Devlink(links, pciHandle(pf));
  const parameter = await devlink.parameter(name);
  if (!parameter.ok && (parameter.error.errno === ENODEV || parameter.error.errno === ENOENT)) return failed((await hasKernelDriver(sysfs, pf)) ? 'EOPNOTSUPP' : 'ENODEV', detail);
  if (!parameter.ok) return ofNetlink(parameter.error, detail);
  if (parameter.value === undefined) return failed('EINVAL', detail);
  const set = await devlink.setParameter(parameter.value, value);
  return set.ok ? undefined : ofNetlink(set.error, detail);
}

/** devlink knows no device of a driver that does not use it, and none without a driver of its own: only the latter may change. */
async function hasKernelDriver(sysfs: Sysfs, pf: PciAddress): Promise<boolean> {
  const driver = await driverOf(sysfs, pf);
  return driver !== undefined && !isProgramDriver(driver);
}

/** An ethtool feature of the device's interface: asked for, then read back, because the kernel takes wishes it does not fulfil. */
export async function setFeature(links: KernelLinks, step: Extract<HardwareStep, { kind: 'setFeature' }>): Promise<StepOutcome> {
  const link = await links.ofDevice(step.device, 'host');
  if (!link.ok) return ofNetlink(link.error);
  const ethtool = new Ethtool(links, link.value);
  const before = await ethtool.features();
  if (!before.ok) return ofNetlink(before.error, step.feature);
  if (before.value.active.has(step.feature) === step.enabled) return isKnown(before.value.changeable, step.feature, step.enabled);
  if (!before.value.changeable.has(step.feature)) return failed('EOPNOTSUPP', step.feature);
  const set = await ethtool.setFeature(step.feature, step.enabled);
  if (!set.ok) return ofNetlink(set.error, step.feature);
  const after = await ethtool.features();
  return after.ok && after.value.active.has(step.feature) === step.enabled ? undefined : failed('EOPNOTSUPP', step.feature);
}

/** A feature that is off because the driver does not know it has not been turned off. */
function isKnown(changeable: ReadonlySet<string>, feature: string, enabled: boolean): StepOutcome {
  return enabled || changeable.has(feature) ? undefined : failed('EOPNOTSUPP', feature);
}
