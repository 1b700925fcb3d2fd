import { featureGateDefaults } from '../api/operator-config.ts';
import type { InterfaceStatus, NodeStateInterface, NodeStateSpec } from '../api/node-state.ts';
import { comparePciAddresses } from '../domain/pci.ts';
import { bridgeOfPolicy, bridgeProblem } from './bridges.ts';
import type { OvsBridge } from '../ports/software-bridges.ts';
import { selectsNic } from './nic-selection.ts';
import { orderPolicies } from './policies.ts';
import type { NamedPolicy } from './policies.ts';
import type { NamedPool } from './pools.ts';
import { isPolicyBroken } from './problems.ts';
import type { RenderProblem } from './problems.ts';
import { brokenRanges, layPolicyOver } from './vf-groups.ts';
import type { LayeredInterface } from './vf-groups.ts';

export interface NodeStateInput {
  /** Those whose nodeSelector selects the node, and all dry runs, in any order. */
  readonly policies: readonly NamedPolicy[];
  /** `status.interfaces` of the node's state. */
  readonly interfaces: readonly InterfaceStatus[];
  /** The pools that select the node; one, or none, when all is well. */
  readonly pools?: readonly NamedPool[];
  /** `spec.featureGates` of the operator configuration. */
  readonly gates?: Readonly<Record<string, boolean>>;
}

/** What one policy selects on one node. */
export interface PolicyMatch {
  readonly policy: string;
  /** PCI addresses of the PFs that its nicSelector selects, in order. */
  readonly interfaces: readonly string[];
  /** Those of them where no VF group of the policy is left, because policies that win over it took its VFs. */
  readonly displacedOn: readonly string[];
}

export interface RenderedNodeState {
  /** Undefined as long as no NIC has been discovered: nothing is to be written. After that `interfaces` is always there, if need be empty. */
  readonly spec?: NodeStateSpec;
  /** In order of application. */
  readonly matches: readonly PolicyMatch[];
  readonly problems: readonly RenderProblem[];
}

