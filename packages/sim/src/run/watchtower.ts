import type { Simulation } from '../engine/simulation.ts';
import type { Judgement, Oracle, OracleChecks, OracleContext, Violation } from '../oracles/oracle.ts';
import type { Supervisor } from '../process/supervisor.ts';
import type { World } from '../world.ts';

/** How many trace entries a violation keeps. */
const TRACE_KEPT = 40;

/** Asks every oracle at every event it wants to see, and keeps what did not hold. The first violation ends the run. */
export class Watchtower {
  readonly violations: Violation[] = [];
  readonly #simulation: Simulation;
  #checks: readonly { readonly oracle: Oracle; readonly checks: OracleChecks }[] = [];

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  watch(oracles: readonly Oracle[], supervisor: Supervisor, world: World, context: Omit<OracleContext, 'violated'>): void {
    this.#checks = oracles.map((oracle) => ({ oracle, checks: oracle.watch({ ...context, violated: (objects, says) => this.report(oracle, objects, says) }) }));
    const commits = this.#checks.flatMap(({ checks }) => (checks.commit === undefined ? [] : [checks.commit]));
    const writes = this.#checks.flatMap(({ checks }) => (checks.write === undefined ? [] : [checks.write]));
    const checkpoints = this.#checks.flatMap(({ checks }) => (checks.checkpoint === undefined ? [] : [checks.checkpoint]));
    supervisor.onCheckpoint((node, text) => {
      context.holdings.checkpoint(node, text);
      for (const check of checkpoints) check(node);
    });
    world.apiServer.core.store.onCommit((collection, change) => {
      for (const check of commits) check(collection.name, change);
    });
    supervisor.onWrite((process, write) => {
      for (const check of writes) check(process, write);
    });
  }

  async atRest(): Promise<void> {
    for (const { checks } of this.#checks) await checks.atRest?.();
  }

  /** It has not come to rest: those that tell of what lasts are asked all the same. */
  async atTheEnd(): Promise<void> {
    for (const { oracle, checks } of this.#checks) if (oracle.lasting === true) await checks.atRest?.();
  }

  report({ name: oracle, property }: Judgement, objects: readonly string[], says: string): void {
    this.violations.push({ oracle, property, atMs: this.#simulation.clock.monotonicMs(), objects, says, trace: this.#simulation.trace.last(TRACE_KEPT) });
    this.#simulation.marks.hit(`violation ${oracle}`);
    this.#simulation.stop();
  }
}
