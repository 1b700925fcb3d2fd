import { expect, test } from 'vitest';
import type { DrainRequest, Kube, NodePolicySpec, PoolConfigSpec } from '@vfleet/core';
import {
  SeededRandom, configMaps, holdBrokenInterfaces, isKubeError, isPolicyBroken, nodeAnnotations, nodeStateAnnotations, renderNetworkAttachment, renderNodeState,
} from '@vfleet/core';
import { CORDONED_ANNOTATION } from '@vfleet/controllers';
import type { Operator } from '@vfleet/controllers';
import type { Node, SriovNetworkNodeState } from '@vfleet/kube';
import { configMapResource, equalJson, namespaces, networkAttachmentDefinitions, nodePolicies, nodeStates, nodes, operatorConfigs, poolConfigs, sriovNetworks } from '@vfleet/kube';
import { faultyKube } from './faulty-kube.ts';
import type { Faults } from './faulty-kube.ts';
import { NAMESPACE, addNode, addPod, addPolicy, addPool, askDrain, buryPods, find, nic, obey, report, world } from './harness.ts';

// Goal: whatever people, daemons, restarts and a bad line to the API server do, drains keep to their pools, an administrator's
// cordon is never undone, and once all is quiet everything is as the policies say and nothing is written any more.
// Method: drawn operations against the whole operator under simulated time; safety is checked at every change, the rest at the end.

const NODES = ['w1', 'w2', 'w3', 'w4'];
const POLICIES = ['p1', 'p2', 'p3'];
const NETWORKS = ['n1', 'n2'];

class Run {
  readonly random: SeededRandom;
  readonly all: Awaited<ReturnType<typeof world>>;
  readonly faults: Faults = { refused: 0.05, lost: 0.05, latencyMs: 30, watchDelayMs: 200 };
  readonly adminCordons = new Set<string>();
  operator: Operator;
  violations: string[] = [];
  #pod = 0;

  constructor(seed: number, all: Awaited<ReturnType<typeof world>>) {
    this.random = new SeededRandom(seed);
    this.all = all;
    const faulty = faultyKube(all.kube, all.clock, this.random, this.faults);
    const { recorder } = all;
    // The recorder stays outermost, so that what is refused counts as a try.
    Object.assign(recorder, { create: faulty.create, update: faulty.update, patch: faulty.patch, delete: faulty.delete, evict: faulty.evict, get: faulty.get, list: faulty.list, watch: faulty.watch });
    this.operator = all.begin('first');
    this.#watch();
  }

