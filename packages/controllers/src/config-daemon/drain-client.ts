import type { DrainRequest, Kube } from '@vfleet/core';
import { nodeAnnotations } from '@vfleet/core';
import type { SriovNetworkNodeState } from '@vfleet/kube';
import { nodes } from '@vfleet/kube';
import { drainView, isReleased, nextRequest, permissionOf, requestedOf } from './drain-protocol.ts';
import type { DrainView } from './drain-protocol.ts';

/** `drain`: pods that use VFs are gone. `reboot`: all are. `rebootOnly`: none is, and the node may boot with them. */
export type Permission = 'none' | 'drain' | 'reboot' | 'rebootOnly';

/** The daemon's side of a drain: reads and writes the Node's annotation. Every method throws KubeError. */
export class DrainClient {
  readonly #kube: Kube;
  readonly #nodeName: string;
  /** What the Node's annotation says, as far as we know; undefined: ask. */
  #requested: DrainRequest | undefined;

  constructor(kube: Kube, nodeName: string) {
    this.#kube = kube;
    this.#nodeName = nodeName;
  }

  /** Asks the server the next time: somebody else may have changed the annotation, or an answer was lost. */
  forget(): void {
    this.#requested = undefined;
  }

  /**
   * A drain counts only while the node takes no pods: once somebody has uncordoned it, the operator drains it anew. A reboot may be permitted
   * on a node that was never cordoned, the only one of its cluster: its pods are there, so that nothing but the reboot is permitted.
   */
  async permission(state: SriovNetworkNodeState): Promise<Permission> {
    const permission = permissionOf(await this.#view(state));
    if (permission === 'none') return 'none';
    const node = await this.#kube.get(nodes, { name: this.#nodeName });
    if (node.spec?.unschedulable === true) return permission;
    return permission === 'reboot' ? 'rebootOnly' : 'none';
  }

  /** Whether a permission to boot still stands, by what is known here without asking: what was answered may have been taken back since. */
  stillPermitsReboot(state: SriovNetworkNodeState | undefined): boolean {
    return this.#requested !== undefined && state !== undefined && permissionOf(drainView(this.#requested, state)) === 'reboot';
  }

  /** Moves one step towards `wanted`; answers what was written, undefined when nothing was. */
  async request(wanted: Exclude<DrainRequest, 'Idle'>, state: SriovNetworkNodeState | undefined): Promise<DrainRequest | undefined> {
    const next = nextRequest(await this.#view(state), wanted);
    if (next !== undefined) await this.#annotate(next);
    return next;
  }

  /** Takes the request back. True when the operator has given the node back, too. */
  async release(state: SriovNetworkNodeState | undefined): Promise<boolean> {
    const view = await this.#view(state);
    if (view.requested !== 'Idle') await this.#annotate('Idle');
    return isReleased({ ...view, requested: 'Idle' });
  }

  async #view(state: SriovNetworkNodeState | undefined): Promise<DrainView> {
    this.#requested ??= requestedOf(await this.#kube.get(nodes, { name: this.#nodeName }));
    return drainView(this.#requested, state);
  }

  async #annotate(request: DrainRequest): Promise<void> {
    await this.#kube.patch(nodes, { name: this.#nodeName }, { type: 'merge', patch: { metadata: { annotations: { [nodeAnnotations.state]: request } } } });
    this.#requested = request;
  }
}
