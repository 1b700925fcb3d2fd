// Goal: an answer belongs to its question and is whole. Method: a socket made of a script, with late answers of earlier questions,
// interrupted calls, torn dumps and overruns, asked by the exchange that answers at once and by the one that is awaited.
import { describe, expect, test } from 'vitest';
import { u32, bytesOf, viewOf } from '../src/netlink/attributes.ts';
import { AwaitedNetlinkExchange, NetlinkExchange } from '../src/netlink/exchange.ts';
import type { NetlinkAnswer, NetlinkRequest, NetlinkSocket } from '../src/netlink/exchange.ts';
import { decodeMessages, encodeMessage } from '../src/netlink/message.ts';

type Datagram = (sequence: number) => { readonly errno: number } | { readonly bytes: Uint8Array };

/** Answers each question with the next list of datagrams. */
function scripted(...answers: readonly (readonly Datagram[])[]): { readonly socket: NetlinkSocket; readonly asked: () => number } {
  let asked = 0;
  let sequence = 0;
  let waiting: Datagram[] = [];
  return {
    asked: () => asked,
    socket: {
      send(bytes) {
        sequence = viewOf(bytes).getUint32(8, true);
        waiting = [...(answers[asked++] ?? [])];
        return { errno: 0 };
      },
      receive: () => waiting.shift()?.(sequence) ?? { errno: 11 },
    },
  };
}

const data = (value: number, flags = 2, shift = 0): Datagram => (sequence) => ({ bytes: encodeMessage({ type: 16, flags, sequence: sequence + shift, port: 0, payload: u32(value) }) });
const done = (flags = 2): Datagram => (sequence) => ({ bytes: encodeMessage({ type: 3, flags, sequence, port: 0, payload: u32(0) }) });
const error = (errno: number): Datagram => (sequence) => ({ bytes: encodeMessage({ type: 2, flags: 0, sequence, port: 0, payload: bytesOf(u32(-errno), new Uint8Array(16)) }) });
const fails = (errno: number): Datagram => () => ({ errno });
const dump = { type: 18, payload: new Uint8Array(), dump: true };
const change = { type: 16, payload: new Uint8Array() };
const values = (payloads: readonly Uint8Array[]) => payloads.map((payload) => payload[0]);

type Ask = (request: NetlinkRequest) => NetlinkAnswer | Promise<NetlinkAnswer>;

/** Awaited: what is on its way comes later, as dumps do, or is there. */
function exchangeOn(how: 'at once' | 'awaited', socket: NetlinkSocket): Ask {
  const later = <Value>(isDump: boolean, value: Value) => (isDump ? Promise.resolve(value) : value);
  const exchange = how === 'at once' ? new NetlinkExchange(socket) : new AwaitedNetlinkExchange({ send: (bytes, isDump) => later(isDump, socket.send(bytes)), receive: (isDump) => later(isDump, socket.receive()) });
  return (request) => exchange.ask(request);
}

describe.each(['at once', 'awaited'] as const)('an exchange on a netlink socket, %s', (how) => {
  const ask = (socket: NetlinkSocket, request: NetlinkRequest) => exchangeOn(how, socket)(request);

  test('answers to earlier questions are passed over, and an interrupted call goes on', async () => {
    const { socket } = scripted([data(9, 2, -1), fails(4), data(1), data(2), done()]);
    const answer = await ask(socket, dump);
    expect(answer.ok && values(answer.payloads)).toEqual([1, 2]);
  });

  test.each([
    ['interrupted in a part', [data(1, 0x12), data(2), done()]],
    ['interrupted at the end', [data(1), done(0x12)]],
    ['refused with EINTR', [data(1), error(4)]],
    ['overrun', [data(1), fails(105)]],
  ] as const)('a dump that was torn is asked again: %s', async (_name, torn) => {
    const { socket, asked } = scripted(torn, torn, [data(7), done()]);
    const answer = await ask(socket, dump);
    expect(answer.ok && values(answer.payloads)).toEqual([7]);
    expect(asked()).toBe(3);
  });

  test('a table that never rests gives EINTR in the end', async () => {
    const { socket, asked } = scripted(...Array.from({ length: 100 }, () => [error(4)]));
    expect(await ask(socket, dump)).toEqual({ ok: false, failure: { errno: 4 } });
    expect(asked()).toBeLessThan(50);
  });

  test('a change is not made twice: its lost acknowledgement is an error, as is silence', async () => {
    const lost = scripted([fails(105)]);
    expect(await ask(lost.socket, change)).toEqual({ ok: false, failure: { errno: 105 } });
    expect(lost.asked()).toBe(1);
    expect(await ask(scripted([]).socket, change)).toEqual({ ok: false, failure: { errno: 110 } });
    expect(await ask(scripted([error(16)]).socket, change)).toEqual({ ok: false, failure: { errno: 16 } });
  });

  test('a long message after a short one, and a short one again, are sent whole', async () => {
    const sent: Uint8Array[] = [];
    const { socket } = scripted([error(16)], [error(16)], [error(16)]);
    const lengths = [4, 5_000, 8];
    const told: NetlinkSocket = {
      send(bytes) {
        sent.push(bytes.slice());
        return socket.send(bytes);
      },
      receive: () => socket.receive(),
    };
    const asking = exchangeOn(how, told);
    for (const length of lengths) await asking({ type: 16, payload: new Uint8Array(length).fill(length & 0xff) });
    expect(sent.map((bytes) => decodeMessages(bytes).map(({ payload }) => [payload.length, payload.every((byte) => byte === (payload.length & 0xff))]))).toEqual(lengths.map((length) => [[length, true]]));
  });

  test('bytes that are no message are EPROTO', async () => {
    const answer = await ask(scripted([() => ({ bytes: new Uint8Array([1, 2, 3]) })]).socket, change);
    expect(answer).toMatchObject({ ok: false, failure: { errno: 71 } });
  });
});
