// Goal: whatever a client sends over a WebSocket, its messages arrive whole or the connection ends with the right code. Method: draw
// messages, fragments and cuts, encode them as a client does, and compare; then draw plain bytes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrame, FrameReader, MESSAGE_MAX_BYTES, opcodes, WebSocketError } from '@vfleet/kube-sim/edge/websocket/frames.ts';

/** A frame as clients send it: masked. */
function clientFrame(opcode: number, payload: Buffer, mask: number, final = true): Buffer {
  const frame = encodeFrame(opcode, payload);
  const header = frame.subarray(0, frame.length - payload.length);
  const key = Buffer.alloc(4);
  key.writeUInt32BE(mask);
  const masked = Buffer.from(payload.map((byte, at) => byte ^ key[at & 3]!));
  const [first = 0, second = 0] = header;
  return Buffer.concat([Buffer.from([final ? first : first & 0x7f, second | 0x80]), header.subarray(2), key, masked]);
}

function cut(bytes: Buffer, at: readonly number[]): readonly Buffer[] {
  const places = [0, ...at.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

const payload = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.integer({ min: 120, max: 130 }).map((length) => new Uint8Array(length).fill(7)), fc.constantFrom(65_535, 65_536, 70_000).map((length) => new Uint8Array(length).fill(9))).map((bytes) => Buffer.from(bytes));

describe('frames', () => {
  test('drawn: messages come out as they went in, however they are fragmented, cut and mixed with pings', () => {
    const message = fc.record({ fragments: fc.array(payload, { minLength: 1, maxLength: 4 }), mask: fc.nat(0xffff_ffff), pings: fc.boolean() });
    fc.assert(fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }), (messages, cuts) => {
      const frames = messages.flatMap(({ fragments, mask, pings }) => fragments.flatMap((fragment, index) => [
        clientFrame(index === 0 ? opcodes.binary : opcodes.continuation, fragment, mask, index === fragments.length - 1),
        ...(pings ? [clientFrame(opcodes.ping, Buffer.from('p'), mask)] : []),
      ]));
      const reader = new FrameReader();
      const seen = cut(Buffer.concat(frames), cuts).flatMap((piece) => reader.push(piece));
      expect(seen.filter(({ opcode }) => opcode === opcodes.binary).map((one) => one.payload.toString('hex'))).toEqual(messages.map(({ fragments }) => Buffer.concat(fragments).toString('hex')));
      expect(seen.filter(({ opcode }) => opcode === opcodes.ping)).toHaveLength(messages.reduce((sum, { fragments, pings }) => sum + (pings ? fragments.length : 0), 0));
    }), { numRuns: 200 });
  });

  test('drawn: any bytes give messages or a WebSocketError, and never more than fits', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (pieces) => {
      const reader = new FrameReader();
      try {
        for (const piece of pieces) for (const message of reader.push(Buffer.from(piece))) expect(message.payload.length).toBeLessThanOrEqual(400);
      } catch (error) {
        expect(error).toBeInstanceOf(WebSocketError);
      }
    }), { numRuns: 5000 });
  });

  test.each([
    ['not masked', encodeFrame(opcodes.binary, Buffer.from('a')), 1002],
    ['a reserved opcode', clientFrame(0x3, Buffer.from('a'), 1), 1002],
    ['reserved bits', Buffer.from([0xc2, 0x81, 0, 0, 0, 0, 1]), 1002],
    ['a fragmented ping', clientFrame(opcodes.ping, Buffer.from('a'), 1, false), 1002],
    ['a continuation of nothing', clientFrame(opcodes.continuation, Buffer.from('a'), 1), 1002],
    ['a length beyond all memory', Buffer.from([0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), 1009],
  ])('%s is refused', (_name, bytes, closeCode) => {
    expect(() => new FrameReader().push(bytes)).toThrow(expect.objectContaining({ closeCode }));
  });

  test('fragments that never end are refused once they are too many bytes', () => {
    const reader = new FrameReader();
    const piece = Buffer.alloc(MESSAGE_MAX_BYTES / 2);
    reader.push(clientFrame(opcodes.binary, piece, 1, false));
    reader.push(clientFrame(opcodes.continuation, piece, 1, false));
    expect(() => reader.push(clientFrame(opcodes.continuation, Buffer.from('a'), 1, false))).toThrow(expect.objectContaining({ closeCode: 1009 }));
  });
});
