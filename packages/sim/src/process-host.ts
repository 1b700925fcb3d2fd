import type { Namespaces } from '@vfleet/controllers';
import type { Clock, DevicePluginRegistry, Files, Hardware, Host, Kube, Log, PodNetworks, PodResources, Random } from '@vfleet/core';

/** Parts of the production code that run as processes of their own. */
export const componentNames = ['operator', 'config-daemon', 'device-plugin', 'attachment'] as const;
export type ComponentName = (typeof componentNames)[number];

/** One process: a component on a node, or a replica of the operator (`operator-0`). */
export interface ProcessId {
  readonly component: ComponentName;
  readonly place: string;
}

/** All that a process has of the world around it. */
export interface ProcessPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly hardware?: Hardware;
  readonly host?: Host;
  readonly files?: Files;
  readonly registry?: DevicePluginRegistry;
  readonly podResources?: PodResources;
  readonly namespaces?: Namespaces;
}

/** What a host gives a process that begins. */
export interface Hosted<Ports extends ProcessPorts> {
  /** To be used in place of those it was given. */
  readonly ports: Ports;
  /** Of a call from outside into the process: its answer, or `ifDead` when the process ends before it has one. */
  answer<Value>(work: Promise<Value>, ifDead: Value): Promise<Value>;
}

/** Runs processes: a simulator stands between each and its ports, so that it can watch, disturb, pause and kill it. */
export interface ProcessHost {
  begin<Ports extends ProcessPorts>(id: ProcessId, ports: Ports): Hosted<Ports>;
  /** The machine under a process is gone, and the process with it, without an orderly end. */
  kill?(id: ProcessId): void;
  /** Stands between a node's kubelet and the node's disk. */
  disk?(place: string, files: Files): Files;
  /** Stands between a node's runtime and the attachment of networks. */
  runtime?(place: string, networks: PodNetworks): PodNetworks;
}

/** Lets processes have their ports as they are. */
export const directHost: ProcessHost = {
  begin: (_, ports) => ({ ports, answer: (work) => work }),
};
