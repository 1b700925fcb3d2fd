import { MemFiles } from '@vfleet/core';
import type { Oracle } from './oracle.ts';

/** An ADD is judged by what was allocated when the runtime called: a daemon may stand still, or its hardware be slow, in the middle of it. */
const CALL_LASTS_MS = 240_000;

/** The kubelet's side: its checkpoint. The CNI's side: the move of a VF into a pod's namespace, and at rest its records. */
export const attachedIsAllocated: Oracle = {
  name: 'attached-is-allocated',
  property: 'A VF goes into a pod\'s namespace only for a call made while its kubelet had it allocated, and at rest kubelet, CNI records and hardware name the same VFs.',
  watch({ simulation, holdings, world, view, violated }) {
    const held = new Map<string, ReadonlySet<string>>();
    const releasedAtMs = new Map<string, number>();
    const wasHeld = (node: string, device: string) => simulation.clock.monotonicMs() - (releasedAtMs.get(`${node} ${device}`) ?? Number.NEGATIVE_INFINITY) < CALL_LASTS_MS;
    return {
      checkpoint(node) {
        const now = new Set(holdings.of(node).map(({ device }) => device));
        for (const device of held.get(node) ?? []) if (!now.has(device)) releasedAtMs.set(`${node} ${device}`, simulation.clock.monotonicMs());
        held.set(node, now);
      },
      write({ id }, { step }) {
        if (id.component !== 'attachment' || step?.kind !== 'moveNetdev' || step.from !== 'host') return;
        if (!holdings.of(id.place).some((hold) => hold.device === step.device) && !wasHeld(id.place, step.device)) violated([`node/${id.place}`, `vf/${step.device}`], 'goes into a pod, but no pod has it allocated');
      },
      atRest() {
        for (const node of world.nodes()) {
          const recorded = recordedDevices(node.files instanceof MemFiles ? node.files.paths() : []);
          const allocated = new Set(holdings.of(node.name).filter((hold) => view.pod(hold.namespace, hold.pod)?.status?.phase === 'Running').map(({ device }) => device));
          for (const device of recorded) if (!allocated.has(device)) violated([`node/${node.name}`, `vf/${device}`], 'is attached by the CNI records, but no running pod has it allocated');
          for (const pf of node.hardware.inspect().pfs) {
            for (const vf of pf.vfs) {
              const away = vf.driver !== undefined && vf.driver !== 'vfio-pci' && vf.netdev === undefined && vf.vdpaType === undefined;
              if (away && !recorded.has(vf.pciAddress)) violated([`node/${node.name}`, `vf/${vf.pciAddress}`], 'is in no namespace that anybody knows of');
            }
          }
        }
      },
    };
  },
};

/** `<pci>,<container>,<interface>.json` in the attachment daemon's folder of records. */
function recordedDevices(paths: readonly string[]): ReadonlySet<string> {
  return new Set(paths.flatMap((path) => {
    const match = /^\/var\/lib\/cni\/vfleet\/.*\/([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]),[^/]+\.json$/.exec(path);
    return match === null ? [] : [match[1]!];
  }));
}
