import type { PfObservation, VfObservation } from '../domain/inventory.ts';
import type { AffectedVf, Difference, WantedGroup, WantedPf } from './types.ts';
import { groupOf, userSpaceDrivers } from './wanted.ts';

const ZERO_GUID = /^(00:){7}00$/;

/**
 * How a PF and its VFs differ from what is wanted, where that needs an update. This, and nothing finer, is what decides about a
 * drain. An externally managed PF is judged by its VFs only.
 */
export function differencesOf(wanted: WantedPf, pf: PfObservation): readonly Difference[] {
  const differences: Difference[] = [];
  if (!wanted.externallyManaged) {
    if (wanted.numVfs !== pf.numVfs) differences.push({ kind: 'numVfs', from: pf.numVfs, to: wanted.numVfs });
    else if (pf.vfs.length < pf.numVfs) differences.push({ kind: 'vfsMissing', from: pf.vfs.length, to: pf.numVfs });
    if (wanted.eswitchMode !== pf.eswitchMode) differences.push({ kind: 'eswitchMode', from: pf.eswitchMode, to: wanted.eswitchMode });
    if (pf.netdev !== undefined) {
      if ((wanted.mtu ?? 0) > pf.netdev.mtu) differences.push({ kind: 'pfMtu', from: pf.netdev.mtu, to: wanted.mtu! });
      if (pf.netdev.adminState === 'down') differences.push({ kind: 'pfDown' });
    }
  }
  for (const vf of pf.vfs) {
    const group = groupOf(wanted, vf.index);
    if (group !== undefined) differences.push(...differencesOfVf(group, pf, vf, wanted.externallyManaged));
  }
  return differences;
}

function differencesOfVf(group: WantedGroup, pf: PfObservation, vf: VfObservation, externallyManaged: boolean): readonly Difference[] {
  const differences: Difference[] = [];
  if (!hasWantedDriver(group, vf)) {
    differences.push({ kind: 'vfDriver', vfIndex: vf.index, ...(vf.driver === undefined ? {} : { from: vf.driver }), to: group.driver });
  }
  if (group.mtu !== undefined && vf.netdev !== undefined && vf.netdev.mtu !== group.mtu) {
    differences.push({ kind: 'vfMtu', vfIndex: vf.index, from: vf.netdev.mtu, to: group.mtu });
  }
  if (!externallyManaged && needsGuid(group, pf, vf)) differences.push({ kind: 'vfGuid', vfIndex: vf.index });
  if (group.vdpaType !== vf.vdpaType) {
    differences.push({
      kind: 'vfVdpa', vfIndex: vf.index, ...(vf.vdpaType === undefined ? {} : { from: vf.vdpaType }), ...(group.vdpaType === undefined ? {} : { to: group.vdpaType }),
    });
  }
  return differences;
}

export function hasWantedDriver(group: WantedGroup, vf: VfObservation): boolean {
  if (vf.driver === undefined) return false;
  return group.driver === 'default' ? !userSpaceDrivers.includes(vf.driver) : vf.driver === group.driver;
}

/** An InfiniBand VF for the kernel whose GUIDs nobody has set: subnet managers do not bring it up. */
export function needsGuid(group: WantedGroup, pf: PfObservation, vf: VfObservation): boolean {
  if (pf.linkType !== 'IB' || group.driver !== 'default') return false;
  const isZero = (guid: string | undefined) => guid === undefined || ZERO_GUID.test(guid);
  return isZero(vf.settings.nodeGuid) || isZero(vf.settings.portGuid);
}

/** The VFs that lose traffic while the differences are removed: all of the PF's, unless each difference is about one VF. */
export function affectedVfs(pf: PfObservation, differences: readonly Difference[], holders: ReadonlyMap<string, string>): readonly AffectedVf[] {
  const all = differences.some((difference) => !('vfIndex' in difference));
  const indices = new Set(differences.flatMap((difference) => ('vfIndex' in difference ? [difference.vfIndex] : [])));
  return pf.vfs
    .filter((vf) => all || indices.has(vf.index))
    .map((vf) => {
      const pod = holders.get(vf.pciAddress);
      return { index: vf.index, pciAddress: vf.pciAddress, ...(pod === undefined ? {} : { pod }) };
    });
}
