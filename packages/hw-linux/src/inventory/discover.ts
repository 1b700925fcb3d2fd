import { comparePciAddresses, errnoName, fail, hardwareError, isErrno, ok, parsePciAddress } from '@vfleet/core';
import type { HardwareError, Inventory, PciAddress, PfObservation, Result, VfObservation } from '@vfleet/core';
import { Devlink } from '../devlink.ts';
import { Ethtool } from '../ethtool.ts';
import type { KernelLinks } from '../links.ts';
import { isRepresentor, primaryLink, representorOf } from '../links.ts';
import { pciHandle } from '../netlink/devlink.ts';
import type { Link, LinkVf } from '../netlink/link.ts';
import { driverOf, vfPlaces } from '../sysfs/functions.ts';
import type { VfPlace } from '../sysfs/functions.ts';
import { PCI_DEVICES, baseName, deviceFile } from '../sysfs/paths.ts';
import type { Sysfs, SysfsError } from '../sysfs/sysfs.ts';
import { ACCELERATOR_CLASS, readAccelerators } from './accelerators.ts';
import { defaultRouteLinks } from './default-route.ts';
import { readId, readNumber } from './function-files.ts';
import { NO_SETTINGS, netdevOf, settingsOf } from './link-values.ts';
import { tellNascentVfs } from './nascent-vfs.ts';
import type { Functions } from './nascent-vfs.ts';
import { readNumVfs } from './num-vfs.ts';
import type { GuardedReads } from './num-vfs.ts';
import { readRdmaMode } from './rdma-mode.ts';
import { readSubfunctions } from './subfunctions.ts';
import { deviceFilesOf, listVdpa, rdmaDevices } from './device-files.ts';
import type { VdpaDevice } from './device-files.ts';

/** What one look at the host works with: tables that were read once for all PFs. */
interface Look {
  readonly sysfs: Sysfs;
  readonly links: KernelLinks;
  readonly reads: GuardedReads;
  readonly nascent: Functions['nascent'];
  readonly byDevice: ReadonlyMap<string, readonly Link[]>;
  readonly vdpa: ReadonlyMap<string, VdpaDevice>;
  readonly defaultRoute: ReadonlySet<number>;
}

const NETWORK_CLASS = /^0x02/;
const INFINIBAND_CLASS = /^0x0207/;

/**
 * The node's PFs and their VFs, as sysfs and netlink show them at this moment. Devices that vanish while they are looked at are left out,
 * and of a PF that a change holds up it is told what can be read without waiting.
 */
export async function discoverInventory(sysfs: Sysfs, links: KernelLinks, reads: GuardedReads): Promise<Result<Inventory, HardwareError>> {
  const names = await sysfs.list(PCI_DEVICES);
  if (!names.ok) return fail(sysfsFailure(names.error));
  const functions = await observedFunctions(sysfs, names.value);
  if (!functions.ok) return functions;
  const { pfs: addresses, nascent, accelerators } = functions.value;
  const all = await reads.limited(links.list('host'));
  // Everything that has to do with links waits for one lock (rtnl): whoever keeps it stops them all.
  if (all === undefined) return fail(hardwareError({ operation: 'discover', failure: 'deadlinePassed', device: 'host', detail: 'rtnetlink does not answer: something in the kernel keeps its lock' }));
  if (!all.ok) {
    const failure = errnoName(all.error.errno) ?? 'EIO';
    return fail(hardwareError({ operation: 'discover', failure, device: 'host', detail: `rtnetlink${all.error.says === undefined ? '' : `: ${all.error.says}`}` }));
  }
  const look: Look = {
    sysfs, links, reads, nascent, byDevice: groupByDevice(all.value), vdpa: await listVdpa(sysfs), defaultRoute: await defaultRouteLinks(links, all.value),
  };
  const pfs: PfObservation[] = [];
  for (const address of addresses) {
    const pf = await readPf(look, address);
    if (pf !== undefined) pfs.push(pf);
  }
  const rdmaMode = await readRdmaMode(links);
  const subfunctions = await readSubfunctions(sysfs, all.value, look.defaultRoute);
  return ok({
    pfs,
    rdmaMode,
    ...(accelerators.length === 0 ? {} : { accelerators: await readAccelerators(sysfs, accelerators) }),
    ...(subfunctions.length === 0 ? {} : { subfunctions }),
  });
}

