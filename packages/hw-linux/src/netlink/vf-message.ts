import type { VfChange } from '@vfleet/core';
import { ETH_P_8021AD, IFLA, LINK_STATES, VF, parseGuid } from './link.ts';
import { Beginning } from './message.ts';

const ETH_P_8021Q = 0x8100;
const NESTED = 0x8000;
const HARDWARE_ADDRESS_BYTES_MAX = 32;
/** All attributes of one VF, with the header around them. */
const VF_WORDS_MAX = 40;
/** struct ifinfomsg, and the header of the list. */
const LIST_AT = 4;
/** In bytes. */
const INDEX_AT = 4;
/** The list of VFs is one attribute, which holds 65,535 bytes. */
export const VFS_PER_MESSAGE_MAX = 256;

/**
 * Attributes of VFs through the PF's interface, all in one message (RTM_NEWLINK, IFLA_VFINFO_LIST). The kernel takes VF after VF, of each its
 * attributes in an order of its own (net/core/rtnetlink.c do_setvfinfo), and stops at the first refusal. A value that no message
 * can carry ends the message before its VF: `count` is of those in it. The interface's index is left for whoever knows it. The payload is
 * the room's, until the next message is made in it.
 */
export function encodeSetVfs(vfs: readonly VfChange[], room = new VfMessageRoom()): { readonly payload: Uint8Array; readonly count: number } {
  const most = Math.min(vfs.length, VFS_PER_MESSAGE_MAX);
  const words = room.words(LIST_AT + 1 + most * VF_WORDS_MAX);
  let at = LIST_AT + 1;
  let count = 0;
  for (; count < most; count++) {
    const end = putVf(words, at, vfs[count]!);
    if (end < 0) break;
    at = end;
  }
  words[LIST_AT] = header(IFLA.vfInfoList | NESTED, at - LIST_AT);
  return { payload: room.payload(4 * at), count };
}

/** Into the header of such a message: ifi_index of struct ifinfomsg. */
export function putIndex(payload: Uint8Array, index: number): void {
  for (let byte = 0; byte < 4; byte++) payload[INDEX_AT + byte] = index >> (8 * byte);
}

/** Words for one message at a time, made anew only for a larger one: buffers are the dearest garbage that there is. */
export class VfMessageRoom {
  #words = new Uint32Array(LIST_AT + 1 + 8 * VF_WORDS_MAX);
  #beginning = new Beginning(new Uint8Array(this.#words.buffer));

  /** What was there last is there still, but for the header of the interface, which is empty. */
  words(count: number): Uint32Array {
    if (count > this.#words.length) {
      this.#words = new Uint32Array(count);
      this.#beginning = new Beginning(new Uint8Array(this.#words.buffer));
    }
    for (let at = 0; at < LIST_AT; at++) this.#words[at] = 0;
    return this.#words;
  }

  payload(bytes: number): Uint8Array {
    return this.#beginning.of(bytes);
  }
}

/*
 * Messages are made of whole words of the host's byte order. What puts something at a word gives the word behind it, or -1 for a value that
 * cannot be; what was written by then is written over, or cut off. What the driver makes of the other values is the driver's to say.
 */

/** Of an attribute: its length in the lower half and its type in the upper. */
function header(type: number, lengthWords: number): number {
  return (type << 16) | (4 * lengthWords);
}

const MAC_CHARACTERS = 17;
const MAC_WORDS = 2 + HARDWARE_ADDRESS_BYTES_MAX / 4;
const MAC = header(VF.mac, MAC_WORDS);
const VLAN_LIST = header(VF.vlanList | NESTED, 6);
const VLAN_INFO = header(VF.vlanInfo, 5);
const RATE = header(VF.rate, 4);
const SPOOF_CHECK = header(VF.spoofCheck, 3);
const LINK_STATE = header(VF.linkState, 3);
const TRUST = header(VF.trust, 3);
const NODE_GUID = header(VF.nodeGuid, 5);
const PORT_GUID = header(VF.portGuid, 5);

function putVf(words: Uint32Array, begun: number, change: VfChange): number {
  const { vfIndex, mac, vlan, spoofCheck, trust, rates, linkState, nodeGuid, portGuid } = change;
  if (!isCount(vfIndex, 0xffff)) return -1;
  let at = begun + 1;
  if (mac !== undefined) at = putMac(words, at, vfIndex, mac);
  if (vlan !== undefined && at > 0) at = putVlan(words, at, vfIndex, vlan);
  if (rates !== undefined && at > 0) at = putRates(words, at, vfIndex, rates);
  if (spoofCheck !== undefined && at > 0) at = putPair(words, at, SPOOF_CHECK, vfIndex, spoofCheck ? 1 : 0);
  if (linkState !== undefined && at > 0) at = putPair(words, at, LINK_STATE, vfIndex, LINK_STATES.indexOf(linkState));
  if (trust !== undefined && at > 0) at = putPair(words, at, TRUST, vfIndex, trust ? 1 : 0);
  if (nodeGuid !== undefined && at > 0) at = putGuid(words, at, NODE_GUID, vfIndex, nodeGuid);
  if (portGuid !== undefined && at > 0) at = putGuid(words, at, PORT_GUID, vfIndex, portGuid);
  // The kernel refuses a VF without attributes.
  if (at === begun + 1) return begun;
  words[begun] = header(VF.info | NESTED, at - begun);
  return at;
}

