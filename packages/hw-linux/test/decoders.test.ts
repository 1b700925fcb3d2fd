// Goal: whatever bytes come from a socket, decoders answer or say that the message is malformed: no other error, no hang; and what is
// encoded is what is decoded. Method: mutated messages by seed (npm test some thousands, the bench a million), round trips by property.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '@vfleet/core';
import { attribute, bytesOf, decodeAttributes, nested, text, u32, viewOf } from '../src/netlink/attributes.ts';
import { decodeAddress, decodeRoute, encodeAddress, encodeRoute, isDefaultRoute, parsePrefix, samePrefix } from '../src/netlink/addresses.ts';
import { decodeLink, encodeMove, linkHeader } from '../src/netlink/link.ts';
import { decodeMessages, encodeMessage, endingOf, isAcknowledgement } from '../src/netlink/message.ts';
import { VFS_PER_MESSAGE_MAX, VfMessageRoom, encodeSetVfs, putIndex } from '../src/netlink/vf-message.ts';
import { decodeUevent } from '../src/netlink/uevent.ts';
import { decodeAll, mutated } from './arbitraries.ts';

describe('decoders', () => {
  test('mutated messages give an answer or MalformedMessage', () => {
    const random = new SeededRandom('netlink');
    for (let round = 0; round < 5_000; round++) expect(decodeAll(mutated((bound) => random.integer(bound)))).toEqual([]);
  });

  test('any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => decodeAll(bytes).length === 0), { numRuns: 2_000 });
  });

  test('messages and attributes come back as they were', () => {
    const parts = fc.array(fc.record({ type: fc.integer({ min: 1, max: 0x3fff }), payload: fc.uint8Array({ maxLength: 40 }) }), { maxLength: 8 });
    fc.assert(fc.property(parts, fc.nat(0xffff_ffff), (attributes, sequence) => {
      const payload = bytesOf(...attributes.map(({ type, payload: value }) => attribute(type, value)));
      const [message] = decodeMessages(encodeMessage({ type: 16, flags: 5, sequence, port: 7, payload }));
      expect([message!.sequence, message!.port, message!.flags]).toEqual([sequence, 7, 5]);
      expect(decodeAttributes(message!.payload).map(({ type, payload: value }) => ({ type, payload: Uint8Array.from(value) }))).toEqual(attributes);
    }));
  });

  test('VF attributes are read as they are written, GUIDs on InfiniBand only', () => {
    const settings = { vfIndex: 6, mac: '02:00:00:00:00:09', vlan: { id: 100, qos: 3, protocol: '802.1ad' as const }, spoofCheck: true, trust: true, rates: { minTxMbps: 1, maxTxMbps: 2 }, linkState: 'disable' as const, nodeGuid: '00:11:22:33:44:55:66:77' };
    const message = encodeSetVfs([settings]).payload;
    const expected = { index: 6, mac: '02:00:00:00:00:09', vlan: 100, vlanQos: 3, vlanProtocol: '802.1ad', spoofCheck: true, trust: true, minTxRateMbps: 1, maxTxRateMbps: 2, linkState: 'disable' };
    expect(decodeLink(message).vfs).toEqual([expected]);
    const infiniband = Uint8Array.from(message);
    new DataView(infiniband.buffer).setUint16(2, 32, true);
    expect(decodeLink(infiniband).vfs).toEqual([{ ...expected, nodeGuid: '00:11:22:33:44:55:66:77' }]);
  });

  const change = fc.record({
    vfIndex: fc.nat(0xffff), mac: fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')),
    vlan: fc.record({ id: fc.nat(4095), qos: fc.nat(7), protocol: fc.constantFrom('802.1q' as const, '802.1ad' as const) }), spoofCheck: fc.boolean(), trust: fc.boolean(),
    rates: fc.record({ minTxMbps: fc.nat(0x7fff_ffff), maxTxMbps: fc.nat(0x7fff_ffff) }), linkState: fc.constantFrom('auto' as const, 'enable' as const, 'disable' as const),
  }, { requiredKeys: ['vfIndex', 'mac'] });

  test('a batch of VFs is read as it is written', () => {
    fc.assert(fc.property(fc.array(change, { maxLength: 40 }), (vfs) => {
      const { payload, count } = encodeSetVfs(vfs);
      expect(count).toBe(vfs.length);
      expect(decodeLink(payload).vfs).toEqual(vfs.map(({ vfIndex, mac, vlan, spoofCheck, trust, rates, linkState }) => ({
        index: vfIndex, mac, vlan: vlan?.id ?? 0, vlanQos: vlan?.qos ?? 0, vlanProtocol: vlan?.protocol ?? '802.1q', spoofCheck: spoofCheck ?? false, trust: trust ?? false,
        minTxRateMbps: rates?.minTxMbps ?? 0, maxTxRateMbps: rates?.maxTxMbps ?? 0, linkState: linkState ?? 'auto',
      })));
    }));
  });

  test('a room that other messages were in before gives the same message as a new one', () => {
    const long = fc.uint8Array({ minLength: 1, maxLength: 32 }).map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':'));
    const guid = fc.constant('00:11:22:33:44:55:66:77');
    const addressed = fc.record({ vfIndex: fc.nat(0xffff), mac: fc.oneof(long, fc.constant('02:00:00:00:00:0g')), nodeGuid: guid, trust: fc.boolean() }, { requiredKeys: ['vfIndex'] });
    const room = new VfMessageRoom();
    fc.assert(fc.property(fc.array(fc.oneof(change, addressed), { maxLength: 24 }), fc.nat(0x7fff_ffff), (vfs, index) => {
      const { payload, count } = encodeSetVfs(vfs, room);
      const fresh = encodeSetVfs(vfs);
      expect([count, Buffer.from(payload).toString('hex')]).toEqual([fresh.count, Buffer.from(fresh.payload).toString('hex')]);
      putIndex(payload, index);
      expect(viewOf(payload).getInt32(4, true)).toBe(index);
    }));
  });

  test('an acknowledgement is told at a glance where the whole reading says the same', () => {
    const asked = encodeMessage({ type: 16, flags: 5, sequence: 9, port: 0, payload: u32(7) });
    const message = (type: number, status: number, sequence: number, flags: number) => encodeMessage({ type, flags, sequence, port: 0, payload: bytesOf(u32(status), asked.slice(0, 16)) });
    const some = fc.tuple(fc.constantFrom(2, 3, 4, 16, 0x202), fc.constantFrom(0, 0, -22, 1 << 24), fc.constantFrom(9, 9, 10, 0xffff_ffff), fc.constantFrom(0, 0x100, 0x200)).map((parts) => message(...parts));
    const datagram = fc.oneof(some, fc.tuple(some, some).map((both) => bytesOf(...both)), fc.tuple(some, fc.nat(40)).map(([whole, length]) => whole.slice(0, length)), fc.uint8Array({ maxLength: 40 }));
    fc.assert(fc.property(datagram, fc.constantFrom(9, 0xffff_ffff), (bytes, sequence) => {
      if (!isAcknowledgement(bytes, sequence)) return;
      const all = decodeMessages(bytes);
      expect([all.length, all[0]!.sequence, endingOf(all[0]!)]).toEqual([1, sequence, { kind: 'done' }]);
    }), { numRuns: 1_000 });
    for (const sequence of [9, 0xffff_ffff]) expect(isAcknowledgement(message(2, 0, sequence, 0x100), sequence)).toBe(true);
    for (const other of [message(2, -22, 9, 0), message(2, 0, 10, 0), message(16, 0, 9, 0), bytesOf(asked, message(2, 0, 9, 0)), new Uint8Array(0)]) expect(isAcknowledgement(other, 9)).toBe(false);
  });

  test('a value that no message can carry ends the message before its VF, and a message holds only so many', () => {
    const bad = fc.constantFrom<object>({ mac: 'no' }, { mac: '' }, { mac: '02:00:00:00:00:0' }, { mac: '02-00-00-00-00-09' }, { mac: '0x:00' }, { mac: Array.from({ length: 33 }, () => '02').join(':') }, { vfIndex: -1 }, { vfIndex: 0x1_0000 }, { vfIndex: 0.5 }, { vlan: { id: -1, qos: 0, protocol: '802.1q' } }, { vlan: { id: 1, qos: NaN, protocol: '802.1q' } }, { rates: { minTxMbps: 0, maxTxMbps: 2 ** 31 } }, { nodeGuid: '5' });
    fc.assert(fc.property(fc.array(change, { maxLength: 9 }), bad, fc.array(change, { maxLength: 3 }), (before, wrong, after) => {
      const whole = encodeSetVfs(before);
      const cut = encodeSetVfs([...before, { vfIndex: 0, mac: '02:00:00:00:00:09', trust: true, ...wrong }, ...after]);
      expect(cut).toEqual(whole);
    }));
    const many = Array.from({ length: 600 }, (_, vfIndex) => ({ vfIndex, mac: '02:00:00:00:00:09', vlan: { id: 1, qos: 0, protocol: '802.1q' as const }, spoofCheck: true, trust: true, rates: { minTxMbps: 0, maxTxMbps: 0 }, linkState: 'auto' as const, nodeGuid: '00:11:22:33:44:55:66:77', portGuid: '00:11:22:33:44:55:66:77' }));
    const full = encodeSetVfs(many);
    expect(full.count).toBe(VFS_PER_MESSAGE_MAX);
    expect(decodeLink(full.payload).vfs.length).toBe(VFS_PER_MESSAGE_MAX);
    expect(full.payload.length).toBeLessThan(0xffff);
  });

  test('a VF of which nothing is to be set is left out: the kernel refuses such', () => {
    const one = encodeSetVfs([{ vfIndex: 3 }, { vfIndex: 1, trust: true }]);
    expect([one.count, decodeAttributes(decodeAttributes(one.payload.subarray(16))[0]!.payload).length]).toEqual([2, 1]);
  });

  test('a link with its alternative names; the place for the namespace is last', () => {
    const link = decodeLink(bytesOf(linkHeader(3, 0x1_0001), attribute(3, text('eth0')), nested(52, attribute(53, text('a')), attribute(53, text('b'))), attribute(57, text('pci')), attribute(56, text('0000:01:00.0'))));
    expect(link).toMatchObject({ index: 3, up: true, carrier: true, name: 'eth0', altNames: ['a', 'b'], parentBus: 'pci', parentDevice: '0000:01:00.0', vfs: [] });
    expect([...encodeMove(3, 'net1').slice(-8)]).toEqual([8, 0, 28, 0, 0, 0, 0, 0]);
  });

  test('errors carry the kernel’s own words, whether what was asked is echoed or not', () => {
    const asked = encodeMessage({ type: 16, flags: 5, sequence: 1, port: 0, payload: u32(7) });
    const echoed = { type: 2, flags: 0x200, sequence: 1, port: 0, payload: bytesOf(u32(-22), asked, attribute(1, text('bad MAC'))) };
    const capped = { ...echoed, flags: 0x300, payload: bytesOf(u32(-22), asked.slice(0, 16), attribute(1, text('bad MAC'))) };
    for (const message of [echoed, capped]) expect(endingOf(message)).toEqual({ kind: 'error', errno: 22, says: 'bad MAC' });
    expect(endingOf({ ...echoed, flags: 0, payload: bytesOf(u32(0), asked) })).toEqual({ kind: 'done' });
  });

  test('addresses and routes', () => {
    for (const address of ['192.0.2.7/24', '2001:db8::7/64', '::ffff:192.0.2.1/128', '::/0', '10.0.0.0/8']) {
      const prefix = parsePrefix(address)!;
      expect(samePrefix(decodeAddress(encodeAddress(3, prefix)), prefix)).toBe(true);
    }
    for (const wrong of ['192.0.2.300/24', '192.0.2/24', '1.2.3.4/33', '2001:db8::1::2/64', 'x', '', '1.2.3.4/24/1', '2001:db8:1:2:3:4:5:6:7/64', '::1/129']) expect(parsePrefix(wrong)).toBeUndefined();
    const route = decodeRoute(encodeRoute(3, parsePrefix('198.51.100.77/24')!, parsePrefix('192.0.2.1')!.bytes));
    expect([[...route.destination.bytes], route.destination.length, route.outInterface, isDefaultRoute(route)]).toEqual([[198, 51, 100, 0], 24, 3, false]);
    expect(isDefaultRoute(decodeRoute(encodeRoute(3, parsePrefix('0.0.0.0/0')!, undefined)))).toBe(true);
  });

  test('uevents; what udev sends has another head', () => {
    expect(decodeUevent(new TextEncoder().encode('bind@/devices/x\0SUBSYSTEM=pci\0DRIVER=igb\0'))).toMatchObject({ action: 'bind', devicePath: '/devices/x', subsystem: 'pci' });
    expect(decodeUevent(new TextEncoder().encode('libudev\0\xfe\xed'))).toBeUndefined();
  });
});
