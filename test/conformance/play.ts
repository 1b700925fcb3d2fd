import type { Hardware, HardwareError, HardwareStep, Inventory } from '@vfleet/core';
import { PF } from './sequences.ts';
import type { Sequence } from './sequences.ts';

/** What a backend answered to a sequence, and what it left. */
export interface Played {
  /** One for each step: `ok`, or the errno, or the code where there is no errno; of several VFs also which one it is about. */
  readonly answers: readonly string[];
  readonly end: unknown;
}

export interface Recorded extends Sequence, Played {}

/** Applies the steps one after the other. `settled` waits for what the kernel does afterwards, as far as there is any. */
export async function play(hardware: Pick<Hardware, 'apply' | 'discover'>, sequence: Sequence): Promise<Played> {
  const answers: string[] = [];
  for (const step of sequence.steps) {
    const result = await hardware.apply(step);
    answers.push(result.ok ? 'ok' : `${result.error.errno ?? result.error.code}${placeIn(step, result.error)}`);
  }
  const seen = await hardware.discover();
  if (!seen.ok) throw new Error(seen.error.cause);
  return { answers, end: endState(seen.value) };
}

/** Which VF of several an error is about. */
export function placeIn(step: HardwareStep, { step: refused }: HardwareError): string {
  return step.kind !== 'setVfs' ? '' : refused?.kind === 'setVf' ? ` of VF ${refused.vfIndex}` : ' of no VF';
}

/** Without what chance decides: kernel names, random MACs, carrier, the numbers of IOMMU groups. */
function endState(inventory: Inventory): unknown {
  const pf = inventory.pfs.find(({ pciAddress }) => pciAddress === PF);
  if (pf === undefined) return undefined;
  return {
    driver: pf.driver ?? null, totalVfs: pf.totalVfs, numVfs: pf.numVfs, eswitchMode: pf.eswitchMode, netdev: pf.netdev === undefined ? null : { mtu: pf.netdev.mtu, adminState: pf.netdev.adminState },
    vfs: pf.vfs.map((vf) => ({
      index: vf.index, pciAddress: vf.pciAddress, deviceId: vf.deviceId, driver: vf.driver ?? null, settings: vf.settings,
      netdev: vf.netdev === undefined ? null : { mtu: vf.netdev.mtu, adminState: vf.netdev.adminState, isAdminMac: vf.netdev.mac === vf.settings.mac },
      hasIommuGroup: vf.iommuGroup !== undefined,
    })),
  };
}
