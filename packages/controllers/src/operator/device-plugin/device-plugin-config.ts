import { configMaps, isKubeError } from '@vfleet/core';
import type { ConfigMap, ReconcileResult } from '@vfleet/kube';
import { configMapResource } from '@vfleet/kube';
import type { OperatorContext } from '../context.ts';
import { writeKey } from '../context.ts';
import type { DevicePluginLedger } from './device-plugin-ledger.ts';

/**
 * Writes what changed in the ledger to the ConfigMap `device-plugin-config`, many nodes at once. There is one key, the name of
 * the ConfigMap; whoever queues it waits a moment, so that a change of many nodes is one write.
 */
export class DevicePluginConfigs {
  readonly #context: OperatorContext;
  readonly #ledger: DevicePluginLedger;
  readonly #onProblem: () => void;

  /** `onProblem` is called when the ledger's problem has changed. */
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
    const data = this.#differences(cached?.data ?? {});
    if (cached !== undefined && Object.keys(data).length === 0) return;
    const written = await this.#told(() => (cached === undefined ? this.#create(key, data) : ports.kube.patch(configMapResource, key, { type: 'merge', patch: { data } })));
    writes.wrote(writeKey(configMapResource, key.namespace, key.name), written);
    ports.log.info('the device plugin configuration is written', { nodes: Object.keys(data).length });
  }

  /** Values to set, and null for nodes that have none any more. A node that is selected but not yet rendered keeps what it has. */
  #differences(published: Readonly<Record<string, string>>): Record<string, string | null> {
    const wanted = this.#ledger.wanted();
    const data: Record<string, string | null> = {};
    for (const [node, { json }] of wanted) if (published[node] !== json) data[node] = json;
    for (const node in published) if (!wanted.has(node) && this.#context.fleet.selectedNodeLabels(node) === undefined) data[node] = null;
    return data;
  }

  /** A refusal is a condition of the operator configuration: nodes would wait for their configuration without anybody knowing why. */
  async #told(write: () => Promise<ConfigMap>): Promise<ConfigMap> {
    try {
      const written = await write();
      this.#say(undefined);
      return written;
    } catch (error) {
      if (isKubeError(error, 'Invalid', 'RequestEntityTooLarge', 'Forbidden', 'BadRequest')) this.#say(`ConfigMap ${configMaps.devicePluginConfig} cannot be written: ${error.message}`);
      throw error;
    }
  }

  #say(problem: string | undefined): void {
    if (this.#ledger.problem === problem) return;
    this.#ledger.problem = problem;
    this.#onProblem();
  }

  #create(key: { readonly namespace: string; readonly name: string }, data: Record<string, string | null>): Promise<ConfigMap> {
    const values = Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => entry[1] !== null));
    return this.#context.ports.kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data: values });
  }
}
