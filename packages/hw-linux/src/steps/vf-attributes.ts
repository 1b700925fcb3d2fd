import type { PciAddress, VfChange } from '@vfleet/core';
import type { KernelLinks } from '../links.ts';
import { encodeSetVfs } from '../netlink/vf-message.ts';
import { failed, ofNetlink } from './outcome.ts';
import type { StepFailure, StepOutcome } from './outcome.ts';

/** The attributes of VFs through their PF, all in one message where nothing is refused. */
export async function setVfs(links: KernelLinks, pf: PciAddress, vfs: readonly VfChange[]): Promise<StepOutcome> {
  for (let done = 0; done < vfs.length; ) {
    const result = await setFirst(links, pf, done === 0 ? vfs : vfs.slice(done));
    if (typeof result !== 'number') return result;
    done += result;
  }
  return undefined;
}

/** As many as one message takes; the answer is how many those are. */
async function setFirst(links: KernelLinks, pf: PciAddress, vfs: readonly VfChange[]): Promise<number | StepFailure> {
  const { payload, count } = encodeSetVfs(vfs);
  if (count === 0) return ofVf(pf, vfs[0]!, failed('EINVAL'));
  const changed = await links.changeInterfaceOf(pf, payload);
  if (changed.ok) return count;
  if (count === 1) return ofVf(pf, vfs[0]!, ofNetlink(changed.error));
  // The kernel does not say which of them it refused. Those before it are set already, and are set to the same again.
  return (await setOneByOne(links, pf, vfs.slice(0, count))) ?? count;
}

async function setOneByOne(links: KernelLinks, pf: PciAddress, vfs: readonly VfChange[]): Promise<StepOutcome> {
  for (const vf of vfs) {
    const result = await setFirst(links, pf, [vf]);
    if (typeof result !== 'number') return result;
  }
  return undefined;
}

function ofVf(pf: PciAddress, vf: VfChange, { failure, detail }: StepFailure): StepFailure {
  return { failure, detail: detail === undefined ? `VF ${vf.vfIndex}` : `VF ${vf.vfIndex}; ${detail}`, step: { kind: 'setVf', pf, ...vf } };
}
