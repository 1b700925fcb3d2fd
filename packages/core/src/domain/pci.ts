import { fail, ok } from '../result.ts';
import type { Result } from '../result.ts';

declare const pciBrand: unique symbol;

/** `DDDD:BB:DD.F` in lower-case hexadecimal, as sysfs names PCI functions (Documentation/ABI/testing/sysfs-bus-pci). */
export type PciAddress = string & { readonly [pciBrand]: true };

const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;

export function parsePciAddress(text: string): Result<PciAddress, string> {
  const lower = text.toLowerCase();
  return PCI_ADDRESS.test(lower)
    ? ok(lower as PciAddress)
    : fail(`"${text}" is no PCI address; one looks like 0000:81:00.0`);
}

/** For constants in code and for values already checked; throws on anything else. */
export function pciAddress(text: string): PciAddress {
  const parsed = parsePciAddress(text);
  if (!parsed.ok) throw new TypeError(parsed.error);
  return parsed.value;
}

/** The PCI address `offset` routing ids after `base`: how VF addresses follow from the PF's (PCIe SR-IOV 9.2.1.2). */
export function pciAddressPlus(base: PciAddress, offset: number): PciAddress {
  const [domain, bus, rest] = base.split(':') as [string, string, string];
  const [device, fn] = rest.split('.') as [string, string];
  const routingId = ((parseInt(bus, 16) << 8) | (parseInt(device, 16) << 3) | parseInt(fn, 16)) + offset;
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return `${domain}:${hex((routingId >> 8) & 0xff)}:${hex((routingId >> 3) & 0x1f)}.${routingId & 7}` as PciAddress;
}

/** Numeric order: as text, `0000:81:0a.0` and `0000:81:10.0` would still agree, but domains of five digits would not. */
export function comparePciAddresses(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
