import {
  MalformedMessage, attribute, attributeTable, bytesOf, decodeAttributes, nested, readMac, readText, readU32, readU64, readU8, text, u32, viewOf,
} from './attributes.ts';

/** rtnetlink message types (include/uapi/linux/rtnetlink.h). */
export const RTM = {
  newLink: 16, delLink: 17, getLink: 18, newAddress: 20, deleteAddress: 21, getAddress: 22, newRoute: 24, deleteRoute: 25, getRoute: 26, newLinkProperty: 108, deleteLinkProperty: 109,
} as const;

/** Attributes of links (include/uapi/linux/if_link.h). */
export const IFLA = {
  address: 1, name: 3, mtu: 4, link: 5, master: 10, linkInfo: 18, alias: 20, numVf: 21, vfInfoList: 22, group: 27, netNsFd: 28, extMask: 29, physSwitchId: 36, linkNetnsId: 37, physPortName: 38,
  propertyList: 52, altName: 53, parentDevice: 56, parentBus: 57,
} as const;
export const VF = { info: 1, mac: 1, vlan: 2, spoofCheck: 4, linkState: 5, rate: 6, trust: 9, nodeGuid: 10, portGuid: 11, vlanList: 12, vlanInfo: 1 } as const;

const LINK_INFO_KIND = 1;

const HEADER_BYTES = 16;
const IFF_UP = 0x1;
const IFF_LOWER_UP = 0x1_0000;
/** RTEXT_FILTER_SKIP_STATS, and RTEXT_FILTER_VF with it. */
const WITHOUT_COUNTERS = 0x8;
const WITH_VFS = 0x1 | WITHOUT_COUNTERS;
export const ETH_P_8021AD = 0x88a8;
const ARPHRD_INFINIBAND = 32;

/** What the PF's driver says of one VF. */
export interface LinkVf {
  readonly index: number;
  readonly mac: string;
  readonly vlan: number;
  readonly vlanQos: number;
  readonly vlanProtocol: '802.1q' | '802.1ad';
  readonly spoofCheck: boolean;
  readonly trust: boolean;
  readonly minTxRateMbps: number;
  readonly maxTxRateMbps: number;
  readonly linkState: 'auto' | 'enable' | 'disable';
  readonly nodeGuid?: string;
  readonly portGuid?: string;
}

/** One network interface as RTM_NEWLINK shows it. */
export interface Link {
  readonly index: number;
  readonly isInfiniBand: boolean;
  readonly up: boolean;
  readonly carrier: boolean;
  readonly name: string;
  readonly altNames: readonly string[];
  readonly mac: string;
  readonly mtu: number;
  /** Index of the bond, bridge or VRF it is part of. */
  readonly master?: number;
  /** Index of the interface it sits on (VLAN, macvlan), where that is in the same namespace. */
  readonly lower?: number;
  /** `pci` and the PCI address, since Linux 5.14. */
  readonly parentBus?: string;
  readonly parentDevice?: string;
  readonly physPortName?: string;
  readonly physSwitchId?: string;
  /** Number that somebody gave it and others; absent in the default group. */
  readonly group?: number;
  /** Free text that somebody gave it. */
  readonly alias?: string;
  /** `veth`, `bridge`, `vlan`: of links that exist in software only. */
  readonly softwareKind?: string;
  readonly vfs: readonly LinkVf[];
}

/** Of some sixty attributes that the kernel tells of a link. */
const OF_LINKS: ReadonlySet<number> = new Set([
  IFLA.address, IFLA.name, IFLA.mtu, IFLA.link, IFLA.master, IFLA.linkInfo, IFLA.alias, IFLA.vfInfoList, IFLA.group, IFLA.linkNetnsId, IFLA.physPortName, IFLA.physSwitchId, IFLA.propertyList,
  IFLA.parentDevice, IFLA.parentBus,
]);

export function decodeLink(payload: Uint8Array): Link {
  if (payload.length < HEADER_BYTES) throw new MalformedMessage(`link message of ${payload.length} bytes`);
  const view = viewOf(payload);
  const flags = view.getUint32(8, true);
  const all = decodeAttributes(payload.subarray(HEADER_BYTES), OF_LINKS);
  const table = new Map(all.map(({ type, payload: value }) => [type, value]));
  const get = <Value>(type: number, read: (value: Uint8Array) => Value): Value | undefined => {
    const value = table.get(type);
    return value === undefined ? undefined : read(value);
  };
  const isInfiniBand = view.getUint16(2, true) === ARPHRD_INFINIBAND;
  const lower = table.has(IFLA.linkNetnsId) ? undefined : get(IFLA.link, readU32);
  return {
    index: view.getInt32(4, true),
    isInfiniBand,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    name: get(IFLA.name, readText) ?? '',
    altNames: get(IFLA.propertyList, decodeAltNames) ?? [],
    mac: get(IFLA.address, readMac) ?? '',
    mtu: get(IFLA.mtu, readU32) ?? 0,
    ...present('master', get(IFLA.master, readU32)),
    ...present('lower', lower === 0 ? undefined : lower),
    ...present('parentBus', get(IFLA.parentBus, readText)),
    ...present('parentDevice', get(IFLA.parentDevice, readText)),
    ...present('physPortName', get(IFLA.physPortName, readText)),
    ...present('physSwitchId', get(IFLA.physSwitchId, (value) => Buffer.from(value).toString('hex'))),
    ...present('group', get(IFLA.group, readU32) || undefined),
    ...present('alias', get(IFLA.alias, readText)),
    ...present('softwareKind', get(IFLA.linkInfo, decodeSoftwareKind)),
    vfs: get(IFLA.vfInfoList, (value) => decodeVfs(value, isInfiniBand)) ?? [],
  };
}

