import type { Condition, NamedPolicy } from '@vfleet/core';
import { compilePools, hasLabels, holdBrokenInterfaces, nodeAnnotations, nodeStateAnnotations, orderPolicies, poolOfNode, previewNode, renderNodeState, reviewNodePolicy } from '@vfleet/core';
import { DRAIN_BLOCKED, isDryRun, isNodeSelected } from '@vfleet/controllers';
import { equalJson } from '@vfleet/kube';
import type { Lease, Node, Pod, SriovNetworkNodePolicy, SriovNetworkNodeState, SriovNetworkPoolConfig, SriovOperatorConfig } from '@vfleet/kube';

/** What the cluster says that concerns one node. */
export interface NodeFacts {
  readonly operatorNamespace: string;
  readonly node: Node;
  readonly state?: SriovNetworkNodeState;
  /** All of the operator's namespace. */
  readonly policies: readonly SriovNetworkNodePolicy[];
  readonly pools: readonly SriovNetworkPoolConfig[];
  readonly config?: SriovOperatorConfig;
  /** Of the operator's leader election. */
  readonly lease?: Lease;
  /** The daemon's pods on this node; empty where it runs by itself. */
  readonly daemons: readonly Pod[];
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

export type NodeSituation =
  | 'switchedOff' // there is no operator configuration
  | 'notSelected' // the node has no daemon by choice
  | 'noNodeState' // the operator has yet to make one
  | 'leaving' // its node state is on its way out
  | 'undiscovered' // the daemon has told of no NIC
  | 'waitingForOperator' // policies say otherwise than the node state
  | 'waitingForDaemon' // the node state says otherwise than the NICs, and the daemon has not begun
  | 'waitingForDrain' | 'draining' | 'applying' | 'rebooting' | 'failed' | 'waitingForRelease'
  | 'unconfigured' // no policy selects a NIC of it
  | 'settled';

/** Why a node is as it is. */
export interface NodeExplanation {
  readonly node: string;
  readonly situation: NodeSituation;
  /** What is, in a sentence. */
  readonly summary: string;
  /** Why. */
  readonly because: readonly string[];
  /** What has to happen before it goes on; empty at rest. */
  readonly waitsFor: readonly string[];
  /** What a person may do. */
  readonly todo: readonly string[];
}

/** A Lease that was not renewed for twice its duration is nobody's. */
const LEASE_GRACE = 2;

/** Pure: the same selection, rendering and rules as in operator, daemon and webhook, on what the API shows. */
export function explainNode(facts: NodeFacts): NodeExplanation {
  const { node, state, config } = facts;
  const explained = { node: node.metadata.name, ...situation(facts) };
  if (config === undefined || state === undefined) return explained;
  // What is true beside the main thing.
  const more = sideFacts(facts);
  return more.length === 0 ? explained : { ...explained, because: [...explained.because, ...more] };
}

type Told = Omit<NodeExplanation, 'node'>;

function situation(facts: NodeFacts): Told {
  const { node, state, config, operatorNamespace } = facts;
  const operator = operatorProblem(facts);
  if (config === undefined) {
    return told('switchedOff', `There is no SriovOperatorConfig "default" in ${operatorNamespace}: nothing is configured, drained or cleaned up anywhere.`, { because: operator, waitsFor: ['that configuration'], todo: ['An operator makes it when it starts to lead for the first time; one that was deleted stays away. Create it: spec may be empty.'] });
  }
  if (!isNodeSelected(config.spec, node)) {
    const selector = config.spec.configDaemonNodeSelector ?? {};
    const rule = Object.keys(selector).length > 0 ? `configDaemonNodeSelector of the SriovOperatorConfig wants ${JSON.stringify(selector)}` : 'without a configDaemonNodeSelector only Linux workers are selected, and control-plane nodes that keep no pods away by their taint';
    return told('notSelected', 'The node is not selected: its NICs are left alone.', { because: [`${rule}, and the node has ${JSON.stringify(node.metadata.labels ?? {})}`], todo: ['Label the node, or change the selector, if it should be.'] });
  }
  if (state === undefined) return told('noNodeState', 'The node is selected, and has no node state yet.', { because: operator, waitsFor: ['the operator, which makes the node state'], todo: operator.length === 0 ? [] : ['Look at the pods of the operator.'] });
  if (state.metadata.deletionTimestamp !== undefined) return told('leaving', 'Its node state is being deleted.', { waitsFor: [`its finalizers: ${(state.metadata.finalizers ?? []).join(', ') || 'none'}`] });
  if ((state.status?.interfaces ?? []).length === 0) {
    return told('undiscovered', 'The daemon has told of no NIC of this node.', { because: daemonProblem(facts), waitsFor: ['the config daemon of the node, which looks at the NICs'], todo: ['Is there a NIC with SR-IOV in the node, and does the daemon run there? Its /readyz?verbose and its log say what it waits for.'] });
  }
  return drainSituation(facts, state) ?? syncSituation(facts, state) ?? restSituation(facts, state);
}

/** What the three annotations say; undefined when nothing is asked for. */
function drainSituation({ node, state: _, ...facts }: NodeFacts, state: SriovNetworkNodeState): Told | undefined {
  const wants = node.metadata.annotations?.[nodeAnnotations.state] ?? 'Idle';
  const progress = state.metadata.annotations?.[nodeStateAnnotations.currentState] ?? 'Idle';
  const external = state.metadata.annotations?.[nodeStateAnnotations.useExternalDrainer] === 'true';
  const blocked = state.status?.conditions?.find(({ type, status }) => type === DRAIN_BLOCKED && status === 'True');
  const why = wants === 'Reboot_Required' ? 'The node has to reboot before its NICs are as wanted.' : 'VFs have to be made anew, and pods that use them have to go first.';
  if (wants === 'Idle' && progress === 'Idle') return undefined;
  const drainer = external ? ['the external drainer that its node state names by annotation'] : [];
  if (wants === 'Idle') return told('waitingForRelease', 'The daemon is done, and the operator has yet to give the node back.', { waitsFor: external ? drainer : ['the operator, which uncordons the node'], because: operatorProblem({ ...facts, node, state }) });
  if (progress === 'DrainComplete') return told(wants === 'Reboot_Required' ? 'rebooting' : 'applying', 'The node is drained, and the daemon is at work.', { because: [why, ...conditionText(state, 'Ready')], waitsFor: ['the config daemon of the node'] });
  const because = [why, ...(blocked === undefined ? [] : [`${blocked.reason}: ${blocked.message}`])];
  if (progress === 'Draining') return told('draining', 'The node is being drained.', { because, waitsFor: external ? drainer : ['its pods, which are evicted'], todo: blocked?.reason === 'PodDisruptionBudget' ? ['Let the budget allow a disruption, or end the pod.'] : [] });
  return told('waitingForDrain', 'The daemon has asked for a drain, which has not begun.', {
    because: [...because, ...operatorProblem({ ...facts, node, state })], waitsFor: external ? drainer : ['its turn among the nodes of its pool'], todo: blocked === undefined ? [] : ['`maxUnavailable` of its SriovNetworkPoolConfig says how many nodes may be drained at once.'],
  });
}

/** What the daemon says; undefined when it says that it succeeded, or nothing. */
function syncSituation(facts: NodeFacts, state: SriovNetworkNodeState): Told | undefined {
  const { syncStatus, lastSyncError } = state.status ?? {};
  const ready = conditionText(state, 'Ready');
  if (syncStatus === 'Failed') return told('failed', 'The NICs could not be made as wanted; it is tried again.', { because: [lastSyncError ?? 'the daemon gave no reason'], waitsFor: ['another try of the daemon, or a change'], todo: ['The reason names the remedy.'] });
  if (syncStatus === 'InProgress') return told('applying', 'The daemon is at work.', { because: [...ready, ...daemonProblem(facts)], waitsFor: ['the config daemon of the node'] });
  return undefined;
}

/** Nothing is under way: is that right? */
function restSituation(facts: NodeFacts, state: SriovNetworkNodeState): Told {
  const { node, config, operatorNamespace } = facts;
  const labels = node.metadata.labels ?? {};
  const interfaces = state.status?.interfaces ?? [];
  const policies: readonly NamedPolicy[] = facts.policies.filter(({ metadata }) => metadata.deletionTimestamp === undefined && metadata.name !== 'default').map((policy) => ({ name: policy.metadata.name, spec: policy.spec, ...(isDryRun(policy) ? { dryRun: true } : {}) }));
  const { pools } = compilePools(facts.pools.map(({ metadata: { name }, spec }) => ({ name, spec })));
  const membership = poolOfNode(pools, labels);
  const mine = membership.kind === 'pool' ? [membership.pool] : [];
  const gates = config?.spec.featureGates === undefined ? {} : { gates: config.spec.featureGates };
  const rendered = holdBrokenInterfaces(renderNodeState({ policies: policies.filter(({ spec, dryRun }) => dryRun === true || hasLabels(spec.nodeSelector, labels)), interfaces, pools: mine, ...gates }), state.spec).spec;
  // The daemon says which version of the spec it has brought about. Where it does not say, what is planned for what is shown tells.
  const reached = state.status?.conditions?.find(({ type, status }) => type === 'Ready' && status === 'True')?.observedGeneration;
  const hasReached = rendered !== undefined && equalJson(rendered, state.spec) && reached !== undefined && reached === state.metadata.generation;
  const preview = previewNode({
    labels, interfaces, current: state.spec, policies: orderPolicies(policies), disableDrain: config?.spec.disableDrain ?? false, pools: mine,
    ...(state.status?.system?.rdmaMode === undefined ? {} : { rdmaMode: state.status.system.rdmaMode }), ...gates,
  });
  const wanted = state.spec.interfaces ?? [];
  if (!preview.isSettled && !hasReached) {
    const operator = operatorProblem(facts);
    const pfs = preview.plan.pfs.filter(({ steps }) => steps.length > 0).map(({ name }) => name);
    const because = [`policies want something else of ${pfs.length === 0 ? 'the node' : pfs.join(', ')} than there is`, ...operator, ...daemonProblem(facts)];
    return operator.length > 0
      ? told('waitingForOperator', 'The NICs are not as the policies want them, and no operator leads.', { because, waitsFor: ['an operator'], todo: ['Look at the pods of the operator.'] })
      : told('waitingForDaemon', 'The NICs are not as the policies want them yet.', { because, waitsFor: ['the operator, which renders the policies, and then the config daemon of the node'] });
  }
  if (wanted.length === 0) {
    const known = [{ name: node.metadata.name, labels, interfaces }];
    const because = policies.map((policy) => {
      if (policy.dryRun === true) return `policy ${policy.name} is annotated for a dry run`;
      if (!hasLabels(policy.spec.nodeSelector, labels)) return `policy ${policy.name} wants nodes with ${JSON.stringify(policy.spec.nodeSelector)}`;
      const [first] = reviewNodePolicy({ ...policy, namespace: operatorNamespace }, { operatorNamespace, nodes: known, policies }).rejections;
      return `policy ${policy.name}: ${first === undefined ? 'it selects no NIC of this node' : `${first.cause}; ${first.remedy}`}`;
    });
    return told('unconfigured', 'No policy selects a NIC of this node.', { because: because.length === 0 ? ['there is no policy'] : because });
  }
  return told('settled', 'The NICs are as the policies want them.', { because: wanted.map(({ name, pciAddress, numVfs = 0, vfGroups = [] }) => `${name ?? pciAddress}: ${numVfs} VFs, by ${[...new Set(vfGroups.map(({ policyName }) => policyName))].join(', ') || 'no policy'}`) });
}

/** Why no operator may be at work; empty when one leads as far as the Lease tells. */
function operatorProblem({ lease, nowMs }: NodeFacts): readonly string[] {
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 15 } = lease?.spec ?? {};
  if (lease === undefined || holderIdentity === '') return ['no operator leads: its Lease is held by nobody (an operator with --no-leader-elect has none)'];
  const ageMs = nowMs - Date.parse(renewTime);
  return ageMs > LEASE_GRACE * leaseDurationSeconds * 1_000 ? [`the operator ${holderIdentity} last renewed its Lease ${Math.round(ageMs / 1_000)} s ago`] : [];
}

