import type { NetnsPath } from '@vfleet/core';
import type { NetlinkAnswer, NetlinkRequest } from '../netlink/exchange.ts';
import type { NetlinkProtocol } from './netlink-socket.ts';

/** What the kernel thread is asked. */
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
  | { readonly kind: 'ethtool'; readonly netns: NetnsPath; readonly name: string; readonly data: Uint8Array };

export interface ThreadCall {
  readonly id: number;
  readonly request: ThreadRequest;
}

export interface ThreadReply {
  readonly id: number;
  readonly answer: NetlinkAnswer;
}
