import { rfc3339 } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import type { Container } from '../pods/requests.ts';
import { isSidecar, qosClass } from '../pods/requests.ts';
import type { ContainerLookup, Phase } from './pod-phase.ts';
import { phaseOf, readyAtMs, startedAtMs } from './pod-phase.ts';
import type { ContainerRun, Sandbox } from './runtime.ts';

export type PodStatus = NonNullable<Pod['status']>;
type Condition = NonNullable<PodStatus['conditions']>[number];
type ContainerStatus = NonNullable<PodStatus['containerStatuses']>[number];

export interface StatusInput {
  readonly pod: Pod;
  readonly nowMs: number;
  /** When kubelet took the pod. */
  readonly startedMs: number;
  readonly hostAddress: string;
  readonly sandbox: Sandbox | undefined;
  readonly containerOf: ContainerLookup;
  /** Why a container waits, where it is not simply being created. */
  readonly waiting: ReadonlyMap<string, { readonly reason: string; readonly message?: string }>;
  /** Nothing starts any more. */
  readonly ending: boolean;
  /** A phase that does not follow from the containers, for example of a pod past its deadline. */
  readonly verdict?: { readonly phase: 'Failed'; readonly reason: string; readonly message: string } | undefined;
  /** What was reported before: the source of transition times and of the pod's address. */
  readonly before: PodStatus;
}

/** Everything in a pod's status that kubelet owns (kubelet_pods.go, generateAPIPodStatus; status/generate.go). */
export function podStatusOf(input: StatusInput): PodStatus {
  const { pod, before, sandbox } = input;
  const phase = before.phase === 'Succeeded' || before.phase === 'Failed' ? before.phase : (input.verdict?.phase ?? phaseOf(pod, input.containerOf, input.ending));
  const initialised = areInitialised(input);
  const initContainerStatuses = (pod.spec?.initContainers ?? []).map((container) => containerStatus(input, container, 'PodInitializing'));
  const containerStatuses = (pod.spec?.containers ?? []).map((container) => containerStatus(input, container, initialised ? 'ContainerCreating' : 'PodInitializing'));
  const address = pod.spec?.hostNetwork === true ? input.hostAddress : (sandbox?.address ?? before.podIP);
  return {
    phase,
    ...(input.verdict !== undefined && { reason: input.verdict.reason, message: input.verdict.message }),
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    conditions: conditionsOf(input, phase, initContainerStatuses, containerStatuses),
    hostIP: input.hostAddress,
    hostIPs: [{ ip: input.hostAddress }],
    ...(address !== undefined && { podIP: address, podIPs: [{ ip: address }] }),
    startTime: before.startTime ?? rfc3339(input.startedMs),
    qosClass: qosClass(pod),
    ...(initContainerStatuses.length > 0 && { initContainerStatuses }),
    containerStatuses,
  };
}

function areInitialised({ pod, containerOf, nowMs }: StatusInput): boolean {
  return (pod.spec?.initContainers ?? []).every((container) => {
    const run = containerOf(container.name)?.current;
    if (run === undefined) return false;
    return isSidecar(container) ? nowMs >= startedAtMs(container, run) : run.exitCode === 0;
  });
}

function containerStatus(input: StatusInput, container: Container, idleReason: string): ContainerStatus {
  const state = input.containerOf(container.name);
  const image = container.image ?? '';
  const waiting = input.waiting.get(container.name);
  const isInit = input.pod.spec?.initContainers?.includes(container) === true && !isSidecar(container);
  if (state === undefined) {
    // A container that ran before the node rebooted keeps its identity and count until it runs again.
    const old = [...(input.before.initContainerStatuses ?? []), ...(input.before.containerStatuses ?? [])].find(({ name }) => name === container.name);
    return {
      name: container.name, image, imageID: old?.imageID ?? '', ...(old?.containerID !== undefined && { containerID: old.containerID }),
      ready: false, restartCount: old?.restartCount ?? 0, started: false, lastState: {}, state: { waiting: waiting ?? { reason: idleReason } },
    };
  }
  const { current, previous, restarts } = state;
  const running = current.exitCode === undefined;
  // A container that waits to be started again has its last run behind it, not before it.
  const last = waiting !== undefined && !running ? current : previous;
  return {
    name: container.name,
    image: state.image,
    imageID: state.imageId,
    containerID: `containerd://${current.id}`,
    ready: isInit ? current.exitCode === 0 : running && input.nowMs >= readyAtMs(container, current),
    restartCount: restarts,
    started: running && input.nowMs >= startedAtMs(container, current),
    lastState: last === undefined || last.exitCode === undefined ? {} : { terminated: terminated(last) },
    state: running ? { running: { startedAt: rfc3339(current.startedAtMs) } } : waiting !== undefined ? { waiting } : { terminated: terminated(current) },
  };
}

