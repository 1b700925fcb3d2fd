import { interfaceIndex, isNameTaken, netdevName, rareOf, devicesWithNetdev } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import { place } from './netdevs.ts';

/**
 * Deletes a namespace: physical interfaces return to the host (net/core/dev.c default_device_exit_net), down and without addresses, and RDMA
 * devices too (drivers/infiniband/core/device.c, rdma_dev_exit_net).
 */
export function deleteNetns(node: NodeModel, path: string): void {
  if (!node.namespaces.delete(path)) return;
  node.changes++;
  for (const device of node.functions()) {
    const rare = rareOf(node, device);
    if (rare?.rdmaNetns === path) delete rare.rdmaNetns;
  }
  const homeless: Device[] = [];
  for (const device of devicesWithNetdev(node)) if (rareOf(node, device)?.netns === path) homeless.push(device);
  for (const device of homeless) {
    const rare = rareOf(node, device)!;
    // A name that is taken at home is replaced by dev<index>; alternative names that are taken are dropped.
    const name = netdevName(node, device);
    const returns = isNameTaken(node, 'host', name, device) ? freeFallbackName(node, device) : name;
    rare.altNames = rare.altNames.filter((altName) => !isNameTaken(node, 'host', altName, device));
    place(node, device, 'host', returns);
  }
}

function freeFallbackName(node: NodeModel, device: Device): string {
  const first = `dev${interfaceIndex(node, device)}`;
  if (!isNameTaken(node, 'host', first)) return first;
  for (let number = 0; ; number++) if (!isNameTaken(node, 'host', `dev${number}`)) return `dev${number}`;
}
