import type { PciAddress, VfChange } from '@vfleet/core';
import type { KernelLinks } from '../links.ts';
import { failed, ofNetlink } from './outcome.ts';
import type { StepFailure, StepOutcome } from './outcome.ts';

/** The attributes of VFs through their PF, all in one message where nothing is refused. */
export async function setVfs(links: KernelLinks, pf: PciAddress, vfs: readonly VfChange[]): Promise<StepOutcome> {
  for (let done = 0; done < vfs.length; ) {
    const rest = done === 0 ? vfs : vfs.slice(done);
    const { count, refused } = await links.changeVfsOf(pf, rest);
    if (count === 0) return ofVf(pf, rest[0]!, failed('EINVAL'));
    if (refused !== undefined) {
      if (count === 1) return ofVf(pf, rest[0]!, ofNetlink(refused));
      const failure = await setOneByOne(links, pf, rest.slice(0, count));
      if (failure !== undefined) return failure;
    }
    done += count;
  }
  return undefined;
}

/** The kernel does not say which of several VFs it refused. Those before it are set already, and are set to the same again. */
async function setOneByOne(links: KernelLinks, pf: PciAddress, vfs: readonly VfChange[]): Promise<StepOutcome> {
  for (const vf of vfs) {
    const failure = await setVfs(links, pf, [vf]);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function ofVf(pf: PciAddress, vf: VfChange, { failure, detail }: StepFailure): StepFailure {
  return { failure, detail: detail === undefined ? `VF ${vf.vfIndex}` : `VF ${vf.vfIndex}; ${detail}`, step: { kind: 'setVf', pf, ...vf } };
}
