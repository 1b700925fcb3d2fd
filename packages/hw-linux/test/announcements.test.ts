// Goal: announcements are frames that any neighbour understands. Method: drawn addresses are written, and read by offsets from the RFCs.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePrefix } from '../src/netlink/addresses.ts';
import { announcement } from '../src/pod-links/announcements.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const view = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset);
const hex = (part: Uint8Array) => Buffer.from(part).toString('hex');

describe('announcements', () => {
  test('IPv4: an ARP request of the address for itself, to everybody, long enough for Ethernet (RFC 826, RFC 5227 §1.1)', () => {
    fc.assert(fc.property(bytes(4), bytes(6), (address, mac) => {
      const frame = announcement({ family: 2, bytes: address, length: 24 }, mac);
      expect(frame.length).toBe(60);
      expect(hex(frame.subarray(0, 22))).toBe(`ffffffffffff${hex(mac)}08060001080006040001`);
      expect(hex(frame.subarray(22, 42))).toBe(`${hex(mac)}${hex(address)}000000000000${hex(address)}`);
    }));
  });

  test('IPv6: a neighbour advertisement to all nodes that overrides, with the sender’s MAC and a right checksum (RFC 4861 §4.4)', () => {
    fc.assert(fc.property(bytes(16), bytes(6), (address, mac) => {
      const frame = announcement({ family: 10, bytes: address, length: 64 }, mac);
      expect(frame.length).toBe(14 + 40 + 32);
      expect(hex(frame.subarray(0, 14))).toBe(`333300000001${hex(mac)}86dd`);
      const header = frame.subarray(14, 54);
      expect(hex(header.subarray(0, 8))).toBe('6000000000203aff');
      expect(hex(header.subarray(8))).toBe(`${hex(address)}ff020000000000000000000000000001`);
      const message = frame.subarray(54);
      expect([message[0], message[1], message[4]]).toEqual([136, 0, 0x20]);
      expect(hex(message.subarray(8))).toBe(`${hex(address)}0201${hex(mac)}`);
      // With its checksum in place, the words of message and pseudo-header add up to all ones.
      let sum = 32 + 58;
      for (let at = 8; at < 40; at += 2) sum += view(header).getUint16(at);
      for (let at = 0; at < 32; at += 2) sum += view(message).getUint16(at);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      expect(sum).toBe(0xffff);
    }));
  });

  test('from text as the configuration has it', () => {
    expect(hex(announcement(parsePrefix('192.0.2.1/24')!, new Uint8Array([2, 0, 0, 0, 0, 1])).subarray(28, 32))).toBe('c0000201');
  });
});
