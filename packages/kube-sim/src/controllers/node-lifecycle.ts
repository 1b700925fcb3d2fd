import type { Clock, Kube, Log, Timer } from '@vfleet/core';
import { rfc3339 } from '@vfleet/core';
import type { Informer, Lease, Node, Pod } from '@vfleet/kube';
import { Controller, nodes, objectKey, pods } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';
import { isReady, isTerminal } from '../pods/state.ts';
import type { Taint } from '../pods/taints.ts';
import { unlessGone } from './unless-gone.ts';

export interface NodeLifecycleOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: EventRecorder;
  readonly nodes: Informer<Node>;
  /** Of kube-node-lease. */
  readonly leases: Informer<Lease>;
  /** With an index `node`. */
  readonly pods: Informer<Pod>;
  readonly onBug?: (error: unknown, key: string) => void;
}

/** kube-controller-manager's defaults: --node-monitor-period, --node-monitor-grace-period. */
const MONITOR_PERIOD_MS = 5000;
const GRACE_PERIOD_MS = 40_000;

type Condition = NonNullable<NonNullable<Node['status']>['conditions']>[number];

const READY = 'Ready';
const WATCHED = [READY, 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;
const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';

/** Which taint a condition means (node_lifecycle_controller.go, nodeConditionToTaintKeyStatusMap). */
const TAINT_OF: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: NOT_READY, Unknown: UNREACHABLE },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
};
const OURS = new Set([UNSCHEDULABLE, ...Object.values(TAINT_OF).flatMap((byStatus) => Object.values(byStatus))]);

/**
 * Notices nodes that have gone silent, by their leases, and taints nodes after their conditions and their cordon (kubernetes
 * pkg/controller/nodelifecycle). What the NoExecute taints do to pods is the eviction controller's part.
 */
export class NodeLifecycleController {
  readonly #options: NodeLifecycleOptions;
  readonly #controller: Controller;
  /** When each node last gave a sign of life, by our own clock. */
  readonly #heard = new Map<string, number>();
  #timer: Timer | undefined;
  #running = false;

  constructor(options: NodeLifecycleOptions) {
    this.#options = options;
    this.#controller = new Controller(options, { name: 'node-lifecycle', workers: 4, reconcile: (name) => unlessGone(this.#reconcile(name)), ...(options.onBug !== undefined && { onBug: options.onBug }) });
  }

