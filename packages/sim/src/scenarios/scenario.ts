import type { KubeObject } from '@vfleet/core';
import type { FaultFamily, FaultName } from '../faults/catalog.ts';

/** Something that happens at a time of the run, as a value. Node names are those of the fleet. */
export type Action =
  | { readonly do: 'apply'; readonly objects: readonly KubeObject[] }
  | { readonly do: 'patch'; readonly kind: string; readonly namespace?: string; readonly name: string; readonly patch: Readonly<Record<string, unknown>> }
  | { readonly do: 'delete'; readonly kind: string; readonly namespace?: string; readonly name: string }
  | { readonly do: 'reboot' | 'powerCycle' | 'restartKubelet' | 'cordon' | 'uncordon' | 'removeNode'; readonly node: string }
  | { readonly do: 'addNode'; readonly node: Readonly<Record<string, unknown>> }
  /** Ends processes in an orderly way, one after the other, and begins them anew: an upgrade. */
  | { readonly do: 'restart'; readonly component: 'operator' | 'config-daemon' | 'device-plugin' | 'attachment' }
  | { readonly do: 'outage'; readonly forMs: number }
  | { readonly do: 'flapLinks'; readonly downMs: number };

export interface Step {
  /** Virtual milliseconds after the world has started. */
  readonly atMs: number;
  readonly action: Action;
}

/** Pods that are kept: whoever is deleted, evicted or fails is made anew, as a controller would. */
export interface Workload {
  readonly name: string;
  readonly namespace: string;
  readonly count: number;
  /** Extended resource that each pod asks one of; also the value of the pods' label `app` is `name`. */
  readonly resource: string;
  /** Value of `k8s.v1.cni.cncf.io/networks`. */
  readonly networks: string;
}

/** What must hold at the end, beside the oracles. */
export type Expectation =
  /** On every node of the selector, or on all, the PF has so many VFs in that mode. */
  | { readonly expect: 'vfs'; readonly nodes?: string; readonly pf: string; readonly count: number; readonly mode?: 'legacy' | 'switchdev' }
  /** So many pods of a workload are Running. */
  | { readonly expect: 'running'; readonly workload: string; readonly count: number }
  /** A node advertises so many devices. */
  | { readonly expect: 'allocatable'; readonly node: string; readonly resource: string; readonly count: number }
  | { readonly expect: 'nodes'; readonly count: number };

/** A story that is simulated: a fleet, what people want of it over time, what goes wrong, and how it must end. */
export interface Scenario {
  readonly name: string;
  readonly summary: string;
  /** A fleet file's content (hw-sim fleetFileSchema). */
  readonly fleet: { readonly nodes: readonly Readonly<Record<string, unknown>>[] };
  readonly operatorReplicas?: number;
  /** Multiplies the NICs' delays; default 1. */
  readonly hardwareDelayFactor?: number;
  /** Applied in order before the first step. */
  readonly objects: readonly KubeObject[];
  readonly workloads?: readonly Workload[];
  readonly steps?: readonly Step[];
  readonly faults: {
    /** How long faults strike, from the moment the objects are applied. */
    readonly forMs: number;
    /** What a search may draw from; everything when absent. */
    readonly allow?: readonly (FaultFamily | FaultName)[];
    readonly deny?: readonly FaultName[];
  };
  /** How long convergence may take once faults have ceased. */
  readonly convergeWithinMs: number;
  /** How long there must be silence after that. */
  readonly quietMs: number;
  readonly expectations?: readonly Expectation[];
  /** Runs a few seeds each, and is left out of searches over all scenarios. */
  readonly scale?: boolean;
}