  get kube(): Kube {
    return this.all.kube;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.random.integer(items.length)]!;
  }

  /** Daemons and safety: looks at every change of nodes and node states. */
  #watch(): void {
    const states = new Map<string, SriovNetworkNodeState>();
    const presentSince = new Map<string, number>();
    const now = () => this.all.clock.monotonicMs();
    this.kube.watch(nodeStates, { namespace: NAMESPACE }, {
      event: (event) => {
        if (event.type === 'BOOKMARK') return;
        const { name } = event.object.metadata;
        const before = states.get(name);
        if (event.type === 'DELETED') states.delete(name);
        else states.set(name, event.object);
        const progress = (state: SriovNetworkNodeState | undefined) => state?.metadata.annotations?.[nodeStateAnnotations.currentState] ?? 'Idle';
        if (event.type !== 'DELETED' && progress(before) === 'Idle' && progress(event.object) === 'Draining') {
          // Every node that exists is in the pool "all", which lets two be drained at once. One that came back a moment ago may not have been seen.
          const counts = (state: SriovNetworkNodeState) => progress(state) !== 'Idle' && now() - (presentSince.get(state.metadata.name) ?? now()) >= (state === event.object ? 0 : 500);
          const busy = [...states.values()].filter(counts).map((state) => state.metadata.name);
          if (busy.length > 2) this.violations.push(`a third drain began: ${busy.join()}`);
        }
      },
      end: () => undefined,
    });
    this.kube.watch(nodes, {}, {
      event: (event) => {
        if (event.type === 'BOOKMARK') return;
        const { name } = event.object.metadata;
        if (event.type === 'DELETED') presentSince.delete(name);
        else if (!presentSince.has(name)) presentSince.set(name, now());
        if (event.type !== 'MODIFIED') return;
        if (this.adminCordons.has(name) && event.object.spec?.unschedulable !== true) this.violations.push(`the administrator's cordon of ${name} was undone`);
      },
      end: () => undefined,
    });
  }

  policySpec(): Partial<NodePolicySpec> {
    return {
      numVfs: this.random.integer(10),
      priority: this.pick([10, 50, 99]),
      resourceName: this.pick(['r', 's', 't']),
      nodeSelector: this.pick([{}, { rack: 'a' }, { rack: 'b' }]) as Record<string, string>,
      nicSelector: this.pick([{ vendor: '8086' }, { pfNames: ['ens1f0#0-3'] }, { pfNames: ['ens1f0#4-7', 'ens1f1'] }, { pfNames: ['ens1f1#x'] }, {}, { deviceID: '1592' }]),
    };
  }

  async step(): Promise<void> {
    const { kube, random } = this;
    const name = this.pick(NODES);
    const policy = this.pick(POLICIES);
    const network = this.pick(NETWORKS);
    const actions: (() => Promise<unknown>)[] = [
      () => addPolicy(kube, policy, this.policySpec()),
      () => kube.patch(nodePolicies, { namespace: NAMESPACE, name: policy }, { type: 'merge', patch: { spec: this.policySpec() } }),
      () => kube.delete(nodePolicies, { namespace: NAMESPACE, name: policy }),
      () => kube.patch(nodes, { name }, { type: 'merge', patch: { metadata: { labels: { rack: this.pick(['a', 'b']) } } } }),
      () => (random.integer(4) === 0 ? this.removeNode(name) : this.bringNode(name)),
      () => obey(kube, name),
      () => report(kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0'), nic('ens1f1', '0000:81:00.1')], syncStatus: 'InProgress' }),
      () => this.daemon(name, this.pick(['Drain_Required', 'Reboot_Required', 'Idle', 'Idle'] as const)),
      () => this.daemon(name, 'Idle'),
      () => this.cordon(name),
      () => this.uncordon(name),
      () => addPod(kube, `pod-${this.#pod++}`, { node: name, devices: random.integer(2) === 0 }),
      () => kube.create(sriovNetworks, {
        apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetwork', metadata: { name: network, namespace: NAMESPACE },
        spec: { resourceName: 'r', networkNamespace: this.pick(['default', 'later', NAMESPACE]), ipam: this.pick(['', '{}', '{"type":"x"}', '{bad']) },
      }),
      () => kube.patch(sriovNetworks, { namespace: NAMESPACE, name: network }, { type: 'merge', patch: { spec: { networkNamespace: this.pick(['default', 'later', NAMESPACE]) } } }),
      () => kube.delete(sriovNetworks, { namespace: NAMESPACE, name: network }),
      () => kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'later' } }),
      () => this.restart(),
    ];
    try {
      await this.pick(actions)();
    } catch (error) {
      // A drawn operation on what is not there, or is there already, is refused.
      if (!isKubeError(error, 'NotFound', 'AlreadyExists', 'Conflict', 'Forbidden')) throw error;
    }
    await this.all.clock.run(this.pick([0, 1, 10, 100, 1000, 20_000]));
  }

  async bringNode(name: string): Promise<void> {
    await addNode(this.kube, name, { rack: 'a' });
  }

  async removeNode(name: string): Promise<void> {
    await this.kube.delete(nodes, { name });
    this.adminCordons.delete(name);
  }

  /** What a config daemon asks; it goes back to Idle only after it was answered or gave up. */
  async daemon(name: string, request: DrainRequest): Promise<Node> {
    return askDrain(this.kube, name, request);
  }

  /** kubectl cordon: nothing to do on a node that is cordoned. */
  async cordon(name: string): Promise<void> {
    const node = await this.kube.get(nodes, { name });
    if (node.spec?.unschedulable === true) return;
    // With the version: had the operator cordoned it in between, there would be nothing to do.
    await this.kube.patch(nodes, { name }, { type: 'merge', patch: { metadata: { resourceVersion: node.metadata.resourceVersion }, spec: { unschedulable: true } } });
    this.adminCordons.add(name);
  }

  async uncordon(name: string): Promise<void> {
    this.adminCordons.delete(name);
    await this.kube.patch(nodes, { name }, { type: 'merge', patch: { spec: { unschedulable: null } } });
    // Nobody can tell an uncordon and a cordon from nothing while the operator does not look.
    const isDisowned = async () => (await this.kube.get(nodes, { name })).metadata.annotations?.[CORDONED_ANNOTATION] === undefined;
    for (let tries = 0; tries < 30 && !(await isDisowned()); tries++) await this.all.clock.run(5000);
  }

  async restart(): Promise<void> {
    const stopping = { ended: false };
    void this.operator.stop().then(() => {
      stopping.ended = true;
    });
    while (!stopping.ended) await this.all.clock.run(10);
    this.operator = this.all.begin('next');
  }

  async settle(): Promise<void> {
    const { kube, all, faults } = this;
    faults.refused = 0;
    faults.lost = 0;
    for (const name of NODES) {
      if ((await find(kube, nodes, { name })) === undefined) await this.bringNode(name);
      await askDrain(kube, name, 'Idle');
    }
    await all.clock.run(1_200_000);
    for (const name of NODES) await report(kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0'), nic('ens1f1', '0000:81:00.1')] });
    await all.clock.run(120_000);
  }
}

