import { errnoName, fail, hardwareError, ok, pciAddressPlus } from '@vfleet/core';
import type { HardwareError, PciAddress, Result, VfSight } from '@vfleet/core';
import { primaryLink, representorOf } from '../links.ts';
import type { KernelLinks } from '../links.ts';
import type { NetlinkFailure } from '../netlink/exchange.ts';
import type { Link } from '../netlink/link.ts';
import { driverOf, pfOf, vfPlaces } from '../sysfs/functions.ts';
import { baseName, deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { rdmaDevices } from './device-files.ts';
import { NO_SETTINGS, netdevOf, settingsOf } from './link-values.ts';
import type { GuardedReads } from './num-vfs.ts';
import { readRdmaMode } from './rdma-mode.ts';

/**
 * One VF and its PF as {@link discoverInventory} tells them, for who wants no more: three messages at most, one more with an RDMA device, and a handful of files, whatever
 * else the host has. Nothing is read that a change of the PF keeps locked.
 */
export async function lookAtVf(sysfs: Sysfs, links: KernelLinks, reads: GuardedReads, device: PciAddress): Promise<Result<VfSight | undefined, HardwareError>> {
  const pf = await pfOf(sysfs, device);
  const index = pf === device ? undefined : await indexOf(sysfs, pf, device);
  if (index === undefined) return ok(undefined);
  const driver = await driverOf(sysfs, device);
  const seen = await reads.limited(linksOfBoth(sysfs, links, pf, device));
  if (seen === undefined) return fail(hardwareError({ operation: 'discover', failure: 'deadlinePassed', device, detail: 'rtnetlink does not answer: something in the kernel keeps its lock' }));
  if (!seen.ok) return fail(hardwareError({ operation: 'discover', failure: errnoName(seen.error.errno) ?? 'EIO', device, detail: `rtnetlink${seen.error.says === undefined ? '' : `: ${seen.error.says}`}` }));
  const pfLink = primaryLink(seen.value.ofPf);
  const link = primaryLink(seen.value.ofVf);
  const settings = pfLink?.vfs.find((vf) => vf.index === index);
  const representor = representorOf(seen.value.ofPf, index)?.name;
  const rdma = await rdmaDevices(sysfs, device);
  const isExclusive = rdma.length > 0 && (await readRdmaMode(links)) === 'exclusive';
  return ok({
    pf: { pciAddress: pf, ...(pfLink === undefined ? {} : { netdev: netdevOf(pfLink) }) },
    vf: {
      index, pciAddress: device, settings: settings === undefined ? NO_SETTINGS : settingsOf(settings),
      ...(driver === undefined ? {} : { driver }), ...(link === undefined ? {} : { netdev: netdevOf(link) }), ...(representor === undefined ? {} : { representor }),
      ...(isExclusive ? { exclusiveRdma: rdma } : {}),
    },
  });
}

/** By the routing ids where the kernel tells them (4.15 and newer), and by the PF's own links; undefined when the PF has no such VF. */
async function indexOf(sysfs: Sysfs, pf: PciAddress, device: PciAddress): Promise<number | undefined> {
  const [offset, stride] = [await sysfs.read(deviceFile(pf, 'sriov_offset')), await sysfs.read(deviceFile(pf, 'sriov_stride'))];
  const first = offset.ok ? pciAddressPlus(pf, Number(offset.value)) : pf;
  const distance = routingId(device) - routingId(first);
  const index = stride.ok && Number(stride.value) > 0 ? distance / Number(stride.value) : distance;
  if (offset.ok && stride.ok && Number.isInteger(index) && index >= 0) {
    const target = await sysfs.readLink(deviceFile(pf, `virtfn${index}`));
    if (target.ok && baseName(target.value) === device) return index;
  }
  return (await vfPlaces(sysfs, pf)).find(({ address }) => address === device)?.index;
}

/** Bus, device and function as one number. */
function routingId(address: PciAddress): number {
  const [bus, device, fn] = address.slice(address.indexOf(':') + 1).split(/[:.]/) as [string, string, string];
  return (parseInt(bus, 16) << 8) | (parseInt(device, 16) << 3) | parseInt(fn, 16);
}

type Asked<Value> = Promise<Result<Value, NetlinkFailure>>;

/** The host's interfaces of a PF, with what it says of its VFs, and of one VF. */
async function linksOfBoth(sysfs: Sysfs, links: KernelLinks, pf: PciAddress, vf: PciAddress): Asked<{ readonly ofPf: readonly Link[]; readonly ofVf: readonly Link[] }> {
  const [pfNames, vfNames] = [await namesOf(sysfs, pf), await namesOf(sysfs, vf)];
  const [ofPf, ofVf] = [await namedOf(links, pf, pfNames, true), await namedOf(links, vf, vfNames, false)];
  if (ofPf !== undefined && ofVf !== undefined) return ok({ ofPf, ofVf });
  // With representors there are many, and an interface that is just being renamed answers to no name.
  const all = await links.list('host');
  const of = (device: PciAddress) => (all.ok ? all.value : []).filter((link) => link.parentBus === 'pci' && link.parentDevice === device);
  return all.ok ? ok({ ofPf: of(pf), ofVf: of(vf) }) : all;
}

async function namesOf(sysfs: Sysfs, device: PciAddress): Promise<readonly string[]> {
  const names = await sysfs.list(deviceFile(device, 'net'));
  return names.ok ? names.value : [];
}

/** Undefined when the whole table has to be asked. */
async function namedOf(links: KernelLinks, device: PciAddress, names: readonly string[], withVfs: boolean): Promise<readonly Link[] | undefined> {
  const [name] = names;
  if (name === undefined) return [];
  if (names.length > 1) return undefined;
  const link = await links.named(name, withVfs);
  return link.ok && link.value?.parentBus === 'pci' && link.value.parentDevice === device ? [link.value] : undefined;
}
