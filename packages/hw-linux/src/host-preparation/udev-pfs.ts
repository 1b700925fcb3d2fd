import type { NodeStateInterface, PciAddress, PfObservation } from '@vfleet/core';
import { pciAddressPlus } from '@vfleet/core';
import { deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import type { UdevPf } from './udev-rules.ts';

/** What udev is to know of the PFs that a node state names, with the addresses that their VFs will have. */
export async function readUdevPfs(sysfs: Sysfs, pfs: readonly PfObservation[], wanted: readonly NodeStateInterface[]): Promise<readonly UdevPf[]> {
  const found: UdevPf[] = [];
  for (const { pciAddress, numVfs = 0, eSwitchMode } of wanted) {
    const pf = pfs.find((candidate) => candidate.pciAddress === pciAddress);
    if (pf === undefined || numVfs === 0) continue;
    const name = pf.netdev?.name ?? '';
    const representors = eSwitchMode === 'switchdev' && name !== '' ? await readSwitch(sysfs, pf.pciAddress, name) : undefined;
    found.push({ pciAddress: pf.pciAddress, name, vfAddresses: pf.vfs.length >= numVfs ? pf.vfs.map((vf) => vf.pciAddress) : await readVfAddresses(sysfs, pf.pciAddress, numVfs), ...(representors === undefined ? {} : { representors }) });
  }
  return found;
}

/** PCIe SR-IOV 9.2.1.2: the first VF is `offset` routing ids behind the PF, each next one `stride` further. */
export async function readVfAddresses(sysfs: Sysfs, pf: PciAddress, numVfs: number): Promise<readonly PciAddress[]> {
  const offset = await readCount(sysfs, deviceFile(pf, 'sriov_offset'));
  const stride = await readCount(sysfs, deviceFile(pf, 'sriov_stride'));
  const total = await readCount(sysfs, deviceFile(pf, 'sriov_totalvfs'));
  if (offset === undefined || stride === undefined || total === undefined) return [];
  return Array.from({ length: Math.min(numVfs, total) }, (_, index) => pciAddressPlus(pf, offset + index * stride));
}

/** Where the driver names its switch only in switchdev mode, the rules come with the next preparation. */
async function readSwitch(sysfs: Sysfs, pf: PciAddress, name: string): Promise<UdevPf['representors']> {
  const switchId = await sysfs.read(`${deviceFile(pf, 'net')}/${name}/phys_switch_id`);
  return switchId.ok && switchId.value !== '' ? { pfNumber: Number(pf.slice(-1)), switchId: switchId.value } : undefined;
}

async function readCount(sysfs: Sysfs, path: string): Promise<number | undefined> {
  const text = await sysfs.read(path);
  return text.ok && /^\d{1,5}$/.test(text.value) ? Number(text.value) : undefined;
}