async function isAsRendered(run: Run): Promise<void> {
  const { kube } = run;
  const policies = (await kube.list(nodePolicies)).items.map((policy) => ({ name: policy.metadata.name, spec: policy.spec }));
  const pools = (await kube.list(poolConfigs)).items.map((pool) => ({ name: pool.metadata.name, spec: pool.spec }));
  for (const name of NODES) {
    const labels = (await kube.get(nodes, { name })).metadata.labels ?? {};
    const state = await kube.get(nodeStates, { namespace: NAMESPACE, name });
    const own = policies.filter((policy) => Object.entries(policy.spec.nodeSelector).every(([key, value]) => labels[key] === value));
    const rendered = renderNodeState({ policies: own, interfaces: state.status?.interfaces ?? [], pools });
    // What a broken policy had before depends on history; everything else does not.
    expect(equalJson(state.spec, holdBrokenInterfaces(rendered, state.spec).spec)).toBe(true);
    if (!rendered.problems.some(isPolicyBroken)) expect(state.spec).toEqual(rendered.spec);
    expect(state.metadata.annotations?.[nodeStateAnnotations.currentState]).toBe('Idle');
    expect(state.metadata.annotations?.[nodeStateAnnotations.keepStateUntil]).toBeUndefined();
  }
  const data = (await kube.get(configMapResource, { namespace: NAMESPACE, name: configMaps.devicePluginConfig })).data ?? {};
  expect(Object.keys(data).sort()).toEqual(NODES);
}

async function networksAreInPlace({ kube }: Run): Promise<void> {
  const wanted = new Map<string, string>();
  const present = new Set((await kube.list(namespaces)).items.map((namespace) => namespace.metadata.name));
  const kept = new Set<string>();
  for (const { metadata, spec } of (await kube.list(sriovNetworks)).items) {
    const rendered = renderNetworkAttachment({ kind: 'SriovNetwork', namespace: metadata.namespace!, name: metadata.name, spec }, { operatorNamespace: NAMESPACE, resourcePrefix: 'openshift.io' });
    if (rendered.ok && present.has(rendered.value.namespace)) wanted.set(`${rendered.value.namespace}/${metadata.name}`, rendered.value.config);
    // One that cannot be rendered any more stays as it was.
    if (!rendered.ok) kept.add(metadata.name);
  }
  const found = (await kube.list(networkAttachmentDefinitions)).items.filter((attachment) => !kept.has(attachment.metadata.name));
  expect(new Map(found.map((attachment) => [`${attachment.metadata.namespace}/${attachment.metadata.name}`, attachment.spec?.config]))).toEqual(wanted);
}

test.each(Array.from({ length: 40 }, (_, index) => index + 1))('seed %d', async (seed) => {
  const all = await world({ staleNodeStateDelayMinutes: 1 });
  const spec: PoolConfigSpec = { nodeSelector: {}, maxUnavailable: 2 };
  await addPool(all.kube, 'all', spec);
  for (const name of NODES) await addNode(all.kube, name, { rack: 'a' });
  const run = new Run(seed, all);
  buryPods(all.kube, all.clock);
  await all.clock.run(10_000);
  for (let count = 0; count < 120; count++) await run.step();
  expect(run.violations).toEqual([]);
  await run.settle();
  await isAsRendered(run);
  await networksAreInPlace(run);
  for (const name of NODES) {
    const node = await all.kube.get(nodes, { name });
    expect([node.spec?.unschedulable === true, node.metadata.annotations?.[CORDONED_ANNOTATION]]).toEqual([run.adminCordons.has(name), undefined]);
    expect(node.metadata.annotations?.[nodeAnnotations.state]).toBe('Idle');
  }
  expect((await all.kube.get(operatorConfigs, { namespace: NAMESPACE, name: 'default' })).status?.conditions).toMatchObject([{ status: 'True' }]);
  const before = all.server.resourceVersion;
  await all.clock.run(3_600_000);
  expect(all.server.resourceVersion).toBe(before);
  await run.operator.stop();
  expect(run.violations).toEqual([]);
  expect(all.bugs).toEqual([]);
});
