import { DEFAULT_OPERATOR_NAMESPACE } from '@vfleet/core';
import { Simulation } from '../engine/simulation.ts';
import { RealWaitError } from '../engine/barrier.ts';
import type { TraceEntry } from '../engine/trace.ts';
import { traceLine } from '../engine/trace.ts';
import { Chance, noFaultPlan } from '../faults/chance.ts';
import type { FaultPlan } from '../faults/chance.ts';
import { Disturber } from '../faults/disturber.ts';
import { KubeConditions } from '../faults/faulty-kube.ts';
import { hardwareFaultPlan, withFirmware } from '../faults/hardware-faults.ts';
import { People } from '../faults/people.ts';
import { ClusterView, collections } from '../oracles/cluster-view.ts';
import { Holdings } from '../oracles/holdings.ts';
import { judgements, oracles } from '../oracles/index.ts';
import { endStateOf, endsDiffer } from '../oracles/same-end.ts';
import type { EndState } from '../oracles/same-end.ts';
import type { Violation } from '../oracles/index.ts';
import { isHeartbeat, traceCommits, traceHardware } from '../process/observe.ts';
import type { PortWrapper } from '../process/supervisor.ts';
import { Supervisor } from '../process/supervisor.ts';
import { applyObject } from '../scenarios/kinds.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { WorkloadKeeper } from '../scenarios/workload-keeper.ts';
import { createWorld } from '../world.ts';
import { Watchtower } from './watchtower.ts';
import type { World, WorldSettings } from '../world.ts';
import { fleetSpecOf, scheduleSteps } from './actions.ts';
import { Caretaker } from './caretaker.ts';
import { bugLog, textOf, watchRejections } from './bugs.ts';
import { Convergence } from './convergence.ts';
import { unmet } from './expectations.ts';

export interface RunOptions {
  /** What goes wrong; nothing by default. */
  readonly plan?: FaultPlan;
  /** Put between processes and their ports: how planted defects get in. */
  readonly wrap?: PortWrapper;
  /** Changes the settings of the world, for the same purpose. */
  readonly world?: (settings: WorldSettings) => WorldSettings;
  /** Sees every trace entry. */
  readonly onTrace?: (entry: TraceEntry) => void;
  /** Every committed object goes into the trace hash, not only its key and version. Default: up to 50 nodes. */
  readonly wholeObjects?: boolean;
  /** What a run without faults comes to: this one has to come to the same. */
  readonly reference?: EndState;
  /** Told what the run came to, if it came to rest. */
  readonly onEnd?: (end: EndState) => void;
  /** Real milliseconds, for the report only. */
  readonly wallClock?: () => number;
}

/** What one run was like. */
export interface RunReport {
  readonly scenario: string;
  readonly seed: string;
  readonly traceHash: string;
  readonly traceEntries: number;
  readonly virtualMs: number;
  readonly wallMs: number;
  /** Timers fired. */
  readonly events: number;
  /** Virtual milliseconds from the end of the faults until everything was as wanted. */
  readonly convergedAfterMs?: number;
  /** Keys of the faults that struck, in order: enough to strike again. */
  readonly faultsFired: readonly string[];
  readonly marks: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
}

/** Runs one scenario with one seed: a safety phase in which faults strike, then a liveness phase in which none does. */
export async function runScenario(scenario: Scenario, seed: string | number, options: RunOptions = {}): Promise<RunReport> {
  return new Run(scenario, String(seed), options).run();
}

/** After convergence, what is still on its way may arrive: debounced reports, batched statuses, kubelets' status. */
const SETTLE_MS = 90_000;

class Run {
  readonly #scenario: Scenario;
  readonly #options: RunOptions;
  readonly #simulation: Simulation;
  readonly #chance: Chance;
  /** No fault is to strike, and the story has none. */
  readonly #isCalm: boolean;
  readonly #conditions = new KubeConditions();
  readonly #supervisor: Supervisor;
  readonly #world: World;
  readonly #view: ClusterView;
  readonly #workloads: WorkloadKeeper;
  readonly #people: People;
  readonly #disturber: Disturber;
  readonly #violations: Violation[];
  readonly #tower: Watchtower;
  readonly #convergence: Convergence;
  readonly #holdings: Holdings;
  #convergedAfterMs: number | undefined;

