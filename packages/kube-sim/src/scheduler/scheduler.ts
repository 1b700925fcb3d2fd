import type { Clock, Kube, Log, Subscription, Timer } from '@vfleet/core';
import { isKubeError, rfc3339 } from '@vfleet/core';
import type { Informer, Node, Pod } from '@vfleet/kube';
import { exponentialMs, objectKey, pods } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';
import { isTerminal, podKey } from '../pods/state.ts';
import { Candidates } from './candidates.ts';
import { ClusterView } from './cluster-view.ts';
import type { Diagnosis } from './fit-error.ts';
import { fitErrorMessage, truncateMessage } from './fit-error.ts';
import type { NodeInfo } from './node-info.ts';
import { dependsOnPods, findAmongPods } from './pod-affinity-filter.ts';
import type { PodInfo } from './pod-info.ts';
import { podInfoOf } from './pod-info.ts';
import type { QueuedPod } from './pod-queue.ts';
import { PodQueue } from './pod-queue.ts';

export interface SchedulerOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: EventRecorder;
  /** Of all namespaces. Started and stopped by the caller. */
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly tuning?: Partial<SchedulerTuning>;
}

export interface SchedulerTuning {
  /** Pods of other scheduler names are left alone. */
  readonly schedulerName: string;
  /** Pods placed before others get a turn in the process. */
  readonly batchSize: number;
  /** After a refused binding (pkg/scheduler/backend/queue: 1 s to 10 s). */
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
  /** A pod that fits nowhere is tried again after this long though nothing told to (flushUnschedulablePodsLeftover). */
  readonly leftoverMs: number;
  /** Shapes of pods for which the nodes' answers are kept while none of them waits. */
  readonly shapesKept: number;
}

const DEFAULTS: SchedulerTuning = {
  schedulerName: 'default-scheduler', batchSize: 100, backoff: { initialMs: 1000, maxMs: 10_000 }, leftoverMs: 300_000, shapesKept: 64,
};

interface Shape {
  readonly candidates: Candidates;
  readonly parked: PodQueue;
  /** The pod of this shape that was woken last: one at a time, or a freed device would wake thousands. */
  woken: QueuedPod | undefined;
}

