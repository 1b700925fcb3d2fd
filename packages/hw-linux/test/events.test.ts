// Goal: what the kernel tells becomes the events of the port. Method: messages as the kernel sends them, made by the encoders.
import { describe, expect, test } from 'vitest';
import { EventReader } from '../src/events.ts';
import { attribute, bytesOf, text } from '../src/netlink/attributes.ts';
import { linkHeader } from '../src/netlink/link.ts';
import { encodeMessage } from '../src/netlink/message.ts';

const VF = '0000:01:10.0';
const uevent = (head: string, ...values: readonly string[]) => ({ kind: 'uevent' as const, bytes: new TextEncoder().encode([head, ...values, ''].join('\0')) });
const pci = (action: string, ...more: readonly string[]) => uevent(`${action}@/devices/pci0000:00/0000:00:09.0/${VF}`, `ACTION=${action}`, 'SUBSYSTEM=pci', 'PCI_CLASS=20000', `PCI_SLOT_NAME=${VF}`, ...more);
const link = (type: number, carrier: boolean, bus = 'pci') => ({
  kind: 'link' as const,
  bytes: encodeMessage({ type, flags: 0, sequence: 0, port: 0, payload: bytesOf(linkHeader(7, carrier ? 0x1_0001 : 1), attribute(3, text('eth3')), attribute(57, text(bus)), attribute(56, text(VF))) }),
});

describe('events', () => {
  test('a VF comes, gets a driver and a netdev, loses them and goes', () => {
    const reader = new EventReader();
    const news = [pci('add'), uevent(`add@/devices/pci0000:00/0000:00:09.0/${VF}/net/eth3`, 'SUBSYSTEM=net', 'INTERFACE=eth3'), pci('bind', 'DRIVER=igbvf'), pci('unbind'), pci('remove')];
    expect(news.flatMap((one) => reader.read(one))).toEqual([
      { kind: 'added', device: VF }, { kind: 'changed', device: VF }, { kind: 'driver', device: VF, driver: 'igbvf' }, { kind: 'driver', device: VF }, { kind: 'removed', device: VF },
    ]);
  });

  test('carrier is told when it changes, the rest as a change; other buses are nobody’s', () => {
    const reader = new EventReader();
    const kinds = [link(16, false), link(16, true), link(16, true), link(16, false), link(17, false), link(16, true, 'virtio')].map((one) => reader.read(one).map((event) => (event.kind === 'link' ? event.carrier : event.kind)));
    expect(kinds).toEqual([['changed'], [true], ['changed'], [false], ['changed'], []]);
  });

  test('other devices, udev’s own messages and queues are not told; what was lost or cannot be read is a resync', () => {
    const reader = new EventReader();
    const storage = uevent('add@/devices/pci0000:00/0000:00:1f.2', 'SUBSYSTEM=pci', 'PCI_CLASS=10601', 'PCI_SLOT_NAME=0000:00:1f.2');
    const queues = uevent(`add@/devices/pci0000:00/${VF}/net/eth3/queues/rx-0`, 'SUBSYSTEM=queues');
    expect([storage, queues, uevent('libudev', 'x')].flatMap((one) => reader.read(one))).toEqual([]);
    expect([{ kind: 'overrun' as const }, { kind: 'link' as const, bytes: new Uint8Array([1, 2, 3]) }].flatMap((one) => reader.read(one))).toEqual([{ kind: 'resync' }, { kind: 'resync' }]);
  });
});
