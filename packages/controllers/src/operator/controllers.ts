import type { LogLevel } from '@vfleet/core';
import type { ControllerObserver, ControllerOptions, EventRecorder } from '@vfleet/kube';
import { Controller } from '@vfleet/kube';
import type { OperatorContext } from './context.ts';
import { DevicePluginConfigs } from './device-plugin/device-plugin-config.ts';
import { DevicePluginLedger } from './device-plugin/device-plugin-ledger.ts';
import { Drain } from './drain/drain.ts';
import { CONFIG_NAME } from './fleet-model.ts';
import { Networks } from './networks/networks.ts';
import { NodeStates } from './node-states/node-states.ts';
import { OperatorConfigs } from './operator-config/operator-config.ts';
import { Policies } from './policies/policies.ts';
import { PolicyLedger } from './policies/policy-ledger.ts';
import { Pools } from './pools/pools.ts';

/** What a composition root may watch or intercept. */
export interface OperatorHooks {
  readonly observer?: ControllerObserver;
  /** Stands between the operator and the recorder of its Events. */
  readonly recorder?: (events: EventRecorder) => EventRecorder;
  /** What the `logLevel` of the configuration `default` asks to be logged, whenever it changes; undefined where it says nothing. Only the leader knows. */
  readonly onLogLevel?: (level: LogLevel | undefined) => void;
  /** See ControllerOptions.onBug: a simulator fails its run here. */
  readonly onBug?: (error: unknown, key: string) => void;
}

/** How long statuses and the device plugin configuration wait for more of the same change. */
const BATCH_MS = 300;
const QUEUE = { backoff: { initialMs: 50, maxMs: 60_000 }, bucket: { perSecond: 50, burst: 500 } };

/** The operator's controllers and what they tell each other. Each works on keys of its own queue. */
export class OperatorControllers {
  readonly devicePluginLedger: DevicePluginLedger;
  readonly drain: Drain;
  readonly #nodeStates: Controller;
  readonly #policies: Controller;
  readonly #pools: Controller;
  readonly #configs: Controller;
  readonly #devicePlugin: Controller;
  readonly #drain: Controller;
  readonly #networks: Controller;

  constructor(context: OperatorContext, hooks: OperatorHooks) {
    const controller = (name: string, workers: number, reconcile: ControllerOptions['reconcile']) => new Controller(context.ports, { name, workers, reconcile, queue: QUEUE, ...(hooks.observer === undefined ? {} : { observer: hooks.observer }), ...(hooks.onBug === undefined ? {} : { onBug: hooks.onBug }) });
    const policyLedger = new PolicyLedger((policy) => this.policy(policy));
    this.devicePluginLedger = new DevicePluginLedger(() => this.devicePlugin());
    this.drain = new Drain(context, (node) => this.#drain.queue.add(node));
    const nodeStates = new NodeStates(context, policyLedger, this.devicePluginLedger);
    const policies = new Policies(context, policyLedger);
    const pools = new Pools(context);
    const configs = new OperatorConfigs(context, this.devicePluginLedger);
    const devicePlugin = new DevicePluginConfigs(context, this.devicePluginLedger, () => this.config(CONFIG_NAME));
    const networks = new Networks(context);
    this.#nodeStates = controller('node-states', 8, (key) => nodeStates.reconcile(key));
    this.#policies = controller('policies', 2, (key) => policies.reconcile(key));
    this.#pools = controller('pools', 1, (key) => pools.reconcile(key));
    this.#configs = controller('operator-config', 1, (key) => configs.reconcile(key));
    this.#devicePlugin = controller('device-plugin-config', 1, () => devicePlugin.reconcile());
    this.#drain = controller('drain', 8, (key) => this.drain.reconcile(key));
    this.#networks = controller('networks', 4, (key) => networks.reconcile(key));
  }

  /** When everything about nodes and policies has been listed. */
  startFleet(): void {
    for (const controller of [this.#configs, this.#nodeStates, this.#policies, this.#pools, this.#devicePlugin, this.#drain]) controller.start();
  }

  /** When everything about networks has been listed. */
  startNetworks(): void {
    this.#networks.start();
  }

  async stop(): Promise<void> {
    this.drain.stop();
    const all = [this.#configs, this.#nodeStates, this.#policies, this.#pools, this.#devicePlugin, this.#drain, this.#networks];
    await Promise.all(all.map((controller) => controller.stop()));
  }

  /** Queues everything that is done per node. */
  node(name: string): void {
    this.#nodeStates.queue.add(name);
    this.#drain.queue.add(name);
  }

  nodeState(name: string): void {
    this.#nodeStates.queue.add(name);
  }

  nodeDrain(name: string): void {
    this.#drain.queue.add(name);
  }

  policy(name: string): void {
    this.#policies.queue.addAfter(name, BATCH_MS);
  }

  pool(name: string): void {
    this.#pools.queue.addAfter(name, BATCH_MS);
  }

  config(name: string): void {
    this.#configs.queue.add(name);
  }

  devicePlugin(): void {
    this.#devicePlugin.queue.addAfter('device-plugin-config', BATCH_MS);
  }

  network(key: string): void {
    this.#networks.queue.add(key);
  }
}
