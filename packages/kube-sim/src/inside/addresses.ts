/** An address of an interface, taken apart. */
export interface InterfaceAddress {
  readonly family: 'inet' | 'inet6';
  readonly address: string;
  readonly prefixLength: number;
  /** IPv4 with room for one. */
  readonly broadcast?: string;
  readonly netmask?: string;
}

export function parseAddress(text: string): InterfaceAddress {
  const [address = '', length] = text.split('/');
  if (address.includes(':')) return { family: 'inet6', address, prefixLength: Number(length ?? 128) };
  const prefixLength = Number(length ?? 32);
  const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const hosts = 2 ** (32 - prefixLength);
  const netmask = dotted(2 ** 32 - hosts);
  if (prefixLength > 30) return { family: 'inet', address, prefixLength, netmask };
  return { family: 'inet', address, prefixLength, netmask, broadcast: dotted(bits - (bits % hosts) + hosts - 1) };
}

function dotted(bits: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.');
}

/** The address that the kernel gives an Ethernet interface that is up: EUI-64 of its MAC (RFC 4291 appendix A). */
export function linkLocal(mac: string): string | undefined {
  const bytes = mac.split(':').map((part) => Number.parseInt(part, 16));
  if (bytes.length !== 6 || bytes.some(Number.isNaN)) return undefined;
  const [first = 0, ...rest] = bytes;
  const eui = [first ^ 2, rest[0]!, rest[1]!, 0xff, 0xfe, rest[2]!, rest[3]!, rest[4]!];
  const groups = [0, 2, 4, 6].map((at) => ((eui[at]! << 8) | eui[at + 1]!).toString(16));
  return `fe80::${groups.join(':')}`;
}
