import type { HostFacts, Inventory } from '@vfleet/core';
import type { Sysfs } from '../sysfs/sysfs.ts';
import type { HugepagePool } from './hugepages.ts';

/** One thing about the host that SR-IOV depends on. `problem`: something will not work; `note`: something may not. */
export interface HostFinding {
  readonly subject: 'iommu' | 'firmware' | 'lockdown' | 'hugepages';
  readonly state: 'good' | 'note' | 'problem';
  readonly says: string;
  readonly remedy?: string;
}

/** What the kernel tells of the firmware and of itself, beside {@link HostFacts}. */
export interface FirmwareFacts {
  /** ACPI tables by which a BIOS offers an IOMMU: DMAR (Intel), IVRS (AMD). */
  readonly iommuTables: readonly string[];
  /** IOMMUs that the kernel drives, as /sys/class/iommu names them. */
  readonly iommus: readonly string[];
  /** /sys/kernel/security/lockdown: what is in force, for example `none` or `integrity`. */
  readonly lockdown: string | undefined;
}

export async function readFirmwareFacts(sysfs: Sysfs): Promise<FirmwareFacts> {
  const tables = await sysfs.list('/sys/firmware/acpi/tables');
  const iommus = await sysfs.list('/sys/class/iommu');
  const lockdown = await sysfs.read('/sys/kernel/security/lockdown');
  return {
    iommuTables: (tables.ok ? tables.value : []).filter((name) => name === 'DMAR' || name === 'IVRS'),
    iommus: iommus.ok ? iommus.value : [],
    lockdown: lockdown.ok ? /\[(\w+)\]/.exec(lockdown.value)?.[1] : undefined,
  };
}

/** Pure: what a person should know before VFs are made on this host. */
export function checkHost(facts: HostFacts, firmware: FirmwareFacts, inventory: Inventory, hugepages: readonly HugepagePool[]): readonly HostFinding[] {
  return [checkIommu(facts, firmware), ...checkPassThrough(facts), ...checkLockdown(firmware), ...checkPfs(inventory), checkHugepages(hugepages)];
}

function checkIommu(facts: HostFacts, { iommuTables, iommus }: FirmwareFacts): HostFinding {
  const subject = 'iommu';
  if (facts.iommuEnabled) return { subject, state: 'good', says: `the IOMMU is on${iommus.length === 0 ? '' : ` (${iommus.join(', ')})`}` };
  const argument = facts.cpuVendor === 'amd' ? 'iommu=pt' : 'intel_iommu=on iommu=pt';
  if (iommuTables.length === 0 && facts.cpuVendor !== 'other') {
    return { subject, state: 'problem', says: 'the firmware offers no IOMMU, so VFs cannot be given to programs with vfio-pci', remedy: 'enable VT-d or AMD-Vi in the BIOS; in a virtual machine, give it a virtual IOMMU' };
  }
  const isComing = argument.split(' ').every((token) => facts.pendingKernelArguments.includes(token));
  if (isComing) return { subject, state: 'note', says: 'the IOMMU is off until the next boot', remedy: 'reboot' };
  return { subject, state: 'problem', says: 'the IOMMU is off, so VFs cannot be given to programs with vfio-pci', remedy: `boot with ${argument} (vfleet host prepare sets it)` };
}

function checkPassThrough({ iommuEnabled, kernelArguments }: HostFacts): readonly HostFinding[] {
  if (!iommuEnabled || kernelArguments.includes('iommu=pt')) return [];
  return [{ subject: 'iommu', state: 'note', says: 'the host’s own devices go through the IOMMU too, which costs them throughput', remedy: 'boot with iommu=pt' }];
}

function checkLockdown({ lockdown }: FirmwareFacts): readonly HostFinding[] {
  if (lockdown === undefined || lockdown === 'none') return [];
  return [{ subject: 'lockdown', state: 'note', says: `the kernel is locked down (${lockdown}): drivers that reach PCI registers from user space are refused`, remedy: 'use vfio-pci and not uio; firmware tools need secure boot off' }];
}

function checkPfs({ pfs }: Inventory): readonly HostFinding[] {
  if (pfs.length === 0) return [{ subject: 'firmware', state: 'problem', says: 'there is no network controller on the PCI bus', remedy: 'check the slot, and that the BIOS does not hide it' }];
  return pfs.map((pf): HostFinding => {
    const name = `${pf.netdev?.name ?? ''} ${pf.pciAddress}`.trim();
    const version = pf.firmwareVersion === undefined ? '' : `, firmware ${pf.firmwareVersion}`;
    if (pf.totalVfs > 0) return { subject: 'firmware', state: 'good', says: `${name} offers ${pf.totalVfs} VFs${version}` };
    return { subject: 'firmware', state: 'note', says: `${name} offers no VFs${version}`, remedy: 'enable SR-IOV in the BIOS and in the NIC’s firmware, where the NIC has it' };
  });
}

function checkHugepages(pools: readonly HugepagePool[]): HostFinding {
  const total = pools.reduce((sum, pool) => sum + pool.total, 0);
  const subject = 'hugepages';
  if (total === 0) return { subject, state: 'note', says: 'no hugepages are reserved; DPDK wants some', remedy: 'boot with hugepagesz=1G hugepages=N, or write nr_hugepages' };
  return { subject, state: 'good', says: pools.filter((pool) => pool.total > 0).map((pool) => `${pool.free} of ${pool.total} × ${pool.sizeKb / 1024} MB free${pool.numaNode < 0 ? '' : ` on NUMA node ${pool.numaNode}`}`).join(', ') };
}
