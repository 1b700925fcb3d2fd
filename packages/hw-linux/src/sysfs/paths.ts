import type { PciAddress } from '@vfleet/core';

/** Where the kernel keeps what we need (Documentation/ABI/testing/sysfs-bus-pci). */
export const PCI_DEVICES = '/sys/bus/pci/devices';
export const PCI_DRIVERS = '/sys/bus/pci/drivers';
export const PCI_PROBE = '/sys/bus/pci/drivers_probe';

export function deviceFile(address: PciAddress | string, name: string): string {
  return `${PCI_DEVICES}/${address}/${name}`;
}

/** The last part of a path, as of the target of a link. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
