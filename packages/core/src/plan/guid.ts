import type { PfObservation } from '../domain/inventory.ts';

/**
 * A GUID for an InfiniBand VF, made from the PF's own hardware address so that it is the same each time and differs between PFs
 * and VFs: the PF's first three and last three bytes with the VF's number + 1 between them, marked as locally administered
 * (IEEE EUI-64; the bytes in the middle are ff:fe in GUIDs that hardware derives from a MAC, and are never so here).
 */
export function infiniBandGuid(pf: PfObservation, vfIndex: number): string {
  const address = hardwareAddress(pf);
  const number = vfIndex + 1;
  const bytes = [(address[0]! | 0x02) & 0xfe, address[1]!, address[2]!, (number >> 8) & 0xff, number & 0xff, ...address.slice(-3)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** At least six bytes: the netdev's address (20 bytes on IPoIB, of which the last eight are the port GUID), else the PCI address. */
function hardwareAddress(pf: PfObservation): readonly number[] {
  const bytes = pf.netdev?.mac.split(':').map((part) => parseInt(part, 16)) ?? [];
  if (bytes.length >= 6 && bytes.every((byte) => byte >= 0 && byte <= 255)) return bytes.slice(-8);
  const digits = pf.pciAddress.replace(/[^0-9a-f]/g, '').padStart(12, '0').slice(-12);
  return Array.from({ length: 6 }, (_, index) => parseInt(digits.slice(2 * index, 2 * index + 2), 16));
}
