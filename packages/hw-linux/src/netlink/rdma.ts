import { MalformedMessage, attribute, attributeTable, bytesOf, readText, readU32, readU8, u32, u8 } from './attributes.ts';

/** RDMA's own netlink family (include/uapi/rdma/rdma_netlink.h): RDMA_NL_NLDEV is 5. */
const NLDEV = 5 << 10;
export const RDMA_GET = NLDEV | 1;
export const RDMA_SET = NLDEV | 2;
export const RDMA_SYS_GET = NLDEV | 6;
export const RDMA_SYS_SET = NLDEV | 7;
const DEVICE_INDEX = 1;
const DEVICE_NAME = 2;
const NETNS_MODE = 66;
const NETNS_FD = 68;

/** An RDMA device; its number is the same in every namespace. */
export interface RdmaDevice {
  readonly index: number;
  readonly name: string;
}

export function decodeRdmaMode(payload: Uint8Array): 'shared' | 'exclusive' | undefined {
  const mode = attributeTable(payload).get(NETNS_MODE);
  return mode === undefined ? undefined : readU8(mode) === 0 ? 'exclusive' : 'shared';
}

export function encodeRdmaMode(mode: 'shared' | 'exclusive'): Uint8Array {
  return attribute(NETNS_MODE, u8(mode === 'shared' ? 1 : 0));
}

/** One of a dump of the devices that a namespace sees. */
export function decodeRdmaDevice(payload: Uint8Array): RdmaDevice {
  const table = attributeTable(payload);
  const [index, name] = [table.get(DEVICE_INDEX), table.get(DEVICE_NAME)];
  if (index === undefined || name === undefined) throw new MalformedMessage('RDMA device without a number or a name');
  return { index: readU32(index), name: readText(name) };
}

/** Its last four bytes are the place for the namespace's file descriptor. */
export function encodeMoveRdma(index: number): Uint8Array {
  return bytesOf(attribute(DEVICE_INDEX, u32(index)), attribute(NETNS_FD, u32(0)));
}
