import type { RdmaMode } from '@vfleet/core';
import { rareFor, rareOf } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import { bornRdmaDevices } from '../observe.ts';

/** rdma system set netns: refused while other namespaces exist (drivers/infiniband/core/device.c rdma_compatdev_set). Kept over reboots. */
export function setRdmaMode(node: NodeModel, mode: RdmaMode): Outcome {
  if (node.rdmaMode === mode) return 'ok';
  if (node.namespaces.size > 0) return 'EBUSY';
  node.rdmaMode = mode;
  return 'ok';
}

/** Where the RDMA devices of a function are; in the mode `shared` they are seen everywhere. */
export function rdmaNetnsOf(node: NodeModel, device: Device): string {
  return rareOf(node, device)?.rdmaNetns ?? 'host';
}

/**
 * rdma dev set netns (drivers/infiniband/core/device.c, ib_device_set_netns_put), in the order in which the kernel finds fault. Every driver
 * of this fleet that makes RDMA devices lets their users go, as moving them needs (mlx5_ib, irdma, bnxt_re: disassociate_ucontext).
 */
export function moveRdma(node: NodeModel, device: Device, name: string, from: string, to: string): Outcome {
  if (from !== 'host' && !node.namespaces.has(from)) return 'ENODEV';
  if (!bornRdmaDevices(node, device).includes(name)) return 'ENODEV';
  if (node.rdmaMode === 'exclusive' && rdmaNetnsOf(node, device) !== from) return 'ENODEV';
  if (from === to) return 'ok';
  if (to !== 'host' && !node.openNetns(to)) return 'ENOENT';
  if (node.rdmaMode === 'shared') return 'EOPNOTSUPP';
  const rare = rareFor(node, device);
  if (to === 'host') delete rare.rdmaNetns;
  else rare.rdmaNetns = to;
  return 'ok';
}
