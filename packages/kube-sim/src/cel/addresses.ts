/** An IP address as Go's netip has it. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

export interface IpPrefix {
  readonly address: IpAddress;
  readonly length: number;
}

export const widthOf = ({ family }: IpAddress): number => (family === 4 ? 32 : 128);

/** Undefined for what netip.ParseAddr refuses, and for zones and IPv4 in IPv6, which Kubernetes does. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const bits = ipv4Bits(text);
    return bits === undefined ? undefined : { family: 4, bits };
  }
  const bits = ipv6Bits(text);
  return bits === undefined || bits >> 32n === 0xffffn ? undefined : { family: 6, bits };
}

function ipv4Bits(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function ipv6Bits(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = [groupsOf(halves[0]!), halves.length === 2 ? groupsOf(halves[1]!) : []];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0n), ...tail].reduce((bits, group) => (bits << 16n) | group, 0n);
}

function groupsOf(text: string): readonly bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const last = parts.at(-1)!;
  const embedded = last.includes('.') ? ipv4Bits(last) : undefined;
  if (last.includes('.')) parts.pop();
  if (last.includes('.') && embedded === undefined) return undefined;
  if (!parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return undefined;
  const groups = parts.map((part) => BigInt(`0x${part}`));
  return embedded === undefined ? groups : [...groups, embedded >> 16n, embedded & 0xffffn];
}

/** The canonical text (RFC 5952). */
export function formatIp({ family, bits }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(16 * (7 - index))) & 0xffffn).toString(16));
  const run = longestZeroRun(groups);
  if (run.length < 2) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}

function longestZeroRun(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

export function parsePrefix(text: string): IpPrefix | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const address = match === null ? undefined : parseIp(match[1]!);
  const length = Number(match?.[2]);
  return address === undefined || length > widthOf(address) ? undefined : { address, length };
}

export function maskedPrefix({ address, length }: IpPrefix): IpPrefix {
  return { address: { family: address.family, bits: networkBits(address, length) }, length };
}

function networkBits(address: IpAddress, length: number): bigint {
  const host = BigInt(widthOf(address) - length);
  return (address.bits >> host) << host;
}

export function prefixContains(prefix: IpPrefix, address: IpAddress): boolean {
  return prefix.address.family === address.family && networkBits(prefix.address, prefix.length) === networkBits(address, prefix.length);
}