function present<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  // TypeScript takes a computed key for any string.
  return (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: Value };
}

function decodeSoftwareKind(payload: Uint8Array): string | undefined {
  const kind = attributeTable(payload).get(LINK_INFO_KIND);
  return kind === undefined ? undefined : readText(kind);
}

function decodeAltNames(payload: Uint8Array): readonly string[] {
  return decodeAttributes(payload).filter(({ type }) => type === IFLA.altName).map(({ payload: name }) => readText(name));
}

function decodeVfs(payload: Uint8Array, isInfiniBand: boolean): readonly LinkVf[] {
  return decodeAttributes(payload).filter(({ type }) => type === VF.info).map((entry) => decodeVf(entry.payload, isInfiniBand));
}

export const LINK_STATES = ['auto', 'enable', 'disable'] as const;

function decodeVf(payload: Uint8Array, isInfiniBand: boolean): LinkVf {
  const table = attributeTable(payload);
  const mac = table.get(VF.mac);
  if (mac === undefined) throw new MalformedMessage('VF without IFLA_VF_MAC');
  const number = (type: number, at: number) => {
    const value = table.get(type);
    return value === undefined ? 0 : readU32(value, at);
  };
  const list = table.get(VF.vlanList);
  const tag = list === undefined ? undefined : attributeTable(list).get(VF.vlanInfo);
  const guid = (type: number) => {
    const value = table.get(type);
    return value === undefined || !isInfiniBand ? undefined : formatGuid(readU64(value, 8));
  };
  return {
    index: readU32(mac),
    // struct ifla_vf_mac has room for 32 bytes, of which Ethernet uses 6.
    mac: readMac(mac.subarray(4, 10)),
    vlan: tag === undefined ? number(VF.vlan, 4) : readU32(tag, 4),
    vlanQos: tag === undefined ? number(VF.vlan, 8) : readU32(tag, 8),
    vlanProtocol: tag !== undefined && ((readU8(tag, 12) << 8) | readU8(tag, 13)) === ETH_P_8021AD ? '802.1ad' : '802.1q',
    // Drivers without the attribute leave the kernel's -1 in it.
    spoofCheck: number(VF.spoofCheck, 4) === 1,
    trust: number(VF.trust, 4) === 1,
    minTxRateMbps: number(VF.rate, 4),
    maxTxRateMbps: number(VF.rate, 8),
    linkState: LINK_STATES[number(VF.linkState, 4)] ?? 'auto',
    ...present('nodeGuid', guid(VF.nodeGuid)),
    ...present('portGuid', guid(VF.portGuid)),
  };
}

/** GUIDs are numbers in netlink and bytes, most significant first, in text. */
function formatGuid(value: bigint): string {
  return value.toString(16).padStart(16, '0').match(/../g)!.join(':');
}

export function parseGuid(value: string): bigint | undefined {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){7}$/i.test(value) ? BigInt(`0x${value.replaceAll(':', '')}`) : undefined;
}

// ---- writing ---------------------------------------------------------------------------------------------------------------------

/** struct ifinfomsg. */
export function linkHeader(index: number, flags = 0, change = 0): Uint8Array {
  return bytesOf(u32(0), u32(index), u32(flags), u32(change));
}

/** All links, with VFs and without counters. */
export function encodeGetLinks(): Uint8Array {
  return bytesOf(linkHeader(0), attribute(IFLA.extMask, u32(WITH_VFS)));
}

/** One link, without VFs and counters. */
export function encodeGetLink(index: number): Uint8Array {
  return bytesOf(linkHeader(index), attribute(IFLA.extMask, u32(WITHOUT_COUNTERS)));
}

/** The link of a name, with or without its VFs, without counters. */
export function encodeGetLinkNamed(name: string, withVfs: boolean): Uint8Array {
  return bytesOf(linkHeader(0), attribute(IFLA.name, text(name)), attribute(IFLA.extMask, u32(withVfs ? WITH_VFS : WITHOUT_COUNTERS)));
}

export function encodeSetUp(index: number, up: boolean): Uint8Array {
  return linkHeader(index, up ? IFF_UP : 0, IFF_UP);
}

export function encodeSetMtu(index: number, mtu: number): Uint8Array {
  return bytesOf(linkHeader(index), attribute(IFLA.mtu, u32(mtu)));
}

export function encodeSetMac(index: number, mac: Uint8Array): Uint8Array {
  return bytesOf(linkHeader(index), attribute(IFLA.address, mac));
}

export function encodeRename(index: number, name: string): Uint8Array {
  return bytesOf(linkHeader(index), attribute(IFLA.name, text(name)));
}

/** The file descriptor of the target namespace is the last four bytes: whoever opens it fills it in. */
export function encodeMove(index: number, name: string | undefined): Uint8Array {
  return bytesOf(linkHeader(index), ...(name === undefined ? [] : [attribute(IFLA.name, text(name))]), attribute(IFLA.netNsFd, u32(0)));
}

export function encodeAltName(index: number, name: string): Uint8Array {
  return bytesOf(linkHeader(index), nested(IFLA.propertyList, attribute(IFLA.altName, text(name))));
}
