import { comparePciAddresses, parsePciAddress } from '@vfleet/core';
import type { SubfunctionObservation } from '@vfleet/core';
import { primaryLink } from '../links.ts';
import type { Link } from '../netlink/link.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { rdmaDevicesIn, rdmaFilesIn } from './device-files.ts';
import { readNumber } from './function-files.ts';
import { netdevOf } from './link-values.ts';

/** Where `sfnum` is of those that mlx5 makes (drivers/net/ethernet/mellanox/mlx5/core/sf/dev/dev.c). */
const AUXILIARY_DEVICES = '/sys/bus/auxiliary/devices';
/** `<module>.<type>.<id>` (drivers/base/auxiliary.c); a NIC's own parts are there as well, as `eth` and `rdma`. */
const SUBFUNCTION = /^[^.]+\.sf\.\d+$/;

/** By PF, then by number. Those that vanish while they are looked at are left out. */
export async function readSubfunctions(sysfs: Sysfs, links: readonly Link[], defaultRoute: ReadonlySet<number>): Promise<readonly SubfunctionObservation[]> {
  const names = await sysfs.list(AUXILIARY_DEVICES);
  const found: SubfunctionObservation[] = [];
  for (const name of names.ok ? names.value : []) {
    if (!SUBFUNCTION.test(name)) continue;
    const subfunction = await readSubfunction(sysfs, name, links.filter((link) => link.parentBus === 'auxiliary' && link.parentDevice === name), defaultRoute);
    if (subfunction !== undefined) found.push(subfunction);
  }
  return found.sort((a, b) => comparePciAddresses(a.pf, b.pf) || a.sfNumber - b.sfNumber);
}

async function readSubfunction(sysfs: Sysfs, name: string, links: readonly Link[], defaultRoute: ReadonlySet<number>): Promise<SubfunctionObservation | undefined> {
  const at = `${AUXILIARY_DEVICES}/${name}`;
  const place = await sysfs.readLink(at);
  const pf = place.ok ? parsePciAddress(place.value.split('/').at(-2) ?? '') : undefined;
  const sfNumber = await readNumber(sysfs, `${at}/sfnum`, -1);
  if (pf?.ok !== true || sfNumber < 0) return undefined;
  const link = primaryLink(links);
  const rdmaFiles = await rdmaFilesIn(sysfs, at);
  return {
    name,
    sfNumber,
    pf: pf.value,
    ...(link === undefined ? {} : { netdev: netdevOf(link) }),
    rdmaDevices: await rdmaDevicesIn(sysfs, at),
    holdsDefaultRoute: links.some(({ index }) => defaultRoute.has(index)),
    ...(rdmaFiles.length === 0 ? {} : { deviceFiles: { rdma: rdmaFiles } }),
  };
}
