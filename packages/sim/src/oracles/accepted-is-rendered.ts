import { isPolicyBroken, renderNetworkAttachment, renderNodeState, reviewNetwork, reviewNodePolicy } from '@vfleet/core';
import type { NetworkObject } from '@vfleet/core';
import { GROUP } from '@vfleet/core';
import type { SriovNetworkNodePolicy } from '@vfleet/kube';
import type { Change } from '../process/store-types.ts';
import type { ClusterView } from './cluster-view.ts';
import { collections } from './cluster-view.ts';
import type { Oracle } from './oracle.ts';

const NETWORKS = `sriovnetworks.${GROUP}`;

/** Whatever reaches the API server is put before the rules of admission, and what they let pass before the renderer, with every node there is. */
export const acceptedIsRendered: Oracle = {
  name: 'accepted-is-rendered',
  property: 'What admission accepts can be rendered.',
  watch({ view, violated }) {
    return {
      commit(collection, { type, object }) {
        if (type === 'DELETED') return;
        if (collection === collections.policies) checkPolicy(object as unknown as SriovNetworkNodePolicy);
        else if (collection === NETWORKS) checkNetwork(object);
      },
    };

    function checkPolicy({ metadata, spec }: SriovNetworkNodePolicy): void {
      const policy = { name: metadata.name, namespace: metadata.namespace ?? '', spec };
      const nodes = view.nodes().map((node) => ({ name: node.metadata.name, labels: node.metadata.labels ?? {}, interfaces: view.nodeState(node.metadata.name)?.status?.interfaces ?? [] }));
      const policies = view.policies().map((other) => ({ name: other.metadata.name, spec: other.spec }));
      if (reviewNodePolicy(policy, { operatorNamespace: view.namespace, nodes, policies }).rejections.length > 0) return;
      for (const { name, interfaces } of nodes) {
        const broken = renderNodeState({ policies: [policy], interfaces, pools: [], gates: view.operatorConfig()?.featureGates ?? {} }).problems.find(isPolicyBroken);
        if (broken !== undefined) violated([`policy/${policy.name}`, `node/${name}`], `was accepted and cannot be rendered: ${broken.cause}`);
      }
    }

    function checkNetwork(object: Change['object']): void {
      const network = networkOf(object, view);
      if (reviewNetwork(network, { operatorNamespace: view.namespace }).rejections.length > 0) return;
      const rendered = renderNetworkAttachment(network, { operatorNamespace: view.namespace, resourcePrefix: 'openshift.io' });
      if (!rendered.ok) violated([`network/${network.name}`], `was accepted and cannot be rendered: ${rendered.error.cause}`);
      else if (!isJson(rendered.value)) violated([`network/${network.name}`], 'was accepted, and its configuration is no JSON');
    }
  },
};

function networkOf(object: Change['object'], view: ClusterView): NetworkObject {
  // The collection holds networks.
  const { metadata, spec } = object as unknown as { readonly metadata: { readonly name: string; readonly namespace?: string }; readonly spec: object };
  return { kind: 'SriovNetwork', name: metadata.name, namespace: metadata.namespace ?? view.namespace, spec } as unknown as NetworkObject;
}

/** Every text in it that begins as a JSON object ends as one. */
function isJson(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isJson);
  if (typeof value !== 'string' || !value.startsWith('{')) return true;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}
