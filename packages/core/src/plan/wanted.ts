import type { NodeStateInterface, VfGroup } from '../api/node-state.ts';
import { parsePciAddress } from '../domain/pci.ts';
import { parseVfRange } from '../render/vf-range.ts';
import { fail, ok } from '../result.ts';
import type { Result } from '../result.ts';
import type { PlanProblem, WantedGroup, WantedPf } from './types.ts';

/** Drivers that hand a VF to user space; a VF bound to one has no netdev. */
export const userSpaceDrivers: readonly string[] = ['vfio-pci', 'igb_uio', 'uio_pci_generic'];

/** Checks one element of `spec.interfaces`. The API validates types only, so every value is looked at. */
export function readWantedPf(entry: NodeStateInterface): Result<WantedPf, PlanProblem> {
  const bad = (cause: string, remedy: string) =>
    fail<PlanProblem>({ kind: 'badSpec', pf: entry.pciAddress, ...(entry.name === undefined ? {} : { name: entry.name }), cause, remedy, blocks: true });
  const address = parsePciAddress(entry.pciAddress);
  if (!address.ok) return bad(address.error, 'correct pciAddress in spec.interfaces of the node state');
  const numVfs = entry.numVfs ?? 0;
  if (!Number.isInteger(numVfs) || numVfs < 0) return bad(`numVfs is ${numVfs}`, 'set numVfs to a whole number of 0 or more');
  const mode = entry.eSwitchMode === undefined || entry.eSwitchMode === '' ? 'legacy' : entry.eSwitchMode;
  if (mode !== 'legacy' && mode !== 'switchdev') return bad(`eSwitchMode is "${mode}"`, 'set eSwitchMode to legacy or switchdev');
  const linkType = entry.linkType?.toUpperCase() ?? '';
  if (linkType !== '' && linkType !== 'ETH' && linkType !== 'IB') return bad(`linkType is "${entry.linkType}"`, 'set linkType to eth or ib');
  const groups: WantedGroup[] = [];
  for (const group of entry.vfGroups ?? []) {
    const read = readGroup(group, numVfs);
    if (!read.ok) return bad(read.error.cause, read.error.remedy);
    groups.push(read.value);
  }
  const mtu = Math.max(entry.mtu ?? 0, ...groups.map((group) => group.mtu ?? 0));
  return ok({
    pciAddress: address.value,
    numVfs,
    eswitchMode: mode,
    ...(linkType === '' ? {} : { linkType }),
    ...(mtu > 0 ? { mtu } : {}),
    externallyManaged: entry.externallyManaged ?? false,
    groups,
  });
}

function readGroup(group: VfGroup, numVfs: number): Result<WantedGroup, { readonly cause: string; readonly remedy: string }> {
  const range = group.vfRange === undefined || group.vfRange === '' ? ok({ first: 0, last: numVfs - 1 }) : parseVfRange(group.vfRange);
  if (!range.ok) return fail({ cause: `vfRange of ${group.policyName ?? 'a VF group'}: ${range.error}`, remedy: 'write vfRange as first and last VF index, such as "0-3"' });
  const type = group.deviceType === undefined || group.deviceType === '' || group.deviceType === 'netdevice' ? 'default' : group.deviceType;
  if (type !== 'default' && !userSpaceDrivers.includes(type)) {
    return fail({ cause: `deviceType is "${type}"`, remedy: 'set deviceType to netdevice or vfio-pci' });
  }
  const vdpaType = group.vdpaType === undefined || group.vdpaType === '' ? undefined : group.vdpaType;
  if (vdpaType !== undefined && vdpaType !== 'virtio' && vdpaType !== 'vhost') {
    return fail({ cause: `vdpaType is "${vdpaType}"`, remedy: 'set vdpaType to virtio or vhost' });
  }
  if (vdpaType !== undefined && type !== 'default') return fail({ cause: `vdpaType ${vdpaType} with deviceType ${type}`, remedy: 'use deviceType netdevice for vDPA' });
  return ok({
    range: range.value,
    driver: type,
    ...(group.resourceName === undefined ? {} : { resourceName: group.resourceName }),
    ...(group.mtu !== undefined && group.mtu > 0 ? { mtu: group.mtu } : {}),
    isRdma: group.isRdma ?? false,
    ...(vdpaType === undefined ? {} : { vdpaType }),
  });
}

/** The group that a VF is in; the first one that names its index. */
export function groupOf(wanted: WantedPf, vfIndex: number): WantedGroup | undefined {
  return wanted.groups.find((group) => group.range.first <= vfIndex && vfIndex <= group.range.last);
}
