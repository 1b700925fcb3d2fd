// Goal: VFs' counters are those of the kernel's message, and whatever else comes is refused as malformed. Method: messages written by the
// numbers of include/uapi/linux/if_link.h, whole, cut and mutated.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MalformedMessage, attribute, bytesOf, decodeAttributes, nested, readU32, u32, u64 } from '../src/netlink/attributes.ts';
import { linkHeader } from '../src/netlink/link.ts';
import { decodeVfCounters, encodeGetCounters } from '../src/netlink/vf-counters.ts';

const NAMES = ['rxPackets', 'txPackets', 'rxBytes', 'txBytes', 'rxBroadcast', 'rxMulticast', 'rxDropped', 'txDropped'] as const;
/** IFLA_VF_STATS_*: 6 is padding. */
const TYPES = [0, 1, 2, 3, 4, 5, 7, 8];

type Counted = Readonly<Record<(typeof NAMES)[number], number>>;

function message(vfs: readonly Counted[]): Uint8Array {
  const infos = vfs.map((counted, index) => nested(1,
    attribute(1, bytesOf(u32(index), new Uint8Array(32))),
    nested(8, ...NAMES.flatMap((name, at) => [attribute(TYPES[at]!, u64(BigInt(counted[name]))), ...(at === 5 ? [attribute(6, new Uint8Array(0))] : [])])),
  ));
  return bytesOf(linkHeader(7), attribute(3, new TextEncoder().encode('ens1f0\0')), nested(22, ...infos));
}

const counted = fc.record(Object.fromEntries(NAMES.map((name) => [name, fc.nat(Number.MAX_SAFE_INTEGER)]))) as unknown as fc.Arbitrary<Counted>;

describe('counters of VFs', () => {
  test('come back as they were written', () => {
    fc.assert(fc.property(fc.array(counted, { maxLength: 8 }), (vfs) => {
      expect(decodeVfCounters(message(vfs))).toEqual(vfs.map((one, index) => ({ index, ...one })));
    }));
  });

  test('are 0 where the driver counts nothing, and a link without VFs has none', () => {
    const silent = bytesOf(linkHeader(7), nested(22, nested(1, attribute(1, bytesOf(u32(3), new Uint8Array(32))))));
    expect(decodeVfCounters(silent)).toEqual([{ index: 3, ...Object.fromEntries(NAMES.map((name) => [name, 0])) }]);
    expect(decodeVfCounters(linkHeader(7))).toEqual([]);
  });

  test('of messages that are cut or mutated are read or refused, never anything else', () => {
    fc.assert(fc.property(fc.array(counted, { minLength: 1, maxLength: 3 }), fc.nat(), fc.nat(255), fc.nat(), (vfs, at, value, cut) => {
      const bytes = message(vfs).slice();
      bytes[at % bytes.length] = value;
      try {
        decodeVfCounters(bytes.subarray(0, cut % (bytes.length + 1)));
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessage);
      }
    }), { numRuns: 2_000 });
  });

  test('are asked for with VFs and without leaving counters out', () => {
    const [mask] = decodeAttributes(encodeGetCounters(7).subarray(16));
    expect({ type: mask!.type, bits: readU32(mask!.payload) }).toEqual({ type: 29, bits: 0x1 });
  });
});
