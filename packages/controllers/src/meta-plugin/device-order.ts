import type { PodDevices } from '@vfleet/core';

type Containers = PodDevices['containers'];

/**
 * A pod's devices in the order in which its variables name them. The kubelet keeps them in sets, by NUMA node, and lists them in another
 * order than it asked for them in; `placeOf` tells the place that a device had when it was handed out. Those without one come last, as listed.
 */
export function inOrderOfVariables(containers: Containers, placeOf: (id: string) => number | undefined): Containers {
  return containers.map((container) => {
    const byResource = Map.groupBy(container.devices, ({ resourceName }) => resourceName);
    return {
      ...container,
      devices: [...byResource].map(([resourceName, parts]) => {
        const ids = parts.flatMap((part) => part.ids);
        const places = new Map(ids.map((id) => [id, placeOf(id) ?? ids.length]));
        return { resourceName, ids: ids.toSorted((a, b) => places.get(a)! - places.get(b)!) };
      }),
    };
  });
}
