import type { Subscription } from './hardware.ts';
import type { Result } from '../result.ts';

/** A device as a device plugin lists it (k8s.io/kubelet deviceplugin v1beta1 Device). */
export interface PluginDevice {
  readonly id: string;
  readonly healthy: boolean;
  /** NUMA nodes; empty when unknown. */
  readonly numaNodes: readonly number[];
}

export interface ContainerAllocation {
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly { readonly containerPath: string; readonly hostPath: string; readonly readOnly: boolean }[];
  readonly devices: readonly { readonly containerPath: string; readonly hostPath: string; readonly permissions: string }[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a kubelet calls on one resource's device plugin. The gRPC edge and the simulated kubelet both stand on it. */
export interface DevicePlugin {
  /** For example `openshift.io/intel-sriov-netdevice`. */
  readonly resourceName: string;
  /** Calls `sink` with the whole list at once and again after every change, in a stable order. */
  listAndWatch(sink: (devices: readonly PluginDevice[]) => void): Subscription;
  getPreferredAllocation(request: { readonly available: readonly string[]; readonly mustInclude: readonly string[]; readonly size: number }): readonly string[];
  /** One entry of device ids a container, answers in the same order. Refused with a sentence when an id is unknown or unhealthy. */
  allocate(containers: readonly (readonly string[])[]): Promise<Result<readonly ContainerAllocation[], string>>;
}

/** The kubelet's side of registration. Registering a second plugin under one resource name replaces the first, as kubelet does. */
export interface DevicePluginRegistry {
  register(plugin: DevicePlugin): Subscription;
}

/** Devices held by running pods: the kubelet's pod-resources API (k8s.io/kubelet podresources v1). */
export interface PodResources {
  list(): Promise<readonly PodDevices[]>;
}

export interface PodDevices {
  readonly namespace: string;
  readonly name: string;
  /** Absent where the list does not say: podresources v1 names pods by namespace and name only. */
  readonly uid?: string;
  readonly containers: readonly { readonly name: string; readonly devices: readonly { readonly resourceName: string; readonly ids: readonly string[] }[] }[];
}

/** A pod as the container runtime names it to CNI. */
export interface PodSandbox {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly containerId: string;
  readonly netns: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Per container, in pod order: the devices kubelet allocated. */
  readonly devices: PodDevices['containers'];
}

/** One element of `k8s.v1.cni.cncf.io/network-status` (Network Plumbing Working Group, multi-net spec v1.3 §4.1). */
export interface NetworkStatus {
  readonly name: string;
  readonly interface?: string;
  readonly ips?: readonly string[];
  readonly mac?: string;
  readonly mtu?: number;
  readonly default?: boolean;
  readonly dns: Readonly<Record<string, unknown>>;
  readonly gateway?: readonly string[];
  readonly 'device-info'?: Readonly<Record<string, unknown>>;
}

export interface AttachFailure {
  /** CNI error code (CNI spec 1.1.0 §"Error"); 11 is "try again later". */
  readonly code: number;
  readonly cause: string;
  readonly remedy: string;
}

/** What the runtime calls for a pod's networks beyond the cluster network: Multus' place, ours in the simulated loop. */
export interface PodNetworks {
  /** Entries in the order of the pod's annotation. Idempotent for one containerId. Nothing is left behind on failure. */
  attach(sandbox: PodSandbox): Promise<Result<readonly NetworkStatus[], AttachFailure>>;
  /** Gives everything back; succeeds when there is nothing (CNI DEL is idempotent). */
  detach(sandbox: Pick<PodSandbox, 'namespace' | 'name' | 'uid' | 'containerId' | 'netns'>): Promise<Result<void, AttachFailure>>;
}
