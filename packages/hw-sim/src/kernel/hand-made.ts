import type { StepFaults } from '../faults.ts';
import type { NodeModel } from '../model/node-model.ts';
import { createVfs } from './vfs.ts';

/** VFs that an administrator made before vfleet came, with the MTU that the host's configuration gives. */
export function attachHandMadeVfs(node: NodeModel, pf: number, faults: StepFaults): void {
  const { numVfs, mtu } = node.specOf(pf);
  if (numVfs === 0) return;
  createVfs(node, pf, numVfs, node.isLoaded(node.modelOf(pf).vfDriver), faults);
  const first = node.fleet.pfs.firstVf[pf]!;
  node.fleet.vfs.mtu.fill(mtu, first, first + numVfs);
}
