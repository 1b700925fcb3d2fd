import type { Pod } from '@vfleet/kube';
import type { Container } from '../pods/requests.ts';
import { isSidecar } from '../pods/requests.ts';
import type { ContainerRun, ContainerState } from './runtime.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export type ContainerLookup = (name: string) => ContainerState | undefined;

/** Whether kubelet starts a container again after it ended with `exitCode`. */
export function restartsAfter(pod: Pod, container: Container, exitCode: number): boolean {
  if (isSidecar(container)) return true;
  const policy = pod.spec?.restartPolicy ?? 'Always';
  if (policy === 'Never' || (policy === 'OnFailure' && exitCode === 0)) return false;
  // An init container that succeeded is done, whatever the policy.
  return exitCode !== 0 || !(pod.spec?.initContainers ?? []).some(({ name }) => name === container.name);
}

/** A container's readiness probe succeeds, in thought, once its initial delay has passed; milliseconds of the clock. */
export function readyAtMs(container: Container, run: ContainerRun): number {
  const startup = (container.startupProbe?.initialDelaySeconds ?? 0) * 1000;
  return run.startedAtMs + Math.max(startup, (container.readinessProbe?.initialDelaySeconds ?? 0) * 1000);
}

export function startedAtMs(container: Container, run: ContainerRun): number {
  return run.startedAtMs + (container.startupProbe?.initialDelaySeconds ?? 0) * 1000;
}

/**
 * The phase that follows from what the containers do (kubelet_pods.go, getPhase). `ending`: the pod is being ended, so nothing
 * will start again.
 */
export function phaseOf(pod: Pod, containerOf: ContainerLookup, ending: boolean): Phase {
  for (const container of pod.spec?.initContainers ?? []) {
    if (isSidecar(container)) continue;
    const run = containerOf(container.name)?.current;
    if (run?.exitCode === undefined) return ending && run === undefined ? 'Failed' : 'Pending';
    if (run.exitCode !== 0) return ending || !restartsAfter(pod, container, run.exitCode) ? 'Failed' : 'Pending';
  }
  const runs = (pod.spec?.containers ?? []).map((container) => ({ container, run: containerOf(container.name)?.current }));
  if (runs.some(({ run }) => run === undefined)) return ending ? 'Failed' : 'Pending';
  if (runs.some(({ run }) => run!.exitCode === undefined)) return 'Running';
  if (!ending && runs.some(({ container, run }) => restartsAfter(pod, container, run!.exitCode!))) return 'Running';
  return runs.every(({ run }) => run!.exitCode === 0) ? 'Succeeded' : 'Failed';
}
