import type { BridgeError, Clock, Files, FilesError, Hardware, HardwareError, Host, Log, OvsBridge, PciAddress, PfMachineState, PfPlan, Plan, PlanInput, PodResources, Result, SoftwareBridges } from '@vfleet/core';
import { describeBridgeStep, describeReboot, fail, featureGateDefaults, isSettled, ok, planNode } from '@vfleet/core';
import type { SriovNetworkNodeState, SriovOperatorConfig } from '@vfleet/kube';
import { DEFAULT_STATE_FOLDER, pfLockPath } from '../cni/index.ts';
import type { HardwareActivity } from './hardware-activity.ts';
import { Journal } from './journal.ts';
import { OwnershipStore } from './ownership.ts';
import { PfRun, runPlans } from './pf-run.ts';
import type { RunTools } from './pf-run.ts';
import { readHolders, survey } from './survey.ts';
import type { Survey } from './survey.ts';
import { underLock } from './under-lock.ts';
import { TriedSteps } from './tried-steps.ts';

export interface ConfigurationPorts {
  readonly hardware: Hardware;
  readonly host: Host;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  readonly bridges?: SoftwareBridges;
}

/** What a plan is made for. */
export interface Wanted {
  readonly state: SriovNetworkNodeState;
  readonly config: SriovOperatorConfig['spec'] | undefined;
  /** The operator has drained the node, and the request for it still stands. */
  readonly drained: boolean;
}

/** How soon the end of a run is written again when it could not be. */
const END_RETRY_MS = 5_000;

export const EMPTY_PLAN: Plan = { pfs: [], hostSteps: [], bridgeSteps: [], drain: { needed: false, reasons: [] }, reboot: { needed: false, reasons: [], kernelArguments: [] }, problems: [] };

/** The node's NICs as they are and as they are wanted: looks, plans, and carries plans out under the journal. */
export class Configuration {
  readonly #ports: ConfigurationPorts;
  readonly #stateFolder: string;
  readonly #podResources: PodResources | undefined;
  readonly #store: OwnershipStore;
  readonly #journal: Journal;
  readonly #activity: HardwareActivity;
  readonly #signal: AbortSignal;
  readonly #tried = new TriedSteps();
  readonly #pfs = new Map<string, PfMachineState>();
  /** PFs of a run that did not end well, or was interrupted. */
  #unfinished = new Set<string>();
  /** Those of them that have no VFs but such as the run made. */
  #clean = new Set<string>();
  /** Number of the run whose end the journal does not have yet. While there is one, nobody gets a VF of its PFs. */
  #openRun: number | undefined;
  #runs = 0;
  #survey: Survey | undefined;
  /** Of the PFs that the last look saw. */
  #addresses: ReadonlySet<string> | undefined;
  /** What kubelet said last. */
  #holders: Survey['holders'];
  /** Ours, as last listed; undefined where nobody manages bridges. */
  #bridges: readonly OvsBridge[] | undefined;
  #plan: Plan | undefined;
  #input: PlanInput | undefined;
  /** Of the spec that was planned for last. */
  #generation: number | undefined;

  constructor(ports: ConfigurationPorts, stateFolder: string, activity: HardwareActivity, podResources: PodResources | undefined, signal: AbortSignal) {
    this.#ports = ports;
    this.#stateFolder = stateFolder;
    this.#podResources = podResources;
    this.#store = new OwnershipStore(ports.files, stateFolder, ports.log);
    this.#journal = new Journal(ports.files, stateFolder);
    this.#activity = activity;
    this.#signal = signal;
  }

  get survey(): Survey | undefined {
    return this.#survey;
  }

  /** The newest plan; undefined before the first. */
  get plan(): Plan | undefined {
    return this.#plan;
  }

  /** Of the spec that the newest plan is for; a newer one may be there already. */
  get generation(): number | undefined {
    return this.#generation;
  }

  /** Bridges of ours at the last plan; undefined where nobody manages bridges. */
  get bridges(): readonly OvsBridge[] | undefined {
    return this.#bridges;
  }

