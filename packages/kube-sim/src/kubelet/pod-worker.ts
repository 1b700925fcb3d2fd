import type { Timer } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import { isNewer, objectKey, pods } from '@vfleet/kube';
import type { Amounts } from '../pods/amounts.ts';
import { podRequests, qosClass } from '../pods/requests.ts';
import { isTerminal, podKey } from '../pods/state.ts';
import { PodContainers } from './pod-containers.ts';
import type { PodContext } from './pod-context.ts';
import { readyAtMs, startedAtMs } from './pod-phase.ts';
import { annotateNetworks, createSandbox, removeSandbox } from './pod-sandbox.ts';
import type { PodStatus } from './pod-status.ts';
import { podStatusOf } from './pod-status.ts';
import { statusPatch } from './status-patch.ts';

/** After a request to the API server failed. */
const API_RETRY_MS = 1000;

/**
 * Brings one pod from bound to gone: admission, sandbox, containers, status, and back. One step after the other, woken by changes
 * of the pod, by containers that end and by time; every step looks at what is there, so it may run any number of times.
 */
export class PodWorker {
  readonly #context: PodContext;
  readonly #containers: PodContainers;
  readonly #uid: string;
  /** What the pod counts for on its node; its spec does not change in that. */
  readonly requests: Amounts;
  #pod: Pod;
  /** The API server does not have the pod any more. */
  #gone = false;
  #admitted: boolean;
  #rejected = false;
  #deleted = false;
  readonly #startedMs: number;
  #reported: PodStatus;
  #reportedText = '';
  #reportedVersion: string | undefined;
  #annotated: string | undefined;
  #verdict: { readonly phase: 'Failed'; readonly reason: string; readonly message: string } | undefined;
  readonly #stopping = new Set<string>();
  #sandboxFailures = 0;
  #notBeforeMs = 0;
  #wanted = false;
  #working = false;
  #stopped = false;
  #timer: Timer | undefined;

