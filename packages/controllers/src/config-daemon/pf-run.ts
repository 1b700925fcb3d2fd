import type {
  Clock, FilesError, Hardware, HardwareError, HardwareStep, Inventory, Log, NodeStateInterface, PciAddress, PfEvent, PfMachineState, PfObservation, PfPlan, Plan, PlanInput,
  PlanStep, Result, SetVf, VfObservation,
} from '@vfleet/core';
import { advance, describeStep, groupOf, isKernelDriven, isOptional, ok, pfMachine, planNode, readWantedPf, startMachine, triedKey, vfBatch } from '@vfleet/core';
import type { HardwareActivity } from './hardware-activity.ts';
import { recordOf } from './journal.ts';
import type { Journal } from './journal.ts';
import type { OwnershipStore } from './ownership.ts';
import type { TriedSteps } from './tried-steps.ts';

export interface RunTools {
  readonly hardware: Hardware;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Journal;
  readonly store: OwnershipStore;
  readonly tried: TriedSteps;
  readonly activity: HardwareActivity;
  /** Runs a step while no attachment writes through the PF: the kernel takes settings of VFs from both. */
  readonly alone: (pf: PciAddress, work: () => Promise<Result<void, HardwareError>>) => Promise<Result<void, HardwareError>>;
  /** PFs that have no VFs but such as the present run made; added to. */
  readonly clean: Set<string>;
  /** Aborts when the daemon stops: between two steps, never within one. */
  readonly signal: AbortSignal;
}

/** Tries of one step that was refused for a reason that passes. */
const STEP_TRIES_MAX = 3;
const STEP_PAUSE_MS = 200;
/** How often to look again while no event says that something changed. */
const LOOK_MS = 500;

/**
 * Brings one PF to what its spec wants, round by round: carry out the plan's steps, look again, plan again. The journal has each
 * step before the hardware has. The spec is the one that the run began with: what it costs (a drain) was decided for that one.
 */
export class PfRun {
  readonly #tools: RunTools;
  readonly #input: PlanInput;
  readonly #begun: ReadonlySet<string>;
  readonly #entry: NodeStateInterface | undefined;
  readonly #name: string;
  #plan: PfPlan;
  #observed: Inventory;
  readonly #states: Map<string, PfMachineState>;

  /** `states` keeps the PF's machine between runs. */
  constructor(tools: RunTools, input: PlanInput, begun: ReadonlySet<string>, plan: PfPlan, states: Map<string, PfMachineState>) {
    this.#tools = tools;
    this.#input = input;
    this.#begun = begun;
    this.#plan = plan;
    this.#name = plan.name;
    this.#observed = input.observed;
    this.#entry = input.desired.interfaces?.find((entry) => entry.pciAddress.toLowerCase() === plan.pf);
    this.#states = states;
  }

  /** Undefined when all went well, else what went wrong and what to do about it, in one line. */
  async finish(): Promise<string | undefined> {
    let next: PfEvent | undefined = { type: 'planned', action: this.#plan.action, steps: this.#plan.steps.length };
    while (next !== undefined) next = await this.#step(next);
    const state = this.#states.get(this.#plan.pf);
    return state?.value === 'failed' ? `${this.#name} (${this.#plan.pf}): ${state.context.cause ?? 'unknown'}` : undefined;
  }

  /** One event through the PF's machine; the answer of its effects is the next event. */
  async #step(event: PfEvent): Promise<PfEvent | undefined> {
    const { state, effects } = advance(pfMachine, this.#states.get(this.#plan.pf) ?? startMachine(pfMachine, { pf: this.#plan.pf }).state, event);
    this.#states.set(this.#plan.pf, state);
    for (const effect of effects) {
      switch (effect.type) {
        case 'checkpoint': {
          const saved = await this.#checkpoint();
          if (!saved.ok) return { type: 'stepFailed', cause: unsaved(saved.error) };
          break;
        }
        case 'runSteps':
          return this.#runSteps();
        case 'survey':
          return this.#survey();
        case 'saveApplied': {
          const saved = await this.#saveApplied();
          if (!saved.ok) this.#tools.log.error('What was applied to a PF could not be saved.', { pf: this.#plan.pf, cause: saved.error.cause });
          break;
        }
        case 'forget': {
          const forgotten = await this.#tools.store.forget(this.#plan.pf);
          if (!forgotten.ok) this.#tools.log.error('The saved state of a PF could not be removed.', { pf: this.#plan.pf, cause: forgotten.error.cause });
          break;
        }
      }
    }
    return undefined;
  }

  async #checkpoint(): Promise<Result<void, FilesError>> {
    const pf = this.#observation();
    return pf === undefined || this.#plan.action === 'reset' ? ok(undefined) : this.#tools.store.checkpoint(pf, this.#plan.externallyManaged);
  }

