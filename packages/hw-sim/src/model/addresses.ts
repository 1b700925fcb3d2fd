import type { PciAddress } from '@vfleet/core';

const HEX2 = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function routingIdOf(address: PciAddress): { readonly domain: number; readonly routingId: number } {
  const [domain, bus, rest] = address.split(':') as [string, string, string];
  const [device, fn] = rest.split('.') as [string, string];
  return { domain: parseInt(domain, 16), routingId: (parseInt(bus, 16) << 8) | (parseInt(device, 16) << 3) | parseInt(fn, 16) };
}

/** The text of an address known to be valid. */
export function addressOf(domain: number, routingId: number): PciAddress {
  const domainText = domain.toString(16).padStart(4, '0');
  return `${domainText}:${HEX2[(routingId >> 8) & 0xff]!}:${HEX2[(routingId >> 3) & 0x1f]!}.${routingId & 7}` as PciAddress;
}
