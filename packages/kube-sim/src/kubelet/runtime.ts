import type { Clock, NetworkStatus, Random, Timer } from '@vfleet/core';
import type { Container } from '../pods/requests.ts';
import { endingOf } from './command.ts';
import { imageIdOf, imageNameOf } from './images.ts';
import type { ProgramEnd } from './options.ts';

/** A pod's sandbox: its network namespace and what is in it. */
export interface Sandbox {
  readonly podUid: string;
  readonly namespace: string;
  readonly name: string;
  readonly id: string;
  readonly netns: string;
  /** Address of eth0 without prefix length; absent on the host's network. */
  readonly address?: string;
  /** eth0 first. Empty on the host's network. */
  readonly networks: readonly NetworkStatus[];
}

export interface ContainerRun {
  readonly id: string;
  readonly startedAtMs: number;
  readonly finishedAtMs?: number;
  readonly exitCode?: number;
  /** `Completed`, `Error` as the kubelet reports a runtime's answer. */
  readonly reason?: string;
  /** The end of what it wrote to its terminationMessagePath. */
  readonly message?: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface ContainerState {
  readonly name: string;
  /** As the runtime knows it: the full name, and with the digest. */
  readonly image: string;
  readonly imageId: string;
  readonly restarts: number;
  readonly current: ContainerRun;
  readonly previous?: ContainerRun;
}

interface PodState {
  sandbox: Sandbox | undefined;
  readonly containers: Map<string, ContainerState>;
  readonly timers: Map<string, Timer>;
}

/** Bytes of a termination message that are kept, from its end (kubernetes pkg/kubelet/container, MaxContainerTerminationMessageLength; tail.ReadAtMost). */
const MESSAGE_BYTES_MAX = 4096;

/** Exit codes of a process that a signal ended: 128 + SIGTERM, 128 + SIGKILL. */
const TERMINATED = 143;
const KILLED = 137;

/**
 * The container runtime of one simulated node: sandboxes, containers and when their processes end. It outlives its kubelet as
 * containerd does, and forgets everything when the node reboots.
 */
export class SimRuntime {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pods = new Map<string, PodState>();
  readonly #images = new Set<string>();
  #stale: Sandbox[] = [];
  /** Sandboxes whose networks are being set up: on disk before the first CNI call, as containerd has them since 1.7. */
  readonly #begun = new Map<string, Sandbox>();
  /** Called when a container ends; set by the kubelet that is running. */
  onExit: ((podUid: string) => void) | undefined;
  #bootId: string;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#bootId = random.uuid();
  }

  get bootId(): string {
    return this.#bootId;
  }

  /** 64 hexadecimal digits, as runtimes name sandboxes and containers. */
  newId(): string {
    return `${this.#random.uuid()}${this.#random.uuid()}`.replaceAll('-', '');
  }

