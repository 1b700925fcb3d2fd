import { isKubeError, ok } from '@vfleet/core';
import type { AttachFailure, Kube, PodDevices, PodResources, Result } from '@vfleet/core';
import { pods } from '@vfleet/kube';
import type { Pod } from '@vfleet/kube';
import { cniCodes, failure } from '../cni/failure.ts';

type Answer<Value> = Promise<Result<Value, AttachFailure>>;

/** A pod as the runtime names it in CNI_ARGS. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  /** Empty where the runtime does not say. */
  readonly uid: string;
}

/** A static pod, in the API as its mirror: another UID, and this annotation with the kubelet's own (k8s.io/kubernetes pkg/kubelet/types). */
const CONFIG_HASH = 'kubernetes.io/config.hash';

export function identityOf(cniArgs: Readonly<Record<string, string>>): PodIdentity | undefined {
  const [namespace, name] = [cniArgs['K8S_POD_NAMESPACE'] ?? '', cniArgs['K8S_POD_NAME'] ?? ''];
  return namespace === '' || name === '' ? undefined : { namespace, name, uid: cniArgs['K8S_POD_UID'] ?? '' };
}

/** The pod of the API that a sandbox is made for. One of that name that is another pod is refused: its annotations are not this one's. */
export async function podOf(kube: Kube, { namespace, name, uid }: PodIdentity): Answer<Pod> {
  try {
    const pod = await kube.get(pods, { namespace, name });
    const isSame = uid === '' || pod.metadata.uid === uid || pod.metadata.annotations?.[CONFIG_HASH] === uid;
    return isSame ? ok(pod) : failure(cniCodes.tryAgain, `pod ${namespace}/${name} has been deleted and created anew`, 'The runtime gives this sandbox up.');
  } catch (error) {
    if (isKubeError(error, 'NotFound')) return failure(cniCodes.tryAgain, `there is no pod ${namespace}/${name}`, 'It was deleted, or the API server does not know it yet; the runtime tries again.');
    if (!isKubeError(error)) throw error;
    return failure(cniCodes.tryAgain, `pod ${namespace}/${name} could not be read: ${error.message}`, 'The API server did not answer as expected; the runtime tries again.');
  }
}

/** What the kubelet has allocated to the pod. The list names pods by namespace and name; the kubelet keeps one pod of a name at a time. */
export async function devicesOf(podResources: PodResources, { namespace, name }: PodIdentity): Answer<PodDevices['containers']> {
  try {
    const listed = await podResources.list();
    return ok(listed.find((one) => one.namespace === namespace && one.name === name)?.containers ?? []);
  } catch (error) {
    return failure(cniCodes.tryAgain, error instanceof Error ? error.message : String(error), 'The kubelet may just be starting; the runtime tries again.');
  }
}
