import type { HardwareStep } from '@vfleet/core';
import type { KernelLinks } from '../links.ts';
import { hexBytes } from '../netlink/attributes.ts';
import { RTM, encodeSetVf, parseGuid } from '../netlink/link.ts';
import type { VfChange } from '../netlink/link.ts';
import { failed, ofNetlink } from './outcome.ts';
import type { StepOutcome } from './outcome.ts';

type SetVf = Extract<HardwareStep, { kind: 'setVf' }>;

/** The attributes of one VF through its PF, all in one message. */
export async function setVf(links: KernelLinks, step: SetVf): Promise<StepOutcome> {
  const change = readChange(step);
  const isIndex = Number.isInteger(step.vfIndex) && step.vfIndex >= 0 && step.vfIndex <= 0xffff;
  if (change === undefined || !isIndex) return failed('EINVAL', `VF ${step.vfIndex}`);
  const link = await links.ofDevice(step.pf, 'host');
  if (!link.ok) return ofNetlink(link.error);
  if (Object.keys(change).length === 0) return undefined;
  const changed = await links.change('host', RTM.newLink, encodeSetVf(link.value.index, step.vfIndex, change));
  return changed.ok ? undefined : ofNetlink(changed.error, `VF ${step.vfIndex}`);
}

/** Undefined when a value cannot be written into a message at all; what the driver makes of the rest is the driver's to say. */
function readChange(step: SetVf): VfChange | undefined {
  const mac = step.mac === undefined ? undefined : hexBytes(step.mac);
  const nodeGuid = step.nodeGuid === undefined ? undefined : parseGuid(step.nodeGuid);
  const portGuid = step.portGuid === undefined ? undefined : parseGuid(step.portGuid);
  if (step.mac !== undefined && (mac === undefined || mac.length > 32)) return undefined;
  if ((step.nodeGuid !== undefined && nodeGuid === undefined) || (step.portGuid !== undefined && portGuid === undefined)) return undefined;
  const numbers = [step.vlan?.id, step.vlan?.qos, step.rates?.minTxMbps, step.rates?.maxTxMbps].filter((number) => number !== undefined);
  if (!numbers.every((number) => Number.isInteger(number) && number >= 0 && number <= 0x7fff_ffff)) return undefined;
  return {
    ...(mac === undefined ? {} : { mac }),
    ...(step.vlan === undefined ? {} : { vlan: step.vlan }),
    ...(step.spoofCheck === undefined ? {} : { spoofCheck: step.spoofCheck }),
    ...(step.trust === undefined ? {} : { trust: step.trust }),
    ...(step.rates === undefined ? {} : { rates: step.rates }),
    ...(step.linkState === undefined ? {} : { linkState: step.linkState }),
    ...(nodeGuid === undefined ? {} : { nodeGuid }),
    ...(portGuid === undefined ? {} : { portGuid }),
  };
}
