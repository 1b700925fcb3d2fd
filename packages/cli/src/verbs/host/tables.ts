import type { HardwareEvent, Inventory, PfObservation, VfObservation } from '@vfleet/core';
import { renderTable } from '../../output/table.ts';

/** PFs and their VFs, one line each. */
export function inventoryTable(inventory: Inventory): string {
  const rows = inventory.pfs.flatMap((pf) => [pfRow(pf), ...pf.vfs.map(vfRow)]);
  return `${renderTable<readonly string[]>(HEADINGS.map((heading, index) => ({ heading, cell: (row) => row[index] ?? '' })), rows)}\n${inventory.pfs.map(blockageLine).join('')}`;
}

function blockageLine({ pciAddress, blocked }: PfObservation): string {
  return blocked === undefined ? '' : `\n${pciAddress} is blocked: ${blocked.cause}. What can be done: ${blocked.remedy}.\n`;
}

const HEADINGS = ['device', 'interface', 'id', 'driver', 'link', 'vfs', 'mtu', 'mac', 'vlan', 'notes'];

function pfRow(pf: PfObservation): readonly string[] {
  const link = pf.netdev === undefined ? '' : `${pf.netdev.adminState}${pf.netdev.carrier ? '' : ', no carrier'}${pf.linkSpeedMbps > 0 ? `, ${pf.linkSpeedMbps} Mb/s` : ''}`;
  const notes = [pf.blocked === undefined ? '' : 'blocked', pf.eswitchMode === 'switchdev' ? 'switchdev' : '', pf.holdsDefaultRoute ? 'default route' : '', pf.numaNode >= 0 ? `NUMA ${pf.numaNode}` : ''].filter((note) => note !== '').join(', ');
  return [pf.pciAddress, pf.netdev?.name ?? '', `${pf.vendor}:${pf.deviceId}`, pf.driver ?? 'none', link, pf.totalVfs === 0 ? '' : `${pf.numVfs} of ${pf.totalVfs}`, String(pf.netdev?.mtu ?? ''), pf.netdev?.mac ?? '', '', notes];
}

function vfRow(vf: VfObservation): readonly string[] {
  const { settings } = vf;
  const notes = [settings.trust ? 'trusted' : '', settings.spoofCheck ? '' : 'no spoof check', settings.maxTxRateMbps > 0 ? `at most ${settings.maxTxRateMbps} Mb/s` : '', vf.iommuGroup === undefined ? '' : `IOMMU group ${vf.iommuGroup}`];
  return [
    `  VF ${vf.index} ${vf.pciAddress}`, vf.netdev?.name ?? '', `${vf.vendor}:${vf.deviceId}`, vf.driver ?? 'none', vf.netdev?.adminState ?? '', '', String(vf.netdev?.mtu ?? ''), vf.netdev?.mac ?? '',
    settings.vlan === 0 ? '' : `${settings.vlan}${settings.vlanQos > 0 ? ` qos ${settings.vlanQos}` : ''}`, notes.filter((note) => note !== '').join(', '),
  ];
}

/** One event of the hardware in words. */
export function describeEvent(event: HardwareEvent): string {
  switch (event.kind) {
    case 'link':
      return `${event.device} ${event.carrier ? 'has carrier' : 'lost its carrier'}`;
    case 'added':
      return `${event.device} is there`;
    case 'removed':
      return `${event.device} is gone`;
    case 'driver':
      return event.driver === undefined ? `${event.device} has no driver` : `${event.device} is bound to ${event.driver}`;
    case 'changed':
      return `${event.device} changed`;
    case 'resync':
      return 'events were lost; look at the host again';
  }
}
