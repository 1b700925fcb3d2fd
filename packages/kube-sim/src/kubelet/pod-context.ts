import type { NodeOptions, KubeletPorts, KubeletTiming } from './options.ts';
import type { EventRecorder } from '@vfleet/kube';
import type { Pod } from '@vfleet/kube';
import type { Rejection } from './admission.ts';
import type { DeviceManager } from './device-manager.ts';
import type { PodAddresses } from './pod-addresses.ts';
import type { SimRuntime } from './runtime.ts';

/** What a kubelet lends to the workers of its pods. */
export interface PodContext {
  readonly ports: KubeletPorts;
  readonly node: NodeOptions;
  readonly timing: KubeletTiming;
  readonly runtime: SimRuntime;
  readonly devices: DeviceManager;
  readonly addresses: PodAddresses;
  readonly recorder: EventRecorder;
  /** Events of the pod network come from Multus. */
  readonly networkRecorder: EventRecorder;
  /** Decides whether the node takes a pod and gives it its devices; one pod after the other. */
  admit(pod: Pod): Promise<Rejection | undefined>;
  /** Counts the starts of the kubelet's process: who asked for something may not be there any more when it is done. */
  incarnation(): number;
  /** Tries to give back the networks of a sandbox that failed to start, until that works. */
  detachLater(sandboxId: string): void;
  /** Nothing is left of the pod. */
  finished(podUid: string): void;
}
