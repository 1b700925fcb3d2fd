import type { PciAddress } from '../domain/pci.ts';
import type { Result } from '../result.ts';
import { ok } from '../result.ts';
import type { HardwareError, HardwareStep, VfChange } from './hardware.ts';

export type SetVf = Extract<HardwareStep, { kind: 'setVf' }>;
export type SetVfs = Extract<HardwareStep, { kind: 'setVfs' }>;

/** Steps on VFs of one PF as one. */
export function vfBatch(pf: PciAddress, steps: readonly SetVf[]): SetVfs {
  return { kind: 'setVfs', pf, vfs: steps.map(({ kind: _, pf: _pf, ...vf }) => vf) };
}

/** The step that one entry of a batch is. */
export function setVfOf(batch: SetVfs, vf: VfChange): SetVf {
  return { kind: 'setVf', pf: batch.pf, ...vf };
}

/** A batch VF by VF, up to the first refusal: what a backend does that has no request for several. */
export async function applyVfByVf(batch: SetVfs, apply: (step: SetVf) => Promise<Result<void, HardwareError>>): Promise<Result<void, HardwareError>> {
  for (const vf of batch.vfs) {
    const applied = await apply(setVfOf(batch, vf));
    if (!applied.ok) return applied;
  }
  return ok(undefined);
}
