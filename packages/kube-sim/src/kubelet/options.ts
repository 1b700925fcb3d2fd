import type { Clock, Files, Kube, Log, PodNetworks, Random } from '@vfleet/core';
import type { EventRecorder } from '@vfleet/kube';
import type { Taint } from '../pods/taints.ts';
import type { PodInterfaces } from './inside.ts';
import type { SimRuntime } from './runtime.ts';

/** How long things take on a simulated node, in milliseconds. With everything 0 a pod runs in the instant it is bound. */
export interface KubeletTiming {
  readonly sandboxMs: number;
  /** For an image that is not on the node yet. */
  readonly imagePullMs: number;
  readonly containerStartMs: number;
  /** How long a container takes to end after SIGTERM; longer than the pod's grace period means SIGKILL. */
  readonly containerStopMs: number;
  /** After a failed sandbox, doubling up to `sandboxRetryMaxMs`. */
  readonly sandboxRetryMs: number;
  readonly sandboxRetryMaxMs: number;
  /** Lease renewals (kubelet: a quarter of the 40 s lease). */
  readonly leaseMs: number;
  /** Full node status without changes (kubelet nodeStatusReportFrequency). */
  readonly nodeStatusMs: number;
  /** Changed devices are gathered this long before the node status is written. */
  readonly capacityReportMs: number;
  /** Crashed containers: first delay and the most (kubelet: 10 s doubling to 5 minutes). */
  readonly crashBackoffMs: number;
  readonly crashBackoffMaxMs: number;
  /** How long a pod that held devices before its node came up waits for them to be back. The real kubelet does not wait, and such a pod fails. */
  readonly heldDevicesMs: number;
}

export const kubeletTiming: KubeletTiming = {
  sandboxMs: 300, imagePullMs: 700, containerStartMs: 100, containerStopMs: 300, sandboxRetryMs: 1000, sandboxRetryMaxMs: 15_000,
  leaseMs: 10_000, nodeStatusMs: 300_000, capacityReportMs: 50, crashBackoffMs: 10_000, crashBackoffMaxMs: 300_000, heldDevicesMs: 0,
};

/** No delay before a pod runs or ends: for benchmarks and searches. */
export const instantTiming: Partial<KubeletTiming> = { sandboxMs: 0, imagePullMs: 0, containerStartMs: 0, containerStopMs: 0, capacityReportMs: 0 };

export type TopologyPolicy = 'none' | 'best-effort' | 'restricted' | 'single-numa-node';

export interface NodeOptions {
  readonly name: string;
  /** Added to the labels that every kubelet sets (kubernetes.io/hostname, os, arch). */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** `register-with-taints`: only when the Node object is created. */
  readonly taints?: readonly Taint[];
  /** Quantities; the default is a server of 32 cores and 128 GiB with room for 110 pods. */
  readonly capacity?: Readonly<Record<string, string>>;
  /** The node's InternalIP. */
  readonly address: string;
  /** Where eth0's addresses come from, for example 10.244.1.0/24; the first address is the gateway. */
  readonly podCidr: string;
  readonly kernelVersion?: string;
  readonly osImage?: string;
  readonly architecture?: 'amd64' | 'arm64';
  readonly topologyPolicy?: TopologyPolicy;
}

/** A container about to run, as a runtime knows it. */
export interface ProgramStart {
  readonly image: string;
  /** `command` and `args` of the container. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** How a program ended. */
export interface ProgramEnd {
  readonly exitCode: number;
  /** What it wrote to its terminationMessagePath. */
  readonly terminationMessage?: string;
}

/** Runs what some containers run: nothing does otherwise, on a simulated node, and a container's command alone says when it ends. */
export interface ContainerPrograms {
  /** Undefined: a container like any other. The promise must not be rejected. */
  start(container: ProgramStart): Promise<ProgramEnd> | undefined;
}

export interface KubeletPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The node's disk: the device checkpoint lives under /var/lib/kubelet/device-plugins. */
  readonly files: Files;
  /** What attaches networks beyond eth0. */
  readonly podNetworks: PodNetworks;
  /** What the node's NICs show inside of pods; without it only what attachments reported is known. */
  readonly podInterfaces?: PodInterfaces;
  /** What runs in containers; without it nothing does. */
  readonly programs?: ContainerPrograms;
  readonly recorder?: EventRecorder;
  /** Outlives the kubelet: give the same one to its successor and the pods keep running. */
  readonly runtime?: SimRuntime;
  readonly timing?: Partial<KubeletTiming>;
}
