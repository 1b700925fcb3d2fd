import { isKubeError } from '@vfleet/core';
import type { Kube, Log } from '@vfleet/core';
import { pods } from '@vfleet/kube';

/**
 * What is known of the network namespace that a path was the name of. That the path leads nowhere is no evidence: a process without the mount of
 * `/run/netns`, or one whose mounts do not follow those of the host, finds none of the namespaces that pods live in.
 */
export type NamespaceSight =
  | { readonly kind: 'present' }
  /** `evidence`: a sentence. */
  | { readonly kind: 'gone'; readonly evidence: string }
  /** What is in it stays what it is; asked again later. */
  | { readonly kind: 'unknown'; readonly cause: string; readonly remedy: string };

export type UnknownSight = Extract<NamespaceSight, { kind: 'unknown' }>;

/** Looks at network namespaces as the process sees them. */
export interface Namespaces {
  /** Tells a namespace from all that have had its path before or get it later: opaque. Undefined when it cannot be seen. */
  identify(netns: string): Promise<string | undefined>;
  /** `identity`: what {@link identify} said of it when it was taken into use; absent where that is not known. */
  look(netns: string, identity: string | undefined): Promise<NamespaceSight>;
}

/** A pod sandbox that was given something. */
export interface SandboxTrace {
  readonly containerId: string;
  readonly netns: string;
  /** See {@link Namespaces.identify}. */
  readonly identity?: string | undefined;
  /** Where the runtime said whose it is. */
  readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined;
}

export interface SandboxWitnessPorts {
  /** Without it every namespace counts as present. */
  readonly namespaces?: Namespaces;
  /** Without it pods are not asked for. */
  readonly kube?: Kube;
  readonly log: Log;
  /** Whether every interface that the sandbox was given is on the host; false where it was given none. */
  readonly areInterfacesBack: (containerId: string) => Promise<boolean>;
}

const PRESENT: NamespaceSight = { kind: 'present' };
/** Static pods have another uid on their node than their mirror has in the API (kubernetes pkg/kubelet/types/pod_update.go). */
const STATIC_POD_UIDS = ['kubernetes.io/config.hash', 'kubernetes.io/config.mirror'] as const;

/**
 * Says of sandboxes whether their network namespace has gone, by all that can be known on the node and in the cluster. Asked only where a DEL has
 * not come.
 */
export class SandboxWitness {
  readonly #ports: SandboxWitnessPorts;
  readonly #unknown = new Map<string, UnknownSight>();

  constructor(ports: SandboxWitnessPorts) {
    this.#ports = ports;
  }

  /** By container: sandboxes of which it could not be said, at the last look, whether they are there. */
  get unknown(): ReadonlyMap<string, UnknownSight> {
    return this.#unknown;
  }

  async look(sandbox: SandboxTrace): Promise<NamespaceSight> {
    const sight = await this.#look(sandbox);
    this.#note(sandbox, sight);
    return sight;
  }

  /** Its DEL has come, or nothing of it is left: nobody waits for an answer any more. */
  forget(containerId: string): void {
    this.#unknown.delete(containerId);
  }

  async #look({ containerId, netns, identity, pod }: SandboxTrace): Promise<NamespaceSight> {
    const seen = (await this.#ports.namespaces?.look(netns, identity)) ?? PRESENT;
    if (seen.kind !== 'unknown') return seen;
    // The kernel gives a physical interface back when its namespace ends, and not before (net/core/dev.c, default_device_exit_net).
    if (await this.#ports.areInterfacesBack(containerId)) return { kind: 'gone', evidence: 'its interfaces are on the host again' };
    if (pod !== undefined && (await this.#isPodGone(pod))) return { kind: 'gone', evidence: `there is no pod ${pod.namespace}/${pod.name} (${pod.uid}) any more` };
    return seen;
  }

  /** No answer is no evidence. */
  async #isPodGone({ namespace, name, uid }: NonNullable<SandboxTrace['pod']>): Promise<boolean> {
    const { kube } = this.#ports;
    if (kube === undefined || name === '' || uid === '') return false;
    try {
      const { metadata } = await kube.get(pods, { namespace, name });
      return metadata.uid !== uid && !STATIC_POD_UIDS.some((key) => metadata.annotations?.[key] === uid);
    } catch (error) {
      if (!isKubeError(error)) throw error;
      return isKubeError(error, 'NotFound');
    }
  }

  #note({ containerId, netns, pod }: SandboxTrace, sight: NamespaceSight): void {
    const before = this.#unknown.get(containerId);
    if (sight.kind !== 'unknown') {
      if (before !== undefined) this.#ports.log.info('A network namespace that could not be seen is accounted for.', { containerId, netns, now: sight.kind === 'gone' ? sight.evidence : 'it is seen' });
      this.forget(containerId);
      return;
    }
    this.#unknown.set(containerId, sight);
    if (before?.cause !== sight.cause) {
      this.#ports.log.warn('It cannot be said whether a network namespace has gone; what its pod has stays with it.', { containerId, netns, ...(pod === undefined ? {} : { pod: `${pod.namespace}/${pod.name}` }), cause: sight.cause, remedy: sight.remedy });
    }
  }
}
