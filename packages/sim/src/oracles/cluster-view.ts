import type { KubeObject, OperatorConfigSpec } from '@vfleet/core';
import { GROUP, nodeAnnotations, nodeStateAnnotations } from '@vfleet/core';
import type { Node, Pod, SriovNetworkNodePolicy, SriovNetworkNodeState, SriovNetworkPoolConfig } from '@vfleet/kube';
import { sortedVisit } from '@vfleet/kube-sim/store/sorted-map.ts';
import type { Collection } from '../process/store-types.ts';
import type { World } from '../world.ts';

export const collections = {
  nodes: 'nodes',
  pods: 'pods',
  nodeStates: `sriovnetworknodestates.${GROUP}`,
  policies: `sriovnetworknodepolicies.${GROUP}`,
  pools: `sriovnetworkpoolconfigs.${GROUP}`,
  operatorConfigs: `sriovoperatorconfigs.${GROUP}`,
} as const;

/** The API's objects as they are at this instant, without a request: for checks only. */
export class ClusterView {
  readonly #world: World;
  readonly namespace: string;

  constructor(world: World, namespace: string) {
    this.#world = world;
    this.namespace = namespace;
  }

  node(name: string): Node | undefined {
    return this.#get<Node>(collections.nodes, name);
  }

  nodes(): readonly Node[] {
    return this.all<Node>(collections.nodes);
  }

  pod(namespace: string, name: string): Pod | undefined {
    return this.#get<Pod>(collections.pods, `${namespace}/${name}`);
  }

  pods(): readonly Pod[] {
    return this.all<Pod>(collections.pods);
  }

  nodeState(name: string): SriovNetworkNodeState | undefined {
    return this.#get<SriovNetworkNodeState>(collections.nodeStates, `${this.namespace}/${name}`);
  }

  nodeStates(): readonly SriovNetworkNodeState[] {
    return this.all<SriovNetworkNodeState>(collections.nodeStates);
  }

  policies(): readonly SriovNetworkNodePolicy[] {
    return this.all<SriovNetworkNodePolicy>(collections.policies);
  }

  pools(): readonly SriovNetworkPoolConfig[] {
    return this.all<SriovNetworkPoolConfig>(collections.pools);
  }

  operatorConfig(): OperatorConfigSpec | undefined {
    return this.#get<KubeObject & { readonly spec: OperatorConfigSpec }>(collections.operatorConfigs, `${this.namespace}/default`)?.spec;
  }

  /** Every object of a collection in order of its key. The type is what the collection holds by its schema. */
  all<Type>(collection: string): readonly Type[] {
    const found: Type[] = [];
    // What the store holds in a collection is of its kind.
    sortedVisit(this.#collection(collection).objects, '', undefined, (_key, object) => found.push(object as unknown as Type) > 0);
    return found;
  }

  #get<Type>(collection: string, key: string): Type | undefined {
    // What the store holds in a collection is of its kind.
    return this.#collection(collection).get(key) as unknown as Type | undefined;
  }

  #collection(name: string): Collection {
    return this.#world.apiServer.core.store.collection(name);
  }
}

/** How far a drain is, by the node state's annotation. */
export function drainProgress(state: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } } | undefined): string {
  return state?.metadata.annotations?.[nodeStateAnnotations.currentState] ?? 'Idle';
}

export function drainDesired(state: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } } | undefined): string {
  return state?.metadata.annotations?.[nodeStateAnnotations.desiredState] ?? 'Idle';
}

export function drainRequested(node: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } } | undefined): string {
  return node?.metadata.annotations?.[nodeAnnotations.state] ?? 'Idle';
}

export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
