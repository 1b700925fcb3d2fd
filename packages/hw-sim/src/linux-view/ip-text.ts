/** Addresses as text and as the bytes that netlink has. */

export interface Network {
  readonly bytes: Uint8Array;
  readonly length: number;
}

export function parseNetwork(text: string): Network | undefined {
  const [address = '', length] = text.split('/');
  const bytes = address.includes(':') ? parseIpv6(address) : parseIpv4(address);
  if (bytes === undefined) return undefined;
  return { bytes, length: length === undefined ? bytes.length * 8 : Number(length) };
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.').map(Number);
  return parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255) ? new Uint8Array(parts) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':')).flatMap((group) => (group.includes('.') ? [...(parseIpv4(group) ?? [])] : [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]));
  const [before, after] = [groups(head), tail === undefined ? [] : groups(tail)];
  const gap = 16 - before.length - after.length;
  return gap < 0 || (tail === undefined && gap !== 0) ? undefined : new Uint8Array([...before, ...Array.from({ length: gap }, () => 0), ...after]);
}

/** RFC 5952: the longest run of zero groups is left out. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index]! << 8) | bytes[2 * index + 1]!).toString(16));
  const text = groups.join(':');
  const runs = [...text.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)].sort((a, b) => b[0].length - a[0].length);
  const longest = runs[0];
  if (longest === undefined) return text;
  return `${text.slice(0, longest.index).replace(/:$/, '')}::${text.slice(longest.index + longest[0].length).replace(/^:/, '')}`;
}

export function formatNetwork({ bytes, length }: Network): string {
  return `${formatAddress(bytes)}/${length}`;
}

/** Whether `network` holds `address`. */
export function holds(network: Network, address: Uint8Array): boolean {
  if (network.bytes.length !== address.length) return false;
  for (let bit = 0; bit < network.length; bit++) {
    const mask = 0x80 >> (bit & 7);
    if ((network.bytes[bit >> 3]! & mask) !== (address[bit >> 3]! & mask)) return false;
  }
  return true;
}

export function sameNetwork(a: Network, b: Network): boolean {
  return a.length === b.length && a.bytes.length === b.bytes.length && a.bytes.every((one, index) => one === b.bytes[index]);
}
