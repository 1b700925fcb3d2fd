import type { Netdev, VfSettings } from '@vfleet/core';
import type { Link, LinkVf } from '../netlink/link.ts';

/** What a message about a link says, in the words of the inventory. */

/** What is said of a VF whose PF has no interface or whose driver tells nothing. */
export const NO_SETTINGS: VfSettings = {
  mac: '00:00:00:00:00:00', vlan: 0, vlanQos: 0, vlanProtocol: '802.1q', spoofCheck: false, trust: false, minTxRateMbps: 0, maxTxRateMbps: 0, linkState: 'auto',
};

export function settingsOf(vf: LinkVf): VfSettings {
  const { index: _, ...settings } = vf;
  return settings;
}

export function netdevOf(link: Link): Netdev {
  return { name: link.name, altNames: link.altNames, mac: link.mac, mtu: link.mtu, adminState: link.up ? 'up' : 'down', carrier: link.carrier };
}
