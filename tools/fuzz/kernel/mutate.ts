import type { Draw } from '../draw.ts';

/** Larger than any datagram of a real kernel. */
const BYTES_MAX = 70_000;
const LENGTHS = [0, 1, 3, 4, 5, 15, 16, 17, 0x7f, 0xff, 0x7fff, 0xffff];

/** Bytes with something changed: bits, lengths, a part cut out, doubled, swapped with another's, or cut off. */
export function mutateBytes(draw: Draw, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  let mutated: Uint8Array = bytes.slice();
  for (let times = draw.integer(4); times >= 0; times--) mutated = mutateOnce(draw, mutated, others);
  return mutated;
}

function mutateOnce(draw: Draw, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  if (bytes.length === 0) return new Uint8Array([draw.integer(256)]);
  const at = draw.integer(bytes.length);
  const end = at + draw.integer(Math.min(bytes.length - at, 64) + 1);
  switch (draw.integer(8)) {
    case 0:
      bytes[at] = bytes[at]! ^ (1 << draw.integer(8));
      return bytes;
    case 1:
      bytes[at] = draw.integer(256);
      return bytes;
    case 2:
      return putLength(draw, bytes, at & ~3);
    case 3:
      return joined(bytes.subarray(0, at), bytes.subarray(end));
    case 4:
      return joined(bytes.subarray(0, end), bytes.subarray(at));
    case 5: {
      const other = draw.from(others);
      return joined(bytes.subarray(0, at), other.subarray(draw.integer(other.length + 1)));
    }
    case 6:
      return bytes.slice(0, at);
    default:
      bytes.fill(draw.once(2) ? 0 : 0xff, at, end);
      return bytes;
  }
}

/** What stands at the beginning of messages and attributes. */
function putLength(draw: Draw, bytes: Uint8Array, at: number): Uint8Array {
  const length = draw.once(2) ? draw.from(LENGTHS) : draw.integer(bytes.length + 8);
  bytes[at] = length & 0xff;
  if (at + 1 < bytes.length) bytes[at + 1] = length >> 8;
  return bytes;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.min(a.length + b.length, BYTES_MAX));
  whole.set(a.subarray(0, whole.length));
  whole.set(b.subarray(0, whole.length - a.length), a.length);
  return whole;
}

const TEXTS = ['', '\n', '0', '-1', '4294967296', '99999999999999999999', '0x', '0x020000', 'NaN', '(null)', '../../..', '/', '\0', '\u{fffd}', 'constructor', '__proto__', 'virtfn0', 'virtfn99999999999', '0000:01:00.0', ' '.repeat(5000), '9'.repeat(5000)];

/** Text with something changed. */
export function mutateText(draw: Draw, text: string): string {
  if (draw.once(2) || text.length === 0) return draw.from(TEXTS);
  const at = draw.integer(text.length);
  switch (draw.integer(4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + String.fromCodePoint(draw.integer(0x500)) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text + text.slice(at);
    default:
      return text.slice(0, at) + draw.from(TEXTS) + text.slice(at);
  }
}
