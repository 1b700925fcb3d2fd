const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;
const GUID = /^[0-9a-f]{2}(?::[0-9a-f]{2}){7}$/;

/** A MAC as its upper 16 and lower 32 bits. */
export interface MacBits {
  readonly high: number;
  readonly low: number;
}

/** Reads `xx:xx:xx:xx:xx:xx`; undefined for anything else. */
export function parseMac(text: string): MacBits | undefined {
  const lower = text.toLowerCase();
  if (!MAC.test(lower)) return undefined;
  const hex = lower.replaceAll(':', '');
  return { high: parseInt(hex.slice(0, 4), 16), low: parseInt(hex.slice(4), 16) };
}

const COLON = 58;
/** Character codes of the hexadecimal digits. */
const DIGITS = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

const NO_MAC = '00:00:00:00:00:00';

/** In one piece: a text put together from parts takes several times the memory until somebody reads it. */
export function formatMac(high: number, low: number): string {
  // What nobody set, which is most of a large fleet, is one text.
  if (high === 0 && low === 0) return NO_MAC;
  const digit = (bits: number, shift: number) => DIGITS[(bits >>> shift) & 0xf]!;
  return String.fromCharCode(
    digit(high, 12), digit(high, 8), COLON, digit(high, 4), digit(high, 0), COLON, digit(low, 28), digit(low, 24), COLON,
    digit(low, 20), digit(low, 16), COLON, digit(low, 12), digit(low, 8), COLON, digit(low, 4), digit(low, 0),
  );
}

/** The group bit is the lowest of the first byte (IEEE 802-2014 8.2.2). */
export function isMulticast(mac: MacBits): boolean {
  return ((mac.high >>> 8) & 1) === 1;
}

export function isZero(mac: MacBits): boolean {
  return mac.high === 0 && mac.low === 0;
}

export function isGuid(text: string): boolean {
  return GUID.test(text.toLowerCase());
}

/** Spreads consecutive numbers over 32 bits without collisions (the finalizer of MurmurHash3 is a bijection). */
export function scatter32(value: number): number {
  let bits = value >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** InfiniBand port GUID from an Ethernet MAC: `ff:fe` in the middle, as vendors do (EUI-64). */
export function guidOf(high: number, low: number): string {
  const mac = formatMac(high, low).split(':');
  return [...mac.slice(0, 3), 'ff', 'fe', ...mac.slice(3)].join(':');
}

/** A 20-byte IPoIB hardware address that ends in the port GUID (RFC 4391 section 9.1.1). */
export function infinibandAddress(guid: string): string {
  return `00:00:10:29:fe:80:00:00:00:00:00:00:${guid}`;
}
