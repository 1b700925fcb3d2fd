import { comparePciAddresses, errnoName, fail, hardwareError, ok, parsePciAddress } from '@vfleet/core';
import type { HardwareError, PciAddress, Result, VfCounters, VfStatistics } from '@vfleet/core';
import type { KernelLinks } from './links.ts';
import { isRepresentor } from './links.ts';
import type { NetlinkFailure } from './netlink/exchange.ts';
import { RTM } from './netlink/link.ts';
import type { Link } from './netlink/link.ts';
import { decodeVfCounters, encodeGetCounters } from './netlink/vf-counters.ts';
import { baseName, deviceFile } from './sysfs/paths.ts';
import type { Sysfs } from './sysfs/sysfs.ts';

/**
 * VFs' traffic as their PF's driver counts it, by rtnetlink: one message for each PF, because the counters of all in one table do not fit.
 * A PF that vanishes while it is looked at is left out.
 */
export function linuxVfStatistics(sysfs: Sysfs, links: KernelLinks): VfStatistics {
  return { read: () => readAll(sysfs, links) };
}

async function readAll(sysfs: Sysfs, links: KernelLinks): Promise<Result<readonly VfCounters[], HardwareError>> {
  const all = await links.list('host');
  if (!all.ok) return fail(unreadable(all.error));
  const read: VfCounters[] = [];
  const pfs = all.value.flatMap((link) => {
    const address = link.vfs.length > 0 && link.parentBus === 'pci' && !isRepresentor(link) ? parsePciAddress(link.parentDevice ?? '') : undefined;
    return address?.ok === true ? [{ link, address: address.value }] : [];
  });
  for (const { link, address } of pfs.sort((a, b) => comparePciAddresses(a.address, b.address))) {
    const counters = await ofPf(sysfs, links, link, address);
    if (!counters.ok) return counters;
    read.push(...counters.value);
  }
  return ok(read);
}

async function ofPf(sysfs: Sysfs, links: KernelLinks, link: Link, pfAddress: PciAddress): Promise<Result<readonly VfCounters[], HardwareError>> {
  const answer = await links.ask('host', 'route', RTM.getLink, encodeGetCounters(link.index), decodeVfCounters);
  if (!answer.ok) return errnoName(answer.error.errno) === 'ENODEV' ? ok([]) : fail(unreadable(answer.error, pfAddress));
  const node = await sysfs.read(deviceFile(pfAddress, 'numa_node'));
  const numaNode = node.ok && /^\d+$/.test(node.value) ? Number(node.value) : -1;
  const found: VfCounters[] = [];
  for (const { index: vfIndex, ...counters } of answer.value[0] ?? []) {
    const target = await sysfs.readLink(deviceFile(pfAddress, `virtfn${vfIndex}`));
    const pciAddress = target.ok ? parsePciAddress(baseName(target.value)) : undefined;
    if (pciAddress?.ok === true) found.push({ pf: link.name, pfAddress, vfIndex, pciAddress: pciAddress.value, numaNode, ...counters });
  }
  return ok(found);
}

function unreadable({ errno, says }: NetlinkFailure, device: PciAddress | 'host' = 'host'): HardwareError {
  return hardwareError({ operation: 'discover', failure: errnoName(errno) ?? 'EIO', device, detail: `the counters of VFs by rtnetlink${says === undefined ? '' : `: ${says}`}` });
}
