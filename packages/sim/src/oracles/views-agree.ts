import type { NodeStateSpec, PodDevices } from '@vfleet/core';
import { compilePools, holdBrokenInterfaces, isPolicyBroken, poolOfNode, renderNodeState } from '@vfleet/core';
import { equalJson } from '@vfleet/kube';
import type { SriovNetworkNodeState } from '@vfleet/kube';
import type { ClusterView } from './cluster-view.ts';
import type { Oracle } from './oracle.ts';

export const viewsAgree: Oracle = {
  name: 'views-agree',
  property: 'At rest every node state is what its policies render from scratch in any order, and its status, the Node\'s capacity and the hardware show the same VFs, and whose they are as the kubelet does.',
  watch({ world, view, violated }) {
    return {
      async atRest() {
        for (const node of world.nodes()) {
          const state = view.nodeState(node.name);
          if (state === undefined) continue;
          const wrong = notAsRendered(view, state) ?? notAsSeen(state, node.hardware.inspect().pfs) ?? notAsHeld(state, (await node.kubelet?.list()) ?? []);
          if (wrong !== undefined) violated([`nodestate/${node.name}`], wrong);
        }
      },
    };
  },
};

function notAsRendered(view: ClusterView, state: SriovNetworkNodeState): string | undefined {
  const labels = view.node(state.metadata.name)?.metadata.labels ?? {};
  const own = view.policies()
    .filter(({ metadata, spec }) => metadata.name !== 'default' && metadata.deletionTimestamp === undefined && Object.entries(spec.nodeSelector).every(([key, value]) => labels[key] === value))
    .map(({ metadata, spec }) => ({ name: metadata.name, spec }));
  const { pools } = compilePools(view.pools().map(({ metadata, spec }) => ({ name: metadata.name, spec })));
  const membership = poolOfNode(pools, labels);
  const interfaces = state.status?.interfaces ?? [];
  const input = { interfaces, pools: membership.kind === 'pool' ? [membership.pool] : membership.kind === 'conflict' ? membership.pools : [], gates: view.operatorConfig()?.featureGates ?? {} };
  const rendered = renderNodeState({ ...input, policies: own });
  const reversed = renderNodeState({ ...input, policies: own.toReversed() });
  if (!equalJson(rendered.spec, reversed.spec)) return 'the order of the policies matters';
  const wanted: NodeStateSpec | undefined = rendered.problems.some(isPolicyBroken) ? holdBrokenInterfaces(rendered, state.spec).spec : rendered.spec;
  return wanted === undefined || equalJson(wanted, state.spec) ? undefined : `its spec is ${JSON.stringify(state.spec)}, rendered anew ${JSON.stringify(wanted)}`;
}

/** Whose VFs the kubelet says they are. */
function notAsHeld(state: SriovNetworkNodeState, pods: readonly PodDevices[]): string | undefined {
  const holders = new Map(pods.flatMap(({ namespace, name, containers }) => containers.flatMap(({ devices }) => devices.flatMap(({ ids }) => ids.map((id) => [id, `${namespace}/${name}`] as const)))));
  for (const { pciAddress, assigned } of (state.status?.interfaces ?? []).flatMap(({ Vfs }) => Vfs ?? [])) {
    const holder = holders.get(pciAddress ?? '');
    if (assigned !== holder) return `its status says that ${pciAddress} is of ${assigned ?? 'nobody'}, the kubelet that it is of ${holder ?? 'nobody'}`;
  }
  return undefined;
}

function notAsSeen(state: SriovNetworkNodeState, pfs: readonly { readonly pciAddress: string; readonly numVfs: number; readonly eswitchMode: string }[]): string | undefined {
  const reported = state.status?.interfaces ?? [];
  if (reported.length !== pfs.length) return `its status lists ${reported.length} PFs, the hardware has ${pfs.length}`;
  for (const pf of pfs) {
    const entry = reported.find(({ pciAddress }) => pciAddress === pf.pciAddress);
    if (entry?.numVfs !== pf.numVfs) return `its status says ${entry?.numVfs} VFs of ${pf.pciAddress}, the hardware has ${pf.numVfs}`;
    if (entry.eSwitchMode !== pf.eswitchMode) return `its status says ${entry.eSwitchMode} of ${pf.pciAddress}, the hardware is in ${pf.eswitchMode}`;
  }
  return undefined;
}
