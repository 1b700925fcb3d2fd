import { subfunctionsOf } from '../kernel/subfunctions.ts';
import { observePf } from '../observe.ts';
import { PfFlag } from '../model/columns.ts';
import { representorName } from '../model/names.ts';
import { devicesWithNetdev, interfaceIndex, netdevOf, rareOf } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import { attr, byte, concat, hexPairs, nest, string, word16, word32, word64 } from './bytes.ts';
import { physPortName, switchId } from './ports.ts';

/** Attributes of RTM_NEWLINK (include/uapi/linux/if_link.h). */
export const LINK = {
  address: 1, name: 3, mtu: 4, numVf: 21, vfInfoList: 22, netnsFd: 28, extMask: 29, physSwitchId: 36, physPortName: 38, propertyList: 52, altName: 53, parentDevice: 56, parentBus: 57,
} as const;
export const VF_ATTR = { info: 1, mac: 1, vlan: 2, spoofCheck: 4, linkState: 5, rate: 6, stats: 8, trust: 9, nodeGuid: 10, portGuid: 11, vlanList: 12, vlanInfo: 1 } as const;

/** Of struct ifla_vf_stats, without its padding (6). Simulated VFs carry no packets: all stay 0. */
const VF_STATS = [0, 1, 2, 3, 4, 5, 7, 8];
const ETHER = 1;
const INFINIBAND = 32;
const LOOPBACK = 772;
const UP = 0x1;
const LOWER_UP = 0x1_0000;
const LINK_STATES = ['auto', 'enable', 'disable'];
/** Behind every interface of functions: those of representors. */
const FIRST_REPRESENTOR = 1_000_000;
/** Behind those: a node has 64 PFs at most. */
const FIRST_SUBFUNCTION = 10_000_000;

/** struct ifinfomsg. */
function header(kind: number, index: number, flags: number): Uint8Array {
  return concat(new Uint8Array([0, 0]), word16(kind), word32(index), word32(flags), word32(0));
}

/** How much of VFs a message tells: nothing, what is set, or also what was counted (RTEXT_FILTER_VF, RTEXT_FILTER_SKIP_STATS). */
export type VfDetail = 'none' | 'settings' | 'counters';

/** The interfaces of a namespace, the loopback first. */
export function linkMessages(node: NodeModel, netns: string, withVfs: VfDetail): readonly Uint8Array[] {
  const messages = [concat(header(LOOPBACK, 1, UP | LOWER_UP), attr(LINK.name, string('lo')), attr(LINK.mtu, word32(65_536)), attr(LINK.address, new Uint8Array(6)))];
  for (const device of devicesWithNetdev(node)) {
    if ((rareOf(node, device)?.netns ?? 'host') === netns) messages.push(linkMessage(node, device, withVfs));
    if (netns === 'host' && device.vf < 0 && node.hasFlag(device.pf, PfFlag.switchdev)) messages.push(...representors(node, device.pf));
  }
  if (netns === 'host') messages.push(...subfunctions(node));
  return messages;
}

function subfunctions(node: NodeModel): readonly Uint8Array[] {
  return subfunctionsOf(node).flatMap(({ name, pf, netdev }, index) => {
    if (netdev === undefined) return [];
    const kind = node.hasFlag(node.findPf(pf)!, PfFlag.infiniband) ? INFINIBAND : ETHER;
    return [concat(
      header(kind, FIRST_SUBFUNCTION + index, 0), attr(LINK.name, string(netdev.name)), attr(LINK.mtu, word32(netdev.mtu)), attr(LINK.address, hexPairs(netdev.mac)),
      attr(LINK.parentDevice, string(name)), attr(LINK.parentBus, string('auxiliary')),
    )];
  });
}

