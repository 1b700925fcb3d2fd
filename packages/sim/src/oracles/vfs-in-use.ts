import type { HardwareStep } from '@vfleet/core';
import type { World } from '../world.ts';
import type { Hold } from './holdings.ts';
import type { Oracle } from './oracle.ts';

/** Steps that take a VF away from whoever has it. */
const DISRUPTIVE: ReadonlySet<HardwareStep['kind']> = new Set(['setNumVfs', 'setEswitchMode', 'bindDriver', 'unbindDriver', 'createVdpa', 'deleteVdpa']);

/**
 * Judged right before the config daemon's step, by the kubelets' own record of who holds what. A pod that is still being started has its
 * VF from the moment on that the attachment daemon begins to move it: before that it waits for whoever is at the PF.
 */
export const vfsInUse: Oracle = {
  name: 'vfs-in-use',
  property: 'The config daemon never takes a VF from a pod that has it, unless draining is disabled.',
  watch({ holdings, view, world, violated }) {
    // Holds whose VF is gone, after an unplug or a reboot: a new VF at its address is nobody's until it is attached.
    const stale = new Set<string>();
    const moved = new Set<string>();
    const isUsed = (node: string, hold: Hold) => !stale.has(keyOf(node, hold)) && (holdings.livePod(hold)?.status?.phase !== 'Pending' || moved.has(`${node} ${hold.device}`));
    const keyOf = (node: string, hold: Hold) => `${node} ${hold.uid} ${hold.device}`;
    const noteLost = (node: string, pf: string) => {
      const pfs = world.fleet.node(node)?.inspect().pfs ?? [];
      if (pfs.find(({ pciAddress }) => pciAddress === pf)?.numVfs !== 0) return;
      const present = new Set<string>(pfs.flatMap(({ vfs }) => vfs.map(({ pciAddress }) => pciAddress)));
      for (const hold of holdings.of(node)) if (!present.has(hold.device)) stale.add(keyOf(node, hold));
    };
    return {
      write(process, { step }) {
        if (process.id.component === 'attachment' && step?.kind === 'moveNetdev' && step.to === 'host') moved.delete(`${process.id.place} ${step.device}`);
        if (process.id.component === 'attachment' && step?.kind === 'moveNetdev' && step.from === 'host') {
          moved.add(`${process.id.place} ${step.device}`);
          for (const hold of holdings.of(process.id.place)) if (hold.device === step.device) stale.delete(keyOf(process.id.place, hold));
        }
        if (process.id.component === 'config-daemon' && step?.kind === 'setNumVfs' && step.count > 0) noteLost(process.id.place, step.pf);
        if (process.id.component !== 'config-daemon' || step === undefined || !DISRUPTIVE.has(step.kind)) return;
        if (view.operatorConfig()?.disableDrain === true) return;
        const node = process.id.place;
        const taken = ('pf' in step ? holdings.onPf(node, step.pf) : 'device' in step ? holdings.of(node).filter((hold) => hold.device === step.device && holdings.livePod(hold) !== undefined) : [])
          .filter((hold) => isUsed(node, hold) && !isOnHost(world, node, hold.device));
        if (taken.length === 0 || changesNothing(world, node, step)) return;
        violated([`node/${node}`, ...taken.map((hold) => `pod/${hold.namespace}/${hold.pod}`)], `${JSON.stringify(step)} while ${taken.map((hold) => `${hold.pod} holds ${hold.device}`).join(', ')}`);
      },
    };
  },
};

/** Its interface is the host's: whatever the kubelet has noted, no pod has it. So are new VFs at the addresses of some that a person took from pods. */
function isOnHost(world: World, node: string, device: string): boolean {
  const pfs = world.fleet.node(node)?.inspect().pfs ?? [];
  return pfs.some(({ vfs }) => vfs.some((vf) => vf.pciAddress === device && vf.netdev !== undefined));
}

function changesNothing(world: World, node: string, step: HardwareStep): boolean {
  const pfs = world.fleet.node(node)?.inspect().pfs ?? [];
  if (step.kind === 'setNumVfs') return pfs.some((pf) => pf.pciAddress === step.pf && pf.numVfs === step.count);
  if (step.kind === 'setEswitchMode') return pfs.some((pf) => pf.pciAddress === step.pf && pf.eswitchMode === step.mode);
  return false;
}