  constructor(context: PodContext, pod: Pod) {
    this.#context = context;
    this.#containers = new PodContainers(context);
    this.#pod = pod;
    this.#uid = pod.metadata.uid!;
    this.requests = podRequests(pod);
    this.#startedMs = context.ports.clock.now();
    this.#reported = pod.status ?? {};
    // What runs was admitted by this kubelet before it restarted.
    this.#admitted = context.runtime.sandbox(this.#uid) !== undefined;
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** Counts against the node: admitted and not over. */
  get isActive(): boolean {
    return this.#admitted && !isTerminal(this.#pod) && this.#reported.phase !== 'Succeeded' && this.#reported.phase !== 'Failed';
  }

  update(pod: Pod): void {
    this.#pod = pod;
    // Somebody else said otherwise after us (a node taken for lost): what we know is said again.
    if (isNewer(pod.metadata.resourceVersion!, this.#reportedVersion) && readiness(pod.status) !== readiness(this.#reported)) this.#reportedText = '';
    this.wake();
  }

  remove(): void {
    this.#gone = true;
    this.wake();
  }

  /** The kubelet stops; the pod runs on. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  wake(): void {
    this.#wanted = true;
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      this.#timer?.cancel();
      try {
        this.#wakeAt(await this.#sync());
      } catch (error) {
        if (!isKubeError(error)) throw error;
        this.#context.ports.log.debug('A pod could not be synced; trying again.', { pod: podKey(this.#pod), error: error.message });
        this.#wakeAt(this.#now() + API_RETRY_MS);
      }
    }
    this.#working = false;
  }

  #now(): number {
    return this.#context.ports.clock.now();
  }

  #wakeAt(atMs: number | undefined): void {
    if (atMs === undefined || this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#context.ports.clock.setTimer(Math.max(0, atMs - this.#now()), () => this.wake());
  }

  readonly #isEnding = (): boolean => this.#stopped || this.#gone || this.#pod.metadata.deletionTimestamp !== undefined || this.#verdict !== undefined;

  /** Answers when to look again, if a time is known. */
  async #sync(): Promise<number | undefined> {
    if (this.#gone || this.#pod.metadata.deletionTimestamp !== undefined) return this.#end();
    if (this.#rejected) return undefined;
    if (isTerminal(this.#pod) || this.#reported.phase === 'Succeeded' || this.#reported.phase === 'Failed') return this.#complete();
    if (!this.#admitted && !(await this.#admit())) return undefined;
    const deadlineMs = this.#checkDeadline();
    if (this.#verdict !== undefined) return this.#fail();
    return earliest(deadlineMs, await this.#run());
  }

  async #admit(): Promise<boolean> {
    const rejection = await this.#context.admit(this.#pod);
    if (this.#gone) return false;
    if (rejection === undefined) {
      this.#admitted = true;
      // Without any delay nobody would see it being created.
      if (this.#context.timing.sandboxMs > 0) await this.#report();
      return true;
    }
    this.#rejected = true;
    this.#context.recorder.record('Warning', this.#pod, rejection.reason, rejection.message);
    await this.#patch({ phase: 'Failed', reason: rejection.reason, message: `Pod was rejected: ${rejection.message}`, qosClass: qosClass(this.#pod) });
    return false;
  }

  #checkDeadline(): number | undefined {
    const seconds = this.#pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined) return undefined;
    const deadlineMs = this.#startedMs + seconds * 1000;
    if (this.#now() < deadlineMs) return deadlineMs;
    this.#verdict = { phase: 'Failed', reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
    this.#context.recorder.record('Normal', this.#pod, 'DeadlineExceeded', this.#verdict.message);
    return undefined;
  }

  async #run(): Promise<number | undefined> {
    const again = await this.#ensureSandbox();
    const sandbox = this.#context.runtime.sandbox(this.#uid);
    if (sandbox === undefined || this.#isEnding()) return again;
    if (this.#annotated !== sandbox.id) {
      await annotateNetworks(this.#context, this.#pod, sandbox);
      this.#annotated = sandbox.id;
    }
    const next = await this.#containers.advance(this.#pod, this.#isEnding);
    if (this.#isEnding()) return undefined;
    await this.#report();
    if (this.#reported.phase === 'Succeeded' || this.#reported.phase === 'Failed') this.#wanted = true;
    return earliest(next, this.#nextReadyMs());
  }

  async #ensureSandbox(): Promise<number | undefined> {
    const { runtime, timing, ports, recorder } = this.#context;
    if (runtime.sandbox(this.#uid) !== undefined) return undefined;
    if (this.#now() < this.#notBeforeMs) return this.#notBeforeMs;
    if (timing.sandboxMs > 0) await ports.clock.sleep(timing.sandboxMs);
    if (this.#isEnding()) return undefined;
    const made = await createSandbox(this.#context, this.#pod);
    if (!('cause' in made)) {
      this.#sandboxFailures = 0;
      return undefined;
    }
    recorder.record('Warning', this.#pod, 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${made.cause}`);
    await this.#report();
    this.#notBeforeMs = this.#now() + Math.min(timing.sandboxRetryMaxMs, timing.sandboxRetryMs * 2 ** this.#sandboxFailures++);
    return this.#notBeforeMs;
  }

  /** When a container becomes started or ready by the passing of time alone. */
  #nextReadyMs(): number | undefined {
    let next: number | undefined;
    for (const container of [...(this.#pod.spec?.initContainers ?? []), ...(this.#pod.spec?.containers ?? [])]) {
      const run = this.#context.runtime.container(this.#uid, container.name)?.current;
      if (run === undefined || run.exitCode !== undefined) continue;
      for (const atMs of [startedAtMs(container, run), readyAtMs(container, run)]) if (atMs > this.#now()) next = earliest(next, atMs);
    }
    return next;
  }

  /** Stops what runs; true when nothing does any more. A pod that is gone from the API gets no grace. */
  #stopContainers(): boolean {
    const { runtime, timing, recorder } = this.#context;
    const graceSeconds = this.#gone ? 0 : (this.#pod.metadata.deletionGracePeriodSeconds ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30);
    for (const name of runtime.runningContainers(this.#uid)) {
      const order = `${name} ${graceSeconds}`;
      if (this.#stopping.has(order)) continue;
      if (!this.#stopping.has(name)) recorder.record('Normal', this.#pod, 'Killing', `Stopping container ${name}`);
      this.#stopping.add(name).add(order);
      runtime.stopContainer(this.#uid, name, timing.containerStopMs, graceSeconds * 1000);
    }
    return !runtime.isRunning(this.#uid);
  }

  /** Gives back networks, address and devices. False: not yet. */
  async #tearDown(): Promise<boolean> {
    const cause = await removeSandbox(this.#context, this.#uid);
    if (cause !== undefined) {
      this.#context.recorder.record('Warning', this.#pod, 'FailedKillPod', `error killing pod: failed to "KillPodSandbox" for "${this.#uid}" with KillPodSandboxError: "rpc error: code = Unknown desc = ${cause}"`);
      return false;
    }
    await this.#context.devices.free(this.#uid);
    return true;
  }

  /** The pod is being deleted, or is deleted. */
  async #end(): Promise<number | undefined> {
    if (!this.#stopContainers()) return undefined;
    if (!(await this.#tearDown())) return this.#now() + this.#context.timing.sandboxRetryMs;
    if (this.#gone) {
      this.#context.runtime.removePod(this.#uid);
      this.#context.finished(this.#uid);
      return undefined;
    }
    if (this.#deleted) return undefined;
    if (this.#admitted) await this.#report(true);
    await this.#delete();
    return undefined;
  }

  async #delete(): Promise<void> {
    try {
      await this.#context.ports.kube.delete(pods, objectKey(this.#pod), { gracePeriodSeconds: 0, preconditions: { uid: this.#uid } });
    } catch (error) {
      // Gone already, or another pod has the name by now.
      if (!isKubeError(error, 'NotFound', 'Conflict')) throw error;
    }
    this.#deleted = true;
  }

  /** Every container has ended for good: the phase is final, and what the pod held goes back. */
  async #complete(): Promise<number | undefined> {
    if (!this.#stopContainers()) return undefined;
    if (!(await this.#tearDown())) return this.#now() + this.#context.timing.sandboxRetryMs;
    if (this.#admitted) await this.#report(true);
    return undefined;
  }

  async #fail(): Promise<number | undefined> {
    if (!this.#stopContainers()) return undefined;
    return this.#complete();
  }

  async #report(ending = false): Promise<void> {
    const { runtime, node } = this.#context;
    const status = podStatusOf({
      pod: this.#pod, nowMs: this.#now(), startedMs: this.#startedMs, hostAddress: node.address, sandbox: runtime.sandbox(this.#uid),
      containerOf: (name) => runtime.container(this.#uid, name), waiting: this.#containers.waiting, ending, verdict: this.#verdict, before: this.#reported,
    });
    await this.#patch(status);
  }

  async #patch(status: PodStatus): Promise<void> {
    const text = JSON.stringify(status);
    if (text === this.#reportedText) return;
    try {
      const patched = await this.#context.ports.kube.patch(pods, objectKey(this.#pod), { type: 'strategic', patch: statusPatch(this.#uid, this.#reported, status) }, { subresource: 'status' });
      this.#reportedVersion = patched.metadata.resourceVersion;
    } catch (error) {
      // Gone, or another pod has the name: the watch brings it, and nobody waits for this status.
      if (!isKubeError(error, 'NotFound', 'Conflict')) throw error;
    }
    this.#reported = status;
    this.#reportedText = text;
  }
}

function readiness(status: PodStatus | undefined): string | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
