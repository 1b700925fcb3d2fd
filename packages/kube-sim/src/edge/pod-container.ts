import { badRequestError } from '../errors/status.ts';
import type { StatusError } from '../errors/status.ts';
import type { ContainerInside } from '../inside/container-inside.ts';
import type { Core, ObjectTarget } from '../registry/core.ts';
import { getObject } from '../registry/reading.ts';
import { arrayAt, isObject, objectAt, stringAt } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';

/** The container that a request for a log or a command means. */
export interface PodContainer {
  readonly pod: ApiObject;
  readonly name: string;
  readonly nodeName: string;
  /** Undefined when it has not started, or nobody knows the node. */
  inside(): ContainerInside | undefined;
}

/** Finds it as pkg/registry/core/pod/strategy.go does. `asked` is empty where the request leaves it open. */
export function podContainerOf(core: Core, target: ObjectTarget, asked: string): PodContainer {
  const pod = getObject(core, target);
  const spec = pod['spec'];
  const named = (list: string) => arrayAt(spec, list).map((container) => stringAt(container, 'name'));
  const containers = named('containers');
  const all = [...containers, ...named('initContainers'), ...named('ephemeralContainers')];
  if (asked === '' && all.length !== 1) throw unnamed(target.name, containers, named('initContainers'));
  const name = asked === '' ? containers[0]! : asked;
  if (!all.includes(name)) throw badRequestError(`container ${name} is not valid for pod ${target.name}`);
  const nodeName = stringAt(spec, 'nodeName');
  return { pod, name, nodeName, inside: () => core.kubelet(nodeName)?.inside(pod.metadata.uid!, name) };
}

function unnamed(pod: string, containers: readonly string[], initContainers: readonly string[]): StatusError {
  const inits = initContainers.length === 0 ? '' : ` or one of the init containers: [${initContainers.join(' ')}]`;
  return badRequestError(`a container name must be specified for pod ${pod}, choose one of: [${containers.join(' ')}]${inits}`);
}

/** Why a container waits, as its status says. */
export function waitingReason(pod: ApiObject, name: string): string {
  const statuses = ['containerStatuses', 'initContainerStatuses'].flatMap((list) => arrayAt(pod['status'], list));
  const status = statuses.find((one) => stringAt(one, 'name') === name);
  const reason = isObject(status) ? stringAt(objectAt(objectAt(status, 'state'), 'waiting'), 'reason') : '';
  return reason === '' ? 'ContainerCreating' : reason;
}
