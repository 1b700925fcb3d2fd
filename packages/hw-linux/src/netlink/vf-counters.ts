import { MalformedMessage, attribute, attributeTable, bytesOf, decodeAttributes, readU32, readU64, u32 } from './attributes.ts';
import { linkHeader } from './link.ts';

/** include/uapi/linux/if_link.h: IFLA_VFINFO_LIST, IFLA_EXT_MASK, IFLA_VF_INFO, IFLA_VF_MAC, IFLA_VF_STATS, and enum of IFLA_VF_STATS_*. */
const IFLA = { vfInfoList: 22, extMask: 29 } as const;
const VF = { info: 1, mac: 1, stats: 8 } as const;
const STATS = { rxPackets: 0, txPackets: 1, rxBytes: 2, txBytes: 3, rxBroadcast: 4, rxMulticast: 5, rxDropped: 7, txDropped: 8 } as const;
/** RTEXT_FILTER_VF, without RTEXT_FILTER_SKIP_STATS. */
const VFS_WITH_COUNTERS = 0x1;
/** struct ifinfomsg. */
const HEADER_BYTES = 16;

/** Counters of one VF by the names of struct ifla_vf_stats; beyond 2⁵³ they lose their last digits, as they do in Prometheus. */
export type LinkVfCounters = { readonly index: number } & { readonly [Name in keyof typeof STATS]: number };

/** One link, with its VFs and their counters. */
export function encodeGetCounters(index: number): Uint8Array {
  return bytesOf(linkHeader(index), attribute(IFLA.extMask, u32(VFS_WITH_COUNTERS)));
}

/** What an RTM_NEWLINK says of VFs' traffic. Throws MalformedMessage. */
export function decodeVfCounters(payload: Uint8Array): readonly LinkVfCounters[] {
  if (payload.length < HEADER_BYTES) throw new MalformedMessage(`link message of ${payload.length} bytes`);
  const list = attributeTable(payload.subarray(HEADER_BYTES)).get(IFLA.vfInfoList);
  if (list === undefined) return [];
  return decodeAttributes(list).filter(({ type }) => type === VF.info).map(({ payload: entry }) => {
    const table = attributeTable(entry);
    const mac = table.get(VF.mac);
    if (mac === undefined) throw new MalformedMessage('VF without IFLA_VF_MAC');
    const stats = table.get(VF.stats);
    const counted = stats === undefined ? undefined : attributeTable(stats);
    const count = (type: number) => {
      const value = counted?.get(type);
      return value === undefined ? 0 : Number(readU64(value));
    };
    return {
      index: readU32(mac),
      rxPackets: count(STATS.rxPackets), txPackets: count(STATS.txPackets), rxBytes: count(STATS.rxBytes), txBytes: count(STATS.txBytes),
      rxBroadcast: count(STATS.rxBroadcast), rxMulticast: count(STATS.rxMulticast), rxDropped: count(STATS.rxDropped), txDropped: count(STATS.txDropped),
    };
  });
}
