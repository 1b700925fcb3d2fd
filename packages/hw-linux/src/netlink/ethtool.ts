import { attribute, attributeTable, bytesOf, decodeAttributes, nested, readText, readU32, readU8, text, u32, u8 } from './attributes.ts';
import { GENERIC_HEADER_BYTES, genericHeader } from './generic.ts';

/** The generic netlink family `ethtool` (include/uapi/linux/ethtool_netlink.h). */

const COMMAND = { linkModesGet: 4, linkModesSet: 5, featuresGet: 11, featuresSet: 12 } as const;
const ATTR = { header: 1, deviceIndex: 1, autonegotiation: 2, speed: 5, duplex: 6, hardware: 2, wanted: 3, active: 4, isPlainList: 1, bits: 3, bit: 1, bitName: 2, bitValue: 3 } as const;
/** SPEED_UNKNOWN, as without carrier. */
export const SPEED_UNKNOWN = 0xffff_ffff;

function header(index: number): Uint8Array {
  return nested(ATTR.header, attribute(ATTR.deviceIndex, u32(index)));
}

/** How the port talks to its peer. Speed in Mb/s, −1 when unknown. */
export interface LinkSettings {
  readonly speedMbps: number;
  readonly duplex: 'half' | 'full' | 'unknown';
  readonly autonegotiation: boolean;
}

export type LinkSettingsChange = Partial<Omit<LinkSettings, 'duplex'>> & { readonly duplex?: 'half' | 'full' };

export function encodeGetLinkSettings(index: number): Uint8Array {
  return bytesOf(genericHeader(COMMAND.linkModesGet), header(index));
}

export function decodeLinkSettings(payload: Uint8Array): LinkSettings {
  const table = attributeTable(payload.subarray(GENERIC_HEADER_BYTES));
  const [speed, duplex, autonegotiation] = [table.get(ATTR.speed), table.get(ATTR.duplex), table.get(ATTR.autonegotiation)];
  return linkSettings(speed === undefined ? SPEED_UNKNOWN : readU32(speed), duplex === undefined ? 0xff : readU8(duplex), autonegotiation !== undefined && readU8(autonegotiation) === 1);
}

export function linkSettings(speed: number, duplex: number, autonegotiation: boolean): LinkSettings {
  return { speedMbps: speed === SPEED_UNKNOWN ? -1 : speed, duplex: duplex === 0 ? 'half' : duplex === 1 ? 'full' : 'unknown', autonegotiation };
}

export function encodeSetLinkSettings(index: number, { speedMbps, duplex, autonegotiation }: LinkSettingsChange): Uint8Array {
  return bytesOf(
    genericHeader(COMMAND.linkModesSet), header(index), ...(autonegotiation === undefined ? [] : [attribute(ATTR.autonegotiation, u8(autonegotiation ? 1 : 0))]),
    ...(speedMbps === undefined ? [] : [attribute(ATTR.speed, u32(speedMbps))]), ...(duplex === undefined ? [] : [attribute(ATTR.duplex, u8(duplex === 'full' ? 1 : 0))]),
  );
}

export function encodeGetFeatures(index: number): Uint8Array {
  return bytesOf(genericHeader(COMMAND.featuresGet), header(index));
}

export interface Features {
  /** Can be changed. */
  readonly changeable: ReadonlySet<string>;
  readonly active: ReadonlySet<string>;
}

export function decodeFeatures(payload: Uint8Array): Features {
  const table = attributeTable(payload.subarray(GENERIC_HEADER_BYTES));
  return { changeable: bitNames(table.get(ATTR.hardware)), active: bitNames(table.get(ATTR.active)) };
}

/** Names of the bits that are set: those of a list without a mask, else those with a value. */
function bitNames(bitset: Uint8Array | undefined): ReadonlySet<string> {
  const names = new Set<string>();
  if (bitset === undefined) return names;
  const table = attributeTable(bitset);
  const isPlainList = table.has(ATTR.isPlainList);
  for (const { type, payload } of decodeAttributes(table.get(ATTR.bits) ?? new Uint8Array())) {
    if (type !== ATTR.bit) continue;
    const bit = attributeTable(payload);
    const name = bit.get(ATTR.bitName);
    if (name !== undefined && (isPlainList || bit.has(ATTR.bitValue))) names.add(readText(name));
  }
  return names;
}

export function encodeSetFeature(index: number, feature: string, enabled: boolean): Uint8Array {
  const bit = nested(ATTR.bit, attribute(ATTR.bitName, text(feature)), ...(enabled ? [attribute(ATTR.bitValue, new Uint8Array())] : []));
  return bytesOf(genericHeader(COMMAND.featuresSet), header(index), nested(ATTR.wanted, nested(ATTR.bits, bit)));
}