function daemonProblem({ daemons, node }: NodeFacts): readonly string[] {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  const gone = ready !== undefined && ready.status !== 'True' ? [`the node is not Ready: ${ready.reason ?? ''} ${ready.message ?? ''}`.trim()] : [];
  const pods = daemons.flatMap(({ metadata: { name }, status }) => (status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true ? [] : [`the daemon ${name} is ${status?.phase ?? 'Pending'} and not ready`]));
  return [...gone, ...pods];
}

function sideFacts({ node, pools: all }: NodeFacts): readonly string[] {
  const cordoned = node.spec?.unschedulable === true ? ['the node is cordoned: new pods do not come'] : [];
  const { pools } = compilePools(all.map(({ metadata: { name }, spec }) => ({ name, spec })));
  const membership = poolOfNode(pools, node.metadata.labels ?? {});
  return [...cordoned, ...(membership.kind === 'conflict' ? [`it is in the pools ${membership.pools.map(({ name }) => name).join(' and ')}: it is drained only when it is in one`] : [])];
}

function conditionText(state: SriovNetworkNodeState, wanted: string): readonly string[] {
  const found: Condition | undefined = state.status?.conditions?.find(({ type }) => type === wanted);
  return found === undefined ? [] : found.message.split('\n').map((line, index) => (index === 0 ? `${found.reason}: ${line}` : line));
}

function told(of: NodeSituation, summary: string, { because = [], waitsFor = [], todo = [] }: Partial<Pick<Told, 'because' | 'waitsFor' | 'todo'>>): Told {
  return { situation: of, summary, because, waitsFor, todo };
}

/** For people. */
export function renderExplanation({ node, situation: of, summary, because, waitsFor, todo }: NodeExplanation): string {
  const section = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)]);
  return `${[`${node}: ${of}`, summary, ...section('because', because), ...section('waits for', waitsFor), ...section('to do', todo)].join('\n')}\n`;
}
