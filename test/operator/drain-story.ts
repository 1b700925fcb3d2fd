import { deepEqual, equal } from 'node:assert/strict';
import type { Kube, KubeObject } from '@vfleet/core';
import { isKubeError, nodeStateAnnotations } from '@vfleet/core';
import { DRAIN_BLOCKED, LEASE_NAME } from '@vfleet/controllers';
import type { Operator } from '@vfleet/controllers';
import { leases, nodeStates, nodes, podDisruptionBudgets, pods, poolConfigs } from '@vfleet/kube';
import { NAMESPACE, addNode, addPod, addPool, askDrain, eventsOf, find, nic, report } from './harness.ts';

/** An operator of the story. */
export interface StoryOperator {
  readonly operator: Operator;
  /** Ends it as SIGKILL does: it says nothing to anybody, and keeps its Lease. */
  kill(): void;
}

/** Where the story is told: the API server is ours or a real one, and time is simulated or real. */
export interface DrainStage {
  readonly kube: Kube;
  /** Starts an operator that takes part in the election. */
  begin(identity: string): Promise<StoryOperator>;
  /** Waits until something holds; `says` is what, for people. */
  until(says: string, holds: () => Promise<boolean>): Promise<void>;
  /** Lets operators go on for so long, where nothing is to happen. */
  pause(ms: number): Promise<void>;
}

/** What is told, with what it is about: each goes on from where the one before has left the cluster. */
export const drainStories: readonly (readonly [about: string, tell: (story: DrainStory) => Promise<void>])[] = [
  ['a cluster of one node', (story) => story.oneNode()],
  ['a PodDisruptionBudget blocks, then gives way', (story) => story.budgetBlocksThenFrees()],
  ['percentages of a pool', (story) => story.poolPercentages()],
  ['a node in two pools', (story) => story.nodeInTwoPools()],
  ['a node that an administrator had cordoned', (story) => story.cordonedBefore()],
  ['the leader of two operators killed in the middle of a drain', (story) => story.operatorKilledMidDrain()],
];

const USER = { story: 'user' };

/** The drains that a cluster must live through, in the order of {@link drainStories}: the first wants a cluster of one node. */
export class DrainStory {
  readonly #stage: DrainStage;
  readonly #operators: StoryOperator[] = [];
  readonly #killed = new Set<Operator>();

  constructor(stage: DrainStage) {
    this.#stage = stage;
  }

