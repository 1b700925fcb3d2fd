import { configMaps, isKubeError } from '@vfleet/core';
import type { ConfigMap, ReconcileResult } from '@vfleet/kube';
import { configMapResource } from '@vfleet/kube';
import type { OperatorContext } from '../context.ts';
import { writeKey } from '../context.ts';
import { listSome } from '../text.ts';
import type { DevicePluginLedger } from './device-plugin-ledger.ts';

/** Bytes that all values of a ConfigMap may have together (kubernetes pkg/apis/core, MaxSecretSize; ValidateConfigMap counts no keys). */
export const CONFIG_MAP_BYTES_MAX = 1024 * 1024;

/** From here on it is announced that the ConfigMap fills up, as a share of what it may hold. */
export const NEARLY_FULL = 0.9;

/**
 * Time between two writes, ms a node of the cluster, and at most. The ConfigMap is one object of all nodes: written as often as something changes, it
 * would cost API server and watchers the square of the fleet in the roll-out of a policy.
 */
const SPACING_MS_PER_NODE = 1;
const SPACING_MOST_MS = 5_000;

interface Changes {
  /** Values to set, and null for nodes that have none any more. */
  readonly data: Readonly<Record<string, string | null>>;
  /** Nodes for whose new value there is no room. */
  readonly leftOut: readonly string[];
  /** Bytes of all values afterwards. */
  readonly bytes: number;
}

/**
 * Writes what changed in the ledger to the ConfigMap `device-plugin-config`, many nodes at once. There is one key, the name of
 * the ConfigMap; whoever queues it waits a moment, so that a change of many nodes is one write.
 */
export class DevicePluginConfigs {
  readonly #context: OperatorContext;
  readonly #ledger: DevicePluginLedger;
  readonly #onProblem: () => void;
  #wroteAtMs = Number.NEGATIVE_INFINITY;

  /** `onProblem` is called when the ledger's problem has changed, or how full the ConfigMap is where that matters. */
  constructor(context: OperatorContext, ledger: DevicePluginLedger, onProblem: () => void) {
    this.#context = context;
    this.#ledger = ledger;
    this.#onProblem = onProblem;
  }

  async reconcile(): Promise<ReconcileResult> {
    const { ports, settings, informers, writes, fleet } = this.#context;
    // Without a configuration no node is selected, and nothing may be concluded from that.
    if (fleet.config === undefined) return;
    const key = { namespace: settings.namespace, name: configMaps.devicePluginConfig };
    const cached = informers.configMaps.get(key);
    const behindMs = writes.behindMs(writeKey(configMapResource, key.namespace, key.name), cached);
    if (behindMs > 0) return { requeueAfterMs: behindMs };
    const { data, leftOut, bytes } = this.#changes(cached?.data ?? {});
    this.#setFill(bytes / CONFIG_MAP_BYTES_MAX);
    const full = leftOut.length === 0 ? undefined : `ConfigMap ${configMaps.devicePluginConfig} is full: a ConfigMap holds ${CONFIG_MAP_BYTES_MAX} bytes, and what ${leftOut.length} nodes shall offer has no room: ${listSome(leftOut)}. Use fewer policies or shorter selectors, or a second cluster`;
    if (cached !== undefined && Object.keys(data).length === 0) return this.#say(full);
    const waitMs = this.#wroteAtMs + Math.min(SPACING_MOST_MS, informers.nodes.size * SPACING_MS_PER_NODE) - ports.clock.monotonicMs();
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const written = await this.#told(full, () => (cached === undefined ? this.#create(key, data) : ports.kube.patch(configMapResource, key, { type: 'merge', patch: { data } })));
    writes.wrote(writeKey(configMapResource, key.namespace, key.name), written);
    this.#wroteAtMs = ports.clock.monotonicMs();
    ports.log.info('the device plugin configuration is written', { nodes: Object.keys(data).length });
  }

  /**
   * A node that is selected but not yet rendered keeps what it has. What makes room goes first; a node for which there is none keeps what it
   * has too, so that the server does not refuse the others with it.
   */
  #changes(published: Readonly<Record<string, string>>): Changes {
    const wanted = this.#ledger.wanted();
    const data: Record<string, string | null> = {};
    let bytes = 0;
    for (const node in published) {
      if (wanted.has(node) || this.#context.fleet.selectedNodeLabels(node) !== undefined) bytes += Buffer.byteLength(published[node]!);
      else data[node] = null;
    }
    const changed = [...wanted].filter(([node, { json }]) => published[node] !== json).map(([node, { json }]) => ({ node, json, more: Buffer.byteLength(json) - Buffer.byteLength(published[node] ?? '') }));
    const leftOut: string[] = [];
    for (const { node, json, more } of [...changed.filter((one) => one.more <= 0), ...changed.filter((one) => one.more > 0)]) {
      if (more > 0 && bytes + more > CONFIG_MAP_BYTES_MAX) {
        leftOut.push(node);
        continue;
      }
      bytes += more;
      data[node] = json;
    }
    return { data, leftOut, bytes };
  }

  /** A refusal is a condition of the operator configuration: nodes would wait for their configuration without anybody knowing why. */
  async #told(full: string | undefined, write: () => Promise<ConfigMap>): Promise<ConfigMap> {
    try {
      const written = await write();
      this.#say(full);
      return written;
    } catch (error) {
      if (isKubeError(error, 'Invalid', 'RequestEntityTooLarge', 'Forbidden', 'BadRequest')) this.#say(`ConfigMap ${configMaps.devicePluginConfig} cannot be written: ${error.message}`);
      throw error;
    }
  }

  #setFill(fill: number): void {
    const before = this.#ledger.fill;
    this.#ledger.fill = fill;
    if (Math.max(before, fill) >= NEARLY_FULL && Math.floor(100 * before) !== Math.floor(100 * fill)) this.#onProblem();
  }

  #say(problem: string | undefined): void {
    if (this.#ledger.problem === problem) return;
    this.#ledger.problem = problem;
    this.#onProblem();
  }

  #create(key: { readonly namespace: string; readonly name: string }, data: Changes['data']): Promise<ConfigMap> {
    const values = Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => entry[1] !== null));
    return this.#context.ports.kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data: values });
  }
}
