import { LeaderElector } from '@vfleet/kube';
import { ApiEvents } from '@vfleet/kube';
import type { OperatorPorts } from './context.ts';
import type { OperatorHooks } from './controllers.ts';
import { OperatorSession } from './session.ts';
import type { FleetView } from './session.ts';
import { resolveSettings } from './settings.ts';
import type { OperatorSettings, ResolvedSettings } from './settings.ts';

/** The Lease, in the operator's namespace, by which replicas of the operator elect one. */
export const LEASE_NAME = 'sriov-network-operator';

/** The operator: renders policies into node states and networks into NetworkAttachmentDefinitions, and drains nodes for their daemons. */
export interface Operator {
  /** Begins to compete for the leadership, or to work at once without leader election. Starting twice does nothing. */
  start(): void;
  /** Gives the leadership up and resolves when nothing is under way any more. It cannot be started again. */
  stop(): Promise<void>;
  /** Whether this process is the one at work. */
  readonly leading: boolean;
  /** Where it stands, for people and for checks. */
  view(): OperatorView;
}

export interface OperatorView {
  readonly role: 'leader' | 'standby' | 'stopped';
  /** Who holds the Lease, as far as was seen; without leader election, undefined. */
  readonly leader?: string;
  /** Undefined while it does not lead: a standby lists nothing. */
  readonly fleet?: FleetView;
}

/** Makes an operator over the Kubernetes API; {@link Operator.start} runs it. Any number can live in one process. */
export function createOperator(ports: OperatorPorts, settings: OperatorSettings, hooks: OperatorHooks = {}): Operator {
  const resolved = resolveSettings(settings);
  const log = ports.log.with({ component: 'operator' });
  const recorder = new ApiEvents({ ...ports, log }, { component: 'sriov-operator', instance: resolved.identity });
  const events = hooks.recorder?.(recorder) ?? recorder;
  const newSession = (mayWrite: () => boolean) => new OperatorSession({ ...ports, log }, resolved, events, hooks, mayWrite);
  return resolved.leaderElection ? new ElectedOperator({ ...ports, log }, resolved, newSession) : new SingleOperator(newSession);
}

type NewSession = (mayWrite: () => boolean) => OperatorSession;

/** The only operator of its cluster. */
class SingleOperator implements Operator {
  readonly #newSession: NewSession;
  #session: OperatorSession | undefined;

  constructor(newSession: NewSession) {
    this.#newSession = newSession;
  }

  get leading(): boolean {
    return this.#session !== undefined;
  }

  view(): OperatorView {
    return this.#session === undefined ? { role: 'stopped' } : { role: 'leader', fleet: this.#session.view() };
  }

  start(): void {
    if (this.#session !== undefined) return;
    this.#session = this.#newSession(() => true);
    this.#session.start();
  }

  async stop(): Promise<void> {
    await this.#session?.stop();
  }
}

/** One of several, of which one works at a time. */
class ElectedOperator implements Operator {
  readonly #elector: LeaderElector;
  #session: OperatorSession | undefined;
  #isRunning = false;

  constructor(ports: OperatorPorts, settings: ResolvedSettings, newSession: NewSession) {
    this.#elector = new LeaderElector(ports, {
      namespace: settings.namespace,
      name: LEASE_NAME,
      identity: `${settings.identity}_${ports.random.uuid()}`,
      onStartedLeading: () => {
        this.#session = newSession(() => this.#elector.isLeader);
        this.#session.start();
      },
      onStoppedLeading: async () => {
        const session = this.#session;
        this.#session = undefined;
        await session?.stop();
      },
    });
  }

  get leading(): boolean {
    return this.#elector.isLeader;
  }

  view(): OperatorView {
    const { leader, isLeader } = this.#elector;
    const known = leader === undefined ? {} : { leader };
    if (!this.#isRunning) return { role: 'stopped', ...known };
    return isLeader && this.#session !== undefined ? { role: 'leader', ...known, fleet: this.#session.view() } : { role: 'standby', ...known };
  }

  start(): void {
    this.#isRunning = true;
    this.#elector.start();
  }

  stop(): Promise<void> {
    this.#isRunning = false;
    return this.#elector.stop();
  }
}
