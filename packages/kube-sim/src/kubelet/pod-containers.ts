import type { Pod } from '@vfleet/kube';
import type { Container } from '../pods/requests.ts';
import { isSidecar } from '../pods/requests.ts';
import { environmentOf } from './environment.ts';
import { imageNameOf, imageSizeBytes } from './images.ts';
import type { PodContext } from './pod-context.ts';
import { restartsAfter, startedAtMs } from './pod-phase.ts';

export interface Waiting {
  readonly reason: string;
  readonly message: string;
}

/** A container that ran this long has recovered: its next crash is a first one (kubelet: twice the longest back-off). */
const RECOVERED_AFTER_MAX_BACKOFFS = 2;

/** Starts a pod's containers in order, and again where the restart policy says so. */
export class PodContainers {
  readonly #context: PodContext;
  /** Back-offs by container; absent: nothing waits. */
  readonly waiting = new Map<string, Waiting>();
  readonly #crashes = new Map<string, number>();

  constructor(context: PodContext) {
    this.#context = context;
  }

  /**
   * Does what can be done now. `isEnding` is asked after every wait. Returns when to come again (milliseconds of the clock), if a
   * time is known at all; a container that ends wakes the pod anyway.
   */
  async advance(pod: Pod, isEnding: () => boolean): Promise<number | undefined> {
    const now = () => this.#context.ports.clock.now();
    for (const container of pod.spec?.initContainers ?? []) {
      const again = await this.#advanceOne(pod, container, isEnding);
      if (isEnding()) return undefined;
      const run = this.#context.runtime.container(pod.metadata.uid!, container.name)?.current;
      if (run === undefined) return again;
      if (isSidecar(container)) {
        const started = startedAtMs(container, run);
        if (run.exitCode === undefined && now() >= started) continue;
        return again ?? started;
      }
      if (run.exitCode !== 0) return again;
    }
    let againMs: number | undefined;
    for (const container of pod.spec?.containers ?? []) {
      const again = await this.#advanceOne(pod, container, isEnding);
      if (isEnding()) return undefined;
      if (again !== undefined) againMs = Math.min(again, againMs ?? again);
    }
    return againMs;
  }

  async #advanceOne(pod: Pod, container: Container, isEnding: () => boolean): Promise<number | undefined> {
    const state = this.#context.runtime.container(pod.metadata.uid!, container.name);
    if (state === undefined) {
      await this.#start(pod, container, isEnding);
      return undefined;
    }
    const { exitCode, finishedAtMs, startedAtMs: startedMs } = state.current;
    if (exitCode === undefined || !restartsAfter(pod, container, exitCode)) return undefined;
    const delayMs = this.#backoffMs(container.name, finishedAtMs! - startedMs);
    const dueMs = finishedAtMs! + delayMs;
    if (this.#context.ports.clock.now() < dueMs) {
      this.#waitToRestart(pod, container, delayMs);
      return dueMs;
    }
    this.#crashes.set(container.name, (this.#crashes.get(container.name) ?? 0) + 1);
    this.waiting.delete(container.name);
    await this.#start(pod, container, isEnding);
    return undefined;
  }

  /** The first restart is immediate, the next ones wait longer and longer (kuberuntime_manager.go, doBackOff). */
  #backoffMs(name: string, ranMs: number): number {
    const { crashBackoffMs, crashBackoffMaxMs } = this.#context.timing;
    if (ranMs > RECOVERED_AFTER_MAX_BACKOFFS * crashBackoffMaxMs) this.#crashes.delete(name);
    const crashes = this.#crashes.get(name) ?? 0;
    return crashes === 0 ? 0 : Math.min(crashBackoffMaxMs, crashBackoffMs * 2 ** (crashes - 1));
  }

  #waitToRestart(pod: Pod, container: Container, delayMs: number): void {
    if (this.waiting.has(container.name)) return;
    const who = `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
    this.waiting.set(container.name, { reason: 'CrashLoopBackOff', message: `back-off ${goDuration(delayMs)} restarting failed container=${container.name} pod=${who}` });
    this.#context.recorder.record('Warning', pod, 'BackOff', `Back-off restarting failed container ${container.name} in pod ${who}`);
  }

  async #start(pod: Pod, container: Container, isEnding: () => boolean): Promise<void> {
    const { ports, timing, runtime, recorder } = this.#context;
    await this.#pull(pod, container);
    if (isEnding()) return;
    recorder.record('Normal', pod, 'Created', `Created container: ${container.name}`);
    if (timing.containerStartMs > 0) await ports.clock.sleep(timing.containerStartMs);
    if (isEnding()) return;
    const environment = this.#environment(pod, container);
    const program = ports.programs?.start({ image: container.image ?? '', argv: [...(container.command ?? []), ...(container.args ?? [])], environment });
    runtime.startContainer(pod.metadata.uid!, container, environment, restartsBefore(pod, container.name), program);
    recorder.record('Normal', pod, 'Started', `Started container ${container.name}`);
  }

  async #pull(pod: Pod, container: Container): Promise<void> {
    const { ports, timing, runtime, recorder } = this.#context;
    const image = container.image ?? '';
    const present = runtime.hasImage(image);
    const policy = container.imagePullPolicy ?? (imageNameOf(image).endsWith(':latest') ? 'Always' : 'IfNotPresent');
    if (policy === 'Never' || (policy === 'IfNotPresent' && present)) {
      recorder.record('Normal', pod, 'Pulled', `Container image "${image}" already present on machine`);
      return;
    }
    recorder.record('Normal', pod, 'Pulling', `Pulling image "${image}"`);
    const tookMs = present ? 0 : timing.imagePullMs;
    if (tookMs > 0) await ports.clock.sleep(tookMs);
    runtime.addImage(image);
    const took = goDuration(tookMs);
    recorder.record('Normal', pod, 'Pulled', `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${imageSizeBytes(image)} bytes.`);
  }

  #environment(pod: Pod, container: Container): Readonly<Record<string, string>> {
    const { devices, node, runtime } = this.#context;
    const uid = pod.metadata.uid!;
    return environmentOf({
      pod, container, allocations: devices.allocationsOf(uid, container.name), podAddress: runtime.sandbox(uid)?.address, hostAddress: node.address, nodeName: node.name,
    });
  }
}

/** Runs of a container that this node's runtime has forgotten, since it rebooted. */
function restartsBefore(pod: Pod, name: string): number {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const status = statuses.find((one) => one.name === name);
  return status?.containerID === undefined || status.containerID === '' ? 0 : status.restartCount + 1;
}

/** As Go's time.Duration prints: 700ms, 10s, 1m20s. */
export function goDuration(durationMs: number): string {
  if (durationMs < 1000) return durationMs === 0 ? '0s' : `${durationMs}ms`;
  const seconds = durationMs / 1000;
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`;
}
