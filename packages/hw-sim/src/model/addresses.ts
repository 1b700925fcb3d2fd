import type { PciAddress } from '@vfleet/core';

const HEX2 = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** By character code. */
const HEX_VALUES = Uint8Array.from({ length: 128 }, (_, code) => Number.parseInt(String.fromCharCode(code), 16) || 0);

export function routingIdOf(address: PciAddress): { readonly domain: number; readonly routingId: number } {
  // From the end, DDDD:BB:DD.F: only the domain may have more digits.
  const end = address.length;
  const digit = (fromEnd: number) => HEX_VALUES[address.charCodeAt(end - fromEnd)]!;
  return { domain: parseInt(address.slice(0, end - 8), 16), routingId: (digit(7) << 12) | (digit(6) << 8) | (digit(4) << 7) | (digit(3) << 3) | digit(1) };
}

/** The text of an address known to be valid. */
export function addressOf(domain: number, routingId: number): PciAddress {
  const domainText = domain.toString(16).padStart(4, '0');
  return `${domainText}:${HEX2[(routingId >> 8) & 0xff]!}:${HEX2[(routingId >> 3) & 0x1f]!}.${routingId & 7}` as PciAddress;
}
