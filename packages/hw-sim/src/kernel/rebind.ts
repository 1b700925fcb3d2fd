import type { StepFaults } from '../faults.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import type { Operation, Outcome } from '../model/operation.ts';
import { boundDriver, ownDriver, probe, setDriverOverride, unbind } from './drivers.ts';

/**
 * Binding as the Hardware port means it: override, unbind what is bound, probe, and read the driver link again, because
 * drivers_probe reports success also when it did nothing.
 */
export async function bindThroughOverride(
  node: NodeModel, device: Device, driver: string, operation: Operation, faults: StepFaults,
): Promise<Outcome> {
  const wanted = driver === 'default' ? ownDriver(node, device) : driver;
  setDriverOverride(node, device, driver === 'default' ? undefined : driver);
  const bound = boundDriver(node, device);
  if (bound === wanted) return 'ok';
  if (bound !== undefined) {
    const outcome = await unbind(node, device, bound, operation);
    if (outcome !== 'ok') return outcome;
  }
  const outcome = await probe(node, device, faults);
  if (outcome !== 'ok') return outcome;
  if (boundDriver(node, device) === wanted) return 'ok';
  if (!node.isLoaded(wanted)) return 'driverNotLoaded';
  return wanted === 'vfio-pci' && !node.iommuEnabled ? 'EINVAL' : 'probeWithoutEffect';
}

/** Whether a bind would have nothing to do. */
export function isBoundTo(node: NodeModel, device: Device, driver: string): boolean {
  return boundDriver(node, device) === (driver === 'default' ? ownDriver(node, device) : driver);
}

export function unbindAny(node: NodeModel, device: Device, operation: Operation): Outcome | Promise<Outcome> {
  const bound = boundDriver(node, device);
  return bound === undefined ? 'ENODEV' : unbind(node, device, bound, operation);
}
