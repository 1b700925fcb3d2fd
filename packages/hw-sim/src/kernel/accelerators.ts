import type { PciAddress } from '@vfleet/core';
import type { NodeModel } from '../model/node-model.ts';
import type { AcceleratorSpec } from '../model/spec.ts';

/** Those on the bus now, in order of address. */
export function acceleratorsOf(node: NodeModel): readonly AcceleratorSpec[] {
  const all = node.spec.accelerators ?? [];
  return node.pulledAccelerators.size === 0 ? all : all.filter(({ pciAddress }) => !node.pulledAccelerators.has(pciAddress));
}

export function isAccelerator(node: NodeModel, address: PciAddress): boolean {
  return node.spec.accelerators?.some(({ pciAddress }) => pciAddress === address) === true;
}

/** A group of its own behind those of the NICs, or the one for all where slots have no ACS; undefined while the IOMMU is off. */
export function acceleratorGroup(node: NodeModel, address: PciAddress): number | undefined {
  if (!node.iommuEnabled) return undefined;
  if (!node.spec.acs) return 1;
  const before = node.spec.pfs.reduce((sum, { totalVfs }) => sum + 1 + totalVfs, 16);
  return before + (node.spec.accelerators ?? []).findIndex(({ pciAddress }) => pciAddress === address);
}

export function pullAccelerator(node: NodeModel, address: PciAddress): void {
  if (node.pulledAccelerators.has(address)) return;
  node.pulledAccelerators.add(address);
  node.emit({ action: 'remove', subsystem: 'pci', device: address });
}

export function putAcceleratorBack(node: NodeModel, address: PciAddress): void {
  if (!node.pulledAccelerators.delete(address)) return;
  const driver = node.spec.accelerators?.find(({ pciAddress }) => pciAddress === address)?.driver;
  node.emit({ action: 'add', subsystem: 'pci', device: address });
  if (driver !== undefined) node.emit({ action: 'bind', subsystem: 'pci', device: address, driver });
}
