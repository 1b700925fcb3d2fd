import { PfFlag } from '../model/columns.ts';
import type { NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import { detachPfDriver } from './drivers.ts';
import { setCarrier, trainLink } from './netdevs.ts';
import { anyHeld } from './vfs.ts';

/** `remove` of a PF: its VFs go first; the device returns with a rescan. */
export function removePf(node: NodeModel, pf: number): Promise<Outcome> {
  return node.locked(pf, async (operation) => {
    if (!node.isPresent(pf)) return 'ENODEV';
    operation.removesVfs = true;
    const released = await node.untilReleased(pf, operation, () => !anyHeld(node, pf));
    if (released !== 'ok') return released;
    return node.afterOn(pf, node.fleet.draw(node.modelOf(pf).delays.removePf), () => {
      takeOffBus(node, pf);
      return 'ok';
    });
  });
}

/** The PF leaves the bus, by command or because somebody pulled it; open VFIO descriptors die with it. */
export function takeOffBus(node: NodeModel, pf: number): void {
  if (!node.isPresent(pf)) return;
  detachPfDriver(node, pf);
  forgetPf(node, pf);
  node.setFlag(pf, PfFlag.present, false);
  node.fleet.pfs.epoch[pf] = node.fleet.pfs.epoch[pf]! + 1;
  node.emit({ action: 'remove', subsystem: 'pci', device: node.pfAddress(pf) });
  node.notifyReleased();
}

/** Everything the kernel knew of a PF goes; what the NIC keeps in its own memory stays. */
export function forgetPf(node: NodeModel, pf: number): void {
  const { rarePfs } = node.fleet;
  const kept = rarePfs.get(pf)?.pendingParams;
  rarePfs.delete(pf);
  if (kept !== undefined) node.fleet.rarePf(pf).pendingParams = kept;
}

/** /sys/bus/pci/rescan: PFs that were removed come back with sriov_numvfs 0 and their driver. */
export async function rescan(node: NodeModel): Promise<Outcome> {
  for (let pf = node.firstPf; pf < node.endPf; pf++) {
    if (node.isPresent(pf)) continue;
    const outcome = await node.after(node.fleet.draw(node.modelOf(pf).delays.rescan), () => {
      putOnBus(node, pf);
      return 'ok';
    });
    if (outcome !== 'ok') return outcome;
  }
  return node.up ? 'ok' : 'nodeDown';
}

export function putOnBus(node: NodeModel, pf: number): void {
  if (node.isPresent(pf)) return;
  startPf(node, pf);
  const { pfDriver } = node.modelOf(pf);
  const device = node.pfAddress(pf);
  node.emit({ action: 'add', subsystem: 'pci', device });
  if (node.isLoaded(pfDriver)) node.emit({ action: 'bind', subsystem: 'pci', device, driver: pfDriver });
}

/** A PF as the kernel finds it at boot or rescan: no VFs, legacy mode, its driver bound, its interface as the host configures it. */
export function startPf(node: NodeModel, pf: number): void {
  const { pfs, drivers } = node.fleet;
  const spec = node.specOf(pf);
  const model = node.modelOf(pf);
  const bound = node.isLoaded(model.pfDriver);
  if (spec.altNames.length > 0) node.fleet.rarePf(pf).altNames = spec.altNames;
  pfs.numVfs[pf] = 0;
  pfs.driver[pf] = bound ? drivers.id(model.pfDriver) : 0;
  pfs.driverOverride[pf] = 0;
  pfs.mtu[pf] = spec.mtu;
  const cable = (pfs.flags[pf]! & PfFlag.cable) !== 0;
  const up = spec.adminUp && bound;
  pfs.flags[pf] =
    PfFlag.present | PfFlag.autoprobe | (cable ? PfFlag.cable : 0) | (up ? PfFlag.adminUp : 0) | (up && cable && node.hasPort(pf) ? PfFlag.carrier : 0) |
    (spec.defaultRoute ? PfFlag.defaultRoute : 0) | (spec.linkType === 'IB' ? PfFlag.infiniband : 0);
}

/** A function-level reset of the PF: VFs and their number stay, the link trains again. */
export function resetPf(node: NodeModel, pf: number): Promise<Outcome> {
  return node.locked(pf, () => {
    if (!node.isPresent(pf)) return 'ENODEV';
    return node.afterOn(pf, node.fleet.draw(node.modelOf(pf).delays.resetPf), () => {
      flapLink(node, pf, 0);
      return 'ok';
    });
  });
}

/** Carrier goes, and after `downMs` and link training comes back. */
export function flapLink(node: NodeModel, pf: number, downMs: number): void {
  const port = node.fleet.pfs.portRow[pf]!;
  setCarrier(node, port, false);
  if (downMs === 0) trainLink(node, port);
  else void node.afterOn(port, downMs, () => {
    trainLink(node, port);
    return 'ok';
  });
}