  constructor(scenario: Scenario, seed: string, options: RunOptions) {
    this.#scenario = scenario;
    this.#options = options;
    const simulation = new Simulation(`${scenario.name}/${seed}`);
    this.#simulation = simulation;
    if (options.onTrace !== undefined) simulation.trace.listen(options.onTrace);
    this.#chance = new Chance(simulation.seed, options.plan ?? noFaultPlan, simulation.marks);
    this.#chance.active = false;
    this.#chance.onStrike = ({ key }) => simulation.trace.record('fault', 'strikes', key);
    this.#isCalm = options.plan === undefined && scenario.steps?.some(({ action }) => action.do === 'outage') !== true;
    this.#supervisor = new Supervisor(simulation, this.#chance, this.#conditions, options.wrap, this.#isCalm);
    this.#tower = new Watchtower(simulation);
    this.#violations = this.#tower.violations;
    this.#world = this.#makeWorld();
    this.#supervisor.superviseFor(this.#world);
    this.#view = new ClusterView(this.#world, DEFAULT_OPERATOR_NAMESPACE);
    this.#holdings = new Holdings(this.#world, this.#view);
    this.#workloads = new WorkloadKeeper(simulation, this.#world.kube);
    this.#people = new People(simulation, this.#world.kube, this.#view, this.#workloads, this.#world.fleet);
    this.#disturber = new Disturber({ simulation, chance: this.#chance, world: this.#world, supervisor: this.#supervisor, conditions: this.#conditions, people: this.#people });
    this.#convergence = new Convergence(this.#world, this.#view, this.#workloads);
  }

