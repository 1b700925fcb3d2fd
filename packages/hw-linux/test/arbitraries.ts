import { attribute, bytesOf, text, u32 } from '../src/netlink/attributes.ts';
import { encodeMove, encodeGetLinks, linkHeader } from '../src/netlink/link.ts';
import { encodeMessage } from '../src/netlink/message.ts';
import { decodeAddress, decodeRoute, encodeAddress, encodeRoute, parsePrefix } from '../src/netlink/addresses.ts';
import { decodeDeviceInfo, decodeEswitch, decodeParameter, decodePort, decodeReporter, encodeGetEswitch, pciHandle } from '../src/netlink/devlink.ts';
import { decodeFeatures, decodeLinkSettings, encodeSetFeature } from '../src/netlink/ethtool.ts';
import { decodeFeatureCount, decodeFeaturesAnswer, decodeLinkSettingsAnswer, decodeMaskWords } from '../src/netlink/ethtool-ioctl.ts';
import { decodeFamily } from '../src/netlink/generic.ts';
import { decodeLink } from '../src/netlink/link.ts';
import { decodeMessages, endingOf } from '../src/netlink/message.ts';
import { decodeRdmaDevice, decodeRdmaMode, encodeMoveRdma, encodeRdmaMode } from '../src/netlink/rdma.ts';
import { encodeSetVfs } from '../src/netlink/vf-message.ts';
import { decodeUevent } from '../src/netlink/uevent.ts';

/** Messages that decoders understand, to be mutated. */
export const samples: readonly Uint8Array[] = [
  encodeMessage({ type: 16, flags: 2, sequence: 1, port: 9, payload: bytesOf(linkHeader(3, 0x1_0001), attribute(3, text('eth0')), attribute(4, u32(1500)), attribute(56, text('0000:01:00.0'))) }),
  encodeMessage({ type: 16, flags: 2, sequence: 1, port: 9, payload: encodeSetVfs([{ vfIndex: 1, mac: '02:00:00:00:00:09', vlan: { id: 5, qos: 1, protocol: '802.1ad' }, trust: true, rates: { minTxMbps: 1, maxTxMbps: 2 }, nodeGuid: '00:00:00:00:00:00:00:05' }]).payload }),
  encodeMessage({ type: 2, flags: 0x200, sequence: 1, port: 9, payload: bytesOf(u32(-22), encodeMessage({ type: 16, flags: 5, sequence: 1, port: 0, payload: encodeGetLinks() }), attribute(1, text('no such device'))) }),
  encodeMessage({ type: 3, flags: 0x10, sequence: 1, port: 9, payload: u32(0) }),
  encodeMove(3, 'net1'), encodeAddress(3, parsePrefix('192.0.2.1/24')!), encodeRoute(3, parsePrefix('2001:db8::/32')!, undefined), encodeGetEswitch(pciHandle('0000:01:00.0')),
  encodeSetFeature(3, 'hw-tc-offload', true), encodeRdmaMode('exclusive'), bytesOf(encodeMoveRdma(7), attribute(2, text('mlx5_7'))),
  new TextEncoder().encode('add@/devices/pci0000:00/0000:01:00.0\0ACTION=add\0SUBSYSTEM=pci\0PCI_SLOT_NAME=0000:01:00.0\0PCI_CLASS=20000\0'),
];

const all: readonly ((bytes: Uint8Array) => unknown)[] = [
  (bytes) => decodeMessages(bytes).map((message) => [endingOf(message), decodeLink(message.payload)]), decodeLink, decodeAddress, decodeRoute, decodeFamily, decodeEswitch, decodeDeviceInfo, decodeParameter,
  decodePort, decodeReporter, decodeLinkSettings, decodeFeatures, decodeFeatureCount, decodeLinkSettingsAnswer, decodeMaskWords, (bytes) => decodeFeaturesAnswer(bytes, ['a', 'b', '']), decodeRdmaMode, decodeRdmaDevice, decodeUevent,
];

/** Every decoder there is, one after the other; the names of errors that are not the decoders' own. */
export function decodeAll(bytes: Uint8Array): readonly string[] {
  return all.flatMap((decode) => {
    try {
      decode(bytes);
      return [];
    } catch (error) {
      return error instanceof Error && error.name === 'MalformedMessage' ? [] : [String(error)];
    }
  });
}

/** A sample with some bytes changed, cut or added; `draw(bound)` gives numbers below a bound. */
export function mutated(draw: (bound: number) => number): Uint8Array {
  const bytes = Uint8Array.from(samples[draw(samples.length)]!);
  for (let change = draw(6); change >= 0; change--) bytes[draw(bytes.length)] = draw(4) === 0 ? 0xff : draw(256);
  return draw(3) === 0 ? bytes.slice(0, draw(bytes.length + 1)) : draw(4) === 0 ? bytesOf(bytes, samples[draw(samples.length)]!) : bytes;
}
