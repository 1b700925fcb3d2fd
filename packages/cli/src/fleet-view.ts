import type { InterfaceStatus, NetworkStatus, VfStatus } from '@vfleet/core';
import { comparePciAddresses, podAnnotations } from '@vfleet/core';
import type { Node, Pod, SriovNetworkNodeState } from '@vfleet/kube';

/** A PF with what was made of it, as the tables show it. */
export interface PfRow {
  readonly node: string;
  readonly pf: string;
  readonly pciAddress: string;
  readonly nic: string;
  readonly driver: string;
  readonly numVfs: number;
  readonly totalVfs: number;
  readonly mode: string;
  readonly mtu: number;
  readonly link: string;
  readonly resources: readonly ResourceShare[];
  readonly syncStatus: string;
}

export interface ResourceShare {
  readonly name: string;
  readonly vfs: number;
  readonly allocated: number;
}

/** An extra interface of a pod, and the VF behind it where there is one. */
export interface AttachmentRow {
  readonly pod: string;
  readonly node: string;
  readonly phase: string;
  readonly network: string;
  readonly interface: string;
  readonly vf: string;
  readonly mac: string;
  readonly vlan: string;
  readonly addresses: readonly string[];
  readonly mtu: string;
}

export interface NodeRow {
  readonly node: string;
  readonly ready: string;
  readonly pfs: number;
  readonly vfs: number;
  readonly resources: readonly { readonly name: string; readonly allocatable: number; readonly allocated: number }[];
  readonly syncStatus: string;
  readonly reason: string;
}

export interface FleetObjects {
  readonly nodes: readonly Node[];
  readonly nodeStates: readonly SriovNetworkNodeState[];
  readonly pods: readonly Pod[];
}

export interface FleetView {
  readonly nodes: readonly NodeRow[];
  readonly pfs: readonly PfRow[];
  readonly attachments: readonly AttachmentRow[];
}

/** What a person wants to see of the whole fleet, from API objects only: the same for a simulated and a real cluster. */
export function fleetView(objects: FleetObjects): FleetView {
  const states = new Map(objects.nodeStates.map((state) => [state.metadata.name, state]));
  const holders = vfHolders(objects.pods);
  const nodes = objects.nodes.toSorted((a, b) => byText(a.metadata.name, b.metadata.name));
  return {
    nodes: nodes.map((node) => nodeRow(node, states.get(node.metadata.name), objects.pods)),
    pfs: nodes.flatMap((node) => pfRows(node.metadata.name, states.get(node.metadata.name), holders)),
    attachments: objects.pods.flatMap((pod) => attachmentRows(pod, states.get(pod.spec?.nodeName ?? ''))).toSorted((a, b) => byText(a.pod, b.pod) || byText(a.interface, b.interface)),
  };
}

export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Extra networks of a pod, from `k8s.v1.cni.cncf.io/network-status`; the cluster network is left out. Nothing on malformed text. */
export function extraNetworks(pod: Pod): readonly NetworkStatus[] {
  const text = pod.metadata.annotations?.[podAnnotations.networkStatus];
  if (text === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? (parsed as readonly NetworkStatus[]).filter((status) => status !== null && typeof status === 'object' && status.default !== true) : [];
  } catch {
    return [];
  }
}

/** Device information names the VF under its type: `pci`, or `vdpa` (Network Plumbing Working Group, device information v1.1.0). */
export function vfAddressOf(status: NetworkStatus): string | undefined {
  const info = status['device-info'];
  const device = info?.['pci'] ?? info?.['vdpa'];
  return typeof device === 'object' && device !== null && 'pci-address' in device ? String(device['pci-address']) : undefined;
}

/** "up 25000 Mb/s"; empty on a function without a port, whose speed the kernel gives as −1. */
export function linkOf({ linkAdminState, linkSpeed }: InterfaceStatus): string {
  return [linkAdminState, linkSpeed].filter((part) => part !== undefined && part !== '' && !part.startsWith('-1 ')).join(' ');
}

function vfHolders(pods: readonly Pod[]): ReadonlySet<string> {
  return new Set(
    pods
      .filter((pod) => pod.status?.phase === 'Running' || pod.status?.phase === 'Pending')
      .flatMap((pod) => extraNetworks(pod).map((status) => `${pod.spec?.nodeName}/${vfAddressOf(status)}`)),
  );
}

