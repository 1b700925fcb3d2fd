import { PfFlag } from '../model/columns.ts';
import type { NodeModel } from '../model/node-model.ts';
import type { Operation, Outcome } from '../model/operation.ts';
import type { StepFaults } from '../faults.ts';
import { anyHeld, createVfs, destroyVfs } from './vfs.ts';

/**
 * A write to sriov_numvfs, with the checks in the order of drivers/pci/pci-sysfs.c and iov.c (sriov_numvfs_store): the range first,
 * then "no change", then the driver, then "not by way of 0".
 */
export function writeNumVfs(node: NodeModel, pf: number, count: number, faults: StepFaults): Promise<Outcome> {
  return node.locked(pf, (operation) => {
    const { pfs } = node.fleet;
    const model = node.modelOf(pf);
    if (!node.isPresent(pf)) return 'ENODEV';
    if (!hasSriov(node, pf)) return 'ENOENT';
    if (!Number.isInteger(count) || count < 0 || count > 0xffff) return 'EINVAL';
    if (count > pfs.totalVfs[pf]!) return 'ERANGE';
    const current = pfs.numVfs[pf]!;
    if (count === current) return 'ok';
    if (pfs.driver[pf] !== node.fleet.drivers.id(model.pfDriver)) return 'ENOENT';
    if (count > 0 && current > 0) return node.afterOn(pf, node.fleet.draw(model.delays.refuse), () => 'EBUSY');
    if (!node.hasFlag(pf, PfFlag.adminUp) && model.createWhilePfDown !== 'ok') {
      return model.createWhilePfDown === 'noEffect' ? 'ok' : model.createWhilePfDown;
    }
    return count === 0 ? remove(node, pf, operation) : create(node, pf, count, faults);
  });
}

/** Cards with shared ports have functions without the SR-IOV capability, and so without its attributes. */
export function hasSriov(node: NodeModel, pf: number): boolean {
  const { layout } = node.modelOf(pf);
  return layout.kind === 'functionPerPort' || layout.sriovFunctions.includes(node.fleet.pfs.routingId[pf]! & 7);
}

function create(node: NodeModel, pf: number, count: number, faults: StepFaults): Outcome | Promise<Outcome> {
  const { delays, vfDriver } = node.modelOf(pf);
  const delay = node.hasFlag(pf, PfFlag.adminUp) ? delays.createVfsPfUp : delays.createVfsPfDown;
  return node.afterOn(pf, node.fleet.draw(delay, count), () => {
    const made = Math.min(count, faults.partialCount ?? count);
    const withDriver = node.hasFlag(pf, PfFlag.autoprobe) && node.isLoaded(vfDriver);
    if (made > 0) createVfs(node, pf, made, withDriver, faults);
    return faults.partialErrno ?? 'ok';
  });
}

async function remove(node: NodeModel, pf: number, operation: Operation): Promise<Outcome> {
  operation.removesVfs = true;
  const released = await node.untilReleased(pf, operation, () => !anyHeld(node, pf));
  if (released !== 'ok') return released;
  const { delays } = node.modelOf(pf);
  const delay = node.hasFlag(pf, PfFlag.adminUp) ? delays.removeVfsPfUp : delays.removeVfsPfDown;
  return node.afterOn(pf, node.fleet.draw(delay, node.fleet.pfs.numVfs[pf]!), () => {
    destroyVfs(node, pf);
    return 'ok';
  });
}