export function linkMessage(node: NodeModel, device: Device, withVfs: VfDetail): Uint8Array {
  const netdev = netdevOf(node, device);
  const isInfiniBand = node.hasFlag(device.pf, PfFlag.infiniband);
  const port = physPortName(node, device);
  return concat(
    header(isInfiniBand ? INFINIBAND : ETHER, interfaceIndex(node, device), (netdev.adminState === 'up' ? UP : 0) | (netdev.carrier ? LOWER_UP : 0)),
    attr(LINK.name, string(netdev.name)), attr(LINK.mtu, word32(netdev.mtu)), attr(LINK.address, hexPairs(netdev.mac)),
    ...(netdev.altNames.length === 0 ? [] : [nest(LINK.propertyList, ...netdev.altNames.map((name) => attr(LINK.altName, string(name))))]),
    ...(port === undefined ? [] : [attr(LINK.physPortName, string(port))]),
    ...(device.vf < 0 && node.hasFlag(device.pf, PfFlag.switchdev) ? [attr(LINK.physSwitchId, hexOf(switchId(node, device.pf)))] : []),
    attr(LINK.parentDevice, string(node.addressOf(device))), attr(LINK.parentBus, string('pci')),
    ...(withVfs !== 'none' && device.vf < 0 ? vfInfo(node, device.pf, withVfs === 'counters') : []),
  );
}

function hexOf(text: string): Uint8Array {
  return hexPairs(text.match(/../g)!.join(':'));
}

function representors(node: NodeModel, pf: number): readonly Uint8Array[] {
  return Array.from({ length: node.fleet.pfs.numVfs[pf]! }, (_, index) =>
    concat(
      header(ETHER, FIRST_REPRESENTOR + (pf - node.firstPf) * 65_536 + index, 0), attr(LINK.name, string(representorName(node.fleet.pfNames[pf]!, index))), attr(LINK.mtu, word32(1500)),
      attr(LINK.address, new Uint8Array(6)), attr(LINK.physPortName, string(physPortName(node, { pf, vf: -1, index })!)), attr(LINK.physSwitchId, hexOf(switchId(node, pf))),
      attr(LINK.parentDevice, string(node.pfAddress(pf))), attr(LINK.parentBus, string('pci')),
    ),
  );
}

/** IFLA_VFINFO_LIST: what the PF's driver says of each VF. */
function vfInfo(node: NodeModel, pf: number, withCounters: boolean): readonly Uint8Array[] {
  const { vfs } = observePf(node, pf);
  const infos = vfs.map(({ index, settings }) => {
    const tag = [word32(index), word32(settings.vlan), word32(settings.vlanQos)];
    const protocol = settings.vlanProtocol === '802.1ad' ? [0x88, 0xa8] : [0x81, 0x00];
    const guid = (text: string) => word64(BigInt(`0x${text.replaceAll(':', '')}`));
    return nest(
      VF_ATTR.info,
      attr(VF_ATTR.mac, concat(word32(index), hexPairs(settings.mac), new Uint8Array(26))), attr(VF_ATTR.vlan, concat(...tag)),
      nest(VF_ATTR.vlanList, attr(VF_ATTR.vlanInfo, concat(...tag, byte(protocol[0]!), byte(protocol[1]!), new Uint8Array(2)))),
      attr(VF_ATTR.rate, concat(word32(index), word32(settings.minTxRateMbps), word32(settings.maxTxRateMbps))),
      attr(VF_ATTR.spoofCheck, concat(word32(index), word32(settings.spoofCheck ? 1 : 0))), attr(VF_ATTR.trust, concat(word32(index), word32(settings.trust ? 1 : 0))),
      attr(VF_ATTR.linkState, concat(word32(index), word32(LINK_STATES.indexOf(settings.linkState)))),
      ...(withCounters ? [nest(VF_ATTR.stats, ...VF_STATS.map((type) => attr(type, word64(0n))))] : []),
      ...(settings.nodeGuid === undefined ? [] : [attr(VF_ATTR.nodeGuid, concat(word32(index), word32(0), guid(settings.nodeGuid)))]),
      ...(settings.portGuid === undefined ? [] : [attr(VF_ATTR.portGuid, concat(word32(index), word32(0), guid(settings.portGuid)))]),
    );
  });
  return [attr(LINK.numVf, word32(vfs.length)), ...(infos.length === 0 ? [] : [nest(LINK.vfInfoList, ...infos)])];
}

/** The function whose interface has this index in a namespace. */
export function deviceOfIndex(node: NodeModel, netns: string, index: number): Device | undefined {
  for (const device of devicesWithNetdev(node)) {
    if (interfaceIndex(node, device) === index && (rareOf(node, device)?.netns ?? 'host') === netns) return device;
  }
  return undefined;
}
