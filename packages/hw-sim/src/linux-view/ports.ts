import { PfFlag } from '../model/columns.ts';
import type { Device, NodeModel } from '../model/node-model.ts';

/** How the kernel names the ports of a card: the uplink `p0`, and in switchdev mode the other end of each VF `pf0vf3` (net/devlink/port.c). */
export function physPortName(node: NodeModel, device: Device): string | undefined {
  const functionNumber = node.fleet.pfs.routingId[device.pf]! & 7;
  if (device.vf >= 0) return undefined;
  if (device.index >= 0) return `pf${functionNumber}vf${device.index}`;
  return node.modelOf(device.pf).namesPort || node.hasFlag(device.pf, PfFlag.switchdev) ? `p${functionNumber}` : undefined;
}

/** One switch for each PF: any bytes that are its own. */
export function switchId(node: NodeModel, pf: number): string {
  return node.fleet.pfs.macLow[pf]!.toString(16).padStart(8, '0');
}
