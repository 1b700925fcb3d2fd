import type { RdmaMode } from '@vfleet/core';
import type { KernelLinks } from '../links.ts';
import { RDMA_SYS_GET, decodeRdmaMode } from '../netlink/rdma.ts';

/** Whether RDMA devices belong to network namespaces. A kernel without RDMA is as one that shares them. */
export async function readRdmaMode(links: KernelLinks): Promise<RdmaMode> {
  const mode = await links.ask('host', 'rdma', RDMA_SYS_GET, new Uint8Array(), decodeRdmaMode);
  return mode.ok ? (mode.value[0] ?? 'shared') : 'shared';
}