  async run(): Promise<RunReport> {
    const wall = this.#options.wallClock ?? (() => 0);
    const startMs = wall();
    const unwatch = watchRejections((error) => this.#bug(error, 'a promise that nobody awaited'));
    try {
      await this.#phases();
    } catch (error) {
      if (error instanceof RealWaitError) throw error;
      this.#bug(error, 'the simulation');
    } finally {
      unwatch();
    }
    const { trace, clock, marks, events } = this.#simulation;
    return {
      scenario: this.#scenario.name, seed: this.#simulation.seed.slice(this.#scenario.name.length + 1), traceHash: trace.hash, traceEntries: trace.count,
      virtualMs: clock.monotonicMs(), wallMs: wall() - startMs, events, ...(this.#convergedAfterMs === undefined ? {} : { convergedAfterMs: this.#convergedAfterMs }),
      faultsFired: this.#chance.fired, marks: marks.all(), violations: this.#violations,
    };
  }

  #makeWorld(): World {
    const simulation = this.#simulation;
    const { fleet, hardwareDelayFactor, operatorReplicas, scale } = this.#scenario;
    const settings: WorldSettings = {
      ...(this.#isCalm ? {} : { hardwareFaults: hardwareFaultPlan(this.#chance) }), events: false, managedFields: scale !== true, processes: this.#supervisor,
      onBug: (error, where) => this.#bug(error, where),
      ...(hardwareDelayFactor === undefined ? {} : { hardwareDelayFactor }), ...(operatorReplicas === undefined ? {} : { operatorReplicas }),
    };
    const ports = { clock: simulation.clock, random: simulation.random('world'), log: bugLog((error) => this.#bug(error, 'a watcher')) };
    this.#chance.active = this.#options.plan !== undefined;
    const machines = withFirmware(fleet.nodes, this.#chance);
    this.#chance.active = false;
    return createWorld(ports, fleetSpecOf(machines), this.#options.world?.(settings) ?? settings);
  }

  async #phases(): Promise<void> {
    await this.#begin();
    await this.#safety();
    if (!this.#simulation.stopped) await this.#liveness();
    if (!this.#simulation.stopped) await this.#silence();
    if (!this.#simulation.stopped) await this.#judge();
  }

  async #begin(): Promise<void> {
    const [simulation, world] = [this.#simulation, this.#world];
    this.#tower.watch(oracles, this.#supervisor, world, { simulation, world, view: this.#view, holdings: this.#holdings, cordonedByPeople: this.#people.cordoned });
    const small = this.#options.wholeObjects ?? this.#world.nodeNames.length <= 50;
    traceCommits(simulation, world, small);
    world.apiServer.core.store.onCommit((collection, change) => {
      if (collection.name === collections.pods) this.#workloads.commit(change);
    });
    await simulation.drive(world.start());
    if (small) for (const node of world.nodes()) traceHardware(simulation, node);
  }

  async #safety(): Promise<void> {
    const { objects, workloads = [], steps = [], faults } = this.#scenario;
    const [simulation, world] = [this.#simulation, this.#world];
    await simulation.drive((async () => {
      for (const object of objects) await applyObject(world.kube, object);
      await this.#workloads.start(workloads);
    })());
    scheduleSteps({ simulation, world, supervisor: this.#supervisor, disturber: this.#disturber, people: this.#people }, steps);
    const strikes = this.#options.plan !== undefined;
    if (strikes) {
      simulation.trace.record('run', 'faults may strike', '');
      this.#chance.active = true;
      this.#disturber.start();
    }
    const untilMs = Math.max(strikes ? faults.forMs : 0, ...steps.map(({ atMs }) => atMs + 1));
    await simulation.run(untilMs);
    simulation.trace.record('run', 'faults cease', '');
    await simulation.drive(this.#disturber.stop());
  }

  async #liveness(): Promise<void> {
    const simulation = this.#simulation;
    const { convergeWithinMs } = this.#scenario;
    const startMs = simulation.clock.monotonicMs();
    const leftMs = () => convergeWithinMs - (simulation.clock.monotonicMs() - startMs);
    this.#convergence.reconsider();
    const caretaker = new Caretaker({ simulation, world: this.#world, view: this.#view, holdings: this.#holdings });
    caretaker.start();
    // Hardware changes without a commit: what looks settled is looked at once more, a little later.
    for (let calmMs = 0; calmMs < 30_000 && leftMs() > 0 && !simulation.stopped;) {
      if (!(await simulation.until(() => this.#convergence.reached(), leftMs()))) break;
      this.#convergedAfterMs = simulation.clock.monotonicMs() - startMs;
      const atMs = simulation.clock.monotonicMs();
      await simulation.run(5000);
      this.#convergence.reconsider();
      calmMs = this.#convergence.reached() ? calmMs + simulation.clock.monotonicMs() - atMs : 0;
    }
    caretaker.stop();
    if (simulation.stopped || this.#convergence.reached()) return;
    const missing = this.#convergence.missing();
    await this.#tower.atTheEnd();
    // The cause comes before what follows from it: a node that is being drained is not settled, and pods wait for both.
    for (const judgement of [judgements.drainsEnd, judgements.nodesSettle, judgements.podsRun]) {
      const own = missing.filter(({ property }) => property === judgement);
      if (own.length > 0) this.#tower.report(judgement, own.map(({ object }) => object).slice(0, 6), own.map(({ object, says }) => `${object}: ${says}`).slice(0, 6).join('; '));
    }
  }

  async #silence(): Promise<void> {
    const simulation = this.#simulation;
    await simulation.run(SETTLE_MS);
    const written: string[] = [];
    let listening = true;
    this.#world.apiServer.core.store.onCommit((collection, change) => {
      if (listening && !isHeartbeat(collection.name, change)) written.push(`${change.type} ${collection.name} ${change.key}`);
    });
    this.#supervisor.onWrite((process, { to, verb, what }) => {
      if (listening && to !== 'api') written.push(`${process.name} ${verb} ${what}`);
    });
    await simulation.run(this.#scenario.quietMs);
    listening = false;
    if (written.length > 0) this.#tower.report(judgements.silence, [], `${written.length} writes: ${[...new Set(written)].slice(0, 5).join('; ')}`);
  }

  async #judge(): Promise<void> {
    await this.#tower.atRest();
    for (const expectation of this.#scenario.expectations ?? []) {
      const says = unmet(expectation, this.#world, this.#view);
      if (says !== undefined) this.#tower.report(judgements.endsAsTold, [], says);
    }
    this.#compare();
  }

  #compare(): void {
    const { reference, onEnd } = this.#options;
    if (reference === undefined && onEnd === undefined) return;
    const end = endStateOf(this.#world, this.#view);
    onEnd?.(end);
    const difference = reference === undefined ? undefined : endsDiffer(end, reference);
    if (difference !== undefined) this.#tower.report(judgements.sameEnd, [difference.object], difference.says);
  }

  #bug(error: unknown, where: string): void {
    this.#tower.report(judgements.programError, [where], textOf(error));
  }
}

/** A violation for people: what, where, when, and the lines that led there. */
export function violationText({ oracle, property, atMs, objects, says, trace }: Violation): string {
  return [`${oracle} at t=${(atMs / 1000).toFixed(3)} s${objects.length > 0 ? ` (${objects.join(', ')})` : ''}: ${says}`, `  ${property}`, ...trace.map((entry) => `  ${traceLine(entry)}`)].join('\n');
}
