import type { NetnsPath } from '@vfleet/core';
import type { NetlinkAnswer, NetlinkRequest } from '../netlink/exchange.ts';
import type { NetlinkProtocol } from './netlink-socket.ts';
import type { SystemCalls } from './system-calls.ts';

const AF_INET = 2;
const AF_PACKET = 17;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const GDRVINFO = 3;
const DRIVER_INFO_BYTES = 196;

/** What the kernel is asked, on its thread or beside it. */
export type ThreadRequest =
  | {
      readonly kind: 'netlink';
      readonly netns: NetnsPath;
      readonly protocol: NetlinkProtocol;
      readonly request: NetlinkRequest;
      /** Opens this namespace and writes its file descriptor over the last four bytes of the payload. */
      readonly targetNetns?: NetnsPath;
    }
  /** ETHTOOL_GDRVINFO: one answer of 196 bytes. */
  | { readonly kind: 'driverInfo'; readonly netns: NetnsPath; readonly name: string }
  /** SIOCETHTOOL: one answer, the structure with what the kernel wrote into it. */
  | { readonly kind: 'ethtool'; readonly netns: NetnsPath; readonly name: string; readonly data: Uint8Array }
  /** Frames out of the interface of that index, as they are: an answer without payload. */
  | { readonly kind: 'frames'; readonly netns: NetnsPath; readonly index: number; readonly frames: readonly Uint8Array[] };

/** What this process' own sockets answer. */
export type HostRequest = Exclude<ThreadRequest, { kind: 'frames' }>;

/** What goes to the thread in one message: calls that were made in the same turn. All are answered in one, too. */
export interface ThreadCall {
  readonly id: number;
  readonly request: ThreadRequest;
}

export interface ThreadReply {
  readonly id: number;
  readonly answer: NetlinkAnswer;
}

/** An empty struct ethtool_drvinfo that asks for itself. */
export function driverInfoQuery(): Uint8Array {
  const info = new Uint8Array(DRIVER_INFO_BYTES);
  info[0] = GDRVINFO;
  return info;
}

/** A socket that only sends frames, packet(7); a negative value is the errno. */
export function openPacket(calls: SystemCalls): number {
  const { value, errno } = calls.socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0);
  return value < 0 ? -errno : value;
}

/** struct sockaddr_ll with the interface; the frame brings its own addresses. */
export function linkAddress(index: number): Uint8Array {
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setInt32(4, index, true);
  return address;
}

/** A socket for SIOCETHTOOL; a negative value is the errno. */
export function openDatagram(calls: SystemCalls): number {
  const { value, errno } = calls.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  return value < 0 ? -errno : value;
}
