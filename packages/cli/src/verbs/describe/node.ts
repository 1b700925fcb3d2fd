import { nodeAnnotations, nodeStateAnnotations } from '@vfleet/core';
import type { CoreEvent, Node, Pod, SriovNetworkNodeState } from '@vfleet/kube';
import { attachmentColumns, nodeColumns } from '../../fleet-tables.ts';
import { fleetView, linkOf } from '../../fleet-view.ts';
import { printable, renderTable } from '../../output/table.ts';

export interface NodeDescription {
  readonly node: Node;
  readonly state?: SriovNetworkNodeState;
  readonly pods: readonly Pod[];
  readonly events: readonly CoreEvent[];
}

/** The story of one node in sections, for people. */
export function describeNode({ node, state, pods, events }: NodeDescription): string {
  const view = fleetView({ nodes: [node], nodeStates: state === undefined ? [] : [state], pods });
  const sections: (readonly [string, string])[] = [['Node', renderTable(nodeColumns, view.nodes)]];
  if (state === undefined) {
    sections.push(['SR-IOV', 'The operator has no node state for this node: it has no config daemon (see configDaemonNodeSelector), or the daemon has not reported yet.']);
  } else {
    sections.push(['Drain', drainLines(node, state)], ['Wanted', wantedLines(state)], ['PFs', pfLines(state)]);
    sections.push(['Conditions', conditionLines(state)]);
  }
  sections.push(['Pods with VFs', view.attachments.length === 0 ? 'none' : renderTable(attachmentColumns, view.attachments)]);
  sections.push(['Events', eventLines(events)]);
  return `${sections.map(([title, text]) => `${title}:\n${indent(text)}`).join('\n\n')}\n`;
}

function indent(text: string): string {
  return text.split('\n').map((line) => (line === '' ? '' : `  ${line}`)).join('\n');
}

function drainLines(node: Node, state: SriovNetworkNodeState): string {
  const asked = node.metadata.annotations?.[nodeAnnotations.state] ?? 'Idle';
  const current = state.metadata.annotations?.[nodeStateAnnotations.currentState] ?? 'Idle';
  return `asked for: ${asked}, now: ${current}${node.spec?.unschedulable === true ? ', cordoned' : ''}`;
}

function wantedLines(state: SriovNetworkNodeState): string {
  const interfaces = state.spec.interfaces ?? [];
  if (interfaces.length === 0) return 'no policy selects a PF of this node';
  return interfaces
    .flatMap((pf) => [
      `${pf.name ?? pf.pciAddress}: ${pf.numVfs ?? 0} VFs${pf.eSwitchMode === undefined ? '' : `, ${pf.eSwitchMode}`}${pf.mtu === undefined ? '' : `, MTU ${pf.mtu}`}`,
      ...(pf.vfGroups ?? []).map((group) => `  VFs ${group.vfRange}: ${group.resourceName} as ${group.deviceType ?? 'netdevice'}, policy ${group.policyName}`),
    ])
    .map(printable)
    .join('\n');
}

function pfLines(state: SriovNetworkNodeState): string {
  const interfaces = state.status?.interfaces ?? [];
  if (interfaces.length === 0) return 'none discovered';
  return interfaces
    .map((pf) => {
      const head = printable(`${pf.name ?? '?'} ${pf.pciAddress} ${pf.vendor}:${pf.deviceID} ${pf.driver ?? ''}, ${pf.numVfs ?? 0} of ${pf.totalvfs ?? 0} VFs, MTU ${pf.mtu ?? '?'}, ${pf.eSwitchMode ?? 'legacy'}, ${linkOf(pf) || 'no link'}`);
      const vfs = pf.Vfs ?? [];
      if (vfs.length === 0) return head;
      const table = renderTable(
        [
          { heading: 'vf', cell: (vf) => String(vf.vfID), align: 'right' },
          { heading: 'address', cell: (vf) => vf.pciAddress },
          { heading: 'driver', cell: (vf) => vf.driver ?? '' },
          { heading: 'netdev', cell: (vf) => vf.name ?? '' },
          { heading: 'mac', cell: (vf) => vf.mac ?? '' },
          { heading: 'vlan', cell: (vf) => (vf.Vlan === undefined || vf.Vlan === 0 ? '' : String(vf.Vlan)) },
          { heading: 'mtu', cell: (vf) => String(vf.mtu ?? ''), align: 'right' },
          { heading: 'pod', cell: (vf) => vf.assigned ?? '' },
        ],
        vfs,
      );
      return `${head}\n${indent(table)}`;
    })
    .join('\n');
}

function conditionLines(state: SriovNetworkNodeState): string {
  const sync = `sync: ${state.status?.syncStatus ?? 'unknown'}${state.status?.lastSyncError ? ` — ${state.status.lastSyncError}` : ''}`;
  const conditions = (state.status?.conditions ?? []).map((condition) => `${condition.type}=${condition.status} ${condition.reason}: ${condition.message}`);
  // Plans have a line for each step.
  return [sync, ...conditions].flatMap((text) => text.split('\n').map((line, index) => `${index === 0 ? '' : '  '}${printable(line)}`)).join('\n');
}

function eventLines(events: readonly CoreEvent[]): string {
  if (events.length === 0) return 'none';
  return renderTable(
    [
      { heading: 'last seen', cell: (event) => event.lastTimestamp ?? event.metadata.creationTimestamp ?? '' },
      { heading: 'type', cell: (event) => event.type ?? '' },
      { heading: 'reason', cell: (event) => event.reason ?? '' },
      { heading: 'object', cell: (event) => `${event.involvedObject.kind ?? ''}/${event.involvedObject.name ?? ''}` },
      { heading: 'message', cell: (event) => `${event.message ?? ''}${(event.count ?? 1) > 1 ? ` (×${event.count})` : ''}` },
    ],
    events.slice(-20),
  );
}