  start(): void {
    this.#running = true;
    const hear = (name: string) => this.#heard.set(name, this.#options.clock.monotonicMs());
    this.#options.leases.subscribe({ added: ({ metadata }) => hear(metadata.name), updated: (_, { metadata }) => hear(metadata.name) });
    this.#options.nodes.subscribe({
      added: ({ metadata }) => {
        hear(metadata.name);
        this.#controller.queue.add(metadata.name);
      },
      updated: (old, node) => this.#nodeUpdated(old, node),
      deleted: ({ metadata }) => this.#heard.delete(metadata.name),
    });
    this.#controller.start();
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
    await this.#controller.stop();
  }

  #nodeUpdated(old: Node, node: Node): void {
    const { name } = node.metadata;
    if (heartbeatOf(old) !== heartbeatOf(node)) this.#heard.set(name, this.#options.clock.monotonicMs());
    if (needsTaints(node).join() !== ourTaints(node).join()) this.#controller.queue.add(name);
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimer(MONITOR_PERIOD_MS, () => {
      if (!this.#running) return;
      const silentSince = this.#options.clock.monotonicMs() - GRACE_PERIOD_MS;
      for (const [name, heardMs] of this.#heard) if (heardMs < silentSince) this.#controller.queue.add(name);
      this.#arm();
    });
  }

  async #reconcile(name: string): Promise<void> {
    const node = this.#options.nodes.get(name);
    if (node === undefined) return;
    const isSilent = (this.#heard.get(name) ?? 0) < this.#options.clock.monotonicMs() - GRACE_PERIOD_MS;
    const current = isSilent ? await this.#markUnknown(node) : node;
    await this.#taint(current);
    if (statusOf(current, READY) !== 'True') await this.#markPodsNotReady(current);
  }

  async #markUnknown(node: Node): Promise<Node> {
    if (WATCHED.every((type) => statusOf(node, type) === 'Unknown')) return node;
    const now = rfc3339(this.#options.clock.now());
    const conditions = WATCHED.map((type): Condition => {
      const before = node.status?.conditions?.find((condition) => condition.type === type);
      if (before?.status === 'Unknown') return before;
      if (before !== undefined) return { ...before, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime: now };
      return { type, status: 'Unknown', reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.', lastTransitionTime: now };
    });
    const others = (node.status?.conditions ?? []).filter(({ type }) => !(WATCHED as readonly string[]).includes(type));
    this.#options.recorder.record('Normal', node, 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`);
    const { resourceVersion } = node.metadata;
    return this.#options.kube.patch(nodes, objectKey(node), { type: 'merge', patch: { metadata: { resourceVersion }, status: { conditions: [...others, ...conditions] } } }, { subresource: 'status' });
  }

  async #taint(node: Node): Promise<void> {
    const wanted = needsTaints(node);
    const present = ourTaints(node);
    if (wanted.join() === present.join()) return;
    const kept = (node.spec?.taints ?? []).filter((taint) => !OURS.has(taint.key) || wanted.includes(textOf(taint)));
    const timeAdded = rfc3339(this.#options.clock.now());
    const added = wanted.filter((text) => !present.includes(text)).map((text): Taint => {
      const [key, effect] = text.split(':') as [string, Taint['effect']];
      return { key, effect, ...(effect === 'NoExecute' && { timeAdded }) };
    });
    const taints = [...kept, ...added];
    const patch = { metadata: { resourceVersion: node.metadata.resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } };
    await this.#options.kube.patch(nodes, objectKey(node), { type: 'merge', patch });
  }

  /** Pods of a node that is not ready are not ready either, whatever was last heard of them. */
  async #markPodsNotReady(node: Node): Promise<void> {
    for (const pod of this.#options.pods.byIndex('node', node.metadata.name)) {
      if (isTerminal(pod) || !isReady(pod)) continue;
      const condition = { type: READY, status: 'False', lastTransitionTime: rfc3339(this.#options.clock.now()) };
      const conditions = pod.status!.conditions!.map((before) => (before.type === READY ? { ...before, ...condition } : before));
      const { uid, resourceVersion } = pod.metadata;
      await this.#options.kube.patch(pods, objectKey(pod), { type: 'merge', patch: { metadata: { uid, resourceVersion }, status: { conditions } } }, { subresource: 'status' });
      this.#options.recorder.record('Warning', pod, 'NodeNotReady', 'Node is not ready');
    }
  }
}

function statusOf(node: Node, type: string): string | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type)?.status;
}

function heartbeatOf(node: Node): unknown {
  return node.status?.conditions?.find(({ type }) => type === READY)?.lastHeartbeatTime;
}

const textOf = ({ key, effect }: Taint) => `${key}:${effect}`;

/** `key:effect` of the taints that a node should have from us, in a stable order. */
function needsTaints(node: Node): readonly string[] {
  const wanted: string[] = [];
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = TAINT_OF[type]?.[status];
    if (key !== undefined) wanted.push(`${key}:NoSchedule`);
    if (key === NOT_READY || key === UNREACHABLE) wanted.push(`${key}:NoExecute`);
  }
  if (node.spec?.unschedulable === true) wanted.push(`${UNSCHEDULABLE}:NoSchedule`);
  return wanted.sort();
}

function ourTaints(node: Node): readonly string[] {
  return (node.spec?.taints ?? []).filter(({ key }) => OURS.has(key)).map(textOf).sort();
}
