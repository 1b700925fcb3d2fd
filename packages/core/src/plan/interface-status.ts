import type { InterfaceStatus, VfStatus } from '../api/node-state.ts';
import type { Inventory, PfObservation, VfObservation } from '../domain/inventory.ts';

export interface InterfaceStatusOptions {
  /** Which pod (`namespace/name`) holds a VF, by the VF's address. */
  readonly holders?: ReadonlyMap<string, string>;
  /** PFs that the spec, or what was applied last, marks as externally managed. */
  readonly externallyManaged?: ReadonlySet<string>;
}

/** What was observed, as `status.interfaces` of a SriovNetworkNodeState spells it (mind `totalvfs`, `Vfs`, `Vlan`, `vfID`). */
export function toInterfaceStatus(inventory: Inventory, options: InterfaceStatusOptions = {}): InterfaceStatus[] {
  return inventory.pfs.map((pf) => pfStatus(pf, options));
}

function pfStatus(pf: PfObservation, options: InterfaceStatusOptions): InterfaceStatus {
  const { netdev } = pf;
  return {
    ...(netdev === undefined ? {} : { name: netdev.name, mac: netdev.mac }),
    ...(pf.driver === undefined ? {} : { driver: pf.driver }),
    pciAddress: pf.pciAddress,
    vendor: pf.vendor,
    deviceID: pf.deviceId,
    ...(pf.netFilter === undefined ? {} : { netFilter: pf.netFilter }),
    ...(netdev === undefined ? {} : { mtu: netdev.mtu }),
    numVfs: pf.numVfs,
    // Without carrier /sys/class/net/DEV/speed says -1.
    linkSpeed: `${pf.linkSpeedMbps} Mb/s`,
    linkType: pf.linkType,
    ...(netdev === undefined ? {} : { linkAdminState: netdev.adminState }),
    eSwitchMode: pf.eswitchMode,
    ...(options.externallyManaged?.has(pf.pciAddress) ? { externallyManaged: true } : {}),
    totalvfs: pf.totalVfs,
    ...(pf.vfs.length > 0 ? { Vfs: vfStatuses(pf, options.holders) } : {}),
    ...(netdev !== undefined && netdev.altNames.length > 0 ? { altNames: [...netdev.altNames] } : {}),
  };
}

/** By what was observed, of VFs that nobody holds: a look that sees the same VFs says the same of them, in the same words. */
const statusOfFree = new WeakMap<readonly VfObservation[], VfStatus[]>();

/** Frozen, so that whoever keeps it need not copy it. */
function vfStatuses(pf: PfObservation, holders: InterfaceStatusOptions['holders']): VfStatus[] {
  const areFree = holders === undefined || holders.size === 0 || !pf.vfs.some((vf) => holders.has(vf.pciAddress));
  const known = areFree ? statusOfFree.get(pf.vfs) : undefined;
  if (known !== undefined) return known;
  const list = pf.vfs.map((vf) => Object.freeze(vfStatus(pf, vf, holders?.get(vf.pciAddress))));
  Object.freeze(list);
  if (areFree) statusOfFree.set(pf.vfs, list);
  return list;
}

function vfStatus(pf: PfObservation, vf: VfObservation, assigned: string | undefined): VfStatus {
  const { netdev, settings } = vf;
  const { pciAddress, vendor, deviceId: deviceID, driver, index: vfID } = vf;
  const isPlain = assigned === undefined && settings.vlan === 0 && vf.vdpaType === undefined && vf.representor === undefined && pf.linkType === 'ETH';
  // What nearly all of them are, said in one piece, which takes two thirds of the memory.
  if (isPlain && netdev !== undefined && driver !== undefined) return { name: netdev.name, mac: netdev.mac, driver, pciAddress, vendor, deviceID, mtu: netdev.mtu, vfID };
  return {
    ...(netdev === undefined ? {} : { name: netdev.name, mac: netdev.mac }),
    ...(assigned === undefined ? {} : { assigned }),
    ...(vf.driver === undefined ? {} : { driver: vf.driver }),
    pciAddress: vf.pciAddress,
    vendor: vf.vendor,
    deviceID: vf.deviceId,
    ...(settings.vlan > 0 ? { Vlan: settings.vlan } : {}),
    ...(netdev === undefined ? {} : { mtu: netdev.mtu }),
    vfID: vf.index,
    ...(vf.vdpaType === undefined ? {} : { vdpaType: vf.vdpaType }),
    ...(vf.representor === undefined ? {} : { representorName: vf.representor }),
    ...(pf.linkType === 'IB' && settings.nodeGuid !== undefined ? { guid: settings.nodeGuid } : {}),
  };
}
