import type { HardwareEvent, PciAddress } from '@vfleet/core';

/** A kernel uevent as udev would see it, or a link change as rtnetlink tells it. */
export type Uevent =
  | { readonly action: 'add' | 'remove' | 'change'; readonly subsystem: 'pci'; readonly device: PciAddress }
  | { readonly action: 'bind' | 'unbind'; readonly subsystem: 'pci'; readonly device: PciAddress; readonly driver: string }
  | { readonly action: 'add' | 'remove' | 'move'; readonly subsystem: 'net'; readonly device: PciAddress; readonly name: string }
  | { readonly action: 'add' | 'remove'; readonly subsystem: 'queues'; readonly device: PciAddress; readonly name: string }
  | { readonly action: 'link'; readonly subsystem: 'rtnetlink'; readonly device: PciAddress; readonly carrier: boolean }
  /** RTM_NEWLINK for anything but carrier: MTU, up and down (net/core/rtnetlink.c, rtnetlink_event). */
  | { readonly action: 'newlink'; readonly subsystem: 'rtnetlink'; readonly device: PciAddress }
  | { readonly action: 'overrun'; readonly subsystem: 'netlink' };

/** What the Hardware port tells of a uevent; undefined for those it keeps to itself. */
export function hardwareEventOf(event: Uevent): HardwareEvent | undefined {
  switch (event.subsystem) {
    case 'queues':
      return undefined;
    case 'netlink':
      return { kind: 'resync' };
    case 'rtnetlink':
      return event.action === 'newlink' ? { kind: 'changed', device: event.device } : { kind: 'link', device: event.device, carrier: event.carrier };
    case 'net':
      return { kind: 'changed', device: event.device };
    case 'pci':
      switch (event.action) {
        case 'add':
          return { kind: 'added', device: event.device };
        case 'remove':
          return { kind: 'removed', device: event.device };
        case 'bind':
          return { kind: 'driver', device: event.device, driver: event.driver };
        case 'unbind':
          return { kind: 'driver', device: event.device };
        case 'change':
          return { kind: 'changed', device: event.device };
      }
  }
}
