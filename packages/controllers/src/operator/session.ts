import type { EventRecorder } from '@vfleet/kube';
import type { OperatorContext, OperatorPorts } from './context.ts';
import { OperatorControllers } from './controllers.ts';
import type { OperatorHooks } from './controllers.ts';
import { FencedKube } from './fenced-kube.ts';
import { CONFIG_NAME, FleetModel } from './fleet-model.ts';
import { OperatorInformers } from './informers.ts';
import type { Following } from './informers.ts';
import { OwnWrites } from './own-writes.ts';
import { PoolLedger } from './pools/pool-ledger.ts';
import type { ResolvedSettings } from './settings.ts';
import { wire } from './wiring.ts';

/**
 * The operator at work, from gaining the leadership to losing it. Everything is listed anew when it begins, so that decisions
 * stand on what the last leader wrote; after it has ended nothing of it writes any more.
 */
export class OperatorSession {
  readonly #kube: FencedKube;
  readonly #informers: OperatorInformers;
  readonly #controllers: OperatorControllers;
  #stopped = false;

  /** `mayWrite` is asked before every write. */
  constructor(ports: OperatorPorts, settings: ResolvedSettings, events: EventRecorder, hooks: OperatorHooks, mayWrite: () => boolean) {
    this.#kube = new FencedKube(ports.kube, mayWrite);
    const fenced = { ...ports, kube: this.#kube };
    this.#informers = new OperatorInformers(fenced, settings.namespace);
    const context: OperatorContext = {
      ports: fenced,
      settings,
      informers: this.#informers,
      events,
      writes: new OwnWrites(ports.clock),
      fleet: new FleetModel(this.#informers, settings.namespace),
      pools: new PoolLedger(),
    };
    this.#controllers = new OperatorControllers(context, hooks);
    wire(context, this.#controllers);
  }

  start(): void {
    this.#controllers.config(CONFIG_NAME);
    this.#informers.start();
    void this.#whenSynced(this.#informers.fleet, () => this.#controllers.startFleet());
    void this.#whenSynced([...this.#informers.fleet, ...this.#informers.attachment], () => this.#controllers.startNetworks());
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#kube.close();
    this.#informers.stop();
    await this.#controllers.stop();
  }

  async #whenSynced(informers: readonly Following[], begin: () => void): Promise<void> {
    await Promise.all(informers.map((informer) => informer.synced));
    if (!this.#stopped) begin();
  }
}