function sysfsFailure(error: SysfsError): HardwareError {
  const known = error.errno === 'ENOENT' ? ' is not there: mount sysfs' : ` answers ${error.errno}`;
  // What the table does not have is told by its own name.
  const failure = isErrno(error.errno) ? error.errno : 'EIO';
  return hardwareError({ operation: 'discover', failure, device: 'host', detail: `${error.path}${known}` });
}

function groupByDevice(links: readonly Link[]): ReadonlyMap<string, readonly Link[]> {
  const groups = new Map<string, Link[]>();
  for (const link of links) {
    if (link.parentBus !== 'pci' || link.parentDevice === undefined) continue;
    const group = groups.get(link.parentDevice);
    if (group === undefined) groups.set(link.parentDevice, [link]);
    else group.push(link);
  }
  return groups;
}

/** Network controllers without those that are VFs of another, in order, and accelerators. Names that are no PCI addresses are not the kernel's PCI devices. */
async function observedFunctions(sysfs: Sysfs, names: readonly string[]): Promise<Result<Functions & { readonly accelerators: readonly PciAddress[] }, HardwareError>> {
  const found: PciAddress[] = [];
  const accelerators: PciAddress[] = [];
  for (const name of names) {
    const address = parsePciAddress(name);
    if (!address.ok) continue;
    const pciClass = await sysfs.read(deviceFile(address.value, 'class'));
    if (!pciClass.ok) {
      if (pciClass.error.errno === 'EACCES' || pciClass.error.errno === 'EPERM') return fail(sysfsFailure(pciClass.error));
      continue;
    }
    if (ACCELERATOR_CLASS.test(pciClass.value)) accelerators.push(address.value);
    if (NETWORK_CLASS.test(pciClass.value) && !(await sysfs.exists(deviceFile(address.value, 'physfn')))) found.push(address.value);
  }
  return ok({ ...(await tellNascentVfs(sysfs, found.sort(comparePciAddresses))), accelerators });
}

async function readPf(look: Look, address: PciAddress): Promise<PfObservation | undefined> {
  const { sysfs, links } = look;
  const [vendor, deviceId] = [await readId(sysfs, address, 'vendor'), await readId(sysfs, address, 'device')];
  if (vendor === undefined || deviceId === undefined) return undefined;
  const own = look.byDevice.get(address) ?? [];
  const link = primaryLink(own);
  const driver = await driverOf(sysfs, address);
  const pciClass = await sysfs.read(deviceFile(address, 'class'));
  const totalVfs = await readNumber(sysfs, deviceFile(address, 'sriov_totalvfs'), 0);
  const places = totalVfs === 0 ? [] : await vfPlaces(sysfs, address);
  const known = totalVfs === 0 ? ok(0) : await readNumVfs(sysfs, look.reads, address, { vfs: places.map((vf) => vf.address), nascent: look.nascent.get(address) ?? [] });
  const rdma = await rdmaDevices(sysfs, address);
  // Drivers may answer these only when the change is done.
  const isFree = known.ok;
  const eswitchMode = isFree ? (driver === undefined ? 'legacy' : await readEswitch(links, address)) : own.some(isRepresentor) ? 'switchdev' : 'legacy';
  const firmwareVersion = isFree ? await readFirmware(links, address, link) : undefined;
  // Reading the number may have waited for a change that is done now.
  const vfs = await readVfs(look, known.ok && known.value !== places.length ? await vfPlaces(sysfs, address) : places, own, link);
  const deviceFiles = await deviceFilesOf(sysfs, address, driver, rdma, undefined);
  const ddpProfile = isFree && driver !== undefined && DDP_DRIVERS.has(driver) ? await readDdpProfile(links, address) : undefined;
  return {
    pciAddress: address,
    vendor,
    deviceId,
    ...(driver === undefined ? {} : { driver }),
    ...(link === undefined ? {} : { netdev: netdevOf(link) }),
    linkType: link?.isInfiniBand === true || (pciClass.ok && INFINIBAND_CLASS.test(pciClass.value)) ? 'IB' : 'ETH',
    linkSpeedMbps: link === undefined || !link.carrier || !isFree ? -1 : await readSpeed(links, link),
    eswitchMode,
    totalVfs,
    numVfs: known.ok ? known.value : vfs.length,
    vfs,
    numaNode: await readNumber(sysfs, deviceFile(address, 'numa_node'), -1),
    rdmaDevices: rdma,
    ...(firmwareVersion === undefined ? {} : { firmwareVersion }),
    holdsDefaultRoute: own.some((candidate) => !isRepresentor(candidate) && look.defaultRoute.has(candidate.index)),
    ...(deviceFiles === undefined ? {} : { deviceFiles }),
    ...(await readMarks(sysfs, address, link)),
    ...(ddpProfile === undefined ? {} : { ddpProfile }),
    ...(known.ok ? {} : { blocked: known.error }),
  };
}

