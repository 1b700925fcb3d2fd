import { attribute, attributeTable, readU8, u8 } from './attributes.ts';

/** RDMA's own netlink family (include/uapi/rdma/rdma_netlink.h): RDMA_NL_NLDEV is 5. */
const NLDEV = 5 << 10;
export const RDMA_SYS_GET = NLDEV | 6;
export const RDMA_SYS_SET = NLDEV | 7;
const NETNS_MODE = 66;

export function decodeRdmaMode(payload: Uint8Array): 'shared' | 'exclusive' | undefined {
  const mode = attributeTable(payload).get(NETNS_MODE);
  return mode === undefined ? undefined : readU8(mode) === 0 ? 'exclusive' : 'shared';
}

export function encodeRdmaMode(mode: 'shared' | 'exclusive'): Uint8Array {
  return attribute(NETNS_MODE, u8(mode === 'shared' ? 1 : 0));
}