function putPair(words: Uint32Array, at: number, head: number, vf: number, value: number): number {
  words[at] = head;
  words[at + 1] = vf;
  words[at + 2] = value;
  return at + 3;
}

/**
 * struct ifla_vf_mac: of its 32 bytes a MAC takes six, and other hardware addresses more. Without a loop: before V8 has compiled it, a turn
 * of one costs more than what is in it.
 */
function putMac(words: Uint32Array, at: number, vf: number, mac: string): number {
  words[at] = MAC;
  words[at + 1] = vf;
  words[at + 4] = words[at + 5] = words[at + 6] = words[at + 7] = words[at + 8] = words[at + 9] = 0;
  if (mac.length !== MAC_CHARACTERS) return putLongAddress(words, at, mac);
  const first = octet(mac, 0);
  const second = octet(mac, 3);
  const third = octet(mac, 6);
  const fourth = octet(mac, 9);
  const fifth = octet(mac, 12);
  const sixth = octet(mac, 15);
  if ((first | second | third | fourth | fifth | sixth) < 0) return -1;
  if (mac.charCodeAt(2) !== COLON || mac.charCodeAt(5) !== COLON || mac.charCodeAt(8) !== COLON || mac.charCodeAt(11) !== COLON || mac.charCodeAt(14) !== COLON) return -1;
  words[at + 2] = first | (second << 8) | (third << 16) | (fourth << 24);
  words[at + 3] = fifth | (sixth << 8);
  return at + MAC_WORDS;
}

function putLongAddress(words: Uint32Array, at: number, address: string): number {
  const { length } = address;
  if (length % 3 !== 2 || length >= 3 * HARDWARE_ADDRESS_BYTES_MAX) return -1;
  words[at + 2] = words[at + 3] = 0;
  for (let from = 0, byte = 0; from < length; from += 3, byte++) {
    const value = octet(address, from);
    if (value < 0 || (from > 0 && address.charCodeAt(from - 1) !== COLON)) return -1;
    words[at + 2 + (byte >> 2)]! |= value << (8 * (byte & 3));
  }
  return at + MAC_WORDS;
}

function putVlan(words: Uint32Array, at: number, vf: number, { id, qos, protocol }: NonNullable<VfChange['vlan']>): number {
  if (!isCount(id, 0x7fff_ffff) || !isCount(qos, 0x7fff_ffff)) return -1;
  const number = protocol === '802.1ad' ? ETH_P_8021AD : ETH_P_8021Q;
  words[at] = VLAN_LIST;
  words[at + 1] = VLAN_INFO;
  words[at + 2] = vf;
  words[at + 3] = id;
  words[at + 4] = qos;
  // In network byte order, and the structure is padded to 16 bytes.
  words[at + 5] = (number >> 8) | ((number & 0xff) << 8);
  return at + 6;
}

function putRates(words: Uint32Array, at: number, vf: number, { minTxMbps, maxTxMbps }: NonNullable<VfChange['rates']>): number {
  if (!isCount(minTxMbps, 0x7fff_ffff) || !isCount(maxTxMbps, 0x7fff_ffff)) return -1;
  words[at] = RATE;
  words[at + 1] = vf;
  words[at + 2] = minTxMbps;
  words[at + 3] = maxTxMbps;
  return at + 4;
}

/** struct ifla_vf_guid: the number is aligned to eight bytes. */
function putGuid(words: Uint32Array, at: number, head: number, vf: number, guid: string): number {
  const value = parseGuid(guid);
  if (value === undefined) return -1;
  words[at] = head;
  words[at + 1] = vf;
  words[at + 2] = 0;
  words[at + 3] = Number(value & 0xffff_ffffn);
  words[at + 4] = Number(value >> 32n);
  return at + 5;
}

function isCount(value: number, maximum: number): boolean {
  return value >>> 0 === value && value <= maximum;
}

const COLON = 58;

/** The values of hexadecimal digits by their character codes, and -1 of others. */
const DIGITS = Int8Array.from({ length: 128 }, (_, code) => '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase()));

/** Two hexadecimal digits; negative when they are none. */
function octet(text: string, at: number): number {
  return ((DIGITS[text.charCodeAt(at)] ?? -1) << 4) | (DIGITS[text.charCodeAt(at + 1)] ?? -1);
}
