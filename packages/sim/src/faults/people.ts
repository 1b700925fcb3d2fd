import type { Kube } from '@vfleet/core';
import { GROUP, isKubeError } from '@vfleet/core';
import * as api from '@vfleet/kube';
import type { Simulation } from '../engine/simulation.ts';
import type { ClusterView } from '../oracles/cluster-view.ts';
import type { WorkloadKeeper } from '../scenarios/workload-keeper.ts';
import type { FaultName } from './catalog.ts';
import type { Strike } from './chance.ts';

export const PEOPLE: readonly FaultName[] = [
  'people.policyEdited', 'people.policyReplaced', 'people.policyOverlaps', 'people.podDeleted', 'people.cordon', 'people.labelsFlip', 'people.malformed', 'people.nodeStateDeleted',
];

/** People at kubectl. What they take away or put in the way they set right before the faults end. */
export class People {
  readonly cordoned = new Set<string>();
  readonly #simulation: Simulation;
  readonly #kube: Kube;
  readonly #view: ClusterView;
  readonly #workloads: WorkloadKeeper;
  /** What is still to be set right, oldest first. */
  readonly #debts = new Set<() => Promise<unknown>>();
  /** Fields of policies that somebody has edited, as they were meant. */
  readonly #meant = new Map<string, { readonly value: number | null }>();

  /** Policies that the story has taken away. */
  readonly #abolished = new Set<string>();

  constructor(simulation: Simulation, kube: Kube, view: ClusterView, workloads: WorkloadKeeper) {
    this.#simulation = simulation;
    this.#kube = kube;
    this.#view = view;
    this.#workloads = workloads;
  }

  async act(strike: Strike): Promise<void> {
    this.#simulation.trace.record('people', strike.fault, '');
    try {
      await this.#carryOut(strike);
    } catch (error) {
      // What is not there any more, or is there already, is refused; people shrug.
      if (!isKubeError(error)) throw error;
    }
  }

  /** Sets everything right that is not yet. */
  async makeUp(): Promise<void> {
    for (const debt of [...this.#debts]) await this.#settle(debt);
  }

  /** The story changed a policy: that is what is meant from now on. */
  decided(policy: string, spec: unknown): void {
    for (const field of ['numVfs', 'mtu'] as const) if (typeof spec === 'object' && spec !== null && field in spec) this.#meant.delete(`${policy}/${field}`);
  }

  /** The story takes a policy away: whoever has deleted it for a moment does not bring it back. */
  abolish(policy: string): void {
    this.#abolished.add(policy);
  }

  async cordon(node: string): Promise<void> {
    const seen = await this.#kube.get(api.nodes, { name: node });
    // kubectl cordon does nothing on a cordoned node.
    if (seen.spec?.unschedulable === true) return;
    await this.#kube.patch(api.nodes, { name: node }, { type: 'merge', patch: { metadata: { resourceVersion: seen.metadata.resourceVersion }, spec: { unschedulable: true } } });
    this.cordoned.add(node);
  }

  async uncordon(node: string): Promise<void> {
    if (!this.cordoned.delete(node)) return;
    await this.#kube.patch(api.nodes, { name: node }, { type: 'merge', patch: { spec: { unschedulable: null } } });
  }

  #carryOut(strike: Strike): Promise<unknown> {
    switch (strike.fault) {
      case 'people.policyEdited':
        return this.#editPolicy(strike);
      case 'people.policyReplaced':
        return this.#replacePolicy(strike);
      case 'people.policyOverlaps':
        return this.#overlap(strike);
      case 'people.podDeleted':
        return this.#deletePod(strike);
      case 'people.cordon':
        return this.#cordonFor(strike);
      case 'people.labelsFlip':
        return this.#flipLabels(strike);
      case 'people.malformed':
        return this.#malform(strike);
      case 'people.nodeStateDeleted':
        return this.#deleteNodeState(strike);
      default:
        throw new TypeError(`${strike.fault} is nothing that people do`);
    }
  }

  async #editPolicy(strike: Strike): Promise<void> {
    const policy = pick(this.#policies(), strike);
    if (policy === undefined) return;
    const { name } = policy.metadata;
    const key = { namespace: this.#view.namespace, name };
    const field = strike.draw() < 0.7 ? 'numVfs' : 'mtu';
    const value = field === 'numVfs' ? 1 + Math.floor(strike.draw() * 6) : 1500 + Math.floor(strike.draw() * 3) * 500;
    // Of two edits, the first knows what was meant.
    const meant = this.#meant.get(`${name}/${field}`) ?? { value: policy.spec[field] ?? null };
    this.#meant.set(`${name}/${field}`, meant);
    await this.#kube.patch(api.nodePolicies, key, { type: 'merge', patch: { spec: { [field]: value } } });
    this.#owe(strike, 20_000, `edit ${name}`, async () => {
      // What somebody else has decided since stays.
      const now = this.#view.policies().find(({ metadata }) => metadata.name === name);
      // Whoever took the policy away brings it back as it was meant.
      if (this.#meant.get(`${name}/${field}`) !== meant || now?.spec[field] !== value) return;
      this.#meant.delete(`${name}/${field}`);
      await this.#kube.patch(api.nodePolicies, key, { type: 'merge', patch: { spec: { [field]: meant.value } } });
    });
  }

  async #replacePolicy(strike: Strike): Promise<void> {
    const policy = pick(this.#policies(), strike);
    if (policy === undefined) return;
    const { name, namespace } = policy.metadata;
    await this.#kube.delete(api.nodePolicies, { namespace: namespace!, name });
    this.#owe(strike, 30_000, `policy ${name}`, async () => {
      if (this.#abolished.has(name)) return;
      const spec: { numVfs?: number; mtu?: number } = {};
      for (const field of ['numVfs', 'mtu'] as const) {
        const meant = this.#meant.get(`${name}/${field}`);
        this.#meant.delete(`${name}/${field}`);
        if (meant !== undefined && meant.value !== null) spec[field] = meant.value;
      }
      await this.#kube.create(api.nodePolicies, { apiVersion: policy.apiVersion, kind: policy.kind, metadata: { name, namespace: namespace! }, spec: { ...policy.spec, ...spec } });
    });
  }

