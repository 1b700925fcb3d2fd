import { MalformedMessage, bytesOf, readU32, readU8, u32, viewOf } from './attributes.ts';
import { SPEED_UNKNOWN, linkSettings } from './ethtool.ts';
import type { Features, LinkSettings, LinkSettingsChange } from './ethtool.ts';

/** Structures of SIOCETHTOOL (include/uapi/linux/ethtool.h), for kernels without the netlink family. */

const COMMAND = { getStrings: 0x1b, getSetInfo: 0x37, getFeatures: 0x3a, setFeatures: 0x3b, getLinkSettings: 0x4c, setLinkSettings: 0x4d } as const;
const FEATURE_NAMES = 4;
/** ETH_GSTRING_LEN. */
const NAME_BYTES = 32;
/** Bits of features: the kernel has 64, and no block of 32 more than this. */
const BLOCKS_MAX = 32;
/** struct ethtool_link_settings without its masks. */
const SETTINGS_BYTES = 48;
const SPEED_AT = 4;
const DUPLEX_AT = 8;
const AUTONEGOTIATION_AT = 11;
const WORDS_AT = 15;

/** The first call tells how many words a mask has, as a negative number; the second one, with that number, tells the settings. */
export function encodeLinkSettingsQuery(words = 0): Uint8Array {
  const bytes = new Uint8Array(SETTINGS_BYTES + 3 * 4 * words);
  bytes.set(u32(COMMAND.getLinkSettings));
  viewOf(bytes).setInt8(WORDS_AT, words);
  return bytes;
}

/** Words of a mask that the kernel wants to be asked with. */
export function decodeMaskWords(answer: Uint8Array): number {
  if (answer.length < SETTINGS_BYTES) throw new MalformedMessage(`link settings of ${answer.length} bytes`);
  return Math.abs(viewOf(answer).getInt8(WORDS_AT));
}

export function decodeLinkSettingsAnswer(answer: Uint8Array): LinkSettings {
  return linkSettings(readU32(answer, SPEED_AT), readU8(answer, DUPLEX_AT), readU8(answer, AUTONEGOTIATION_AT) === 1);
}

/** What was read, with the change, to be written back. */
export function encodeLinkSettingsChange(answer: Uint8Array, { speedMbps, duplex, autonegotiation }: LinkSettingsChange): Uint8Array {
  const bytes = answer.slice();
  const view = viewOf(bytes);
  view.setUint32(0, COMMAND.setLinkSettings, true);
  if (speedMbps !== undefined) view.setUint32(SPEED_AT, speedMbps < 0 ? SPEED_UNKNOWN : speedMbps, true);
  if (duplex !== undefined) bytes[DUPLEX_AT] = duplex === 'full' ? 1 : 0;
  if (autonegotiation !== undefined) bytes[AUTONEGOTIATION_AT] = autonegotiation ? 1 : 0;
  return bytes;
}

/** How many features there are. */
export function encodeFeatureCountQuery(): Uint8Array {
  const bytes = new Uint8Array(20);
  bytes.set(u32(COMMAND.getSetInfo));
  viewOf(bytes).setBigUint64(8, 1n << BigInt(FEATURE_NAMES), true);
  return bytes;
}

export function decodeFeatureCount(answer: Uint8Array): number {
  const count = readU32(answer, 8) === 0 ? 0 : readU32(answer, 16);
  if (count > BLOCKS_MAX * 32) throw new MalformedMessage(`${count} features`);
  return count;
}

export function encodeFeatureNamesQuery(count: number): Uint8Array {
  return bytesOf(u32(COMMAND.getStrings), u32(FEATURE_NAMES), u32(count), new Uint8Array(count * NAME_BYTES));
}

export function decodeFeatureNames(answer: Uint8Array, count: number): readonly string[] {
  const bytes = Buffer.from(answer);
  return Array.from({ length: count }, (_, index) => bytes.subarray(12 + index * NAME_BYTES, 12 + (index + 1) * NAME_BYTES).toString('latin1').split('\0')[0]!);
}

export function encodeFeaturesQuery(count: number): Uint8Array {
  const blocks = Math.ceil(count / 32);
  return bytesOf(u32(COMMAND.getFeatures), u32(blocks), new Uint8Array(blocks * 16));
}

export function decodeFeaturesAnswer(answer: Uint8Array, names: readonly string[]): Features {
  const [changeable, active] = [new Set<string>(), new Set<string>()];
  names.forEach((name, index) => {
    const [block, bit] = [8 + (index >> 5) * 16, 1 << (index & 31)];
    const has = (field: number) => (readU32(answer, block + 4 * field) & bit) !== 0;
    // available, requested, active, never changed.
    if (name !== '' && has(0) && !has(3)) changeable.add(name);
    if (name !== '' && has(2)) active.add(name);
  });
  return { changeable, active };
}

export function encodeFeatureChange(count: number, index: number, enabled: boolean): Uint8Array {
  const blocks = Math.ceil(count / 32);
  const bytes = bytesOf(u32(COMMAND.setFeatures), u32(blocks), new Uint8Array(blocks * 8));
  const at = 8 + (index >> 5) * 8;
  viewOf(bytes).setUint32(at, (1 << (index & 31)) >>> 0, true);
  viewOf(bytes).setUint32(at + 4, enabled ? (1 << (index & 31)) >>> 0 : 0, true);
  return bytes;
}
