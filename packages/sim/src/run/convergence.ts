import type { Node, SriovNetworkNodeState } from '@vfleet/kube';
import { claimsSuccess, differenceOf } from '../oracles/succeeded-is-true.ts';
import type { Judgement } from '../oracles/index.ts';
import { judgements } from '../oracles/index.ts';
import { collections, drainProgress, drainRequested } from '../oracles/cluster-view.ts';
import type { ClusterView } from '../oracles/cluster-view.ts';
import type { Change } from '../process/store-types.ts';
import type { WorkloadKeeper } from '../scenarios/workload-keeper.ts';
import type { World } from '../world.ts';

/** Something that is not as wanted. */
export interface Missing {
  readonly property: Judgement;
  readonly object: string;
  readonly says: string;
}

/**
 * Whether everything is as wanted: every node's state Succeeded for its newest spec over such hardware, no drain asked for or under
 * way, every kept pod running. Nodes are looked at again only when something of them changed.
 */
export class Convergence {
  readonly #world: World;
  readonly #view: ClusterView;
  readonly #workloads: WorkloadKeeper;
  readonly #unsettled = new Set<string>();
  #podsChanged = true;
  #podsComplete = false;

  constructor(world: World, view: ClusterView, workloads: WorkloadKeeper) {
    this.#world = world;
    this.#view = view;
    this.#workloads = workloads;
    world.apiServer.core.store.onCommit((collection, change) => this.#commit(collection.name, change));
  }

  #commit(collection: string, { object }: Change): void {
    if (collection === collections.nodeStates || collection === collections.nodes) this.#unsettled.add(object.metadata.name);
    else if (collection === collections.pods) this.#podsChanged = true;
  }

  reached(): boolean {
    for (const name of this.#unsettled) {
      if (this.#whyNot(name) !== undefined) return false;
      this.#unsettled.delete(name);
    }
    if (this.#podsChanged) {
      this.#podsChanged = false;
      this.#podsComplete = this.#workloads.complete((namespace, name) => this.#view.pod(namespace, name));
    }
    return this.#podsComplete;
  }

  /** Looks at everything anew; hardware changes no object of the API. */
  reconsider(): void {
    for (const node of this.#world.nodes()) this.#unsettled.add(node.name);
    this.#podsChanged = true;
  }

  /** What is missing, and which property wants it. */
  missing(): readonly Missing[] {
    const nodes = this.#world.nodes().flatMap(({ name }): readonly Missing[] => {
      const why = this.#whyNot(name);
      return why === undefined ? [] : [{ object: `node/${name}`, ...why }];
    });
    const pods = this.#workloads.keys.flatMap((key): readonly Missing[] => {
      const [namespace, name] = key.split('/') as [string, string];
      const pod = this.#view.pod(namespace, name);
      if (pod?.status?.phase === 'Running' && pod.metadata.deletionTimestamp === undefined) return [];
      const reason = pod?.status?.conditions?.find(({ status }) => status === 'False')?.message ?? pod?.status?.message ?? '';
      const says = pod === undefined ? 'absent' : `${pod.status?.phase} on ${pod.spec?.nodeName ?? 'no node'}${pod.metadata.deletionTimestamp === undefined ? '' : ', being deleted'} ${reason}`;
      return [{ property: judgements.podsRun, object: `pod/${key}`, says }];
    });
    return [...nodes, ...pods];
  }

  #whyNot(name: string): Omit<Missing, 'object'> | undefined {
    const node = this.#world.node(name);
    if (node === undefined) return undefined;
    const state = this.#view.nodeState(name);
    const object = this.#view.node(name);
    const unsettled = (says: string) => ({ property: judgements.nodesSettle, says });
    if (!node.hardware.up) return unsettled('it is down');
    if (object === undefined) return unsettled('it has no Node');
    if (state === undefined) return unsettled('it has no node state');
    const drain = drainingOf(object, state);
    if (drain !== undefined) return { property: judgements.drainsEnd, says: drain };
    const says = claimsSuccess(state) ? differenceOf(state, node.hardware.inspect()) : saysOf(state);
    return says === undefined ? undefined : unsettled(says);
  }
}

function drainingOf(node: Node, state: SriovNetworkNodeState): string | undefined {
  const [requested, progress] = [drainRequested(node), drainProgress(state)];
  return requested === 'Idle' && progress === 'Idle' ? undefined : `drain ${requested}, ${progress}`;
}

function saysOf({ status, metadata }: SriovNetworkNodeState): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return `${status?.syncStatus ?? 'no status'} for generation ${ready?.observedGeneration} of ${metadata.generation}: ${ready?.reason} ${ready?.message ?? ''} ${status?.lastSyncError ?? ''}`;
}
