import type { Inventory } from '@vfleet/core';
import type { SriovNetworkNodeState } from '@vfleet/kube';
import { collections } from './cluster-view.ts';
import type { Oracle } from './oracle.ts';

/** Hardware changes on its own, and a daemon may be killed, paused or cut off just then: a report is a lie when it lasts. */
const LASTS_MS = 300_000;

export const succeededIsTrue: Oracle = {
  name: 'succeeded-is-true',
  lasting: true,
  property: 'A node state does not go on saying Succeeded for its newest spec while the hardware is different.',
  watch({ view, world, simulation, violated }) {
    const pending = new Set<string>();
    const differs = (name: string) => {
      const state = view.nodeState(name);
      const node = world.fleet.node(name);
      return state === undefined || node === undefined || !node.up || !claimsSuccess(state) ? undefined : differenceOf(state, node.inspect());
    };
    const look = (name: string, from: SriovNetworkNodeState['status']) => {
      const still = differs(name);
      // A report in between says that the daemon is at it.
      if (still !== undefined && view.nodeState(name)?.status === from) violated([`nodestate/${name}`, `node/${name}`], `Succeeded for ${LASTS_MS / 1000} s while ${still}`);
    };
    return {
      commit(collection, { object, type }) {
        if (collection !== collections.nodeStates || type === 'DELETED') return;
        const { metadata, status } = object as unknown as SriovNetworkNodeState;
        if (pending.has(metadata.name) || differs(metadata.name) === undefined) return;
        pending.add(metadata.name);
        simulation.clock.setTimer(LASTS_MS, () => {
          pending.delete(metadata.name);
          look(metadata.name, status);
        });
      },
      atRest() {
        for (const { metadata } of view.nodeStates()) {
          const difference = differs(metadata.name);
          if (difference !== undefined) violated([`nodestate/${metadata.name}`], `at the end, Succeeded while ${difference}`);
        }
      },
    };
  },
};

export function claimsSuccess({ metadata, status }: SriovNetworkNodeState): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return status?.syncStatus === 'Succeeded' && ready?.status === 'True' && ready.observedGeneration === metadata.generation;
}

/** What of a spec the hardware does not show; undefined when all is as wanted. */
export function differenceOf({ spec }: SriovNetworkNodeState, inventory: Inventory): string | undefined {
  for (const wanted of spec.interfaces ?? []) {
    const pf = inventory.pfs.find(({ pciAddress }) => pciAddress === wanted.pciAddress);
    if (pf === undefined) return `${wanted.pciAddress} is not on the bus`;
    if (wanted.externallyManaged !== true && pf.numVfs !== (wanted.numVfs ?? 0)) return `${wanted.pciAddress} has ${pf.numVfs} VFs instead of ${wanted.numVfs ?? 0}`;
    if (wanted.externallyManaged !== true && pf.eswitchMode !== (wanted.eSwitchMode ?? 'legacy')) return `${wanted.pciAddress} is in mode ${pf.eswitchMode}`;
    for (const group of wanted.vfGroups ?? []) {
      const [first, last] = (group.vfRange ?? '0-0').split('-').map(Number);
      for (const vf of pf.vfs.slice(first!, last! + 1)) {
        const userSpace = group.deviceType === 'vfio-pci';
        if (vf.driver === undefined || (vf.driver === 'vfio-pci') !== userSpace) return `VF ${vf.pciAddress} has driver ${vf.driver ?? 'none'} for ${group.deviceType ?? 'netdevice'}`;
      }
    }
  }
  return undefined;
}
