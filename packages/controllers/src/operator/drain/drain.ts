import type { DrainProgress, DrainRequest } from '@vfleet/core';
import { nodeStateAnnotations } from '@vfleet/core';
import type { Node, Pod, ReconcileResult, SriovNetworkNodeState } from '@vfleet/kube';
import { Informer, findCondition, nodeStates, nodes, pods } from '@vfleet/kube';
import type { OperatorContext } from '../context.ts';
import { patchStatus, writeKey } from '../context.ts';
import { DEFAULT_POOL, IDLE } from '../pools/pool-ledger.ts';
import type { DrainView } from '../pools/pool-ledger.ts';
import { cordon, uncordon } from './cordon.ts';
import { DrainRun, describeBlockers, drainTuningDefault } from './drain-run.ts';
import type { DrainTuning } from './drain-run.ts';
import { answeredRequest, drainView } from './drain-view.ts';
import { evict } from './eviction.ts';
import { stayReason } from './pod-selection.ts';
import { listSome } from '../text.ts';

/** Type of the condition of a node state that says why its node is not drained although it has to be. */
export const DRAIN_BLOCKED = 'DrainBlocked';

export type DrainBlockedReason = 'PodDisruptionBudget' | 'PodsRemain' | 'PoolAtCapacity' | 'NodeInTwoPools' | 'InvalidMaxUnavailable' | 'NotBlocked';

/** Most nodes of a pool woken at a time; each that starts wakes the next. */
const WAKE_MAX = 8;

interface Surrender {
  readonly times: number;
  readonly untilMs: number;
}

interface Found {
  readonly name: string;
  readonly node: Node;
  readonly state: SriovNetworkNodeState;
  readonly view: DrainView;
}

/**
 * Drains nodes whose config daemon asks for it, as many of a pool at once as the pool allows, and gives them back. The state is in
 * three annotations (see {@link drainView}), so that a new leader goes on where the last one stopped. The key is the node's name.
 */
export class Drain {
  readonly #context: OperatorContext;
  readonly #wake: (node: string) => void;
  readonly #tuning: DrainTuning;
  readonly #runs = new Map<string, DrainRun>();
  readonly #surrendered = new Map<string, Surrender>();
  /** The first in each pool's row when it was last looked at. */
  readonly #firstWaiting = new Map<string, string>();

  /** `wake` queues a node for {@link reconcile}. */
  constructor(context: OperatorContext, wake: (node: string) => void, tuning: DrainTuning = drainTuningDefault) {
    this.#context = context;
    this.#wake = wake;
    this.#tuning = tuning;
  }