  /** What kubelets do, and two operators. */
  async begin(): Promise<void> {
    const { kube } = this.#stage;
    kube.watch(pods, {}, {
      event: (event) => {
        if (event.type !== 'MODIFIED' || event.object.metadata.deletionTimestamp === undefined) return;
        const { namespace = '', name } = event.object.metadata;
        kube.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 }).catch((error: unknown) => {
          if (!isKubeError(error, 'NotFound', 'Unreachable')) throw error;
        });
      },
      end: () => {},
    });
    for (const identity of ['first', 'second']) this.#operators.push(await this.#stage.begin(identity));
    await this.#stage.until('one of two operators leads', async () => this.#leaders().length === 1);
  }

  /** Ends the operators that live. */
  async end(): Promise<void> {
    for (const { operator } of this.#operators) {
      const ended = operator.stop();
      if (!this.#killed.has(operator)) await ended;
    }
  }

  /** A cluster of one node: for a reboot its pods stay, for a drain those that use VFs go. */
  async oneNode(): Promise<void> {
    const { kube, until } = this.#stage;
    await this.#node('only', {});
    await addPod(kube, 'plain', { node: 'only' });
    await addPod(kube, 'user', { node: 'only', devices: true });
    await askDrain(kube, 'only', 'Reboot_Required');
    await this.#progress('only', 'DrainComplete');
    deepEqual([await this.#isCordoned('only'), await this.#podsOn('only')], [false, ['plain', 'user']]);
    await this.#giveBack('only');
    await askDrain(kube, 'only', 'Drain_Required');
    await this.#progress('only', 'DrainComplete');
    deepEqual([await this.#isCordoned('only'), await this.#podsOn('only')], [true, ['plain']]);
    await this.#giveBack('only');
    await until('the only node takes pods again', async () => !(await this.#isCordoned('only')));
  }

  /** A PodDisruptionBudget forbids the eviction, is named, and gives way. */
  async budgetBlocksThenFrees(): Promise<void> {
    const { kube, until, pause } = this.#stage;
    await this.#node('guarded', {});
    await addPod(kube, 'guarded', { node: 'guarded', devices: true, labels: USER });
    const allow = await this.#budget();
    await allow(0);
    await askDrain(kube, 'guarded', 'Drain_Required');
    await until('pod and budget are named', async () => /pod default\/guarded is protected by PodDisruptionBudget default\/story/.test((await this.#blocked('guarded'))?.message ?? ''));
    await pause(1_000);
    deepEqual([await this.#podsOn('guarded'), await this.#isCordoned('guarded')], [['guarded'], true]);
    await allow(1);
    await this.#progress('guarded', 'DrainComplete');
    deepEqual(await this.#podsOn('guarded'), []);
    await until('nothing is said to block it any more', async () => (await this.#blocked('guarded'))?.status === 'False');
    await this.#giveBack('guarded');
    await kube.delete(podDisruptionBudgets, { namespace: 'default', name: 'story' });
  }

  /** `maxUnavailable` of 50 % and of 1 % over five nodes: two at once, and one, never none; all have their turn. */
  async poolPercentages(): Promise<void> {
    const { kube, until, pause } = this.#stage;
    const labels = { story: 'percent' };
    const names = ['p1', 'p2', 'p3', 'p4', 'p5'];
    for (const name of names) await this.#node(name, labels);
    for (const [maxUnavailable, most] of [['50%', 2], ['1%', 1]] as const) {
      await addPool(kube, 'percent', { nodeSelector: { matchLabels: labels }, maxUnavailable });
      await until('the pool is judged', async () => (await find(kube, poolConfigs, { namespace: NAMESPACE, name: 'percent' }))?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true);
      for (const name of names) await askDrain(kube, name, 'Drain_Required');
      const waiting = new Set(names);
      while (waiting.size > 0) {
        const expected = Math.min(most, waiting.size);
        const drained = () => this.#drained(names);
        await until(`${expected} of the pool are drained`, async () => (await drained()).length === expected);
        await pause(500);
        const now = await drained();
        equal(now.length, expected);
        for (const name of now) {
          waiting.delete(name);
          await askDrain(kube, name, 'Idle');
        }
        await until('they are given back', async () => !(await drained()).some((name) => now.includes(name)));
      }
      await kube.delete(poolConfigs, { namespace: NAMESPACE, name: 'percent' });
      await until('the pool is gone', async () => (await find(kube, poolConfigs, { namespace: NAMESPACE, name: 'percent' })) === undefined);
    }
  }

  /** A node in two pools is not drained until it is in one. */
  async nodeInTwoPools(): Promise<void> {
    const { kube, until, pause } = this.#stage;
    const labels = { story: 'twice' };
    await this.#node('twice', labels);
    for (const name of ['one', 'two']) await addPool(kube, name, { nodeSelector: { matchLabels: labels }, maxUnavailable: 1 });
    const reasons = async () => Promise.all(['one', 'two'].map(async (name) => (await kube.get(poolConfigs, { namespace: NAMESPACE, name })).status?.conditions?.find(({ type }) => type === 'Ready')?.status));
    await until('both pools say that they are not right', async () => (await reasons()).every((status) => status === 'False'));
    await askDrain(kube, 'twice', 'Drain_Required');
    await until('the node says why it waits', async () => (await this.#blocked('twice'))?.reason === 'NodeInTwoPools');
    await pause(1_000);
    deepEqual([await this.#isCordoned('twice'), await this.#progressOf('twice')], [false, 'Idle']);
    await kube.delete(poolConfigs, { namespace: NAMESPACE, name: 'two' });
    await this.#progress('twice', 'DrainComplete');
    await this.#giveBack('twice');
  }

  /** An administrator's cordon is neither ours nor undone. */
  async cordonedBefore(): Promise<void> {
    const { kube } = this.#stage;
    await this.#node('cordoned', {});
    await addPod(kube, 'on-cordoned', { node: 'cordoned', devices: true });
    await kube.patch(nodes, { name: 'cordoned' }, { type: 'merge', patch: { spec: { unschedulable: true } } });
    await askDrain(kube, 'cordoned', 'Drain_Required');
    await this.#progress('cordoned', 'DrainComplete');
    deepEqual(await this.#podsOn('cordoned'), []);
    await this.#giveBack('cordoned');
    equal(await this.#isCordoned('cordoned'), true);
    await this.#stage.until('the Event says so', async () => (await eventsOf(kube, 'DrainEnded')).some(({ message = '' }) => message.includes('stays cordoned')));
  }

  /** The leader is killed in the middle of a drain: the other one goes on with it, and begins no second one. */
  async operatorKilledMidDrain(): Promise<void> {
    const { kube, until } = this.#stage;
    for (const name of ['k1', 'k2']) {
      await this.#node(name, {});
      await addPod(kube, `user-${name}`, { node: name, devices: true, labels: USER });
    }
    const allow = await this.#budget();
    await allow(0);
    for (const name of ['k1', 'k2']) await askDrain(kube, name, 'Drain_Required');
    const draining = async () => (await Promise.all(['k1', 'k2'].map(async (name) => ((await this.#progressOf(name)) === 'Idle' ? [] : [name])))).flat();
    await until('one of two is being drained, and blocked', async () => (await draining()).length === 1 && (await this.#blocked((await draining())[0]!))?.reason === 'PodDisruptionBudget');
    const [first = ''] = await draining();
    const [leader] = this.#leaders();
    const holder = await this.#holder();
    leader!.kill();
    this.#killed.add(leader!.operator);
    await until('the other operator leads', async () => this.#leaders().some((one) => one !== leader) && (await this.#holder()) !== holder);
    deepEqual(await draining(), [first]);
    await allow(1);
    await this.#progress(first, 'DrainComplete');
    deepEqual([await draining(), await this.#podsOn(first)], [[first], []]);
    await this.#giveBack(first);
    equal(await this.#isCordoned(first), false);
    const second = first === 'k1' ? 'k2' : 'k1';
    await until('the other node has its turn', async () => (await draining()).includes(second));
    await allow(1);
    await this.#progress(second, 'DrainComplete');
    await this.#giveBack(second);
    await until('no node is cordoned by an operator', async () => (await kube.list(nodes)).items.filter(({ spec }) => spec?.unschedulable === true).map(({ metadata }) => metadata.name).join() === 'cordoned');
  }

  #leaders(): readonly StoryOperator[] {
    return this.#operators.filter(({ operator }) => operator.leading);
  }

  async #holder(): Promise<string | undefined> {
    return (await find(this.#stage.kube, leases, { namespace: NAMESPACE, name: LEASE_NAME }))?.spec?.holderIdentity;
  }

  async #node(name: string, labels: Record<string, string>): Promise<void> {
    const { kube, until } = this.#stage;
    await addNode(kube, name, labels);
    await until(`there is a node state of ${name}`, async () => (await find(kube, nodeStates, { namespace: NAMESPACE, name })) !== undefined);
    await report(kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'InProgress' });
  }

  /** A budget over the pods of {@link USER}. Gives what the disruption controller does: says how many may go. */
  async #budget(): Promise<(disruptionsAllowed: number) => Promise<KubeObject>> {
    const { kube } = this.#stage;
    const key = { namespace: 'default', name: 'story' };
    const { metadata } = await kube.create(podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: key, spec: { minAvailable: 1, selector: { matchLabels: USER } } });
    return (disruptionsAllowed) => kube.patch(podDisruptionBudgets, key, { type: 'merge', patch: { status: { disruptionsAllowed, currentHealthy: 1 + disruptionsAllowed, desiredHealthy: 1, expectedPods: 2, observedGeneration: metadata.generation ?? 1 } } }, { subresource: 'status' });
  }

  async #progressOf(name: string): Promise<string> {
    return (await this.#stage.kube.get(nodeStates, { namespace: NAMESPACE, name })).metadata.annotations?.[nodeStateAnnotations.currentState] ?? 'Idle';
  }

  async #drained(names: readonly string[]): Promise<readonly string[]> {
    const found = await Promise.all(names.map(async (name) => ((await this.#progressOf(name)) === 'Idle' ? [] : [name])));
    return found.flat();
  }

  #progress(name: string, wanted: string): Promise<void> {
    return this.#stage.until(`${name} is ${wanted}`, async () => (await this.#progressOf(name)) === wanted);
  }

  async #giveBack(name: string): Promise<void> {
    await askDrain(this.#stage.kube, name, 'Idle');
    await this.#progress(name, 'Idle');
  }

  async #isCordoned(name: string): Promise<boolean> {
    return (await this.#stage.kube.get(nodes, { name })).spec?.unschedulable === true;
  }

  async #blocked(name: string) {
    return (await this.#stage.kube.get(nodeStates, { namespace: NAMESPACE, name })).status?.conditions?.find(({ type }) => type === DRAIN_BLOCKED);
  }

  async #podsOn(name: string): Promise<readonly string[]> {
    const { items } = await this.#stage.kube.list(pods, { namespace: 'default' });
    return items.filter(({ spec }) => spec?.nodeName === name).map(({ metadata }) => metadata.name).sort();
  }
}
