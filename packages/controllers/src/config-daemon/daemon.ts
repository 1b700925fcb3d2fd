import type { FeatureGate, HardwareEvent, NodeEffect, NodeEvent, NodeMachineState, PfMachineState, Plan, PodResources, Subscription, Timer } from '@vfleet/core';
import { advance, describeDrain, describeReboot, featureGateDefaults, isKubeError, isSettled, nodeMachine, startMachine } from '@vfleet/core';
import type { SriovNetworkNodeState, SriovOperatorConfig } from '@vfleet/kube';
import { Informer, backoffMs, equalJson, nodeStates, operatorConfigs } from '@vfleet/kube';
import { ApiEvents } from '@vfleet/kube';
import { BootConfiguration } from './boot-configuration.ts';
import { Configuration, EMPTY_PLAN, isRendered } from './configuration.ts';
import { DrainClient } from './drain-client.ts';
import { drainView } from './drain-protocol.ts';
import { HardwareActivity } from './hardware-activity.ts';
import { NodeRecord } from './node-record.ts';
import { PodWatch } from './pod-watch.ts';
import { logLevelOf } from '../operator/log-level.ts';
import { Reporter } from './reporter.ts';
import { resolveDaemonSettings } from './settings.ts';
import type { ConfigDaemonPorts, ConfigDaemonSettings, ResolvedDaemonSettings } from './settings.ts';
import { StatusWriter } from './status-writer.ts';
import { holdersOnTheirWay } from './survey.ts';
import type { Survey } from './survey.ts';

/** Where the machines stand, for people and for checks. */
export interface ConfigDaemonView {
  readonly node: NodeMachineState;
  readonly pfs: readonly PfMachineState[];
  /** The newest plan; undefined before the first. */
  readonly plan?: Plan;
}

/** Configures one node's NICs as its SriovNetworkNodeState wants them. */
export interface ConfigDaemon {
  start(): void;
  /** Resolves when nothing is under way any more; a step that has begun is finished first. */
  stop(): Promise<void>;
  view(): ConfigDaemonView;
}

/**
 * The config daemon of one node. Whatever happens becomes an event of the node machine; what its answer asks for is carried out here,
 * one thing after the other. It can be ended after any write: hardware is looked at anew, and the journal says what nobody else can
 * know. `podResources` tells which pods hold VFs; without it `assigned` stays empty.
 */
export function createConfigDaemon(ports: ConfigDaemonPorts, settings: ConfigDaemonSettings, podResources?: PodResources): ConfigDaemon {
  return new Daemon(ports, resolveDaemonSettings(settings), podResources);
}

type Trigger = NodeEvent | { readonly type: 'flush' };
type TimerName = 'deadline' | 'hardware' | 'resync' | 'retry' | 'flush' | 'holders';

/** States in which a restart has to know where the process was. */
const DURABLE: readonly NodeMachineState['value'][] = ['drainRequested', 'applying', 'rebooting', 'succeeded', 'failed'];
/** Between looks at pods that are on their way. */
const HOLDERS_MS = { least: 2_000, most: 60_000 };
const RETRY = { initialMs: 500, maxMs: 30_000 };
/** Problems that end when a device comes, or is changed by those who manage it. */
const AWAITED: readonly Plan['problems'][number]['kind'][] = ['pfGone', 'pfBlocked', 'pfWithoutDriver', 'tooFewVfs', 'externallyManagedDiffers'];

class Daemon implements ConfigDaemon {
  readonly #ports: ConfigDaemonPorts;
  readonly #settings: ResolvedDaemonSettings;
  readonly #states: Informer<SriovNetworkNodeState>;
  readonly #configs: Informer<SriovOperatorConfig>;
  readonly #status: StatusWriter;
  readonly #reporter: Reporter;
  readonly #drain: DrainClient;
  readonly #configuration: Configuration;
  readonly #record: NodeRecord;
  readonly #boot: BootConfiguration;
  readonly #activity: HardwareActivity;
  /** Undefined: nobody can say which pods hold VFs. */
  readonly #pods: PodWatch | undefined;
  readonly #abort = new AbortController();
  readonly #timers = new Map<TimerName, Timer>();
  #machine: NodeMachineState = startMachine(nodeMachine, undefined).state;
  #inbox: Trigger[] = [];
  #work: Promise<void> | undefined;
  #subscriptions: Subscription[] = [];
  /** Pods that were on their way to VFs, or from them, at the last look, and since when it was just these. */
  #onTheirWay = { who: '', sinceMs: 0 };
  /** Writes to the API that failed in a row. */
  #failures = 0;
  #started = false;

