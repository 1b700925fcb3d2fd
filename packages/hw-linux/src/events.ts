import type { HardwareEvent, PciAddress } from '@vfleet/core';
import { parsePciAddress } from '@vfleet/core';
import { MalformedMessage } from './netlink/attributes.ts';
import { RTM, decodeLink } from './netlink/link.ts';
import { decodeMessages } from './netlink/message.ts';
import { decodeUevent } from './netlink/uevent.ts';
import type { MonitorNews } from './kernel-thread/monitor.ts';

/** PCI classes 02 (network) and 12 (processing accelerators) as the uevent writes them: without leading zeros. */
const OBSERVED_CLASS = /^(?:2|12)[0-9A-Fa-f]{4}$/;
const DEVICE_OF_NETDEV = /\/([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\/net\/[^/]+$/;

const DEVICE_OF_SUBFUNCTION = /\/([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\/[^/.]+\.sf\.\d+$/;

/** Turns the kernel's messages into the events of the Hardware port. It remembers carriers, which no message says have changed. */
export class EventReader {
  readonly #carriers = new Map<number, boolean>();

  read(news: MonitorNews): readonly HardwareEvent[] {
    if (news.kind === 'overrun' || news.kind === 'failed') return [RESYNC];
    try {
      return news.kind === 'uevent' ? ofUevent(news.bytes) : decodeMessages(news.bytes).flatMap((message) => this.#ofLink(message.type, message.payload));
    } catch (error) {
      // What cannot be read may have told of anything.
      if (error instanceof MalformedMessage) return [RESYNC];
      throw error;
    }
  }

  #ofLink(type: number, payload: Uint8Array): readonly HardwareEvent[] {
    if (type !== RTM.newLink && type !== RTM.delLink) return [];
    const link = decodeLink(payload);
    const device = link.parentBus === 'pci' && link.parentDevice !== undefined ? parsePciAddress(link.parentDevice) : undefined;
    if (device?.ok !== true) return [];
    const before = this.#carriers.get(link.index);
    if (type === RTM.delLink) this.#carriers.delete(link.index);
    else this.#carriers.set(link.index, link.carrier);
    const carrierChanged = type === RTM.newLink && before !== link.carrier && (before !== undefined || link.carrier);
    return [carrierChanged ? { kind: 'link', device: device.value, carrier: link.carrier } : { kind: 'changed', device: device.value }];
  }
}

const RESYNC: HardwareEvent = { kind: 'resync' };

function ofUevent(bytes: Uint8Array): readonly HardwareEvent[] {
  const event = decodeUevent(bytes);
  if (event === undefined) return [];
  if (event.subsystem === 'net') {
    const parent = DEVICE_OF_NETDEV.exec(event.devicePath)?.[1];
    const device = parent === undefined ? undefined : parsePciAddress(parent);
    return device?.ok === true ? [{ kind: 'changed', device: device.value }] : [];
  }
  if (event.subsystem === 'auxiliary') {
    const parent = DEVICE_OF_SUBFUNCTION.exec(event.devicePath)?.[1];
    const device = parent === undefined ? undefined : parsePciAddress(parent);
    return device?.ok === true ? [{ kind: 'changed', device: device.value }] : [];
  }
  const slot = event.values.get('PCI_SLOT_NAME');
  const device = slot === undefined ? undefined : parsePciAddress(slot);
  if (event.subsystem !== 'pci' || device?.ok !== true || !OBSERVED_CLASS.test(event.values.get('PCI_CLASS') ?? '')) return [];
  return ofPci(event.action, device.value, event.values.get('DRIVER'));
}

function ofPci(action: string, device: PciAddress, driver: string | undefined): readonly HardwareEvent[] {
  switch (action) {
    case 'add':
      return [{ kind: 'added', device }];
    case 'remove':
      return [{ kind: 'removed', device }];
    case 'bind':
      return [{ kind: 'driver', device, ...(driver === undefined ? {} : { driver }) }];
    case 'unbind':
      return [{ kind: 'driver', device }];
    default:
      return [{ kind: 'changed', device }];
  }
}
