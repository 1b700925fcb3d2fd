import type { AttachmentRow, NodeRow, PfRow } from './fleet-view.ts';
import type { Column } from './output/table.ts';

export const nodeColumns: readonly Column<NodeRow>[] = [
  { heading: 'node', cell: (row) => row.node },
  { heading: 'status', cell: (row) => row.ready },
  { heading: 'pfs', cell: (row) => String(row.pfs), align: 'right' },
  { heading: 'vfs', cell: (row) => String(row.vfs), align: 'right' },
  { heading: 'sync', cell: (row) => row.syncStatus },
  { heading: 'allocated', cell: (row) => row.resources.map(({ name, allocatable, allocated }) => `${name} ${allocated}/${allocatable}`).join(', ') },
  { heading: 'reason', cell: (row) => row.reason, wide: true },
];

export const pfColumns: readonly Column<PfRow>[] = [
  { heading: 'node', cell: (row) => row.node },
  { heading: 'pf', cell: (row) => row.pf },
  { heading: 'address', cell: (row) => row.pciAddress, wide: true },
  { heading: 'nic', cell: (row) => row.nic },
  { heading: 'driver', cell: (row) => row.driver },
  { heading: 'mode', cell: (row) => row.mode, wide: true },
  { heading: 'mtu', cell: (row) => String(row.mtu), align: 'right', wide: true },
  { heading: 'link', cell: (row) => row.link, wide: true },
  { heading: 'vfs', cell: (row) => `${row.numVfs}/${row.totalVfs}`, align: 'right' },
  { heading: 'resource', cell: (row) => row.resources.map(({ name }) => name || '(by hand)').join(', ') },
  { heading: 'allocated', cell: (row) => row.resources.map(({ vfs, allocated }) => `${allocated} of ${vfs}`).join(', ') },
  { heading: 'sync', cell: (row) => row.syncStatus },
];

export const attachmentColumns: readonly Column<AttachmentRow>[] = [
  { heading: 'pod', cell: (row) => row.pod },
  { heading: 'node', cell: (row) => row.node },
  { heading: 'phase', cell: (row) => row.phase, wide: true },
  { heading: 'interface', cell: (row) => row.interface },
  { heading: 'vf', cell: (row) => row.vf },
  { heading: 'mac', cell: (row) => row.mac },
  { heading: 'vlan', cell: (row) => row.vlan },
  { heading: 'address', cell: (row) => row.addresses.join(', ') },
  { heading: 'mtu', cell: (row) => row.mtu, align: 'right', wide: true },
  { heading: 'network', cell: (row) => row.network },
];
