import type { Kube } from '@vfleet/core';
import { isKubeError, podAnnotations } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import { pods } from '@vfleet/kube';
import type { Simulation } from '../engine/simulation.ts';
import type { Change } from '../process/store-types.ts';
import type { Workload } from './scenario.ts';

/** How long a replacement takes to be made. */
const REPLACE_MS = 1000;

/** Keeps the pods of workloads in number: a controller reduced to what a simulation needs, with names that do not change. */
export class WorkloadKeeper {
  readonly #simulation: Simulation;
  readonly #kube: Kube;
  readonly #workloads = new Map<string, Workload>();

  constructor(simulation: Simulation, kube: Kube) {
    this.#simulation = simulation;
    this.#kube = kube;
  }

  async start(workloads: readonly Workload[]): Promise<void> {
    for (const workload of workloads) {
      for (let index = 0; index < workload.count; index++) {
        const name = `${workload.name}-${index}`;
        this.#workloads.set(`${workload.namespace}/${name}`, workload);
        await this.#create(workload, name);
      }
    }
  }

  /** To be told of every change of pods. */
  commit({ type, key, object }: Change): void {
    const workload = this.#workloads.get(key);
    if (workload === undefined) return;
    const { name } = object.metadata;
    if (type === 'DELETED') this.#simulation.clock.setTimer(REPLACE_MS, () => void this.#create(workload, name));
    // The collection holds pods.
    else if ((object as unknown as Pod).status?.phase === 'Failed' && object.metadata.deletionTimestamp === undefined) {
      this.#simulation.clock.setTimer(REPLACE_MS, () => void this.#bury(workload, name, object.metadata.uid!));
    }
  }

  /** All pods run. */
  complete(podOf: (namespace: string, name: string) => Pod | undefined): boolean {
    for (const [key, workload] of this.#workloads) {
      const pod = podOf(workload.namespace, key.slice(workload.namespace.length + 1));
      if (pod?.status?.phase !== 'Running' || pod.metadata.deletionTimestamp !== undefined) return false;
    }
    return true;
  }

  get keys(): readonly string[] {
    return [...this.#workloads.keys()];
  }

  async #create(workload: Workload, name: string): Promise<void> {
    await this.#kube.create(pods, podOf(workload, name)).catch((error: unknown) => {
      if (!isKubeError(error, 'AlreadyExists')) throw error;
    });
  }

  async #bury(workload: Workload, name: string, uid: string): Promise<void> {
    await this.#kube.delete(pods, { namespace: workload.namespace, name }, { preconditions: { uid } }).catch((error: unknown) => {
      if (!isKubeError(error, 'NotFound', 'Conflict')) throw error;
    });
  }
}

function podOf({ name: app, namespace, resource, networks }: Workload, name: string): Pod {
  return {
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name, namespace, labels: { app }, annotations: { [podAnnotations.networks]: networks } },
    spec: { terminationGracePeriodSeconds: 5, containers: [{ name: 'app', image: 'app:1', command: ['sleep', 'infinity'], resources: { requests: { [resource]: '1' }, limits: { [resource]: '1' } } }] },
  };
}
