import type { Kube } from '@vfleet/core';
import { podAnnotations } from '@vfleet/core';
import type { Pod, SriovNetworkNodeState } from '@vfleet/kube';
import { nodeStates, nodes, pods } from '@vfleet/kube';
import { listAll } from '../../connect.ts';
import { extraNetworks, fleetView, vfAddressOf } from '../../fleet-view.ts';
import type { FleetView } from '../../fleet-view.ts';

/** The fleet now, and what is still missing before a person would call it done. */
export interface Outlook {
  readonly view: FleetView;
  /** A sentence for each thing that is not as asked yet; empty when all is attached. */
  readonly missing: readonly string[];
}

export async function outlook(kube: Kube, expectedNodes: number): Promise<Outlook> {
  const [allNodes, states, allPods] = await Promise.all([listAll(kube, nodes), listAll(kube, nodeStates), listAll(kube, pods)]);
  const discovered = states.filter((state) => state.status?.syncStatus !== undefined);
  return {
    view: fleetView({ nodes: allNodes, nodeStates: states, pods: allPods }),
    missing: [
      ...(discovered.length < expectedNodes ? [`${expectedNodes - discovered.length} of ${expectedNodes} nodes are not discovered yet`] : []),
      ...states.flatMap(nodeMisses),
      ...allPods.flatMap(podMisses),
      ...allPods.flatMap((pod) => holderMisses(pod, states)),
    ],
  };
}

function nodeMisses(state: SriovNetworkNodeState): readonly string[] {
  if (state.status?.syncStatus === 'Succeeded') return wantsNothingElse(state) ? [] : [`node ${state.metadata.name}: the policies are not applied yet`];
  if (state.status?.syncStatus === undefined) return [];
  return [`node ${state.metadata.name}: ${state.status.syncStatus}${state.status.lastSyncError ? `: ${state.status.lastSyncError}` : ''}`];
}

/** `Succeeded` may still speak of the spec before: the VFs that the spec wants must be there. */
function wantsNothingElse(state: SriovNetworkNodeState): boolean {
  const found = new Map((state.status?.interfaces ?? []).map((pf) => [pf.pciAddress, pf.numVfs ?? 0]));
  return (state.spec?.interfaces ?? []).every((pf) => (pf.numVfs ?? 0) <= (found.get(pf.pciAddress) ?? 0));
}

function podMisses(pod: Pod): readonly string[] {
  const name = `pod ${pod.metadata.namespace}/${pod.metadata.name}`;
  if (pod.status?.phase === 'Succeeded') return [];
  if (pod.status?.phase === 'Failed') return [`${name} failed: ${pod.status.message ?? pod.status.reason ?? 'no reason given'}`];
  if (pod.metadata.deletionTimestamp !== undefined) return [`${name} is being deleted`];
  if (pod.status?.phase !== 'Running') {
    const scheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled' && condition.status === 'False');
    return [`${name} is ${pod.status?.phase ?? 'Pending'}${scheduled?.message ? `: ${scheduled.message}` : ''}`];
  }
  const wanted = pod.metadata.annotations?.[podAnnotations.networks];
  return wanted !== undefined && extraNetworks(pod).length === 0 ? [`${name} runs without the network ${wanted}`] : [];
}

/** The node state names the pod that holds a VF, and shows the VLAN it was given, once the daemon has looked again. */
function holderMisses(pod: Pod, states: readonly SriovNetworkNodeState[]): readonly string[] {
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase !== 'Running') return [];
  const vfs = states.find((state) => state.metadata.name === pod.spec?.nodeName)?.status?.interfaces?.flatMap((pf) => pf.Vfs ?? []) ?? [];
  return extraNetworks(pod).flatMap((status) => {
    const vf = vfs.find(({ pciAddress }) => pciAddress === vfAddressOf(status));
    return vf === undefined || vf.assigned === name ? [] : [`node ${pod.spec?.nodeName} does not report yet that ${name} holds ${vf.pciAddress}`];
  });
}