  /** Ends what follows pods; the annotations say the rest. */
  stop(): void {
    for (const name of [...this.#runs.keys()]) this.#endRun(name);
  }

  /** Brings the pool ledger up to what a node's annotations say, and wakes nodes for which there is room now. */
  refresh(name: string): void {
    const { informers, settings, fleet, pools } = this.#context;
    const node = informers.nodes.get(name);
    const before = pools.poolsOf(name);
    if (node === undefined) pools.deleteNode(name);
    else pools.setDrain(name, this.#view(node, informers.nodeStates.get({ namespace: settings.namespace, name }), fleet.selectedNodeLabels(name) !== undefined));
    for (const pool of new Set([...before, ...pools.poolsOf(name)])) this.wakePool(pool);
  }

  wakePool(pool: string): void {
    for (const name of this.#context.pools.startable(pool, WAKE_MAX, (candidate) => this.#surrenderedMs(candidate) === 0)) this.#wake(name);
    this.#wakeFirst(pool);
  }

  /** Who has become the first in the row waits for others now, and says so. */
  #wakeFirst(pool: string): void {
    const first = this.#context.pools.firstWaiting(pool);
    if (first === this.#firstWaiting.get(pool)) return;
    if (first === undefined) {
      this.#firstWaiting.delete(pool);
      return;
    }
    this.#firstWaiting.set(pool, first);
    this.#wake(first);
  }

  async reconcile(name: string): Promise<ReconcileResult> {
    const { informers, settings, writes, fleet } = this.#context;
    const node = informers.nodes.get(name);
    const state = informers.nodeStates.get({ namespace: settings.namespace, name });
    const behindMs = Math.max(writes.behindMs(writeKey(nodeStates, settings.namespace, name), state), writes.behindMs(writeKey(nodes, undefined, name), node));
    if (behindMs > 0) return { requeueAfterMs: behindMs };
    if (node === undefined || fleet.config === undefined) return this.#endRun(name);
    if (state === undefined || state.metadata.deletionTimestamp !== undefined) {
      this.#endRun(name);
      this.#release(name);
      await uncordon(this.#context, node);
      return;
    }
    const view = this.#view(node, state, fleet.selectedNodeLabels(name) !== undefined);
    if (view.external) {
      this.#endRun(name);
      this.#release(name);
      return;
    }
    const found: Found = { name, node, state, view };
    if (view.wants === 'Idle') return this.#giveBack(found);
    // A node drained for less than is asked now is drained once more, in the place that it has.
    const answers = answeredRequest(state) ?? view.wants;
    if (view.progress === 'DrainComplete' && answers === view.wants) {
      // Somebody uncordoned it, and pods may have come: what was reported does not hold any more.
      if (node.spec?.unschedulable !== true && !this.#isRebootOfOnly(view)) {
        await this.#annotate(state, 'Draining', view.wants);
        return;
      }
      return this.#endRun(name);
    }
    return view.progress === 'Idle' ? this.#begin(found) : this.#proceed(found);
  }

  /** A node that is no longer selected has no daemon that could take its request back. */
  #view(node: Node, state: SriovNetworkNodeState | undefined, selected: boolean): DrainView {
    const view = drainView(node, state);
    return selected ? view : { ...view, wants: IDLE.wants };
  }

  /** The request is fulfilled, or was taken back while draining: the node takes pods again. */
  async #giveBack({ name, node, state, view }: Found): Promise<ReconcileResult> {
    this.#endRun(name);
    this.#surrendered.delete(name);
    const wasOurs = await uncordon(this.#context, node);
    if (this.#context.pools.isReserved(name)) {
      // A drain was about to begin, and may have without our knowing: now it certainly has not.
      await this.#annotate(state, 'Idle', 'Idle');
      this.#release(name);
      return;
    }
    if (view.progress !== 'Idle') {
      await this.#annotate(state, 'Idle', 'Idle');
      const kept = !wasOurs && node.spec?.unschedulable === true ? '; it stays cordoned, as it was before' : '';
      this.#context.events.record('Normal', node, 'DrainEnded', `the node is done with its SR-IOV configuration${kept}`);
      return;
    }
    await this.#sayBlocked(state, 'NotBlocked', 'nothing is to be drained');
  }

  async #begin({ name, node, state, view }: Found): Promise<ReconcileResult> {
    const { pools, events } = this.#context;
    const waitMs = this.#surrenderedMs(name);
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const reservation = pools.reserve(name);
    switch (reservation) {
      case 'notWaiting':
        return;
      case 'atCapacity':
        // Woken as soon as there is room.
        return this.#sayBlocked(state, 'PoolAtCapacity', this.#waitsText(name));
      case 'inTwoPools':
        return this.#sayBlocked(state, 'NodeInTwoPools', `the node is in the pools ${pools.poolsOf(name).join(' and ')}; it is drained when it is in one only`);
      case 'limitUnreadable':
        return this.#sayBlocked(state, 'InvalidMaxUnavailable', `maxUnavailable of pool ${pools.poolsOf(name).join()} cannot be read; its condition says why`);
      case 'reserved':
        break;
    }
    const annotated = await this.#annotate(state, 'Draining', view.wants);
    if (findCondition(state.status?.conditions, DRAIN_BLOCKED)?.reason === 'PoolAtCapacity') await this.#sayBlocked(annotated, 'NotBlocked', 'the pool had room, the drain has begun');
    events.record('Normal', node, 'DrainStarted', view.wants === 'Reboot_Required' ? 'all pods are evicted, because the node has to reboot' : 'pods that use SR-IOV devices are evicted');
  }

  /** For whom a node waits, in words that stay true until it is woken again. */
  #waitsText(name: string): string {
    const { pools } = this.#context;
    const [pool = DEFAULT_POOL] = pools.poolsOf(name);
    const limit = pools.limit(pool);
    const where = `${pool === DEFAULT_POOL ? 'the nodes of no pool' : `pool ${pool}`}, of which ${limit.ok ? limit.value : 0} may be drained at once`;
    if (limit.ok && limit.value === 0) return `no node is drained: maxUnavailable of pool ${pool} is 0`;
    const waits = pools.waitsFor(name);
    return waits.kind === 'next' ? `waits behind node ${waits.node} (${where})` : `is the next, and waits for ${listSome(waits.nodes.map((node) => `node ${node}`))} (${where})`;
  }

  async #proceed(found: Found): Promise<ReconcileResult> {
    const { name, node, view, state } = found;
    const reboot = view.wants === 'Reboot_Required';
    if (this.#isRebootOfOnly(view)) return this.#complete(found, 'the only node of the cluster reboots with its pods');
    if (view.progress === 'DrainComplete' || answeredRequest(state) !== view.wants) {
      await this.#annotate(state, 'Draining', view.wants);
      return;
    }
    await cordon(this.#context, node);
    const run = this.#runFor(name, view);
    if (run.checkDeadline() === 'expired') return this.#surrender(found, run);
    if (!run.pods.hasSynced) return { requeueAfterMs: this.#tuning.retryMs };
    const remaining = this.#remaining(run, reboot);
    if (remaining.length === 0) return this.#complete(found, reboot ? 'no pods are left but those of daemon sets' : 'no pod on it uses SR-IOV devices');
    await this.#evict(run, run.due(remaining), node);
    const still = this.#remaining(run, reboot);
    const blocked = run.blockers(still).filter((blocker) => blocker.budget !== undefined);
    if (blocked.length > 0) await this.#sayBlocked(state, 'PodDisruptionBudget', describeBlockers(blocked));
    return { requeueAfterMs: run.nextMs(still) };
  }

  /** Then there is nowhere to evict to, and the operator itself would go. */
  #isRebootOfOnly(view: DrainView): boolean {
    return view.wants === 'Reboot_Required' && this.#context.informers.nodes.size === 1;
  }

  #remaining(run: DrainRun, reboot: boolean): readonly Pod[] {
    return run.pods.list().filter((pod) => stayReason(pod, reboot, this.#context.settings.resourcePrefix) === undefined);
  }

  async #evict(run: DrainRun, due: readonly Pod[], node: Node): Promise<void> {
    const { ports, events } = this.#context;
    for (let from = 0; from < due.length; from += this.#tuning.parallel) {
      await Promise.all(
        due.slice(from, from + this.#tuning.parallel).map(async (pod) => {
          const outcome = await evict(ports.kube, pod);
          run.tried(pod, outcome);
          if (outcome.kind === 'evicted') events.record('Normal', pod, 'SriovEvicted', `evicted from node ${node.metadata.name}, whose SR-IOV devices are being configured`);
        }),
      );
    }
  }

  async #complete({ name, node, state, view }: Found, why: string): Promise<ReconcileResult> {
    this.#endRun(name);
    this.#surrendered.delete(name);
    const annotated = await this.#annotate(state, 'DrainComplete', view.wants);
    this.#context.events.record('Normal', node, 'Drained', why);
    await this.#sayBlocked(annotated, 'NotBlocked', 'the node is drained');
  }

  /** All tries are used up: the node takes pods again and its place goes to another; it is tried again after a while. */
  async #surrender({ name, node, state, view }: Found, run: DrainRun): Promise<ReconcileResult> {
    const { clock } = this.#context.ports;
    const blockers = run.pods.hasSynced ? run.blockers(this.#remaining(run, view.wants === 'Reboot_Required')) : [];
    await uncordon(this.#context, node);
    const annotated = await this.#annotate(state, 'Idle', 'Idle');
    const times = (this.#surrendered.get(name)?.times ?? 0) + 1;
    const waitMs = Math.min(this.#tuning.backOffMs * 2 ** (times - 1), this.#tuning.backOffMaxMs);
    this.#surrendered.set(name, { times, untilMs: clock.monotonicMs() + waitMs });
    this.#endRun(name);
    const told = blockers.length > 0 ? describeBlockers(blockers) : 'the pods of the node could not be listed';
    const message = `gave up after ${run.tries} tries of ${this.#tuning.tryMs / 1000} s, trying again in ${waitMs / 1000} s: ${told}`;
    this.#context.events.record('Warning', node, 'DrainFailed', message);
    const reason = blockers.some((blocker) => blocker.budget !== undefined) ? 'PodDisruptionBudget' : 'PodsRemain';
    await this.#sayBlocked(annotated, reason, message);
    return { requeueAfterMs: waitMs };
  }

  #release(name: string): void {
    this.#context.pools.release(name);
    for (const pool of this.#context.pools.poolsOf(name)) this.wakePool(pool);
  }

  #surrenderedMs(name: string): number {
    const surrender = this.#surrendered.get(name);
    return surrender === undefined ? 0 : Math.max(0, surrender.untilMs - this.#context.ports.clock.monotonicMs());
  }

  #runFor(name: string, view: DrainView): DrainRun {
    const { ports } = this.#context;
    let run = this.#runs.get(name);
    if (run === undefined) {
      const informer = new Informer(ports, pods, { fieldSelector: `spec.nodeName=${name}` });
      run = new DrainRun(ports.clock, this.#tuning, informer, view.wants);
      this.#runs.set(name, run);
      informer.subscribe({ added: () => this.#wake(name), updated: () => this.#wake(name), deleted: () => this.#wake(name) });
      void informer.synced.then(() => this.#wake(name));
      informer.start();
    }
    run.restartFor(view.wants);
    return run;
  }

  #endRun(name: string): void {
    const run = this.#runs.get(name);
    if (run === undefined) return;
    run.pods.stop();
    this.#runs.delete(name);
  }

  /** Progress and the request that it answers to, in one write: the daemon acts on the two together. */
  async #annotate(state: SriovNetworkNodeState, progress: DrainProgress, request: DrainRequest): Promise<SriovNetworkNodeState> {
    const { ports, writes, settings } = this.#context;
    const { name } = state.metadata;
    const annotations = { [nodeStateAnnotations.desiredState]: request, [nodeStateAnnotations.currentState]: progress };
    const patched = await ports.kube.patch(nodeStates, { namespace: settings.namespace, name }, { type: 'merge', patch: { metadata: { annotations } } });
    writes.wrote(writeKey(nodeStates, settings.namespace, name), patched);
    return patched;
  }

  /** States the condition; `NotBlocked` only where something else was said before. */
  async #sayBlocked(state: SriovNetworkNodeState, reason: DrainBlockedReason, message: string): Promise<void> {
    const before = findCondition(state.status?.conditions, DRAIN_BLOCKED);
    if (reason === 'NotBlocked' && before?.status !== 'True') return;
    await patchStatus(this.#context, nodeStates, state, [{ type: DRAIN_BLOCKED, status: reason === 'NotBlocked' ? 'False' : 'True', reason, message }]);
    if (reason !== 'NotBlocked' && reason !== 'PoolAtCapacity' && before?.reason !== reason) this.#context.events.record('Warning', state, DRAIN_BLOCKED, message);
  }
}

