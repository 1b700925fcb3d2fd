import { ok } from '@vfleet/core';
import type { VfStatistics } from '@vfleet/core';
import type { SimulatedNode } from './node.ts';

/** The VFs of a simulated node as its metrics show them. They carry no packets, so that every counter is 0. */
export function simulatedVfStatistics(node: SimulatedNode): VfStatistics {
  return {
    read: async () => ok(node.inspect().pfs.flatMap(({ netdev, pciAddress: pfAddress, numaNode, vfs }) => (netdev === undefined ? [] : vfs.map((vf) => ({
      pf: netdev.name, pfAddress, vfIndex: vf.index, pciAddress: vf.pciAddress, numaNode,
      rxPackets: 0, txPackets: 0, rxBytes: 0, txBytes: 0, rxBroadcast: 0, rxMulticast: 0, rxDropped: 0, txDropped: 0,
    }))))),
  };
}
