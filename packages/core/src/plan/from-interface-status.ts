import type { InterfaceStatus, NodeStateSpec, VfStatus } from '../api/node-state.ts';
import type { Inventory, Netdev, PfObservation, RdmaMode, VfObservation } from '../domain/inventory.ts';
import { parsePciAddress } from '../domain/pci.ts';
import type { OwnedPf } from './types.ts';

/** What a node state tells of a node, as far as planning needs it. */
export interface ReportedNode {
  readonly inventory: Inventory;
  /** Which pod (`namespace/name`) holds a VF, by the VF's address. */
  readonly holders: ReadonlyMap<string, string>;
}

/**
 * Reads `status.interfaces` back. What it does not say, such as settings of VFs that no plan looks at, is as on a fresh VF. PFs with an
 * address that is none are left out.
 */
export function observedFromStatus(interfaces: readonly InterfaceStatus[], rdmaMode: RdmaMode = 'shared'): ReportedNode {
  const holders = new Map<string, string>();
  const pfs: PfObservation[] = [];
  for (const status of interfaces) {
    const address = parsePciAddress(status.pciAddress);
    if (!address.ok) continue;
    const vfs = (status.Vfs ?? []).flatMap((vf) => observedVf(vf, status));
    for (const { assigned, pciAddress } of status.Vfs ?? []) if (assigned !== undefined) holders.set(pciAddress, assigned);
    const netdev = netdevOf(status.name, status.mac, status.mtu, status.linkAdminState === 'down', status.altNames);
    pfs.push({
      pciAddress: address.value, vendor: status.vendor ?? '', deviceId: status.deviceID ?? '',
      ...(status.driver === undefined ? {} : { driver: status.driver }), ...(netdev === undefined ? {} : { netdev }),
      linkType: status.linkType?.toUpperCase() === 'IB' ? 'IB' : 'ETH', linkSpeedMbps: Number(/^(-?\d+) Mb\/s$/.exec(status.linkSpeed ?? '')?.[1] ?? -1),
      eswitchMode: status.eSwitchMode === 'switchdev' ? 'switchdev' : 'legacy', totalVfs: status.totalvfs ?? 0, numVfs: status.numVfs ?? 0, vfs, numaNode: -1, rdmaDevices: [],
      ...(status.netFilter === undefined ? {} : { netFilter: status.netFilter }), holdsDefaultRoute: false,
    });
  }
  return { inventory: { pfs, rdmaMode }, holders };
}

/** The PFs that a node's spec configures now: what the daemon gives back when nobody wants them any more. */
export function ownedFromSpec(spec: NodeStateSpec): readonly OwnedPf[] {
  return (spec.interfaces ?? []).flatMap((entry): OwnedPf[] => {
    const address = parsePciAddress(entry.pciAddress);
    if (!address.ok) return [];
    return [{ pciAddress: address.value, ...(entry.name === undefined ? {} : { name: entry.name }), firstEswitchMode: 'legacy', externallyManaged: entry.externallyManaged ?? false }];
  });
}

function observedVf(vf: VfStatus, pf: InterfaceStatus): readonly VfObservation[] {
  const address = parsePciAddress(vf.pciAddress);
  if (!address.ok) return [];
  const netdev = netdevOf(vf.name, vf.mac, vf.mtu, false, undefined);
  // A GUID is shown once it is set, and then both are.
  const guids = pf.linkType?.toUpperCase() === 'IB' && vf.guid !== undefined ? { nodeGuid: vf.guid, portGuid: vf.guid } : {};
  return [{
    index: vf.vfID, pciAddress: address.value, vendor: vf.vendor ?? '', deviceId: vf.deviceID ?? '',
    ...(vf.driver === undefined ? {} : { driver: vf.driver }), ...(netdev === undefined ? {} : { netdev }),
    settings: { mac: vf.mac ?? '', vlan: vf.Vlan ?? 0, vlanQos: 0, vlanProtocol: '802.1q', spoofCheck: true, trust: false, minTxRateMbps: 0, maxTxRateMbps: 0, linkState: 'auto', ...guids },
    rdmaDevices: [],
    ...(vf.vdpaType === 'virtio' || vf.vdpaType === 'vhost' ? { vdpaType: vf.vdpaType } : {}), ...(vf.representorName === undefined ? {} : { representor: vf.representorName }),
  }];
}

function netdevOf(name: string | undefined, mac: string | undefined, mtu: number | undefined, isDown: boolean, altNames: readonly string[] | undefined): Netdev | undefined {
  if (name === undefined || mtu === undefined) return undefined;
  return { name, altNames: altNames ?? [], mac: mac ?? '', mtu, adminState: isDown ? 'down' : 'up', carrier: !isDown };
}