async function readVfs(look: Look, places: readonly VfPlace[], links: readonly Link[], link: Link | undefined): Promise<readonly VfObservation[]> {
  const settings = new Map(link?.vfs.map((vf) => [vf.index, vf]));
  const vfs: VfObservation[] = [];
  for (const { index, address } of places) {
    const vf = await readVf(look, index, address, settings.get(index), representorOf(links, index)?.name);
    if (vf !== undefined) vfs.push(vf);
  }
  return vfs;
}

async function readVf(look: Look, index: number, address: PciAddress, settings: LinkVf | undefined, representor: string | undefined): Promise<VfObservation | undefined> {
  const { sysfs } = look;
  const [vendor, deviceId] = [await readId(sysfs, address, 'vendor'), await readId(sysfs, address, 'device')];
  if (vendor === undefined || deviceId === undefined) return undefined;
  const driver = await driverOf(sysfs, address);
  const link = primaryLink(look.byDevice.get(address) ?? []);
  const group = await sysfs.readLink(deviceFile(address, 'iommu_group'));
  const rdma = await rdmaDevices(sysfs, address);
  const vdpa = look.vdpa.get(address);
  const deviceFiles = await deviceFilesOf(sysfs, address, driver, rdma, vdpa);
  return {
    index,
    pciAddress: address,
    vendor,
    deviceId,
    ...(driver === undefined ? {} : { driver }),
    ...(link === undefined ? {} : { netdev: netdevOf(link) }),
    settings: settings === undefined ? NO_SETTINGS : settingsOf(settings),
    ...(group.ok ? { iommuGroup: Number(baseName(group.value)) } : {}),
    rdmaDevices: rdma,
    ...(vdpa?.type === undefined ? {} : { vdpaType: vdpa.type }),
    ...(representor === undefined ? {} : { representor }),
    ...(deviceFiles === undefined ? {} : { deviceFiles }),
    ...(await readMarks(sysfs, address, link)),
  };
}

/** Drivers whose NICs take packages of packet types. */
const DDP_DRIVERS: ReadonlySet<string> = new Set(['ice', 'i40e']);

async function readDdpProfile(links: KernelLinks, address: PciAddress): Promise<string | undefined> {
  const info = await new Devlink(links, pciHandle(address)).info();
  return info.ok ? info.value?.versions.get('fw.app.name') : undefined;
}

/** What some users select functions by. Both are absent on most. */
async function readMarks(sysfs: Sysfs, address: PciAddress, link: Link | undefined): Promise<Pick<VfObservation, 'acpiIndex' | 'pKey'>> {
  const acpiIndex = await readNumber(sysfs, deviceFile(address, 'acpi_index'), -1);
  const pKey = link?.isInfiniBand === true ? await sysfs.read(deviceFile(address, `net/${link.name}/pkey`)) : undefined;
  return { ...(acpiIndex < 0 ? {} : { acpiIndex }), ...(pKey?.ok === true ? { pKey: pKey.value } : {}) };
}

/** Without devlink, or with a driver that has none, there is no eswitch to switch. */
async function readEswitch(links: KernelLinks, address: PciAddress): Promise<'legacy' | 'switchdev'> {
  const mode = await new Devlink(links, pciHandle(address)).eswitchMode();
  return mode.ok ? mode.value : 'legacy';
}

async function readSpeed(links: KernelLinks, link: Link): Promise<number> {
  const settings = await new Ethtool(links, link).linkSettings();
  return settings.ok ? settings.value.speedMbps : -1;
}

async function readFirmware(links: KernelLinks, address: PciAddress, link: Link | undefined): Promise<string | undefined> {
  if (link !== undefined) {
    const info = await links.driverInfo(link.name);
    if (info.ok && info.value.firmware !== '' && info.value.firmware !== 'N/A') return info.value.firmware;
  }
  const info = await new Devlink(links, pciHandle(address)).info();
  return info.ok ? (info.value?.versions.get('fw') ?? info.value?.versions.get('fw.version')) : undefined;
}