  podUids(): readonly string[] {
    return [...this.#pods.keys()];
  }

  sandbox(podUid: string): Sandbox | undefined {
    return this.#pods.get(podUid)?.sandbox;
  }

  addSandbox(sandbox: Sandbox): void {
    this.#pod(sandbox.podUid).sandbox = sandbox;
  }

  /** Before the first CNI call for a sandbox. */
  beginSandbox(sandbox: Sandbox): void {
    this.#begun.set(sandbox.id, sandbox);
  }

  /** Its networks are set up, or given back. False: a reboot has taken it meanwhile. */
  endSandbox(id: string): boolean {
    return this.#begun.delete(id);
  }

  /** Its networks could not be given back: that is left to {@link takeStaleSandboxes}. */
  leaveSandbox(id: string): void {
    const sandbox = this.#begun.get(id);
    if (sandbox === undefined) return;
    this.#begun.delete(id);
    this.#stale.push(sandbox);
  }

  removeSandbox(podUid: string): void {
    const pod = this.#pods.get(podUid);
    if (pod !== undefined) pod.sandbox = undefined;
  }

  container(podUid: string, name: string): ContainerState | undefined {
    return this.#pods.get(podUid)?.containers.get(name);
  }

  isRunning(podUid: string): boolean {
    for (const { current } of this.#pods.get(podUid)?.containers.values() ?? []) if (current.finishedAtMs === undefined) return true;
    return false;
  }

  runningContainers(podUid: string): readonly string[] {
    return [...(this.#pods.get(podUid)?.containers.values() ?? [])].filter(({ current }) => current.finishedAtMs === undefined).map(({ name }) => name);
  }

  hasImage(image: string): boolean {
    return this.#images.has(image);
  }

  addImage(image: string): void {
    this.#images.add(image);
  }

  /** `restartsBefore`: of a container that ran before the node rebooted. `program`: what runs in it and ends it. */
  startContainer(podUid: string, container: Container, environment: Readonly<Record<string, string>>, restartsBefore = 0, program?: Promise<ProgramEnd>): void {
    const pod = this.#pod(podUid);
    const before = pod.containers.get(container.name);
    const current = { id: this.newId(), startedAtMs: this.#clock.now(), environment };
    pod.containers.set(container.name, {
      name: container.name,
      ...(before ?? { image: imageNameOf(container.image ?? ''), imageId: imageIdOf(container.image ?? '') }),
      restarts: before === undefined ? restartsBefore : before.restarts + 1,
      current,
      ...(before !== undefined && { previous: before.current }),
    });
    if (program !== undefined) {
      void program.then(({ exitCode, terminationMessage }) => {
        const message = terminationMessage === undefined || terminationMessage === '' ? undefined : Buffer.from(terminationMessage).subarray(-MESSAGE_BYTES_MAX).toString('utf8');
        if (this.container(podUid, container.name)?.current.id === current.id) this.#ended(podUid, container.name, exitCode, message);
      });
      return;
    }
    const ending = endingOf(container);
    if (ending !== undefined) this.#endAfter(podUid, container.name, ending.afterMs, ending.exitCode);
  }

  /** SIGTERM now, SIGKILL after `graceMs`; the process needs `neededMs` to end orderly. */
  stopContainer(podUid: string, name: string, neededMs: number, graceMs: number): void {
    const orderly = neededMs <= graceMs;
    this.#endAfter(podUid, name, orderly ? neededMs : graceMs, orderly ? TERMINATED : KILLED);
  }

  removePod(podUid: string): void {
    const pod = this.#pods.get(podUid);
    if (pod === undefined) return;
    for (const timer of pod.timers.values()) timer.cancel();
    this.#pods.delete(podUid);
  }

  /** Sandboxes that are gone, by a reboot or a failed start, and whose networks nobody has given back yet. Each is answered once. */
  takeStaleSandboxes(): readonly Sandbox[] {
    const stale = this.#stale;
    this.#stale = [];
    return stale;
  }

  /** Every process is gone and /var/run is empty; images stay on disk. */
  reboot(): void {
    this.#stale.push(...this.#begun.values());
    this.#begun.clear();
    for (const [uid, { sandbox }] of this.#pods) {
      if (sandbox !== undefined) this.#stale.push(sandbox);
      this.removePod(uid);
    }
    this.#bootId = this.#random.uuid();
  }

  #pod(podUid: string): PodState {
    let pod = this.#pods.get(podUid);
    if (pod === undefined) {
      pod = { sandbox: undefined, containers: new Map(), timers: new Map() };
      this.#pods.set(podUid, pod);
    }
    return pod;
  }

  #endAfter(podUid: string, name: string, afterMs: number, exitCode: number): void {
    const { timers } = this.#pod(podUid);
    timers.get(name)?.cancel();
    timers.set(name, this.#clock.setTimer(afterMs, () => this.#ended(podUid, name, exitCode)));
  }

  #ended(podUid: string, name: string, exitCode: number, message?: string): void {
    const pod = this.#pods.get(podUid);
    const state = pod?.containers.get(name);
    if (pod === undefined || state === undefined || state.current.finishedAtMs !== undefined) return;
    pod.timers.delete(name);
    const current = { ...state.current, finishedAtMs: this.#clock.now(), exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', ...(message !== undefined && { message }) };
    pod.containers.set(name, { ...state, current });
    this.onExit?.(podUid);
  }
}
