import type { Kube, PciAddress } from '@vfleet/core';
import { GROUP, isKubeError } from '@vfleet/core';
import * as api from '@vfleet/kube';
import type { Simulation } from '../engine/simulation.ts';
import type { ClusterView } from '../oracles/cluster-view.ts';
import type { WorkloadKeeper } from '../scenarios/workload-keeper.ts';
import type { FaultName } from './catalog.ts';
import type { Strike } from './chance.ts';

export const PEOPLE: readonly FaultName[] = [
  'people.policyEdited', 'people.rangeShrunk', 'people.vfsByHand', 'people.budget', 'people.podHeld', 'kube.namespaceEnds',
  'people.policyReplaced', 'people.policyOverlaps', 'people.podDeleted', 'people.cordon', 'people.labelsFlip', 'people.malformed', 'people.nodeStateDeleted',
];

const FOREIGN_FINALIZER = 'example.com/keeps';

/** Machines that somebody logs in to. */
export interface Hosts {
  node(name: string): { readonly sysfs: { writeDevice(address: PciAddress, attribute: 'sriov_numvfs', text: string): Promise<unknown> } } | undefined;
}

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

  /** Policies that somebody has narrowed, with the PF that they were about. */
  readonly #narrowed = new Map<string, string>();
  readonly #hosts: Hosts;
  /** Policies that the story has taken away. */
  readonly #abolished = new Set<string>();

  constructor(simulation: Simulation, kube: Kube, view: ClusterView, workloads: WorkloadKeeper, hosts: Hosts) {
    this.#simulation = simulation;
    this.#kube = kube;
    this.#view = view;
    this.#workloads = workloads;
    this.#hosts = hosts;
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
      case 'people.rangeShrunk':
        return this.#shrinkRange(strike);
      case 'people.vfsByHand':
        return this.#writeNumVfs(strike);
      case 'people.budget':
        return this.#protect(strike);
      case 'people.podHeld':
        return this.#holdPod(strike);
      case 'kube.namespaceEnds':
        return this.#endNamespace(strike);
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

  async #shrinkRange(strike: Strike): Promise<void> {
    const policy = pick(this.#policies().filter(({ spec }) => spec.nicSelector.pfNames?.length === 1 && !spec.nicSelector.pfNames[0]!.includes('#')), strike);
    if (policy === undefined) return;
    const { name } = policy.metadata;
    const key = { namespace: this.#view.namespace, name };
    const [pfName] = policy.spec.nicSelector.pfNames!;
    await this.#kube.patch(api.nodePolicies, key, { type: 'merge', patch: { spec: { nicSelector: { pfNames: [`${pfName}#0-0`] } } } });
    this.#narrowed.set(name, pfName!);
    this.#owe(strike, 30_000, `range of ${name}`, async () => {
      // Whoever took the policy away brings it back as it was meant.
      if (this.#view.policies().some(({ metadata }) => metadata.name === name)) {
        this.#narrowed.delete(name);
        await this.#kube.patch(api.nodePolicies, key, { type: 'merge', patch: { spec: { nicSelector: { pfNames: [pfName!] } } } });
      }
    });
  }

  /** N to M in one write is refused by the kernel; from none to N and from N to none is not. */
  async #writeNumVfs(strike: Strike): Promise<void> {
    const managed = this.#view.nodeStates().flatMap(({ metadata, spec }) => (spec.interfaces ?? []).filter((entry) => entry.externallyManaged !== true).map(({ pciAddress }) => ({ node: metadata.name, pciAddress: pciAddress as PciAddress })));
    const target = pick(managed, strike);
    if (target === undefined) return;
    const count = Math.floor(strike.draw() * 4);
    this.#simulation.trace.record(target.node, 'people', `echo ${count} > sriov_numvfs of ${target.pciAddress}`);
    await this.#hosts.node(target.node)?.sysfs.writeDevice(target.pciAddress, 'sriov_numvfs', String(count));
  }

  async #protect(strike: Strike): Promise<void> {
    const name = `protect-${Math.floor(strike.draw() * 1000)}`;
    const key = { namespace: 'default', name };
    await this.#kube.create(api.podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: key, spec: { maxUnavailable: 0, selector: {} } });
    this.#owe(strike, 120_000, name, () => this.#kube.delete(api.podDisruptionBudgets, key));
  }

  async #holdPod(strike: Strike): Promise<void> {
    const chosen = pick(this.#workloads.keys, strike);
    if (chosen === undefined) return;
    const [namespace, name] = chosen.split('/') as [string, string];
    const key = { namespace, name };
    await this.#kube.patch(api.pods, key, { type: 'merge', patch: { metadata: { finalizers: [FOREIGN_FINALIZER] } } });
    await this.#kube.delete(api.pods, key);
    this.#owe(strike, 60_000, `pod ${chosen}`, () => this.#kube.patch(api.pods, key, { type: 'merge', patch: { metadata: { finalizers: null } } }));
  }

  /** The network outlives the namespace by a moment: its attachment definition can be made nowhere. */
  async #endNamespace(strike: Strike): Promise<void> {
    const name = `passing-${Math.floor(strike.draw() * 1000)}`;
    const network = { namespace: this.#view.namespace, name };
    await this.#kube.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await this.#kube.create(api.sriovNetworks, { apiVersion: `${GROUP}/v1`, kind: 'SriovNetwork', metadata: network, spec: { resourceName: 'passing', networkNamespace: name, ipam: '' } });
    this.#simulation.clock.setTimer(2000, () => void this.#kube.delete(api.namespaces, { name }).catch(shrug));
    this.#owe(strike, 20_000, `network ${name}`, () => this.#kube.delete(api.sriovNetworks, network));
  }

  async #replacePolicy(strike: Strike): Promise<void> {
    const policy = pick(this.#policies(), strike);
    if (policy === undefined) return;
    const { name, namespace } = policy.metadata;
    await this.#kube.delete(api.nodePolicies, { namespace: namespace!, name });
    this.#owe(strike, 30_000, `policy ${name}`, async () => {
      if (this.#abolished.has(name)) return;
      const { mtu, ...rest } = policy.spec;
      const meantOf = (field: 'numVfs' | 'mtu', now: number | undefined) => {
        const meant = this.#meant.get(`${name}/${field}`);
        this.#meant.delete(`${name}/${field}`);
        return meant === undefined ? now : (meant.value ?? undefined);
      };
      const [numVfs, meantMtu] = [meantOf('numVfs', rest.numVfs) ?? rest.numVfs, meantOf('mtu', mtu)];
      const pfName = this.#narrowed.get(name);
      this.#narrowed.delete(name);
      const nicSelector = pfName === undefined ? policy.spec.nicSelector : { ...policy.spec.nicSelector, pfNames: [pfName] };
      await this.#kube.create(api.nodePolicies, { apiVersion: policy.apiVersion, kind: policy.kind, metadata: { name, namespace: namespace! }, spec: { ...rest, numVfs, ...(meantMtu === undefined ? {} : { mtu: meantMtu }), nicSelector } });
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
    await debt().catch(shrug);
  }
}

/** What is not there any more, or is there already, is refused. */
function shrug(error: unknown): void {
  if (!isKubeError(error)) throw error;
}

function pick<Item>(items: readonly Item[], strike: Strike): Item | undefined {
  return items[Math.floor(strike.draw() * items.length)];
}