  get pfs(): readonly PfMachineState[] {
    return [...this.#pfs.values()];
  }

  /** Reads what earlier processes left. */
  async load(): Promise<Result<void, FilesError>> {
    const loaded = await this.#store.load();
    if (!loaded.ok) return loaded;
    const run = await this.#journal.recover();
    if (!run.ok) return run;
    if (run.value === undefined) return ok(undefined);
    this.#openRun = this.#runs;
    this.#unfinished = new Set(run.value.pfs);
    this.#clean = new Set(run.value.clean);
    for (const { pf, key } of run.value.tried) this.#tried.add(pf, key);
    this.#ports.log.warn('An earlier run was not finished; it is taken up from what the hardware shows.', { lastStep: run.value.lastStep });
    return ok(undefined);
  }

  /** Whether a link that changed is a PF's; so it may be until somebody has looked. */
  mayBePf(address: string): boolean {
    return this.#addresses?.has(address) ?? true;
  }

  /** Nothing is to be done until the next look: what the last one saw need not be kept, which with many VFs is most of what there is. */
  rest(): void {
    this.#survey = undefined;
    this.#input = undefined;
  }

  async look(): Promise<Result<Survey, HardwareError>> {
    const seen = await survey(this.#ports, this.#podResources);
    if (!seen.ok) return seen;
    const holders = seen.value.holders ?? this.#holders;
    this.#holders = holders;
    this.#addresses = new Set(seen.value.inventory.pfs.map((pf) => pf.pciAddress));
    this.#survey = { ...seen.value, ...(holders === undefined ? {} : { holders }) };
    return ok(this.#survey);
  }

  /** Compares the last look with what is wanted. What is as wanted already is ours from now on, or no longer. */
  async makePlan({ state, config, drained }: Wanted): Promise<Plan> {
    // The last look is from before the drain: who has a VF still is a pod that drains pass by.
    if (drained) await this.#askWhoHolds();
    const { inventory, host, holders } = this.#survey!;
    if (this.#generation !== undefined && this.#generation !== state.metadata.generation) this.#tried.clear();
    this.#generation = state.metadata.generation;
    this.#bridges = await this.#listBridges(config);
    this.#input = {
      desired: state.spec,
      observed: inventory,
      owned: this.#store.all(),
      host,
      disableDrain: config?.disableDrain ?? false,
      ...(config?.featureGates === undefined ? {} : { gates: config.featureGates }),
      ...(config?.disablePlugins === undefined ? {} : { disabledPlugins: config.disablePlugins }),
      ...(this.#bridges === undefined ? {} : { bridges: this.#bridges }),
      ...(holders === undefined ? {} : { holders }),
      begun: this.#begun(state.status?.syncStatus, drained),
      tried: this.#tried.all(),
    };
    this.#plan = isRendered(state) ? planNode(this.#input) : EMPTY_PLAN;
    if (isRendered(state)) await this.#keepUpOwnership(this.#plan);
    // What an earlier run did not finish turns out to be done, or not to be wanted any more.
    if (this.#openRun !== undefined && isRendered(state) && isSettled(this.#plan)) await this.#endRun(this.#openRun);
    return this.#plan;
  }

  /**
   * PFs whose VFs come from our unfinished run and are in nobody's hands: the node is drained still, or they were made in that run,
   * and while the node says InProgress they are not advertised.
   */
  #begun(syncStatus: string | undefined, drained: boolean): ReadonlySet<string> {
    const { inventory, holders } = this.#survey!;
    // Success was announced after all, whatever became of the journal's last line: the VFs may have been handed out since.
    if (syncStatus === 'Succeeded') this.#finishRun();
    if (!drained && holders === undefined && syncStatus !== 'InProgress') return new Set();
    // A pod may have come to a drained node, too: somebody else uncordoned it.
    const isFree = (address: string) => inventory.pfs.find((pf) => pf.pciAddress === address)?.vfs.every((vf) => !holders?.has(vf.pciAddress)) ?? drained;
    return new Set([...(drained ? this.#unfinished : this.#clean)].filter(isFree));
  }

  async #keepUpOwnership(plan: Plan): Promise<void> {
    const entries = this.#input!.desired.interfaces ?? [];
    for (const pf of plan.pfs) {
      const isKnown = this.#pfs.get(pf.pf)?.value === 'configured' && this.#store.isApplied(pf.pf, entries.find((entry) => entry.pciAddress.toLowerCase() === pf.pf));
      if (pf.steps.length === 0 && !isKnown) await this.#runOf(pf, new Set()).finish();
    }
    const named = new Set(entries.map((entry) => entry.pciAddress.toLowerCase()));
    for (const record of this.#store.all()) if (record.externallyManaged && !named.has(record.pciAddress)) await this.#store.forget(record.pciAddress);
  }

  #runOf(pf: PfPlan, begun: ReadonlySet<string>): PfRun {
    const { hardware, clock, log, files } = this.#ports;
    const tools: RunTools = {
      hardware, clock, log, alone: (address, work) => underLock(files, pfLockPath(DEFAULT_STATE_FOLDER, address), work, (cause) => fail(lockRefused(address, cause))), journal: this.#journal, store: this.#store, tried: this.#tried, activity: this.#activity, clean: this.#clean, signal: this.#signal,
    };
    return new PfRun(tools, this.#input!, begun, pf, this.#pfs);
  }

  /** Carries out the newest plan. The failure is what went wrong, for a person. */
  async apply(parallel: boolean): Promise<Result<void, string>> {
    const plan = this.#plan!;
    // The next look then asks for a drain.
    if (await this.#isTakenMeanwhile(plan)) return ok(undefined);
    const toDo = plan.pfs.filter((pf) => pf.steps.length > 0);
    const hasNoVfs = (address: string) => this.#survey!.inventory.pfs.some((pf) => pf.pciAddress === address && pf.numVfs === 0);
    const clean = toDo.map((pf) => pf.pf).filter((address) => this.#clean.has(address) || hasNoVfs(address));
    const begun = await this.#journal.begin({ generation: this.#generation ?? 0, pfs: toDo.map((pf) => pf.pf), clean });
    if (!begun.ok) return fail(`nothing is changed without a journal, and it cannot be written: ${begun.error.cause}; free or repair the file system of ${this.#stateFolder}`);
    const open = ++this.#runs;
    this.#openRun = open;
    this.#clean = new Set(clean);
    this.#unfinished = new Set(toDo.map((pf) => pf.pf));
    const failures = await runPlans(toDo.map((pf) => this.#runOf(pf, this.#unfinished)), parallel);
    if (failures.length > 0) return fail(failures.join('; '));
    // A PF that is not finished yet is planned for once more, and its bridge with it.
    const bridged = toDo.length > 0 ? ok(undefined) : await this.#applyBridges(plan);
    if (!bridged.ok) return fail(`${bridged.error.cause}; ${bridged.error.remedy}`);
    this.#finishRun();
    await this.#endRun(open);
    return ok(undefined);
  }

  async #listBridges(config: Wanted['config']): Promise<readonly OvsBridge[] | undefined> {
    const { bridges, log } = this.#ports;
    if (bridges === undefined || !(config?.featureGates?.['manageSoftwareBridges'] ?? featureGateDefaults.manageSoftwareBridges)) return undefined;
    const listed = await bridges.list();
    if (listed.ok) return listed.value;
    log.warn('The bridges could not be listed.', { ...listed.error });
    return this.#bridges;
  }

  async #applyBridges({ bridgeSteps }: Plan): Promise<Result<void, BridgeError>> {
    const { bridges, log } = this.#ports;
    for (const step of bridges === undefined ? [] : bridgeSteps) {
      this.#signal.throwIfAborted();
      const done = await (step.kind === 'ensureBridge' ? bridges!.ensure(step.bridge) : bridges!.remove(step.name));
      if (!done.ok) return done;
      log.info('A bridge is as wanted.', { step: describeBridgeStep(step) });
    }
    return ok(undefined);
  }

  /** Until the line is on disk, or another run has begun. */
  async #endRun(run: number): Promise<void> {
    if (this.#signal.aborted || run !== this.#openRun) return;
    const ended = await this.#journal.append({ type: 'end' });
    if (ended.ok) {
      this.#openRun = undefined;
      return;
    }
    this.#ports.log.error('The end of a run could not be written to the journal.', { cause: ended.error.cause });
    this.#ports.clock.setTimer(END_RETRY_MS, () => void this.#endRun(run));
  }

  #finishRun(): void {
    this.#clean = new Set();
    this.#unfinished = new Set();
  }

  /**
   * Whether a pod got a VF, between the plan and now, that the plan took for free and would take away: one that the run made, or one of a drained
   * node that somebody uncordoned while the server was slow. Who had a VF at the plan already is a pod that drains pass by.
   */
  async #isTakenMeanwhile(plan: Plan): Promise<boolean> {
    if (this.#podResources === undefined || (plan.drain.needed && this.#input!.disableDrain)) return false;
    const atRisk = new Set<string>(plan.pfs.filter((pf) => pf.steps.length > 0 && (plan.drain.needed || this.#clean.has(pf.pf))).map((pf) => pf.pf));
    if (atRisk.size === 0) return false;
    const known = this.#survey!.holders;
    const holders = await this.#askWhoHolds();
    return holders !== undefined && this.#survey!.inventory.pfs.some((pf) => atRisk.has(pf.pciAddress) && pf.vfs.some((vf) => holders.has(vf.pciAddress) && known?.has(vf.pciAddress) !== true));
  }

  async #askWhoHolds(): Promise<Survey['holders']> {
    const holders = this.#podResources === undefined ? undefined : await readHolders(this.#podResources, this.#ports.log);
    if (holders === undefined) return undefined;
    this.#holders = holders;
    this.#survey = { ...this.#survey!, holders };
    return holders;
  }

  /**
   * Makes the host ready for its next boot and asks for it, unless it turns out that what it needed could be had without. What it takes to
   * be ready takes its time: `mayBoot` is asked before it and once more right before the boot.
   */
  async reboot(mayBoot: () => boolean, announce: (reason: string) => void): Promise<Result<'asked' | 'unneeded' | 'forbidden', string>> {
    if (!mayBoot()) return ok('forbidden');
    const { hostSteps, reboot } = this.#plan!;
    if (reboot.kernelArguments.length > 0) {
      const ensured = await this.#ports.host.ensureKernelArguments(reboot.kernelArguments);
      if (!ensured.ok) return fail(`kernel arguments ${reboot.kernelArguments.join(' ')} could not be set: ${ensured.error.cause}; ${ensured.error.remedy}`);
    }
    for (const step of hostSteps) {
      const done = await this.#ports.hardware.apply(step);
      // A mode that cannot change while the host runs is set for the next boot.
      if (!done.ok && done.error.code !== 'busy') return fail(`${done.error.cause}; ${done.error.remedy}`);
    }
    if (hostSteps.length > 0 && reboot.kernelArguments.length === 0) {
      const again = await survey(this.#ports, undefined);
      if (again.ok && !planNode({ ...this.#input!, observed: again.value.inventory, host: again.value.host }).reboot.needed) return ok('unneeded');
    }
    if (!mayBoot()) return ok('forbidden');
    const reason = reboot.reasons.map(describeReboot).join('; ');
    announce(reason);
    const asked = await this.#ports.host.reboot(reason);
    return asked.ok ? ok('asked') : fail(`the reboot was refused: ${asked.error.cause}; ${asked.error.remedy}`);
  }
}

/** The operator has answered to a first discovery. Until then an empty spec says nothing, and PFs that are ours are left as they are. */
export function isRendered(state: SriovNetworkNodeState): boolean {
  const { interfaces, bridges, system } = state.spec;
  // The Go operator writes empty ones.
  return (state.metadata.generation ?? 1) > 1 || (interfaces ?? []).length > 0 || bridges?.ovs !== undefined || system?.rdmaMode !== undefined;
}

function lockRefused(device: PciAddress, cause: string): HardwareError {
  return { code: 'denied', device, cause: `the lock that attachments of pods are kept out by cannot be had: ${cause}`, remedy: 'run it as root, and make /var writable' };
}
