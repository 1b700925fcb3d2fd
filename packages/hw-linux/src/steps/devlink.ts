import type { HardwareStep } from '@vfleet/core';
import type { KernelLinks } from '../links.ts';
import {
  decodeEswitch, decodeFeatures, decodeParameter, encodeGetEswitch, encodeGetFeatures, encodeGetParameter, encodeSetEswitch, encodeSetFeature, encodeSetParameter,
} from '../netlink/generic.ts';
import { RDMA_SYS_SET, encodeRdmaMode } from '../netlink/rdma.ts';
import { failed, ofNetlink } from './outcome.ts';
import type { StepOutcome } from './outcome.ts';

const ENOENT = 2;
const ENODEV = 19;
const EPROTONOSUPPORT = 93;
const noValue = (): undefined => undefined;

/** devlink eswitch mode. A kernel without devlink answers as for a driver without it. */
export async function setEswitchMode(links: KernelLinks, { pf, mode }: Extract<HardwareStep, { kind: 'setEswitchMode' }>): Promise<StepOutcome> {
  const now = await links.askFamily('devlink', 'host', encodeGetEswitch(pf), decodeEswitch);
  if (now.ok && now.value === mode) return undefined;
  if (!now.ok && now.error.errno === ENOENT) return failed('ENODEV', 'this kernel has no devlink');
  const set = await links.askFamily('devlink', 'host', encodeSetEswitch(pf, mode), noValue);
  return set.ok ? undefined : ofNetlink(set.error);
}

/** Every mode that the parameter has its first value in: runtime where there is one. */
export async function setDevlinkParam(links: KernelLinks, { pf, name, value }: Extract<HardwareStep, { kind: 'setDevlinkParam' }>): Promise<StepOutcome> {
  const detail = `${name}=${value}`;
  const parameter = await links.askFamily('devlink', 'host', encodeGetParameter(pf, name), decodeParameter);
  if (!parameter.ok) return parameter.error.errno === ENODEV || parameter.error.errno === ENOENT ? failed('EOPNOTSUPP', detail) : ofNetlink(parameter.error, detail);
  const message = parameter.value === undefined ? undefined : encodeSetParameter(pf, parameter.value, value);
  if (message === undefined) return failed('EINVAL', detail);
  const set = await links.askFamily('devlink', 'host', message, noValue);
  return set.ok ? undefined : ofNetlink(set.error, detail);
}

/** An ethtool feature of the device's interface: asked for, then read back, because the kernel takes wishes it does not fulfil. */
export async function setFeature(links: KernelLinks, step: Extract<HardwareStep, { kind: 'setFeature' }>): Promise<StepOutcome> {
  const link = await links.ofDevice(step.device, 'host');
  if (!link.ok) return ofNetlink(link.error);
  const { index } = link.value;
  const before = await links.askFamily('ethtool', 'host', encodeGetFeatures(index), decodeFeatures);
  if (!before.ok) return ofNetlink(before.error, step.feature);
  if (before.value?.active.has(step.feature) === step.enabled) return isKnown(before.value.changeable, step.feature, step.enabled);
  if (before.value?.changeable.has(step.feature) !== true) return failed('EOPNOTSUPP', step.feature);
  const set = await links.askFamily('ethtool', 'host', encodeSetFeature(index, step.feature, step.enabled), noValue);
  if (!set.ok) return ofNetlink(set.error, step.feature);
  const after = await links.askFamily('ethtool', 'host', encodeGetFeatures(index), decodeFeatures);
  return after.ok && after.value?.active.has(step.feature) === step.enabled ? undefined : failed('EOPNOTSUPP', step.feature);
}

/** A feature that is off because the driver does not know it has not been turned off. */
function isKnown(changeable: ReadonlySet<string>, feature: string, enabled: boolean): StepOutcome {
  return enabled || changeable.has(feature) ? undefined : failed('EOPNOTSUPP', feature);
}

export async function setRdmaMode(links: KernelLinks, mode: 'shared' | 'exclusive'): Promise<StepOutcome> {
  const set = await links.change('host', RDMA_SYS_SET, encodeRdmaMode(mode), { protocol: 'rdma' });
  if (set.ok) return undefined;
  return set.error.errno === EPROTONOSUPPORT ? failed('EOPNOTSUPP', 'the RDMA modules are not loaded') : ofNetlink(set.error);
}