/** Merges the policies of a node into the wanted state of its PFs. The order of the input does not matter. */
export function renderNodeState(input: NodeStateInput): RenderedNodeState {
  const policies = orderPolicies(input.policies);
  const nics = input.interfaces.toSorted((a, b) => comparePciAddresses(a.pciAddress, b.pciAddress));
  const gateOn = input.gates?.['manageSoftwareBridges'] ?? featureGateDefaults.manageSoftwareBridges;
  const rdma = rdmaModeOf(input.pools ?? []);
  const problems: RenderProblem[] = [...rdma.problems];
  const selected = new Map(policies.map((policy) => [policy, nics.filter((nic) => selectsNic(policy.spec.nicSelector, nic))]));
  const applied: NamedPolicy[] = [];
  for (const policy of policies) {
    const own = problemsOfPolicy(policy, selected.get(policy)!, gateOn);
    problems.push(...own);
    if (policy.spec.numVfs > 0 && !own.some(isPolicyBroken)) applied.push(policy);
  }
  const layers = new Map<string, LayeredInterface>();
  const bridges = new Map<string, OvsBridge>();
  for (const policy of applied) {
    const bridgeAllowed = bridgeProblem(policy, gateOn) === undefined;
    for (const nic of selected.get(policy)!) {
      layers.set(nic.pciAddress, layPolicyOver(layers.get(nic.pciAddress), policy, nic));
      const bridge = bridgeAllowed ? bridgeOfPolicy(policy, nic) : undefined;
      if (bridge === undefined) bridges.delete(nic.pciAddress);
      else bridges.set(nic.pciAddress, bridge);
    }
  }
  const matches = policies.map((policy): PolicyMatch => matchOf(policy, selected.get(policy)!, applied.includes(policy), layers));
  if (nics.length === 0) return { matches, problems };
  const interfaces = nics.flatMap((nic): NodeStateInterface[] => {
    const layer = layers.get(nic.pciAddress);
    return layer === undefined ? [] : [layer.interface];
  });
  const ovs = [...bridges.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const spec: NodeStateSpec = {
    interfaces,
    ...(ovs.length > 0 ? { bridges: { ovs } } : {}),
    ...(rdma.mode === undefined ? {} : { system: { rdmaMode: rdma.mode } }),
  };
  return { spec, matches, problems };
}

function problemsOfPolicy(policy: NamedPolicy, nics: readonly InterfaceStatus[], gateOn: boolean): readonly RenderProblem[] {
  const problems: RenderProblem[] = [...brokenRanges(policy)];
  if (policy.dryRun === true) problems.push({ kind: 'dryRun', policy: policy.name, cause: `policy ${policy.name} is annotated for a dry run`, remedy: 'take the annotation off to have it applied' });
  const bridge = bridgeProblem(policy, gateOn);
  if (bridge !== undefined) problems.push(bridge);
  for (const nic of nics) {
    if (nic.totalvfs === undefined || policy.spec.externallyManaged || policy.spec.numVfs <= nic.totalvfs) continue;
    problems.push({
      kind: 'moreVfsThanTotal',
      policy: policy.name,
      pciAddress: nic.pciAddress,
      cause: `policy ${policy.name} wants ${policy.spec.numVfs} VFs, but ${nic.name ?? nic.pciAddress} can have ${nic.totalvfs}`,
      remedy: `set numVfs to ${nic.totalvfs} or less, or raise the number of VFs in the NIC's firmware`,
    });
  }
  return problems;
}

function matchOf(policy: NamedPolicy, nics: readonly InterfaceStatus[], applied: boolean, layers: ReadonlyMap<string, LayeredInterface>): PolicyMatch {
  const interfaces = nics.map((nic) => nic.pciAddress);
  const displacedOn = applied
    ? interfaces.filter((address) => !layers.get(address)?.interface.vfGroups.some((group) => group.policyName === policy.name))
    : [];
  return { policy: policy.name, interfaces, displacedOn };
}

function rdmaModeOf(pools: readonly NamedPool[]): { readonly mode?: 'shared' | 'exclusive'; readonly problems: readonly RenderProblem[] } {
  const [first] = pools;
  if (first === undefined) return { problems: [] };
  if (pools.length === 1) return first.spec.rdmaMode === undefined ? { problems: [] } : { mode: first.spec.rdmaMode, problems: [] };
  const names = pools.map((pool) => pool.name).sort();
  return {
    problems: [
      {
        kind: 'nodeInTwoPools',
        pools: names,
        cause: `the node is selected by the pools ${names.join(' and ')}; it may be in one only`,
        remedy: 'change the nodeSelector of the pools so that each node is in one of them',
      },
    ],
  };
}

/**
 * What was rendered, with the PFs that a broken policy configured before kept as `previous` has them, so that a typing error in a
 * policy does not tear down VFs that pods are using; the policy's condition says what is wrong. A PF that the broken policy
 * never configured goes to the other policies. Those whose groups a kept PF does not have count as displaced there.
 */
export function holdBrokenInterfaces(rendered: RenderedNodeState, previous: NodeStateSpec | undefined): RenderedNodeState {
  const broken = new Set<string | undefined>(rendered.problems.filter(isPolicyBroken).map((problem) => problem.policy));
  const selected = new Set(rendered.matches.filter((match) => broken.has(match.policy)).flatMap((match) => match.interfaces));
  // A dry run may select other nodes and PFs than what is held.
  const dryRuns = new Set<string | undefined>(rendered.problems.flatMap((problem) => (problem.kind === 'dryRun' ? [problem.policy] : [])));
  const kept = (previous?.interfaces ?? []).filter(({ pciAddress, vfGroups = [] }) => vfGroups.some((group) => dryRuns.has(group.policyName) || (selected.has(pciAddress) && broken.has(group.policyName))));
  if (rendered.spec === undefined || kept.length === 0) return rendered;
  const held = new Map(kept.map((entry) => [entry.pciAddress, entry]));
  const interfaces = [...(rendered.spec.interfaces ?? []).filter((entry) => !held.has(entry.pciAddress)), ...kept];
  interfaces.sort((a, b) => comparePciAddresses(a.pciAddress, b.pciAddress));
  const onHeld = (bridge: OvsBridge) => bridge.uplinks?.some((uplink) => held.has(uplink.pciAddress)) ?? false;
  const ovs = [...(rendered.spec.bridges?.ovs ?? []).filter((bridge) => !onHeld(bridge)), ...(previous?.bridges?.ovs ?? []).filter(onHeld)];
  ovs.sort((a, b) => (a.name < b.name ? -1 : 1));
  const spec: NodeStateSpec = {
    interfaces,
    ...(ovs.length > 0 ? { bridges: { ovs } } : {}),
    ...(rendered.spec.system === undefined ? {} : { system: rendered.spec.system }),
  };
  const matches = rendered.matches.map((match): PolicyMatch => {
    const lost = match.interfaces.filter((address) => !broken.has(match.policy) && held.has(address) && !(held.get(address)!.vfGroups ?? []).some((group) => group.policyName === match.policy));
    return lost.length === 0 ? match : { ...match, displacedOn: [...new Set([...match.displacedOn, ...lost])] };
  });
  return { spec, matches, problems: rendered.problems };
}
