import type { Clock, Kube, Log, NodeStateStatus, OvsBridge } from '@vfleet/core';
import { BOOT_CONDITION, isKubeError } from '@vfleet/core';
import type { ConditionUpdate, Informer, SriovNetworkNodeState } from '@vfleet/kube';
import { equalJson, isNewer, nodeStates, removeCondition, setCondition } from '@vfleet/kube';
import type { BootCondition } from './boot-configuration.ts';

type Conditions = Parameters<typeof setCondition>[0];

/** What the daemon says in `status`; only what is present is compared and written. `lastSyncError` null: there is none. */
export interface StatusWish {
  readonly interfaces?: NonNullable<NodeStateStatus['interfaces']>;
  readonly system?: NonNullable<NodeStateStatus['system']>;
  readonly bridges?: readonly OvsBridge[];
  readonly syncStatus?: 'Succeeded' | 'Failed' | 'InProgress';
  readonly lastSyncError?: string | null;
  readonly condition?: ConditionUpdate;
  /** What the services at boot did; null: there are none. */
  readonly boot?: BootCondition;
}

/** Keeps the status of this node's SriovNetworkNodeState as wished, with as few writes as that takes. */
export class StatusWriter {
  readonly #kube: Kube;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #informer: Informer<SriovNetworkNodeState>;
  readonly #key: { readonly namespace: string; readonly name: string };
  #wish: StatusWish = {};
  /** What the server answered to our last write: the cache sees it later. */
  #written: SriovNetworkNodeState | undefined;

  constructor(ports: { readonly kube: Kube; readonly clock: Clock; readonly log: Log }, informer: Informer<SriovNetworkNodeState>, key: { readonly namespace: string; readonly name: string }) {
    this.#kube = ports.kube;
    this.#clock = ports.clock;
    this.#log = ports.log;
    this.#informer = informer;
    this.#key = key;
  }

  /** The newest node state that is known; undefined when there is none, or when it is being deleted. */
  current(): SriovNetworkNodeState | undefined {
    const cached = this.#informer.get(this.#key);
    if (cached === undefined || cached.metadata.deletionTimestamp !== undefined) return undefined;
    const written = this.#written;
    const newer = written !== undefined && written.metadata.uid === cached.metadata.uid && isNewer(written.metadata.resourceVersion ?? '', cached.metadata.resourceVersion);
    return newer ? written : cached;
  }

  wish(more: StatusWish): void {
    this.#wish = { ...this.#wish, ...more };
  }

  /** Writes what differs. False when the server could not be asked, or somebody else was faster: try again later. */
  async flush(): Promise<boolean> {
    const current = this.current();
    if (current === undefined) return true;
    const status = this.#difference(current);
    if (status === undefined) return true;
    // Other controllers state conditions in the same list: theirs must not be overwritten with older ones.
    const metadata = 'conditions' in status && current.metadata.resourceVersion !== undefined ? { resourceVersion: current.metadata.resourceVersion } : {};
    try {
      this.#written = await this.#kube.patch(nodeStates, this.#key, { type: 'merge', patch: { metadata, status } }, { subresource: 'status' });
      return true;
    } catch (error) {
      if (!isKubeError(error)) throw error;
      // The object has gone; its deletion is on its way to the cache.
      if (error.reason === 'NotFound') return true;
      this.#log.debug('The status of the node state could not be written.', { reason: error.reason, message: error.message });
      if (error.reason === 'Conflict') await this.#readAgain();
      return false;
    }
  }

  async #readAgain(): Promise<void> {
    try {
      this.#written = await this.#kube.get(nodeStates, this.#key);
    } catch (error) {
      if (!isKubeError(error)) throw error;
    }
  }

  /** The same array when there is nothing to say. */
  #conditions(before: Conditions): Conditions {
    const { condition, boot } = this.#wish;
    const own = condition === undefined ? before : setCondition(before, condition, this.#clock);
    if (boot === undefined) return own;
    if (boot !== null) return setCondition(own, boot, this.#clock);
    return own === undefined ? own : removeCondition(own, BOOT_CONDITION);
  }

  #difference({ status = {} }: SriovNetworkNodeState): Readonly<Record<string, unknown>> | undefined {
    const wish = this.#wish;
    const patch: Record<string, unknown> = {};
    if (wish.interfaces !== undefined && !equalJson(status.interfaces ?? [], wish.interfaces)) patch['interfaces'] = wish.interfaces;
    if (wish.system !== undefined && !equalJson(status.system, wish.system)) patch['system'] = wish.system;
    if (wish.bridges !== undefined && !equalJson(status.bridges?.ovs ?? [], wish.bridges)) patch['bridges'] = { ovs: wish.bridges };
    if (wish.syncStatus !== undefined && status.syncStatus !== wish.syncStatus) patch['syncStatus'] = wish.syncStatus;
    if (wish.lastSyncError !== undefined && (status.lastSyncError ?? null) !== wish.lastSyncError) patch['lastSyncError'] = wish.lastSyncError;
    const conditions = this.#conditions(status.conditions);
    if (conditions !== status.conditions) patch['conditions'] = conditions;
    return Object.keys(patch).length === 0 ? undefined : patch;
  }
}
