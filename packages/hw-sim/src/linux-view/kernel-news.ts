import type { PciAddress } from '@vfleet/core';
import { isAccelerator } from '../kernel/accelerators.ts';
import { hasNetdev, rareOf } from '../model/netdev.ts';
import type { NodeModel } from '../model/node-model.ts';
import type { Uevent } from '../model/uevents.ts';
import { PfFlag } from '../model/columns.ts';
import { message } from './bytes.ts';
import { linkMessage } from './link-messages.ts';
import { devicePath } from './sysfs-tree.ts';

/** What sockets that listen are told: a uevent, an rtnetlink message, or that some were lost. */
export type KernelNews = { readonly kind: 'uevent' | 'link'; readonly bytes: Uint8Array } | { readonly kind: 'overrun' };

const NEW_LINK = 16;

/** An event of the model in the bytes of lib/kobject_uevent.c or rtnetlink; undefined for what is seen only from another namespace. */
export function newsOf(node: NodeModel, event: Uevent, sequence: number): KernelNews | undefined {
  switch (event.subsystem) {
    case 'netlink':
      return { kind: 'overrun' };
    case 'rtnetlink': {
      const device = node.find(event.device);
      if (device === undefined || !hasNetdev(node, device) || rareOf(node, device)?.netns !== undefined) return undefined;
      return { kind: 'link', bytes: message(NEW_LINK, 0, 0, linkMessage(node, device, 'none')) };
    }
    case 'net':
    case 'queues': {
      const net = `${devicePath(event.device)}/net/${event.name}`;
      return uevent(event.action, event.subsystem === 'net' ? net : `${net}/queues/rx-0`, event.subsystem, sequence, [`INTERFACE=${event.name}`]);
    }
    case 'pci':
      return uevent(event.action, devicePath(event.device), 'pci', sequence, [...pciValues(node, event.device), ...('driver' in event && event.action === 'bind' ? [`DRIVER=${event.driver}`] : [])]);
  }
}

function pciValues(node: NodeModel, address: PciAddress): readonly string[] {
  const device = node.find(address);
  const isInfiniBand = device !== undefined && node.hasFlag(device.pf, PfFlag.infiniband);
  return [`PCI_CLASS=${isAccelerator(node, address) ? '120000' : isInfiniBand ? '20700' : '20000'}`, ...(device === undefined ? [] : [`PCI_ID=${node.idOf(device).replace(' ', ':').toUpperCase()}`]), `PCI_SLOT_NAME=${address}`];
}

function uevent(action: string, path: string, subsystem: string, sequence: number, values: readonly string[]): KernelNews {
  const devicePathBelowSys = path.slice('/sys'.length);
  const lines = [`${action}@${devicePathBelowSys}`, `ACTION=${action}`, `DEVPATH=${devicePathBelowSys}`, `SUBSYSTEM=${subsystem}`, ...values, `SEQNUM=${sequence}`];
  return { kind: 'uevent', bytes: new TextEncoder().encode(`${lines.join('\0')}\0`) };
}
