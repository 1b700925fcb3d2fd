import { MemFiles } from '@vfleet/core';
import type { Oracle } from './oracle.ts';

/** The kubelet's side: its checkpoint. The CNI's side: the move of a VF into a pod's namespace, and at rest its records. */
export const attachedIsAllocated: Oracle = {
  name: 'attached-is-allocated',
  property: 'A VF goes into a pod\'s namespace only while its kubelet has it allocated, and at rest kubelet, CNI records and hardware name the same VFs.',
  watch({ holdings, world, view, violated }) {
    return {
      write({ id }, { step }) {
        if (id.component !== 'attachment' || step?.kind !== 'moveNetdev' || step.from !== 'host') return;
        if (!holdings.of(id.place).some((hold) => hold.device === step.device)) violated([`node/${id.place}`, `vf/${step.device}`], 'goes into a pod, but no pod has it allocated');
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
