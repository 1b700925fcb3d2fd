import { GROUP, VERSION, configMaps, finalizers, isKubeError } from '@vfleet/core';
import type { ReconcileResult, SriovOperatorConfig } from '@vfleet/kube';
import { findCondition, hasFinalizer, operatorConfigs } from '@vfleet/kube';
import { listSome } from '../text.ts';
import type { OperatorContext } from '../context.ts';
import { patchStatus, writeKey } from '../context.ts';
import { NEARLY_FULL } from '../device-plugin/device-plugin-config.ts';
import type { DevicePluginLedger } from '../device-plugin/device-plugin-ledger.ts';
import { addFinalizer, removeFinalizer } from '../finalizers.ts';
import { CONFIG_NAME } from '../fleet-model.ts';
import { readyCondition } from '../policies/policy-verdict.ts';

/** Makes the SriovOperatorConfig `default` where it is missing, and keeps the condition of every one. The key is the name. */
export class OperatorConfigs {
  readonly #context: OperatorContext;
  readonly #devicePlugin: DevicePluginLedger;
  #seen = false;

  constructor(context: OperatorContext, devicePlugin: DevicePluginLedger) {
    this.#context = context;
    this.#devicePlugin = devicePlugin;
  }

  async reconcile(name: string): Promise<ReconcileResult> {
    const { informers, settings, writes, events } = this.#context;
    const config = informers.configs.get({ namespace: settings.namespace, name });
    const behindMs = writes.behindMs(writeKey(operatorConfigs, settings.namespace, name), config);
    if (behindMs > 0) return { requeueAfterMs: behindMs };
    if (config === undefined) return name === CONFIG_NAME ? this.#create() : undefined;
    if (name === CONFIG_NAME) this.#seen = true;
    if (config.metadata.deletionTimestamp !== undefined) return this.#letGo(config);
    if (name === CONFIG_NAME && (await addFinalizer(this.#context, operatorConfigs, config, finalizers.operatorConfig))) return;
    const verdict = this.#verdict(config);
    const before = findCondition(config.status?.conditions, 'Ready');
    const written = await patchStatus(this.#context, operatorConfigs, config, [readyCondition(verdict, config.metadata.generation)]);
    if (written && before?.reason !== verdict.reason) events.record(verdict.ready ? 'Normal' : 'Warning', config, verdict.reason, verdict.message);
  }

  /** Nobody deletes the configuration without the operator having noticed, and having said what follows. */
  async #letGo(config: SriovOperatorConfig): Promise<void> {
    if (config.metadata.name === CONFIG_NAME && hasFinalizer(config, finalizers.operatorConfig)) {
      this.#context.events.record('Warning', config, 'OperatorConfigDeleted', `nothing is configured, drained or cleaned up until there is a SriovOperatorConfig "${CONFIG_NAME}" again; what is configured stays as it is`);
    }
    await removeFinalizer(this.#context, operatorConfigs, config, finalizers.operatorConfig);
  }

  /** Once, when the operator starts to lead: one that an administrator deletes later stays away. */
  async #create(): Promise<void> {
    if (this.#seen) return;
    const { ports, settings } = this.#context;
    const config: SriovOperatorConfig = {
      apiVersion: `${GROUP}/${VERSION}`,
      kind: 'SriovOperatorConfig',
      metadata: { name: CONFIG_NAME, namespace: settings.namespace },
      spec: { enableInjector: true, enableOperatorWebhook: true, logLevel: 2, disableDrain: false },
    };
    try {
      await ports.kube.create(operatorConfigs, config);
      ports.log.info('the default operator configuration is created');
    } catch (error) {
      if (!isKubeError(error, 'AlreadyExists')) throw error;
    }
    this.#seen = true;
  }

  #verdict({ metadata: { name } }: SriovOperatorConfig): { readonly ready: boolean; readonly reason: string; readonly message: string } {
    if (name !== CONFIG_NAME) return { ready: false, reason: 'UnsupportedConfiguration', message: `only the configuration named "${CONFIG_NAME}" counts; move the settings there and delete this one` };
    const nics = this.#context.fleet.supportedNicProblems;
    const problem = this.#devicePlugin.problem ?? (nics.length > 0 ? `ConfigMap supported-nic-ids: ${listSome(nics)}` : undefined);
    if (problem !== undefined) return { ready: false, reason: 'OperatorConfigSyncFailed', message: problem };
    const { fill } = this.#devicePlugin;
    const nearlyFull = fill < NEARLY_FULL ? '' : `; ConfigMap ${configMaps.devicePluginConfig} holds ${Math.floor(100 * fill)} % of what a ConfigMap may hold, and more nodes or policies will have no room`;
    return { ready: true, reason: 'OperatorConfigReady', message: `the configuration is in force${nearlyFull}` };
  }
}