  async #saveApplied(): Promise<Result<void, FilesError>> {
    const pf = this.#observation();
    return pf === undefined || this.#entry === undefined ? ok(undefined) : this.#tools.store.saveApplied(pf, this.#entry);
  }

  async #runSteps(): Promise<PfEvent> {
    const { steps } = this.#plan;
    let next = 0;
    while (next < steps.length) {
      this.#tools.signal.throwIfAborted();
      const index = next;
      const step = steps[index]!;
      const vfs = vfStepsFrom(steps, index);
      next += Math.max(1, vfs.length);
      if (step.kind === 'rediscover') {
        await this.#settle(step);
        return { type: 'stepsDone' };
      }
      const failure = step.kind === 'waitForVfs' ? await this.#waitForVfs(step) : ((await this.#announce(index)) ?? (await (vfs.length > 1 ? this.#setVfs(vfs) : this.#carryOut(step))));
      if (failure === 'planAgain') return { type: 'stepsDone' };
      if (failure !== undefined) return { type: 'stepFailed', cause: failure };
    }
    return { type: 'stepsDone' };
  }

  /** Writes a step to the journal, and with the first of a stage the whole stage. */
  async #announce(index: number): Promise<string | undefined> {
    const { pf, steps } = this.#plan;
    if (index > 0 && areOneStage(steps[index - 1]!, steps[index]!)) return undefined;
    let end = index + 1;
    while (end < steps.length && areOneStage(steps[end - 1]!, steps[end]!)) end++;
    const written = await this.#tools.journal.append(recordOf(pf, steps.slice(index, end).filter(isHardwareStep)));
    return written.ok ? undefined : unsaved(written.error);
  }

  async #carryOut(step: HardwareStep): Promise<string | undefined> {
    const { tried, log } = this.#tools;
    const pf = this.#plan.pf;
    const result = await this.#applyPatiently(step);
    if (result.ok) {
      log.debug('A step was carried out.', { pf, step });
      if (step.kind === 'setNumVfs') {
        tried.forgetVfs(pf);
        if (step.count > 0) this.#tools.clean.add(pf);
      }
      // A second bind in a row would bring nothing new.
      if (step.kind === 'bindDriver') tried.add(pf, triedKey(step));
      return undefined;
    }
    if (isAlreadySo(step, result.error)) return undefined;
    if (isOptional(step) && (result.error.code === 'unsupported' || result.error.code === 'invalid')) {
      log.info('The device does not support a step that is optional.', { pf, step: describeStep(step), cause: result.error.cause });
      return this.#noteTried(step);
    }
    return describeFailure(step, result.error);
  }

  /** One request for all of them. What is refused is tried by itself, and the rest goes on behind it. */
  async #setVfs(steps: readonly SetVf[]): Promise<string | undefined> {
    const { pf } = this.#plan;
    for (let rest = steps; rest.length > 0; ) {
      const batch = vfBatch(steps[0]!.pf, rest);
      const result = await this.#tools.alone(pf, () => this.#tools.hardware.apply(batch));
      if (result.ok) {
        this.#tools.log.debug('A step was carried out.', { pf, step: batch });
        return undefined;
      }
      const refused = result.error.step;
      const at = Math.max(0, rest.findIndex(({ vfIndex }) => refused?.kind === 'setVf' && refused.vfIndex === vfIndex));
      const failure = await this.#carryOut(rest[at]!);
      if (failure !== undefined) return failure;
      rest = rest.slice(at + 1);
    }
    return undefined;
  }

  async #applyPatiently(step: HardwareStep): Promise<Result<void, HardwareError>> {
    for (let attempt = 1; ; attempt++) {
      const result = await this.#tools.alone(this.#plan.pf, () => this.#tools.hardware.apply(step));
      if (result.ok || attempt === STEP_TRIES_MAX || !isWorthAnotherTry(step, result.error)) return result;
      await this.#tools.clock.sleep(STEP_PAUSE_MS * 2 ** (attempt - 1), this.#tools.signal);
    }
  }

  /** Remembers, on disk too, that a step has no effect here. */
  async #noteTried(step: PlanStep): Promise<string | undefined> {
    const key = triedKey(step);
    this.#tools.tried.add(this.#plan.pf, key);
    const written = await this.#tools.journal.append({ type: 'tried', pf: this.#plan.pf, key });
    return written.ok ? undefined : unsaved(written.error);
  }

  async #waitForVfs(step: Extract<PlanStep, { kind: 'waitForVfs' }>): Promise<string | 'planAgain' | undefined> {
    const { clock, tried, activity, signal } = this.#tools;
    const deadlineMs = clock.monotonicMs() + step.deadlineMs;
    const key = triedKey(step);
    for (;;) {
      const looked = await this.#look();
      const pf = looked.ok ? this.#observation() : undefined;
      if (looked.ok && pf === undefined) return 'the PF is no longer there; check with lspci that the NIC is present and answers';
      if (pf !== undefined && pf.vfs.length >= step.count) {
        tried.delete(step.pf, key);
        return undefined;
      }
      if (pf !== undefined && pf.numVfs !== step.count) {
        return `the kernel made ${pf.numVfs} of ${step.count} VFs without an error; read dmesg for the driver's message`;
      }
      if (clock.monotonicMs() >= deadlineMs) break;
      await activity.next(Math.min(LOOK_MS, deadlineMs - clock.monotonicMs()), signal);
    }
    if (tried.has(step.pf, key)) return `not all of ${step.count} VFs appeared within ${step.deadlineMs / 1000} s, twice; read dmesg for the driver's message`;
    return (await this.#noteTried(step)) ?? 'planAgain';
  }

  /** Waits until the VFs that the spec names have a driver, and a netdev if that driver makes one; best effort. */
  async #settle(step: Extract<PlanStep, { kind: 'rediscover' }>): Promise<void> {
    const { clock, activity, signal, tried } = this.#tools;
    // In switchdev the VFs were unbound on purpose and stay so until the next plan binds them.
    const unbound = this.#plan.steps.some((other) => other.kind === 'unbindDriver') && !this.#plan.steps.some((other) => other.kind === 'bindDriver');
    const sinceMs = clock.monotonicMs();
    for (;;) {
      await this.#look();
      const vfs = this.#claimedVfs();
      const waitMs = vfs.some((vf) => isKernelDriven(vf) && vf.netdev === undefined) ? step.netdevsMs : !unbound && vfs.some((vf) => vf.driver === undefined) ? step.settleMs : 0;
      const leftMs = sinceMs + waitMs - clock.monotonicMs();
      if (leftMs <= 0) {
        // It is not waited for again: some drivers make no netdev.
        if (waitMs === step.netdevsMs) tried.add(step.pf, triedKey(step));
        return;
      }
      await activity.next(Math.min(LOOK_MS, leftMs), signal);
    }
  }

  /** The VFs that some group of the spec names. */
  #claimedVfs(): readonly VfObservation[] {
    const wanted = this.#entry === undefined ? undefined : readWantedPf(this.#entry);
    return wanted?.ok === true ? (this.#observation()?.vfs ?? []).filter((vf) => groupOf(wanted.value, vf.index) !== undefined) : [];
  }

  async #look(): Promise<Result<void, HardwareError>> {
    this.#tools.signal.throwIfAborted();
    const inventory = await this.#tools.hardware.discover();
    if (!inventory.ok) return inventory;
    this.#observed = inventory.value;
    return ok(undefined);
  }

  async #survey(): Promise<PfEvent> {
    const looked = await this.#look();
    if (!looked.ok) return { type: 'surveyFailed', cause: `${looked.error.cause}; ${looked.error.remedy}` };
    if (this.#observation() === undefined) return { type: 'removed' };
    const plan: Plan = planNode({ ...this.#input, observed: this.#observed, owned: this.#tools.store.all(), begun: this.#begun, tried: this.#tools.tried.all() });
    const own = plan.pfs.find((candidate) => candidate.pf === this.#plan.pf);
    if (own === undefined) return { type: 'leftOut' };
    this.#plan = own;
    return { type: 'planned', action: own.action, steps: own.steps.length };
  }

  #observation(): PfObservation | undefined {
    return this.#observed.pfs.find((pf) => pf.pciAddress === this.#plan.pf);
  }
}

/** Steps that make VFs or take them all away: what is in the journal before each of them decides what may be done after a crash. */
const DECISIVE: readonly PlanStep['kind'][] = ['setNumVfs', 'setEswitchMode'];

function areOneStage(before: PlanStep, step: PlanStep): boolean {
  return [before, step].every((one) => isHardwareStep(one) && !DECISIVE.includes(one.kind));
}

/** The steps from `index` on that set VFs, all of one PF. */
function vfStepsFrom(steps: readonly PlanStep[], index: number): readonly SetVf[] {
  const found: SetVf[] = [];
  for (let at = index; at < steps.length; at++) {
    const step = steps[at]!;
    if (step.kind !== 'setVf' || (found.length > 0 && step.pf !== found[0]!.pf)) break;
    found.push(step);
  }
  return found;
}

function isHardwareStep(step: PlanStep): step is HardwareStep {
  return step.kind !== 'waitForVfs' && step.kind !== 'rediscover';
}

/** A creation of VFs that failed half-way has to be looked at before it is tried again: N to M goes only through 0. */
function isWorthAnotherTry(step: HardwareStep, error: HardwareError): boolean {
  return (error.code === 'busy' || error.code === 'io') && !(step.kind === 'setNumVfs' && step.count > 0);
}

/** The step asked for what is there already: somebody, or an earlier process, was faster. The next look decides. */
function isAlreadySo(step: HardwareStep, error: HardwareError): boolean {
  return ((step.kind === 'unbindDriver' || step.kind === 'deleteVdpa') && error.code === 'gone') || (step.kind === 'createVdpa' && error.code === 'exists');
}

function describeFailure(step: HardwareStep, error: HardwareError): string {
  return `could not ${describeStep(step)}: ${error.cause}${error.errno === undefined ? '' : ` (${error.errno})`}; ${error.remedy}`;
}

function unsaved(error: FilesError): string {
  return `nothing is changed without a journal, and it cannot be written: ${error.cause}; free or repair the file system of the state folder`;
}

/** Runs the plans of several PFs, one after the other, or at the same time. Answers what went wrong, one line a PF. */
export async function runPlans(runs: readonly PfRun[], parallel: boolean): Promise<readonly string[]> {
  const failures: (string | undefined)[] = [];
  if (parallel) failures.push(...(await Promise.all(runs.map((run) => run.finish()))));
  else for (const run of runs) failures.push(await run.finish());
  return failures.filter((failure) => failure !== undefined);
}

