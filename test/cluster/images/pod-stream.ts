import { setTimeout as sleep } from 'node:timers/promises';
import { isKubeError, silentLog } from '@vfleet/core';
import type { Kube } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import * as api from '@vfleet/kube';
import type { Pod } from '@vfleet/kube';
import { networkStatus } from '../kubelet/node-cluster.ts';

/** As long as a machine may take that is busy with other things. */
const LIMIT_MS = 300_000;

/** One pod of a stream: when it was seen to be what, in milliseconds since 1970. */
export interface StreamedPod {
  readonly name: string;
  readonly createdMs: number;
  /** A scheduler has given it to a node. */
  readonly boundMs?: number;
  /** Its status has `net1`. */
  readonly attachedMs?: number;
  /** The kubelet has refused it for good, and why. */
  readonly refused?: { readonly atMs: number; readonly why: string };
}

/** An admission that failed. */
export interface Unadmitted {
  readonly atMs: number;
  readonly why: string;
}

export interface Streamed {
  readonly pods: readonly StreamedPod[];
  readonly unadmitted: readonly Unadmitted[];
}

type Going = { -readonly [Field in keyof StreamedPod]: StreamedPod[Field] } & { isReady?: true; isGone?: true };

/**
 * Pods come and go, a few at once: each is made, gets its interface, runs, and is deleted; then comes the next one of its lane. What is seen of them is seen
 * after it was so.
 */
export class PodStream {
  readonly #kube: Kube;
  readonly #namespace: string;
  readonly #pod: (name: string) => Pod;
  readonly #pods: Going[] = [];
  readonly #unadmitted: Unadmitted[] = [];
  readonly #informer: api.Informer<Pod>;
  readonly #lanes: Promise<void>;
  #changed = Promise.withResolvers<void>();
  #isOver = false;

  constructor(kube: Kube, namespace: string, lanes: number, pod: (name: string) => Pod) {
    this.#kube = kube;
    this.#namespace = namespace;
    this.#pod = pod;
    this.#informer = new api.Informer({ kube, clock: new RealClock(), random: new SystemRandom(), log: silentLog }, api.pods, { namespace });
    this.#informer.subscribe({ added: (one) => this.#see(one), updated: (_, one) => this.#see(one), deleted: ({ metadata: { name } }) => this.#note(name, (going) => void (going.isGone = true)) });
    this.#informer.start();
    this.#lanes = Promise.all(Array.from({ length: lanes }, (_, lane) => this.#run(lane))).then(() => undefined);
    // Whoever waits for it is told.
    this.#lanes.catch(() => undefined);
  }

  /** Resolves when as many more pods as are given have had their interface and are gone. */
  async passed(count: number): Promise<void> {
    const wanted = this.#passed() + count;
    await Promise.race([this.#until(() => this.#passed() >= wanted, `${count} more pods have not passed`), this.#lanes]);
  }

  /** Makes no more, and resolves when every pod that was made is gone. */
  async stop(): Promise<Streamed> {
    this.#isOver = true;
    await this.#lanes;
    return { pods: this.#pods, unadmitted: this.#unadmitted };
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#informer.stop();
  }

  #passed(): number {
    return this.#pods.filter(({ isReady, isGone }) => isReady === true && isGone === true).length;
  }

  async #run(lane: number): Promise<void> {
    for (let turn = 0; !this.#isOver || this.#pods.findLast(({ name }) => name.startsWith(`stream-${lane}-`))?.refused !== undefined; turn += 1) {
      const name = `stream-${lane}-${turn}`;
      const going: Going = { name, createdMs: Date.now() };
      this.#pods.push(going);
      await this.#create(name);
      await this.#until(() => (going.isReady === true && going.attachedMs !== undefined) || going.refused !== undefined, `pod ${name} has no interface`);
      await this.#kube.delete(api.pods, { namespace: this.#namespace, name });
      await this.#until(() => going.isGone === true, `pod ${name} does not go`);
    }
  }

  /** As a controller does it: again, until it is admitted. */
  async #create(name: string): Promise<void> {
    for (;;) {
      try {
        await this.#kube.create(api.pods, this.#pod(name));
        return;
      } catch (error) {
        if (isKubeError(error, 'AlreadyExists')) return;
        this.#unadmitted.push({ atMs: Date.now(), why: error instanceof Error ? error.message : String(error) });
        await sleep(100);
      }
    }
  }

  #see(pod: Pod): void {
    const { metadata: { name }, spec, status } = pod;
    this.#note(name, (going) => {
      const nowMs = Date.now();
      if (spec?.nodeName !== undefined) going.boundMs ??= nowMs;
      if (networkStatus(pod).some(({ interface: ifname }) => ifname === 'net1')) going.attachedMs ??= nowMs;
      if (status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true) going.isReady = true;
      if (status?.phase === 'Failed' && going.isReady !== true) going.refused ??= { atMs: nowMs, why: `${status.reason ?? 'Failed'}: ${status.message ?? ''}` };
    });
  }

  #note(name: string, change: (going: Going) => void): void {
    const going = this.#pods.find((one) => one.name === name);
    if (going === undefined) return;
    change(going);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #until(isSo: () => boolean, otherwise: string): Promise<void> {
    const startedMs = performance.now();
    while (!isSo()) {
      // For what hangs: nothing may change any more.
      await Promise.race([this.#changed.promise, sleep(1_000)]);
      if (performance.now() - startedMs > LIMIT_MS) throw new Error(`${otherwise} after ${LIMIT_MS / 1_000} s: ${JSON.stringify(this.#pods.slice(-6))}`);
    }
  }
}
