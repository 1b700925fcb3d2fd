import { attribute, bytesOf, nested, text, u16, u32, u64 } from './attributes.ts';

/** Queueing disciplines and filters, as far as a limit on what comes in needs them (include/uapi/linux/pkt_sched.h, pkt_cls.h, tc_act/tc_mirred.h). */

export const RTM_QUEUE = { make: 36, remove: 37 } as const;
export const RTM_FILTER = { make: 44 } as const;
const TCA = { kind: 1, options: 2 } as const;
const ROOT = 0xffff_ffff;
const INGRESS = 0xffff_fff1;
const INGRESS_HANDLE = 0xffff_0000;
const TBF = { parameters: 1, rate64: 4, burst: 6 } as const;
const LINK_LAYER_ETHERNET = 1;
const U32 = { selector: 5, action: 7 } as const;
const U32_TERMINAL = 1;
const ACTION = { kind: 1, options: 2 } as const;
const MIRRED_PARAMETERS = 2;
const EGRESS_REDIRECT = 1;
const STOLEN = 4;
const ETH_P_ALL = 0x0003;
const PRIORITY = 1;
const BYTES_PER_MEGABIT = 125_000;
/** How long a frame may wait; what would wait longer is dropped. */
const QUEUE_MS = 50;
/** What may go at once: a few milliseconds of it, and never less than the largest frame with what the kernel puts together. */
const BURST_MS = 4;
const BURST_BYTES_MIN = 128 * 1024;

/** struct tcmsg. */
function header(index: number, handle: number, parent: number, info = 0): Uint8Array {
  return bytesOf(u32(0), u32(index), u32(handle), u32(parent), u32(info));
}

/** A token bucket as the only queue of a link; `maxMbps` counts Ethernet frames without their checksums. */
export function encodeTokenBucket(index: number, maxMbps: number): Uint8Array {
  const bytesPerSecond = maxMbps * BYTES_PER_MEGABIT;
  const burst = Math.min(0x7fff_ffff, Math.max(BURST_BYTES_MIN, Math.ceil((bytesPerSecond * BURST_MS) / 1000)));
  const limit = Math.min(0x7fff_ffff, burst + Math.ceil((bytesPerSecond * QUEUE_MS) / 1000));
  const rate = bytesOf(new Uint8Array([0, LINK_LAYER_ETHERNET]), u16(0), u16(0), u16(0), u32(Math.min(bytesPerSecond, 0xffff_ffff)));
  // struct tc_tbf_qopt: rate, peak rate, limit, buffer in ticks (given in bytes beside it), MTU.
  const parameters = bytesOf(rate, new Uint8Array(12), u32(limit), u32(0), u32(0));
  const options = nested(TCA.options, attribute(TBF.parameters, parameters), attribute(TBF.rate64, u64(BigInt(bytesPerSecond))), attribute(TBF.burst, u32(burst)));
  return bytesOf(header(index, 0, ROOT), attribute(TCA.kind, text('tbf')), options);
}

/** What hangs filters on a link's incoming frames. */
export function encodeIngress(index: number): Uint8Array {
  return bytesOf(header(index, INGRESS_HANDLE, INGRESS), attribute(TCA.kind, text('ingress')));
}

/** Every frame that comes in at `index` leaves by `to` instead. */
export function encodeRedirect(index: number, to: number): Uint8Array {
  // struct tc_u32_sel with one key that fits everything: mask 0.
  const selector = new Uint8Array(32);
  selector.set([U32_TERMINAL, 0, 1]);
  // struct tc_mirred: index, capab, action, refcnt, bindcnt, eaction, ifindex.
  const mirred = bytesOf(u32(0), u32(0), u32(STOLEN), u32(0), u32(0), u32(EGRESS_REDIRECT), u32(to));
  const action = nested(1, attribute(ACTION.kind, text('mirred')), nested(ACTION.options, attribute(MIRRED_PARAMETERS, mirred)));
  const options = nested(TCA.options, attribute(U32.selector, selector), nested(U32.action, action));
  return bytesOf(header(index, 0, INGRESS_HANDLE, (PRIORITY << 16) | ((ETH_P_ALL << 8) & 0xff00)), attribute(TCA.kind, text('u32')), options);
}
