import type { HardwareStep } from '@vfleet/core';
import type { SriovNetworkNodeState } from '@vfleet/kube';
import type { World } from '../world.ts';
import { collections } from './cluster-view.ts';
import type { Oracle } from './oracle.ts';

/** What is configured on a PF itself; an externally managed one is somebody else's as far as these go. */
const OF_THE_PF: ReadonlySet<HardwareStep['kind']> = new Set(['setNumVfs', 'setEswitchMode', 'setDriversAutoprobe', 'setDevlinkParam']);

export const foreignPfs: Oracle = {
  name: 'foreign-pfs',
  property: 'The config daemon never touches a PF that no node state ever named, nor the VF count or mode of one that is managed externally.',
  watch({ world, violated }) {
    const named = new Map<string, Set<string>>();
    const external = new Map<string, Set<string>>();
    // A VF's address says its PF for as long as the node has its NICs.
    const pfs = new Map<string, string | undefined>();
    const pfBehind = (node: string, step: HardwareStep) => {
      if (!('device' in step)) return pfOf(world, node, step);
      const key = `${node} ${step.device}`;
      if (pfs.get(key) === undefined) pfs.set(key, pfOf(world, node, step));
      return pfs.get(key);
    };
    return {
      commit(collection, { object }) {
        if (collection !== collections.nodeStates) return;
        // The collection holds node states.
        const { metadata, spec } = object as unknown as SriovNetworkNodeState;
        const known = named.get(metadata.name) ?? new Set<string>();
        named.set(metadata.name, known);
        for (const entry of spec?.interfaces ?? []) known.add(entry.pciAddress);
        const managed = external.get(metadata.name) ?? new Set<string>();
        external.set(metadata.name, managed);
        for (const entry of spec?.interfaces ?? []) {
          if (entry.externallyManaged === true) managed.add(entry.pciAddress);
          else managed.delete(entry.pciAddress);
        }
      },
      write({ id }, { step }) {
        if (id.component !== 'config-daemon' || step === undefined) return;
        const pf = pfBehind(id.place, step);
        if (pf === undefined) return;
        if (named.get(id.place)?.has(pf) !== true) violated([`node/${id.place}`, `pf/${pf}`], `${JSON.stringify(step)} on a PF that nothing names`);
        else if (external.get(id.place)?.has(pf) === true && OF_THE_PF.has(step.kind)) violated([`node/${id.place}`, `pf/${pf}`], `${JSON.stringify(step)} on a PF that is managed externally`);
      },
    };
  },
};

function pfOf(world: World, node: string, step: HardwareStep): string | undefined {
  if ('pf' in step) return step.pf;
  if (!('device' in step)) return undefined;
  const pfs = world.fleet.node(node)?.inspect().pfs ?? [];
  return pfs.find((pf) => pf.pciAddress === step.device || pf.vfs.some((vf) => vf.pciAddress === step.device))?.pciAddress;
}