/**
 * Binds pods to nodes. Pods that no node can take wait by shape (all that nodes judge a pod by) until a change lets some node
 * take that shape; pods whose place depends on other pods wait for any change. Preemption, topology spread, volumes
 * and extenders are left out on purpose.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #tuning: SchedulerTuning;
  readonly #view = new ClusterView();
  readonly #active = new PodQueue('active');
  readonly #waiting = new Map<string, QueuedPod>();
  readonly #shapes = new Map<string, Shape>();
  /** Parked pods whose place depends on other pods. */
  readonly #entangled = new Set<QueuedPod>();
  readonly #timers = new Set<Timer>();
  readonly #subscriptions: Subscription[] = [];
  #sequence = 0;
  #running = false;
  #looping = false;
  #wakeWanted = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#tuning = { ...DEFAULTS, ...options.tuning };
  }

  /** Pods without a node that this scheduler is responsible for. */
  get pendingPods(): number {
    return this.#waiting.size;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    const { nodes: nodeInformer, pods: podInformer } = this.#options;
    this.#subscriptions.push(
      nodeInformer.subscribe({ added: (node) => this.#nodeChanged(node), updated: (_, node) => this.#nodeChanged(node), deleted: (node) => this.#nodeGone(node) }),
      podInformer.subscribe({ added: (pod) => this.#podChanged(pod), updated: (_, pod) => this.#podChanged(pod), deleted: (pod) => this.#podGone(pod) }),
    );
    // Nothing is placed before both caches are complete, or the first pod would see an empty cluster.
    void Promise.all([nodeInformer.synced, podInformer.synced]).then(() => this.#wake());
    this.#armLeftovers();
  }

  stop(): void {
    this.#running = false;
    for (const subscription of this.#subscriptions.splice(0)) subscription.stop();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #nodeChanged(node: Node): void {
    if (this.#view.setNode(node)) this.#wake();
  }

  #nodeGone(node: Node): void {
    this.#view.removeNode(node.metadata.name);
    this.#wake();
  }

  #podChanged(pod: Pod): void {
    const uid = pod.metadata.uid!;
    const nodeName = pod.spec?.nodeName ?? '';
    if (nodeName !== '') {
      this.#forget(uid);
      if (isTerminal(pod)) this.#free(uid);
      else this.#placed(pod, nodeName);
      return;
    }
    if (!this.#isOurs(pod)) {
      this.#forget(uid);
      return;
    }
    this.#enqueue(pod, uid);
  }

  #placed(pod: Pod, nodeName: string): void {
    const known = this.#view.nodeOf(pod.metadata.uid!);
    // Status updates of placed pods are the bulk of all events and change nothing here; required anti-affinity reads labels.
    if (known === nodeName && this.#view.repelling.size === 0 && this.#entangled.size === 0) return;
    this.#view.place(podInfoOf(pod), nodeName);
    if (this.#entangled.size > 0) this.#wake();
  }

  #free(uid: string): void {
    if (this.#view.remove(uid)) this.#wake();
  }

  #podGone(pod: Pod): void {
    this.#forget(pod.metadata.uid!);
    this.#free(pod.metadata.uid!);
  }

  #isOurs(pod: Pod): boolean {
    const { schedulerName = 'default-scheduler', schedulingGates = [] } = pod.spec ?? {};
    return schedulerName === this.#tuning.schedulerName && schedulingGates.length === 0 && !isTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
  }

  #forget(uid: string): void {
    const queued = this.#waiting.get(uid);
    if (queued === undefined) return;
    queued.where = 'gone';
    this.#entangled.delete(queued);
    this.#waiting.delete(uid);
  }

  #enqueue(pod: Pod, uid: string): void {
    // Assumed on a node: this is an echo from before the binding.
    if (this.#view.nodeOf(uid) !== undefined) return;
    const info = podInfoOf(pod);
    const before = this.#waiting.get(uid);
    if (before !== undefined && before.info.shape === info.shape && before.info.priority === info.priority) {
      // Same pod, newer condition: keep its place, but know its newest state.
      before.info = info;
      return;
    }
    if (before !== undefined) this.#forget(uid);
    const queued: QueuedPod = { info, sequence: before?.sequence ?? this.#sequence++, failures: 0, where: 'active' };
    this.#waiting.set(uid, queued);
    this.#active.push(queued);
    this.#wake();
  }

  /** Runs the loop from a microtask, once for everything that happens until then. */
  #wake(): void {
    this.#wakeWanted = true;
    if (this.#looping || !this.#running || !this.#options.nodes.hasSynced || !this.#options.pods.hasSynced) return;
    this.#looping = true;
    void Promise.resolve().then(() => this.#loop());
  }

  async #loop(): Promise<void> {
    let placed = 0;
    while (this.#running) {
      if (this.#wakeWanted) this.#unpark();
      const queued = this.#active.pop();
      if (queued === undefined) break;
      this.#schedule(queued);
      if (++placed % this.#tuning.batchSize === 0) await this.#options.clock.sleep(0);
    }
    this.#looping = false;
  }

  /** Gives the first pod of each shape that some node can take by now a turn, and every pod that depends on other pods. */
  #unpark(): void {
    this.#wakeWanted = false;
    for (const queued of this.#entangled) this.#active.push(queued);
    this.#entangled.clear();
    for (const shape of this.#shapes.values()) this.#unparkOne(shape);
  }

  #unparkOne(shape: Shape): void {
    if (shape.woken?.where === 'active' || shape.parked.peek() === undefined || !shape.candidates.any) return;
    shape.woken = shape.parked.pop()!;
    this.#active.push(shape.woken);
  }

  #schedule(queued: QueuedPod): void {
    const { info } = queued;
    if (dependsOnPods(this.#view, info)) {
      const { node, diagnosis } = findAmongPods(this.#view, info);
      if (node !== undefined) {
        this.#assume(queued, node);
        return;
      }
      queued.where = 'parked';
      this.#entangled.add(queued);
      this.#reportUnschedulable(info, diagnosis);
      return;
    }
    const shape = this.#shape(info);
    const node = shape.candidates.best();
    if (node === undefined) {
      shape.parked.push(queued);
      this.#reportUnschedulable(info, shape.candidates.diagnosis());
      return;
    }
    this.#assume(queued, node);
    this.#unparkOne(shape);
  }

  #shape(info: PodInfo): Shape {
    let shape = this.#shapes.get(info.shape);
    if (shape === undefined) {
      shape = { candidates: new Candidates(this.#view, info), parked: new PodQueue('parked'), woken: undefined };
      this.#dropIdleShapes();
    } else {
      this.#shapes.delete(info.shape);
    }
    // Inserted anew, so that the map is ordered by last use.
    this.#shapes.set(info.shape, shape);
    return shape;
  }

  #dropIdleShapes(): void {
    if (this.#shapes.size < this.#tuning.shapesKept) return;
    for (const [key, { parked, woken }] of this.#shapes) {
      if (woken?.where === 'active' || parked.peek() !== undefined) continue;
      this.#shapes.delete(key);
      return;
    }
  }

  /** Counts the pod on its node at once and binds it while the next pods are looked at. */
  #assume(queued: QueuedPod, node: NodeInfo): void {
    queued.where = 'binding';
    this.#view.place(queued.info, node.name);
    void this.#bind(queued, node.name);
  }

  async #bind(queued: QueuedPod, nodeName: string): Promise<void> {
    const { pod, uid } = queued.info;
    try {
      await this.#options.kube.bind(objectKey(pod), nodeName);
      this.#options.recorder.record('Normal', pod, 'Scheduled', `Successfully assigned ${podKey(pod)} to ${nodeName}`);
      if (this.#waiting.get(uid) === queued) this.#waiting.delete(uid);
    } catch (error) {
      this.#view.remove(uid);
      this.#wake();
      if (!isKubeError(error, 'NotFound', 'Conflict')) this.#options.log.warn('Binding a pod failed.', { pod: podKey(pod), node: nodeName, error: String(error) });
      // Not found or bound by somebody else: the watch says so, if it has not already.
      if (this.#waiting.get(uid) === queued) this.#retryLater(queued);
    }
  }

  #retryLater(queued: QueuedPod): void {
    queued.failures++;
    queued.where = 'delayed';
    this.#after(exponentialMs(this.#tuning.backoff, queued.failures), () => {
      if (queued.where !== 'delayed') return;
      this.#active.push(queued);
      this.#wake();
    });
  }

  #reportUnschedulable({ pod }: PodInfo, diagnosis: Diagnosis): void {
    const message = fitErrorMessage(diagnosis);
    this.#options.recorder.record('Warning', pod, 'FailedScheduling', truncateMessage(message));
    const before = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    if (before?.status === 'False' && before.reason === 'Unschedulable' && before.message === message) return;
    const lastTransitionTime = before?.status === 'False' ? before.lastTransitionTime : rfc3339(this.#options.clock.now());
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastProbeTime: null, lastTransitionTime };
    void this.#patchCondition(pod, condition);
  }

  async #patchCondition(pod: Pod, condition: Readonly<Record<string, unknown>>): Promise<void> {
    const patch = { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } };
    try {
      await this.#options.kube.patch(pods, objectKey(pod), { type: 'strategic', patch }, { subresource: 'status' });
    } catch (error) {
      // Deleted or replaced meanwhile: then nobody waits for this condition.
      if (!isKubeError(error, 'NotFound', 'Conflict')) this.#options.log.warn('A pod condition was not written.', { pod: podKey(pod), error: String(error) });
    }
  }

  /** Safety net, as upstream has one: everything that waits gets a turn from time to time. */
  #armLeftovers(): void {
    this.#after(this.#tuning.leftoverMs, () => {
      for (const { parked } of this.#shapes.values()) for (let queued = parked.pop(); queued !== undefined; queued = parked.pop()) this.#active.push(queued);
      for (const queued of this.#entangled) this.#active.push(queued);
      this.#entangled.clear();
      this.#wake();
      this.#armLeftovers();
    });
  }

  #after(delayMs: number, work: () => void): void {
    const timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      work();
    });
    this.#timers.add(timer);
  }
}