function terminated(run: ContainerRun): NonNullable<NonNullable<ContainerStatus['state']>['terminated']> {
  return {
    exitCode: run.exitCode ?? 0,
    ...(run.reason !== undefined && { reason: run.reason }),
    ...(run.message !== undefined && { message: run.message }),
    startedAt: rfc3339(run.startedAtMs),
    finishedAt: rfc3339(run.finishedAtMs ?? run.startedAtMs),
    containerID: `containerd://${run.id}`,
  };
}

type Finding = Pick<Condition, 'status' | 'reason' | 'message'>;

const TRUE: Finding = { status: 'True' };

/** In kubelet's order; conditions of others stay out of it, the patch merges by type. */
function conditionsOf(input: StatusInput, phase: Phase, initStatuses: readonly ContainerStatus[], statuses: readonly ContainerStatus[]): Condition[] {
  const containersReady = containersReadyFinding(input, phase, initStatuses, statuses);
  const findings: readonly (readonly [string, Finding])[] = [
    ['PodReadyToStartContainers', { status: input.sandbox === undefined ? 'False' : 'True' }],
    ['Initialized', initialisedFinding(input, phase, initStatuses, statuses)],
    ['Ready', containersReady.status === 'True' ? readinessGatesFinding(input) : containersReady],
    ['ContainersReady', containersReady],
    ['PodScheduled', TRUE],
  ];
  const now = rfc3339(input.nowMs);
  return findings.map(([type, finding]) => condition(input, type, finding, now));
}

function condition({ before, pod }: StatusInput, type: string, finding: Finding, now: string): Condition {
  const old = before.conditions?.find((other) => other.type === type);
  return {
    type,
    ...finding,
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    lastTransitionTime: old?.status === finding.status && old.lastTransitionTime !== undefined ? old.lastTransitionTime : now,
  };
}

const names = (containers: readonly { readonly name: string }[]) => `[${containers.map(({ name }) => name).join(' ')}]`;

function initialisedFinding({ pod, nowMs, containerOf }: StatusInput, phase: Phase, initStatuses: readonly ContainerStatus[], statuses: readonly ContainerStatus[]): Finding {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  if (statuses.some(({ state, lastState }) => state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated !== undefined)) return TRUE;
  const incomplete = (pod.spec?.initContainers ?? []).filter((container, index) => {
    const run = containerOf(container.name)?.current;
    return isSidecar(container) ? run === undefined || nowMs < startedAtMs(container, run) : initStatuses[index]?.ready !== true;
  });
  return incomplete.length === 0 ? TRUE : { status: 'False', reason: 'ContainersNotInitialized', message: `containers with incomplete status: ${names(incomplete)}` };
}

function containersReadyFinding({ pod }: StatusInput, phase: Phase, initStatuses: readonly ContainerStatus[], statuses: readonly ContainerStatus[]): Finding {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const sidecars = initStatuses.filter((_, index) => isSidecar(pod.spec!.initContainers![index]!));
  const unready = [...sidecars, ...statuses].filter(({ ready }) => !ready);
  return unready.length === 0 ? TRUE : { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: ${names(unready)}` };
}

function readinessGatesFinding({ pod }: StatusInput): Finding {
  const missing = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = pod.status?.conditions?.find(({ type }) => type === conditionType);
    if (found === undefined) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    return found.status === 'True' ? [] : [`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`];
  });
  return missing.length === 0 ? TRUE : { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
}
