import type { VfChange } from '@vfleet/core';
import { ETH_P_8021AD, IFLA, LINK_STATES, VF, parseGuid } from './link.ts';

const ETH_P_8021Q = 0x8100;
const NESTED = 0x8000;
const HARDWARE_ADDRESS_BYTES_MAX = 32;
/** All attributes of one VF, with the header around them. */
const VF_WORDS_MAX = 40;
/** struct ifinfomsg, and the header of the list. */
const LIST_AT = 4;
/** The list of VFs is one attribute, which holds 65,535 bytes. */
export const VFS_PER_MESSAGE_MAX = 256;

/**
 * Attributes of VFs through the PF's interface, all in one message (RTM_NEWLINK, IFLA_VFINFO_LIST). The kernel takes VF after VF, of each its
 * attributes in an order of its own (net/core/rtnetlink.c do_setvfinfo), and stops at the first refusal. A value that no message
 * can carry ends the message before its VF: `count` is of those in it. The interface's index is left for whoever knows it.
 */
export function encodeSetVfs(vfs: readonly VfChange[]): { readonly payload: Uint8Array; readonly count: number } {
  const most = Math.min(vfs.length, VFS_PER_MESSAGE_MAX);
  const words = new Uint32Array(LIST_AT + 1 + most * VF_WORDS_MAX);
  let at = LIST_AT + 1;
  let count = 0;
  for (; count < most; count++) {
    const end = putVf(words, at, vfs[count]!);
    if (end < 0) break;
    at = end;
  }
  words[LIST_AT] = header(IFLA.vfInfoList | NESTED, at - LIST_AT);
  return { payload: new Uint8Array(words.buffer, 0, 4 * at), count };
}

/*
 * Messages are made of whole words of the host's byte order. What puts something at a word gives the word behind it, or -1 for a value that
 * cannot be; what was written by then is written over, or cut off. What the driver makes of the other values is the driver's to say.
 */

/** Of an attribute: its length in the lower half and its type in the upper. */
function header(type: number, lengthWords: number): number {
  return (type << 16) | (4 * lengthWords);
}

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

/** struct ifla_vf_mac: of its 32 bytes a MAC takes six, and other hardware addresses more. */
function putMac(words: Uint32Array, at: number, vf: number, mac: string): number {
  const { length } = mac;
  if (length % 3 !== 2 || length >= 3 * HARDWARE_ADDRESS_BYTES_MAX) return -1;
  const end = at + MAC_WORDS;
  words[at] = MAC;
  words[at + 1] = vf;
  let word = at + 2;
  let value = 0;
  let shift = 0;
  for (let from = 0; from < length; from += 3) {
    const byte = (hexDigit(mac.charCodeAt(from)) << 4) | hexDigit(mac.charCodeAt(from + 1));
    if (byte < 0 || (from > 0 && mac.charCodeAt(from - 1) !== COLON)) return -1;
    value |= byte << shift;
    shift += 8;
    if (shift < 32) continue;
    words[word++] = value;
    value = 0;
    shift = 0;
  }
  // The last begun word, if any, and the rest of the room.
  while (word < end) {
    words[word++] = value;
    value = 0;
  }
  return end;
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
  return Number.isInteger(value) && value >= 0 && value <= maximum;
}

const COLON = 58;

/** The value of a hexadecimal digit by its character code, or -1. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
