import type { EswitchMode } from '@vfleet/core';
import type { StepFaults } from '../faults.ts';
import { PfFlag } from '../model/columns.ts';
import type { NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import { destroyVfs } from './vfs.ts';

/** devlink dev eswitch set: allowed in the order that the NIC's driver wants. */
export function setEswitchMode(node: NodeModel, pf: number, mode: EswitchMode, faults: StepFaults): Promise<Outcome> {
  return node.locked(pf, () => {
    const { pfs } = node.fleet;
    const model = node.modelOf(pf);
    if (!node.isPresent(pf) || pfs.driver[pf] !== node.fleet.drivers.id(model.pfDriver)) return 'ENODEV';
    if (model.eswitch === 'none') return model.devlinkAbsent;
    const wantsSwitchdev = mode === 'switchdev';
    if (node.hasFlag(pf, PfFlag.switchdev) === wantsSwitchdev) return 'ok';
    const refusal = refuse(node, pf, wantsSwitchdev);
    if (refusal !== 'ok') return refusal;
    return node.afterOn(pf, node.fleet.draw(model.delays.eswitch, pfs.numVfs[pf]!), () => {
      if (faults.eswitchDropsVfs) destroyVfs(node, pf);
      node.setFlag(pf, PfFlag.switchdev, wantsSwitchdev);
      node.emit({ action: 'change', subsystem: 'pci', device: node.pfAddress(pf) });
      return 'ok';
    });
  });
}

function refuse(node: NodeModel, pf: number, wantsSwitchdev: boolean): Outcome {
  const { eswitch } = node.modelOf(pf);
  if (eswitch === 'none') return 'EOPNOTSUPP';
  const count = node.fleet.pfs.numVfs[pf]!;
  const wrongOrder = eswitch.order === 'beforeVfs' ? count > 0 : wantsSwitchdev && count === 0;
  if (wrongOrder && eswitch.wrongOrder !== 'ok') return eswitch.wrongOrder;
  return eswitch.withBoundVfs !== 'ok' && anyBound(node, pf) ? eswitch.withBoundVfs : 'ok';
}

function anyBound(node: NodeModel, pf: number): boolean {
  const first = node.fleet.pfs.firstVf[pf]!;
  const count = node.fleet.pfs.numVfs[pf]!;
  for (let index = 0; index < count; index++) if (node.fleet.vfs.driver[first + index] !== 0) return true;
  return false;
}