  constructor(ports: ConfigDaemonPorts, settings: ResolvedDaemonSettings, podResources: PodResources | undefined) {
    const { namespace, nodeName, stateFolder } = settings;
    const log = ports.log.with({ component: 'config-daemon', node: nodeName });
    this.#ports = { ...ports, log };
    this.#settings = settings;
    this.#states = new Informer(ports, nodeStates, { namespace, fieldSelector: `metadata.name=${nodeName}` });
    this.#configs = new Informer(ports, operatorConfigs, { namespace, fieldSelector: 'metadata.name=default' });
    this.#status = new StatusWriter(this.#ports, this.#states, { namespace, name: nodeName });
    this.#reporter = new Reporter(this.#status, new ApiEvents(this.#ports, { component: 'config-daemon', host: nodeName }));
    this.#drain = new DrainClient(ports.kube, nodeName);
    this.#record = new NodeRecord(ports.files, stateFolder, log);
    this.#boot = new BootConfiguration(ports.files, ports.bootServices);
    this.#activity = new HardwareActivity(ports.clock);
    this.#pods = podResources === undefined ? undefined : new PodWatch(this.#ports, nodeName, () => this.#lookSoon());
    this.#configuration = new Configuration(this.#ports, stateFolder, this.#activity, podResources, this.#abort.signal);
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#work = this.#begin().catch((error: unknown) => this.#end(error));
  }

