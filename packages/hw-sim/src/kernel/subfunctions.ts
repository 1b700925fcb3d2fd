import type { Netdev, SubfunctionObservation } from '@vfleet/core';
import { formatMac, scatter32 } from '../model/mac.ts';
import { rdmaDeviceName, subfunctionName } from '../model/names.ts';
import type { NodeModel } from '../model/node-model.ts';
import { boundDriver } from './drivers.ts';

/** mlx5 numbers the auxiliary devices of all cards on; the first are its own parts. */
const FIRST_ID = 2;
/** Locally administered. */
const MAC_HIGH = 0x0200;

/** A node's subfunctions: they are there while their PF has its driver. By PF, then by number. */
export function subfunctionsOf(node: NodeModel): readonly SubfunctionObservation[] {
  const found: SubfunctionObservation[] = [];
  let id = FIRST_ID;
  for (let pf = node.firstPf; pf < node.endPf; pf++) {
    const { subfunctions = 0, pciAddress } = node.specOf(pf);
    const first = id;
    id += subfunctions;
    if (subfunctions === 0 || !node.isPresent(pf) || boundDriver(node, { pf, vf: -1, index: -1 }) !== node.modelOf(pf).pfDriver) continue;
    for (let sfNumber = 0; sfNumber < subfunctions; sfNumber++) {
      found.push({ name: `mlx5_core.sf.${first + sfNumber}`, sfNumber, pf: pciAddress, netdev: netdevOf(node, pf, sfNumber), rdmaDevices: rdmaOf(node, pf, sfNumber), holdsDefaultRoute: false });
    }
  }
  return found;
}

function netdevOf(node: NodeModel, pf: number, sfNumber: number): Netdev {
  const mac = formatMac(MAC_HIGH, scatter32(node.fleet.pfs.macLow[pf]! * 0x400 + sfNumber));
  return { name: subfunctionName(node.specOf(pf), sfNumber), altNames: [], mac, mtu: 1500, adminState: 'down', carrier: false };
}

function rdmaOf(node: NodeModel, pf: number, sfNumber: number): readonly string[] {
  const { pfs } = node.fleet;
  return node.modelOf(pf).rdma.vf ? [`${rdmaDeviceName(node.specOf(pf).linkType, pfs.domain[pf]!, pfs.routingId[pf]!)}s${sfNumber}`] : [];
}
