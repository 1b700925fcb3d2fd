import type { Hardware, HardwareError, Host, HostFacts, Inventory, Log, PodResources, Result } from '@vfleet/core';
import { ok, parsePciAddress } from '@vfleet/core';

/** Everything that a plan needs to know about the node, at one moment. */
export interface Survey {
  readonly inventory: Inventory;
  readonly host: HostFacts;
  /** VF address to `namespace/name`; undefined when kubelet was not, or could not be, asked. */
  readonly holders?: ReadonlyMap<string, string>;
}

/** Looks at the hardware, the host and who holds VFs. */
export async function survey(ports: { readonly hardware: Hardware; readonly host: Host; readonly log: Log }, podResources: PodResources | undefined): Promise<Result<Survey, HardwareError>> {
  const host = await ports.host.facts();
  if (!host.ok) return host;
  // Holders first: a VF that is taken in between then counts as free until the next look, and its pod's own events bring that.
  const holders = podResources === undefined ? undefined : await readHolders(podResources, ports.log);
  const inventory = await ports.hardware.discover();
  if (!inventory.ok) return inventory;
  return ok({ inventory: inventory.value, host: host.value, ...(holders === undefined ? {} : { holders }) });
}

/**
 * VFs with the pods that are on their way to them, or from them: the kubelet has given the VF to the pod, and the interface is on the host. The hardware says when the interface moves, and
 * nobody says when the kubelet lets go of a device.
 */
export function holdersOnTheirWay({ inventory: { pfs }, holders }: Survey): readonly string[] {
  if (holders === undefined || holders.size === 0) return [];
  return pfs.flatMap(({ vfs }) => vfs.flatMap(({ netdev, pciAddress }) => (netdev !== undefined && holders.has(pciAddress) ? [`${pciAddress} ${holders.get(pciAddress)}`] : [])));
}

export async function readHolders(podResources: PodResources, log: Log): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const holders = new Map<string, string>();
    for (const pod of await podResources.list()) {
      for (const container of pod.containers) {
        for (const { ids } of container.devices) for (const id of ids) if (parsePciAddress(id).ok) holders.set(id.toLowerCase(), `${pod.namespace}/${pod.name}`);
      }
    }
    return holders;
  } catch (error) {
    // kubelet restarts now and then; what is not known is not reported.
    log.warn('kubelet could not be asked which pods hold devices.', { error: String(error) });
    return undefined;
  }
}
