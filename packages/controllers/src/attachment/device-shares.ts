import type { PodSandbox } from '@vfleet/core';

/**
 * Deals out a pod's devices to its networks: those of one resource in the order of containers and of kubelet's list, one to each
 * network that names the resource, in the order of the networks.
 */
export class DeviceShares {
  readonly #byResource = new Map<string, string[]>();
  readonly #taken = new Map<string, number>();

  constructor(containers: PodSandbox['devices']) {
    for (const { devices } of containers) {
      for (const { resourceName, ids } of devices) {
        const known = this.#byResource.get(resourceName);
        if (known === undefined) this.#byResource.set(resourceName, [...ids]);
        else known.push(...ids);
      }
    }
  }

  /** The next device of a resource; undefined when all are dealt out. */
  next(resourceName: string): string | undefined {
    const index = this.#taken.get(resourceName) ?? 0;
    const id = this.#byResource.get(resourceName)?.[index];
    if (id !== undefined) this.#taken.set(resourceName, index + 1);
    return id;
  }

  /** How many the pod has. */
  count(resourceName: string): number {
    return this.#byResource.get(resourceName)?.length ?? 0;
  }
}
