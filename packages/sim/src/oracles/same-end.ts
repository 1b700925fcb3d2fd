import type { KubeObject } from '@vfleet/core';
import { BOOT_CONDITION, GROUP } from '@vfleet/core';
import type { SriovNetworkNodeState } from '@vfleet/kube';
import type { World } from '../world.ts';
import type { ClusterView } from './cluster-view.ts';
import { collections } from './cluster-view.ts';
import type { Judgement } from './oracle.ts';

/** Judged by whoever runs seeds: against a run of the same scenario in which nothing went wrong. */
export const sameEnd: Judgement = { name: 'same-end', property: 'Every fault passes: a run ends with the specs, VFs, resources and conditions of the run without faults.' };

/** What a run comes to: text by what it is about. Names, addresses, indices, uids and times that depend on the way there are left out. */
export type EndState = ReadonlyMap<string, string>;

/** Kinds whose specs and conditions are compared. */
const KINDS = ['sriovnetworknodepolicies', 'sriovnetworkpoolconfigs', 'sriovnetworks', 'sriovoperatorconfigs'].map((plural) => `${plural}.${GROUP}`);

export function endStateOf(world: World, view: ClusterView): EndState {
  const end = new Map<string, string>();
  for (const collection of KINDS) {
    for (const object of view.all<KubeObject>(collection)) {
      const { spec, status } = object as unknown as { readonly spec?: unknown; readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[] } };
      end.set(`${collection}/${object.metadata.name}`, `${canonical(spec)} ${conditionsText(status?.conditions)}`);
    }
  }
  for (const { metadata, spec } of view.all<KubeObject & { readonly spec?: unknown }>('network-attachment-definitions.k8s.cni.cncf.io')) end.set(`network-attachment-definition/${metadata.namespace}/${metadata.name}`, canonical(spec));
  for (const { name } of world.nodes()) addNode(end, name, world, view);
  const running = new Map<string, number>();
  for (const { metadata, status } of view.pods()) if (status?.phase === 'Running') running.set(metadata.labels?.['app'] ?? '', (running.get(metadata.labels?.['app'] ?? '') ?? 0) + 1);
  for (const [app, count] of running) end.set(`pods of ${app}`, `${count} run`);
  return end;
}

function addNode(end: Map<string, string>, name: string, world: World, view: ClusterView): void {
  const [node, state] = [view.node(name), view.nodeState(name)];
  const resources = Object.entries(node?.status?.allocatable ?? {}).filter(([resource, amount]) => resource.includes('/') && amount !== '0');
  end.set(`node/${name}`, `${node?.spec?.unschedulable === true ? 'cordoned, ' : ''}${resources.map(([resource, amount]) => `${resource} ${String(amount)}`).sort().join(', ')}`);
  if (state !== undefined) end.set(`${collections.nodeStates}/${name}`, stateText(state));
  for (const pf of world.fleet.node(name)?.inspect().pfs ?? []) {
    const drivers = pf.vfs.map(({ driver }) => (driver === undefined ? '-' : driver === 'vfio-pci' ? 'u' : 'k')).join('');
    end.set(`pf/${name}/${pf.pciAddress}`, `${pf.numVfs} VFs ${drivers}, ${pf.eswitchMode}`);
  }
}

function stateText({ spec, status }: SriovNetworkNodeState): string {
  return `${canonical(spec)} ${status?.syncStatus} ${conditionsText(status?.conditions)}`;
}

/** A condition that says that nothing is the matter may also be absent; what services did at the last boot is the past. */
function conditionsText(conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[] | undefined): string {
  return (conditions ?? []).filter(({ type, status }) => type !== BOOT_CONDITION && (type === 'Ready' || status === 'True')).map(({ type, status, reason }) => `${type}=${status} ${reason}`).sort().join(', ');
}

/** JSON whose fields are in alphabetical order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner)) ?? 'nothing';
}

/** Where two runs came to different ends, in words; undefined when they did not. */
export function endsDiffer(found: EndState, expected: EndState): { readonly object: string; readonly says: string } | undefined {
  for (const object of [...new Set([...expected.keys(), ...found.keys()])].sort()) {
    const [is, should] = [found.get(object), expected.get(object)];
    if (is !== should) return { object, says: `is ${is ?? 'absent'}; without faults it is ${should ?? 'absent'}` };
  }
  return undefined;
}
