import type { EventRecorder } from '@vfleet/kube';
import type { OperatorContext, OperatorPorts } from './context.ts';
import { OperatorControllers } from './controllers.ts';
import type { OperatorHooks } from './controllers.ts';
import { followLogLevel } from './log-level.ts';
import { FencedKube } from './fenced-kube.ts';
import { drainView } from './drain/drain-view.ts';
import { CONFIG_NAME, FleetModel } from './fleet-model.ts';
import { OperatorInformers } from './informers.ts';
import type { Following } from './informers.ts';
import { OwnWrites } from './own-writes.ts';
import { PoolLedger } from './pools/pool-ledger.ts';
import type { DrainView } from './pools/pool-ledger.ts';
import type { ResolvedSettings } from './settings.ts';
import { wire } from './wiring.ts';

/** What a leader's caches say, in numbers. */
export interface FleetView {
  /** Resources of the fleet that have not been listed yet. */
  readonly unsynced: readonly string[];
  /** The same of networks; in a cluster without Multus they may never be. */
  readonly unsyncedNetworks: readonly string[];
  /** Node states by `status.syncStatus`; Unknown is anything else. */
  readonly nodeStates: Readonly<Record<string, number>>;
  /** Nodes by phase of their drain; those that nobody asked to drain are not counted. */
  readonly drains: Readonly<Record<'waiting' | 'draining' | 'drained' | 'external', number>>;
}

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
    if (hooks.onLogLevel !== undefined) followLogLevel(context, hooks.onLogLevel);
  }

  start(): void {
    this.#controllers.config(CONFIG_NAME);
    this.#informers.start();
    void this.#whenSynced(this.#informers.fleet, () => this.#controllers.startFleet());
    void this.#whenSynced([...this.#informers.fleet, ...this.#informers.attachment], () => this.#controllers.startNetworks());
  }

  /** What the caches say of the fleet now. */
  view(): FleetView {
    const missing = (all: readonly Following[]) => all.filter(({ hasSynced }) => !hasSynced).map(({ resource }) => resource.plural);
    const nodeStates: Record<string, number> = { Succeeded: 0, InProgress: 0, Failed: 0, Unknown: 0 };
    const drains = { waiting: 0, draining: 0, drained: 0, external: 0 };
    for (const state of this.#informers.nodeStates.values()) {
      const { syncStatus = '' } = state.status ?? {};
      nodeStates[Object.hasOwn(nodeStates, syncStatus) ? syncStatus : 'Unknown']! += 1;
      const phase = drainPhase(drainView(this.#informers.nodes.get(state.metadata.name), state));
      if (phase !== undefined) drains[phase] += 1;
    }
    return { unsynced: missing(this.#informers.fleet), unsyncedNetworks: missing(this.#informers.attachment), nodeStates, drains };
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

function drainPhase({ wants, progress, external }: DrainView): 'waiting' | 'draining' | 'drained' | 'external' | undefined {
  if (wants === 'Idle' && progress === 'Idle') return undefined;
  if (external) return 'external';
  if (progress === 'Draining') return 'draining';
  return progress === 'DrainComplete' ? 'drained' : 'waiting';
}