  async stop(): Promise<void> {
    this.#abort.abort(new Error('the config daemon is stopping'));
    for (const subscription of this.#subscriptions) subscription.stop();
    this.#subscriptions = [];
    this.#states.stop();
    this.#configs.stop();
    this.#pods?.stop();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    await this.#work;
  }

  view(): ConfigDaemonView {
    const { pfs, plan } = this.#configuration;
    return { node: this.#machine, pfs, ...(plan === undefined ? {} : { plan }) };
  }

  // ---- What happens ----

  /** Reads what earlier processes left, then begins to follow hardware and API. */
  async #begin(): Promise<void> {
    await this.#untilRead(() => this.#configuration.load());
    this.#machine = await this.#untilRead(() => this.#record.load());
    const facts = await this.#untilRead(() => this.#ports.host.facts());
    this.#subscriptions = [
      this.#ports.hardware.watch((event) => this.#onHardware(event)),
      this.#states.subscribe({
        added: () => this.#post({ type: 'stateSeen' }, { type: 'specChanged' }), updated: (old, now) => this.#onState(old, now), deleted: () => this.#post({ type: 'stateGone' }),
      }),
      this.#configs.subscribe({ added: (now) => this.#onConfig(undefined, now), updated: (old, now) => this.#onConfig(old, now), deleted: (old) => this.#onConfig(old, undefined) }),
    ];
    this.#states.start();
    this.#configs.start();
    await Promise.race([Promise.all([this.#states.synced, this.#configs.synced]), this.#aborted()]);
    this.#abort.signal.throwIfAborted();
    // What the first lists brought is in the caches: the first look takes it all in.
    this.#inbox = [{ type: 'started', bootId: facts.bootId, nowMs: this.#ports.clock.now() }];
    this.#setTimer('resync', this.#settings.resyncMs * (0.5 + this.#ports.random.next()), () => this.#resync());
    await this.#drainInbox();
  }

  /** Tries until it works: without its files and its host a daemon can do nothing. */
  async #untilRead<Value>(read: () => Promise<{ readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: { readonly cause: string } }>): Promise<Value> {
    for (let failures = 1; ; failures++) {
      const result = await read();
      if (result.ok) return result.value;
      this.#ports.log.error('The daemon cannot start yet.', { cause: result.error.cause });
      await this.#ports.clock.sleep(backoffMs(RETRY, failures, this.#ports.random), this.#abort.signal);
    }
  }

  #aborted(): Promise<void> {
    return new Promise((resolve) => this.#abort.signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  #post(...triggers: readonly Trigger[]): void {
    if (this.#abort.signal.aborted) return;
    this.#inbox.push(...triggers);
    this.#work ??= this.#drainInbox().catch((error: unknown) => this.#end(error));
  }

  /** Triggers are taken one at a time, and the answers to what one of them asked for come before the next. */
  async #drainInbox(): Promise<void> {
    for (let trigger = this.#inbox.shift(); trigger !== undefined; trigger = this.#inbox.shift()) {
      if (trigger.type === 'flush') await this.#flush();
      else for (let event: NodeEvent | undefined = trigger; event !== undefined; ) event = await this.#handle(event);
      this.#abort.signal.throwIfAborted();
    }
    this.#work = undefined;
  }

  /** The only errors that come this far are a stop, and mistakes in the program. */
  #end(error: unknown): void {
    if (!this.#abort.signal.aborted) throw error;
  }

  async #handle(event: NodeEvent): Promise<NodeEvent | undefined> {
    // A step that was under way when the daemon was stopped has ended; what follows from it is for the next process.
    this.#abort.signal.throwIfAborted();
    const before = this.#machine;
    const { state, effects, changed } = advance(nodeMachine, before, event);
    if (!changed) return undefined;
    this.#machine = state;
    if (state.value !== before.value) this.#ports.log.debug('The node goes on.', { from: before.value, to: state.value, event: event.type });
    const saved = DURABLE.includes(state.value) ? await this.#record.save(state) : undefined;
    if (saved?.ok === false) {
      this.#ports.log.error('The state of the node could not be saved.', { cause: saved.error.cause });
      // Reboots that are not counted could go on for ever.
      if (state.value === 'rebooting') return { type: 'rebootFailed', cause: `no reboot without counting it, and the state cannot be saved: ${saved.error.cause}`, nowMs: this.#now };
    }
    for (const effect of effects) {
      const answer = await this.#carryOut(effect);
      if (answer !== undefined) return answer;
    }
    if (state.value === 'idle') this.#configuration.rest();
    return undefined;
  }

  #onHardware(event: HardwareEvent): void {
    this.#activity.event();
    // Carrier of VFs shows nowhere in the node state.
    if (event.kind === 'link' && !this.#configuration.mayBePf(event.device)) return;
    this.#lookSoon();
  }

  #lookSoon(): void {
    if (this.#abort.signal.aborted || this.#timers.has('hardware')) return;
    this.#setTimer('hardware', this.#settings.debounceMs, () => this.#postHardwareChanged());
  }

  #postHardwareChanged(): void {
    const awaited = this.#configuration.plan?.problems.some((problem) => AWAITED.includes(problem.kind)) ?? false;
    this.#post({ type: 'hardwareChanged', awaited });
  }

  #resync(): void {
    this.#drain.forget();
    this.#postHardwareChanged();
    this.#setTimer('resync', this.#settings.resyncMs, () => this.#resync());
  }

  /**
   * A pod that has a VF without using it, or does not come to it, is looked at ever more seldom: again after as long as it has been so, however often other news has led to a look; and
   * every minute, since a detachment that hung for long ends at some time, too.
   */
  #followHolders(seen: Survey): void {
    this.#timers.get('holders')?.cancel();
    const who = holdersOnTheirWay(seen).join(', ');
    const nowMs = this.#ports.clock.monotonicMs();
    if (who !== this.#onTheirWay.who) this.#onTheirWay = { who, sinceMs: nowMs };
    const delayMs = Math.min(Math.max(HOLDERS_MS.least, nowMs - this.#onTheirWay.sinceMs), HOLDERS_MS.most);
    if (who !== '') this.#setTimer('holders', delayMs, () => this.#postHardwareChanged());
  }

  #onState(old: SriovNetworkNodeState, now: SriovNetworkNodeState): void {
    if (now.metadata.deletionTimestamp !== undefined) this.#post({ type: 'stateGone' });
    else if (old.spec !== now.spec && (old.metadata.generation !== now.metadata.generation || !equalJson(old.spec, now.spec))) this.#post({ type: 'specChanged' });
    if (!equalJson(drainView('Idle', old), drainView('Idle', now))) this.#post({ type: 'drainChanged' });
  }

  #onConfig(old: SriovOperatorConfig | undefined, now: SriovOperatorConfig | undefined): void {
    const [before, level] = [old, now].map((config) => (config === undefined ? undefined : logLevelOf(config.spec)));
    if (level !== before) this.#ports.onLogLevel?.(level);
    if (!this.#configs.hasSynced) return;
    const concerns = (config: SriovOperatorConfig | undefined) => [config?.spec.disableDrain ?? false, config?.spec.featureGates ?? {}, config?.spec.disablePlugins ?? [], config?.spec.configurationMode ?? 'daemon'];
    if (!equalJson(concerns(old), concerns(now))) this.#post({ type: 'specChanged' });
  }

  #setTimer(name: TimerName, delayMs: number, then: () => void): void {
    this.#timers.get(name)?.cancel();
    const timer = this.#ports.clock.setTimer(delayMs, () => {
      this.#timers.delete(name);
      then();
    });
    this.#timers.set(name, timer);
  }

  // ---- What is to be done ----

  get #now(): number {
    return this.#ports.clock.now();
  }

  get #config(): SriovOperatorConfig['spec'] | undefined {
    return this.#configs.get({ namespace: this.#settings.namespace, name: 'default' })?.spec;
  }

  async #carryOut(effect: NodeEffect): Promise<NodeEvent | undefined> {
    switch (effect.type) {
      case 'discover':
        return this.#discover();
      case 'plan':
        return this.#makePlan();
      case 'requestDrain':
        await this.#askingServer(() => this.#requestDrain(effect.params.request));
        return undefined;
      case 'releaseDrain': {
        const released = await this.#askingServer(() => this.#drain.release(this.#status.current()));
        return released === true && this.#machine.value === 'succeeded' ? { type: 'drainReleased' } : undefined;
      }
      case 'apply': {
        const apply = () => this.#configuration.apply(this.#gate('parallelNicConfig'));
        const { tracer } = this.#ports;
        const applied = await (tracer === undefined ? apply() : tracer.span('internal', 'apply', { 'k8s.node.name': this.#settings.nodeName, 'vfleet.generation': this.#configuration.generation }, apply, (done) => (done.ok ? {} : { error: done.error })));
        return applied.ok ? { type: 'applied' } : { type: 'applyFailed', cause: applied.error, nowMs: this.#now };
      }
      case 'reboot': {
        const mayBoot = () => this.#config?.disableDrain === true || this.#drain.stillPermitsReboot(this.#status.current());
        const asked = await this.#configuration.reboot(mayBoot, (reason) => {
          this.#ports.log.warn('The node is rebooted.', { reason, attempt: this.#machine.context.rebootAttempts });
          this.#reporter.say('Normal', 'Rebooting', reason);
        });
        if (!asked.ok) return { type: 'rebootFailed', cause: asked.error, nowMs: this.#now };
        return asked.value === 'asked' ? undefined : { type: 'rebootUnneeded' };
      }
      case 'report':
        this.#reporter.report(effect.params.syncStatus, effect.params.cause, this.#machine, this.#configuration.plan ?? EMPTY_PLAN, this.#configuration.generation);
        // What others must know before anything is changed is written before anything is changed.
        await (effect.params.syncStatus === 'InProgress' ? this.#flushSurely() : this.#flush());
        return undefined;
      case 'schedule':
        this.#schedule(effect.params.atMs);
        return undefined;
    }
  }

  /** The wait is measured by the timer: a wall clock that was set back meanwhile does not make it longer. */
  #schedule(atMs: number): void {
    this.#setTimer('deadline', Math.max(0, atMs - this.#now), () => this.#post({ type: 'time', nowMs: Math.max(atMs, this.#now) }));
  }

  async #discover(): Promise<NodeEvent> {
    // What happened before this look is seen by it.
    this.#timers.get('hardware')?.cancel();
    this.#timers.delete('hardware');
    this.#inbox = this.#inbox.filter((trigger) => trigger.type !== 'hardwareChanged');
    const seen = await this.#configuration.look();
    if (!seen.ok) return { type: 'discoveryFailed', cause: `the hardware could not be read: ${seen.error.cause}; ${seen.error.remedy}`, nowMs: this.#now };
    this.#pods?.follow(seen.value.inventory);
    this.#followHolders(seen.value);
    this.#reporter.publish(seen.value);
    await this.#flush();
    return { type: 'discovered' };
  }

  async #makePlan(): Promise<NodeEvent> {
    const state = this.#status.current();
    if (state === undefined) return { type: 'stateGone' };
    // Without an answer from the server nothing is permitted.
    const granted = (await this.#askingServer(() => this.#drain.permission(state))) ?? 'none';
    const config = this.#config;
    const plan = await this.#configuration.makePlan({ state, config, drained: granted === 'drain' || granted === 'reboot' });
    const bootId = this.#configuration.survey!.host.bootId;
    const kept = await this.#keepForBoot(state, config?.configurationMode ?? 'daemon', bootId);
    const { bridges } = this.#configuration;
    if (bridges !== undefined) this.#reporter.publishBridges(bridges);
    const summary = {
      settled: isSettled(plan),
      blocked: [...plan.problems.filter((problem) => problem.blocks).map((problem) => `${problem.cause}; ${problem.remedy}`), ...(kept === undefined ? [] : [kept])],
      drainNeeded: plan.drain.needed,
      rebootNeeded: plan.reboot.needed,
      permission: config?.disableDrain === true ? ('reboot' as const) : granted !== 'rebootOnly' ? granted : plan.reboot.needed ? ('reboot' as const) : ('none' as const),
      bootId,
    };
    return { type: 'planned', summary, nowMs: this.#now };
  }

  /** What went wrong with it, in one line. A spec that was not rendered yet says nothing. */
  async #keepForBoot(state: SriovNetworkNodeState, mode: 'daemon' | 'systemd', bootId: string): Promise<string | undefined> {
    const problem = isRendered(state) ? await this.#boot.keep(mode, state.spec) : undefined;
    this.#reporter.publishBoot(await this.#boot.condition(mode, bootId));
    return problem;
  }

  async #requestDrain(wanted: 'Drain_Required' | 'Reboot_Required'): Promise<void> {
    const written = await this.#drain.request(wanted, this.#status.current());
    if (written === undefined || written === 'Idle') return;
    const plan = this.#configuration.plan ?? EMPTY_PLAN;
    if (written === 'Reboot_Required') this.#reporter.say('Normal', 'RebootRequested', plan.reboot.reasons.map(describeReboot).join('; '));
    else this.#reporter.say('Normal', 'DrainRequested', plan.drain.reasons.map(describeDrain).join('; '));
  }

  /** Undefined when the server could not be asked; the machine comes back to it by way of `drainChanged`. */
  async #askingServer<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
    try {
      const value = await work();
      this.#failures = 0;
      return value;
    } catch (error) {
      if (!isKubeError(error)) throw error;
      this.#drain.forget();
      this.#ports.log.warn('The API server could not be asked.', { reason: error.reason, message: error.message });
      this.#setTimer('retry', this.#nextRetryMs(), () => this.#post({ type: 'drainChanged' }));
      return undefined;
    }
  }

  async #flush(): Promise<void> {
    if (await this.#status.flush()) this.#failures = 0;
    else this.#setTimer('flush', this.#nextRetryMs(), () => this.#post({ type: 'flush' }));
  }

  async #flushSurely(): Promise<void> {
    while (!(await this.#status.flush())) await this.#ports.clock.sleep(this.#nextRetryMs(), this.#abort.signal);
    this.#failures = 0;
  }

  #nextRetryMs(): number {
    this.#failures++;
    return backoffMs(RETRY, this.#failures, this.#ports.random);
  }

  #gate(gate: FeatureGate): boolean {
    return this.#config?.featureGates?.[gate] ?? featureGateDefaults[gate];
  }
}
