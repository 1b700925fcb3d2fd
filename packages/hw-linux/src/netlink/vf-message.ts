import type { VfChange } from '@vfleet/core';
import { ETH_P_8021AD, IFLA, LINK_STATES, VF, parseGuid } from './link.ts';

const ETH_P_8021Q = 0x8100;
const NESTED = 0x8000;
const HARDWARE_ADDRESS_BYTES_MAX = 32;
/** What all attributes of one VF take, rounded up. */
const VF_WORDS_MAX = 64;
/** The list of VFs is one attribute, which holds 65,535 bytes. */
export const VFS_PER_MESSAGE_MAX = 256;

/**
 * Attributes of VFs through the PF's interface, all in one message (RTM_NEWLINK, IFLA_VFINFO_LIST). The kernel takes VF after VF, of each its
 * attributes in an order of its own (net/core/rtnetlink.c do_setvfinfo), and stops at the first refusal. A value that no message
 * can carry ends the message before its VF: `count` is of those in it. The interface's index is left for whoever knows it.
 */
export function encodeSetVfs(vfs: readonly VfChange[]): { readonly payload: Uint8Array; readonly count: number } {
  const writer = new WordWriter(Math.min(vfs.length, VFS_PER_MESSAGE_MAX) * VF_WORDS_MAX + 8);
  // struct ifinfomsg.
  for (let word = 0; word < 4; word++) writer.put(0);
  const list = writer.begin(IFLA.vfInfoList | NESTED);
  let count = 0;
  while (count < vfs.length && count < VFS_PER_MESSAGE_MAX && putVf(writer, vfs[count]!)) count++;
  writer.end(list);
  return { payload: writer.bytes(), count };
}

/** False, with nothing written, when there is a value that cannot be. What the driver makes of the rest is the driver's to say. */
function putVf(writer: WordWriter, change: VfChange): boolean {
  const { vfIndex, mac, vlan, spoofCheck, trust, rates, linkState, nodeGuid, portGuid } = change;
  if (!isCount(vfIndex, 0xffff)) return false;
  const info = writer.begin(VF.info | NESTED);
  let isWritten = true;
  if (mac !== undefined) isWritten = putMac(writer, vfIndex, mac);
  if (vlan !== undefined) isWritten &&= putVlan(writer, vfIndex, vlan);
  if (rates !== undefined) {
    isWritten &&= isCount(rates.minTxMbps, 0x7fff_ffff) && isCount(rates.maxTxMbps, 0x7fff_ffff);
    const rate = writer.begin(VF.rate);
    writer.put(vfIndex);
    writer.put(rates.minTxMbps);
    writer.put(rates.maxTxMbps);
    writer.end(rate);
  }
  if (spoofCheck !== undefined) putPair(writer, VF.spoofCheck, vfIndex, spoofCheck ? 1 : 0);
  if (linkState !== undefined) putPair(writer, VF.linkState, vfIndex, LINK_STATES.indexOf(linkState));
  if (trust !== undefined) putPair(writer, VF.trust, vfIndex, trust ? 1 : 0);
  if (nodeGuid !== undefined) isWritten &&= putGuid(writer, VF.nodeGuid, vfIndex, nodeGuid);
  if (portGuid !== undefined) isWritten &&= putGuid(writer, VF.portGuid, vfIndex, portGuid);
  // The kernel refuses a VF without attributes.
  if (isWritten && writer.length > info + 1) writer.end(info);
  else writer.cutTo(info);
  return isWritten;
}

function putPair(writer: WordWriter, type: number, vf: number, value: number): void {
  const at = writer.begin(type);
  writer.put(vf);
  writer.put(value);
  writer.end(at);
}

/** struct ifla_vf_mac has room for 32 bytes. */
function putMac(writer: WordWriter, vf: number, mac: string): boolean {
  const at = writer.begin(VF.mac);
  writer.put(vf);
  const isWritten = writer.putHexPairs(mac, HARDWARE_ADDRESS_BYTES_MAX);
  writer.end(at);
  return isWritten;
}

function putVlan(writer: WordWriter, vf: number, { id, qos, protocol }: NonNullable<VfChange['vlan']>): boolean {
  const number = protocol === '802.1ad' ? ETH_P_8021AD : ETH_P_8021Q;
  const list = writer.begin(VF.vlanList | NESTED);
  const info = writer.begin(VF.vlanInfo);
  writer.put(vf);
  writer.put(id);
  writer.put(qos);
  // In network byte order, and the structure is padded to 16 bytes.
  writer.put((number >> 8) | ((number & 0xff) << 8));
  writer.end(info);
  writer.end(list);
  return isCount(id, 0x7fff_ffff) && isCount(qos, 0x7fff_ffff);
}

/** struct ifla_vf_guid: the number is aligned to eight bytes. */
function putGuid(writer: WordWriter, type: number, vf: number, guid: string): boolean {
  const value = parseGuid(guid);
  if (value === undefined) return false;
  const at = writer.begin(type);
  writer.put(vf);
  writer.put(0);
  writer.put(Number(value & 0xffff_ffffn));
  writer.put(Number(value >> 32n));
  writer.end(at);
  return true;
}

function isCount(value: number, maximum: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= maximum;
}

/**
 * Attributes from front to back in one piece of memory. All parts are of whole words of the host's byte order, in which an attribute's
 * header is its length in the lower half and its type in the upper.
 */
class WordWriter {
  readonly #words: Uint32Array;
  #at = 0;

  constructor(wordsMax: number) {
    this.#words = new Uint32Array(wordsMax);
  }

  /** In words. */
  get length(): number {
    return this.#at;
  }

  put(word: number): void {
    this.#words[this.#at++] = word;
  }

  /** Begins an attribute; the answer is for {@link end}. */
  begin(type: number): number {
    this.#words[this.#at] = type << 16;
    return this.#at++;
  }

  end(begun: number): void {
    this.#words[begun] = this.#words[begun]! | ((this.#at - begun) * 4);
  }

  cutTo(begun: number): void {
    this.#words.fill(0, begun, this.#at);
    this.#at = begun;
  }

  /** The bytes of `52:54:00`, in the room of `bytesMax`; false for other text. */
  putHexPairs(text: string, bytesMax: number): boolean {
    const length = (text.length + 1) / 3;
    if (!Number.isInteger(length) || length < 1 || length > bytesMax) return false;
    for (let index = 0; index < length; index++) {
      const high = hexDigit(text.charCodeAt(3 * index));
      const low = hexDigit(text.charCodeAt(3 * index + 1));
      if (high < 0 || low < 0 || (index + 1 < length && text.charCodeAt(3 * index + 2) !== COLON)) return false;
      const word = this.#at + (index >> 2);
      this.#words[word] = this.#words[word]! | (((high << 4) | low) << (8 * (index & 3)));
    }
    this.#at += bytesMax / 4;
    return true;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.#words.buffer, 0, 4 * this.#at);
  }
}

const COLON = 58;

/** The value of a hexadecimal digit by its character code, or -1. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