  async #overlap(strike: Strike): Promise<void> {
    const policy = pick(this.#policies(), strike);
    if (policy === undefined) return;
    const name = `aa-overlap-${Math.floor(strike.draw() * 1000)}`;
    const key = { namespace: this.#view.namespace, name };
    await this.#kube.create(api.nodePolicies, { apiVersion: `${GROUP}/v1`, kind: 'SriovNetworkNodePolicy', metadata: key, spec: { ...policy.spec, resourceName: 'overlapping', numVfs: Math.max(1, policy.spec.numVfs - 1) } });
    this.#owe(strike, 30_000, name, () => this.#kube.delete(api.nodePolicies, key));
  }

  async #deletePod(strike: Strike): Promise<void> {
    const key = pick(this.#workloads.keys, strike);
    if (key === undefined) return;
    const [namespace, name] = key.split('/') as [string, string];
    const forced = strike.draw() < 0.2;
    await this.#kube.delete(api.pods, { namespace, name }, forced ? { gracePeriodSeconds: 0 } : {});
  }

  async #cordonFor(strike: Strike): Promise<void> {
    const node = pick(this.#view.nodes(), strike)?.metadata.name;
    if (node === undefined || this.cordoned.has(node)) return;
    await this.cordon(node);
    this.#owe(strike, 60_000, `cordon ${node}`, () => this.uncordon(node));
  }

  async #flipLabels(strike: Strike): Promise<void> {
    const selector = Object.entries(pick(this.#policies(), strike)?.spec.nodeSelector ?? {})[0];
    if (selector === undefined) return;
    const [label, value] = selector;
    const chosen = this.#view.nodes().filter(() => strike.draw() < 0.5).map(({ metadata }) => metadata.name);
    const set = (to: string | null) => Promise.all(chosen.map((name) => this.#kube.patch(api.nodes, { name }, { type: 'merge', patch: { metadata: { labels: { [label]: to } } } })));
    await set(null);
    this.#owe(strike, 30_000, 'labels', () => set(value));
  }

  async #malform(strike: Strike): Promise<void> {
    const name = `malformed-${Math.floor(strike.draw() * 1000)}`;
    const key = { namespace: this.#view.namespace, name };
    if (strike.draw() < 0.5) {
      await this.#kube.create(api.nodePolicies, { apiVersion: `${GROUP}/v1`, kind: 'SriovNetworkNodePolicy', metadata: key, spec: { resourceName: 'malformed', nodeSelector: {}, numVfs: 4, priority: 98, deviceType: 'netdevice', nicSelector: { pfNames: ['no-such-pf#x-y'] } } });
      this.#owe(strike, 30_000, name, () => this.#kube.delete(api.nodePolicies, key));
    } else {
      await this.#kube.create(api.sriovNetworks, { apiVersion: `${GROUP}/v1`, kind: 'SriovNetwork', metadata: key, spec: { resourceName: 'malformed', networkNamespace: 'default', ipam: '{"type": ' } });
      this.#owe(strike, 30_000, name, () => this.#kube.delete(api.sriovNetworks, key));
    }
  }

  async #deleteNodeState(strike: Strike): Promise<void> {
    const state = pick(this.#view.nodeStates(), strike);
    if (state !== undefined) await this.#kube.delete(api.nodeStates, { namespace: state.metadata.namespace!, name: state.metadata.name });
  }

  /** Those of the story, not what people have put in the way. */
  #policies() {
    return this.#view.policies().filter(({ metadata }) => !/^(?:aa-overlap|malformed)-/.test(metadata.name));
  }

  /** Something to be set right within a time. */
  #owe(strike: Strike, withinMs: number, what: string, repay: () => Promise<unknown>): void {
    const debt = async () => {
      this.#simulation.trace.record('people', 'sets right', what);
      await repay();
    };
    this.#debts.add(debt);
    this.#simulation.clock.setTimer(1000 + Math.floor(strike.draw() * withinMs), () => void this.#settle(debt));
  }

  async #settle(debt: () => Promise<unknown>): Promise<void> {
    if (!this.#debts.delete(debt)) return;
    await debt().catch((error: unknown) => {
      if (!isKubeError(error)) throw error;
    });
  }
}

function pick<Item>(items: readonly Item[], strike: Strike): Item | undefined {
  return items[Math.floor(strike.draw() * items.length)];
}