function nodeRow(node: Node, state: SriovNetworkNodeState | undefined, pods: readonly Pod[]): NodeRow {
  const interfaces = state?.status?.interfaces ?? [];
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True';
  const condition = state?.status?.conditions?.find((candidate) => candidate.type === 'Ready');
  const extended = Object.entries(node.status?.allocatable ?? {}).filter(([name]) => name.includes('/') && !name.startsWith('kubernetes.io/'));
  return {
    node: node.metadata.name,
    ready: `${ready ? 'Ready' : 'NotReady'}${node.spec?.unschedulable === true ? ',SchedulingDisabled' : ''}`,
    pfs: interfaces.length,
    vfs: interfaces.reduce((sum, { numVfs = 0 }) => sum + numVfs, 0),
    resources: extended.map(([name, quantity]) => ({ name, allocatable: Number(quantity), allocated: requestedOn(node.metadata.name, name, pods) })).toSorted((a, b) => byText(a.name, b.name)),
    syncStatus: state?.status?.syncStatus ?? '',
    reason: state?.status?.lastSyncError || (condition?.status === 'True' ? '' : (condition?.message ?? '')),
  };
}

function requestedOn(node: string, resource: string, pods: readonly Pod[]): number {
  return pods
    .filter((pod) => pod.spec?.nodeName === node && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed')
    .flatMap((pod) => pod.spec?.containers ?? [])
    .reduce((sum, container) => sum + Number(container.resources?.requests?.[resource] ?? 0), 0);
}

function pfRows(node: string, state: SriovNetworkNodeState | undefined, holders: ReadonlySet<string>): readonly PfRow[] {
  return (state?.status?.interfaces ?? [])
    .toSorted((a, b) => comparePciAddresses(a.pciAddress, b.pciAddress))
    .map((status) => ({
      node,
      pf: status.name ?? '',
      pciAddress: status.pciAddress,
      nic: `${status.vendor ?? '?'}:${status.deviceID ?? '?'}`,
      driver: status.driver ?? '',
      numVfs: status.numVfs ?? 0,
      totalVfs: status.totalvfs ?? 0,
      mode: status.eSwitchMode ?? '',
      mtu: status.mtu ?? 0,
      link: linkOf(status),
      resources: resourceShares(node, status, state, holders),
      syncStatus: state?.status?.syncStatus ?? '',
    }));
}

function resourceShares(node: string, status: InterfaceStatus, state: SriovNetworkNodeState | undefined, holders: ReadonlySet<string>): readonly ResourceShare[] {
  const groups = state?.spec?.interfaces?.find((wanted) => wanted.pciAddress === status.pciAddress)?.vfGroups ?? [];
  const vfs = status.Vfs ?? [];
  const isHeld = (vf: VfStatus) => (vf.assigned ?? '') !== '' || holders.has(`${node}/${vf.pciAddress}`);
  if (groups.length === 0) return vfs.length === 0 ? [] : [{ name: '', vfs: vfs.length, allocated: vfs.filter(isHeld).length }];
  return groups.map((group) => {
    const [first = 0, last = -1] = (group.vfRange ?? '').split('-').map(Number);
    const members = vfs.filter((vf) => vf.vfID >= first && vf.vfID <= last);
    return { name: group.resourceName ?? '', vfs: members.length, allocated: members.filter(isHeld).length };
  });
}

function attachmentRows(pod: Pod, state: SriovNetworkNodeState | undefined): readonly AttachmentRow[] {
  const vfs = (state?.status?.interfaces ?? []).flatMap((status) => (status.Vfs ?? []).map((vf) => ({ vf, pf: status.name ?? status.pciAddress })));
  return extraNetworks(pod).map((status) => {
    const address = vfAddressOf(status);
    const found = vfs.find(({ vf }) => vf.pciAddress === address);
    return {
      pod: `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`,
      node: pod.spec?.nodeName ?? '',
      phase: pod.status?.phase ?? '',
      network: status.name,
      interface: status.interface ?? '',
      vf: found !== undefined ? `${found.pf}#${found.vf.vfID}` : (address ?? ''),
      mac: status.mac ?? '',
      vlan: found?.vf.Vlan !== undefined && found.vf.Vlan > 0 ? String(found.vf.Vlan) : '',
      addresses: status.ips ?? [],
      mtu: String(status.mtu ?? found?.vf.mtu ?? ''),
    };
  });
}
