import type { NicModel } from '../personalities/nic-model.ts';

/** Functions of a card that can have VFs. */
export function sriovFunctions(model: NicModel): readonly number[] {
  return model.layout.kind === 'sharedPorts' ? model.layout.sriovFunctions : Array.from({ length: model.layout.ports }, (_, port) => port);
}

/** Routing-id distance from each function to its first VF, given how many VFs each offers (as delivered where `totals` says nothing). */
export function vfOffsets(model: NicModel, totals: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  const offsets = new Map<number, number>();
  let before = 0;
  for (const functionNumber of sriovFunctions(model)) {
    offsets.set(functionNumber, model.vfPlacement === 'interleaved' ? model.vfOffset : model.vfOffset + before - functionNumber);
    before += totals.get(functionNumber) ?? model.totalVfs;
  }
  return offsets;
}
