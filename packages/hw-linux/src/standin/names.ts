import { createHash } from 'node:crypto';
import type { PciAddress } from '@vfleet/core';
import type { Link } from '../netlink/link.ts';

/** A VLAN as an embedded switch keeps it apart; `id` 0 is what has no tag of the switch's own. */
export interface SwitchVlan {
  readonly id: number;
  readonly protocol: '802.1q' | '802.1ad';
}

export const UNTAGGED: SwitchVlan = { id: 0, protocol: '802.1q' };

/** What all links and aliases of one PF's switch carry: seven letters and digits, so that names stay within IFNAMSIZ. */
export type SwitchKey = string;

const KEY_LENGTH = 7;
const TRIES_MAX = 64;
const NAME = /^vf([0-9a-z]{7})[a-z]\d{1,5}$/;

function keyAt(node: string, pf: PciAddress, attempt: number): SwitchKey {
  const digest = createHash('sha256').update(`${node}\n${pf}\n${attempt}`).digest();
  return digest.readBigUInt64BE().toString(36).padStart(KEY_LENGTH, '0').slice(-KEY_LENGTH);
}

/** The same key for the same PF of the same node, as long as no link of somebody else carries it. */
export function switchKeyOf(node: string, pf: PciAddress, links: readonly Link[]): SwitchKey {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const key = keyAt(node, pf, attempt);
    const bearers = links.filter(({ name }) => keyOfName(name) === key);
    if (bearers.every((link) => isOfSwitch(link, key, pf))) return key;
  }
  return keyAt(node, pf, TRIES_MAX);
}

/** Without an alias it was left behind by a process that died between two messages; who else would give it such a name. */
function isOfSwitch({ alias }: Link, key: SwitchKey, pf: PciAddress): boolean {
  return alias === undefined || (alias.startsWith(`vfleet ${key} `) && (!alias.startsWith(`vfleet ${key} switch `) || alias.includes(` ${pf} `)));
}

export function keyOfName(name: string): SwitchKey | undefined {
  return NAME.exec(name)?.[1];
}

/** The group of a switch's representors: a number that nobody takes by chance. */
export function groupOf(key: SwitchKey): number {
  return 0x4000_0000 + (parseInt(key, 36) % 0x3fff_ffff);
}

/** The end of a VF's cable that is in the switch. */
export function representorName(key: SwitchKey, index: number): string {
  return `vf${key}r${index}`;
}

/** The VF's own end, where the name that it should have is taken. */
export function spareName(key: SwitchKey, index: number): string {
  return `vf${key}v${index}`;
}

/** The bridge of one VLAN. */
export function bridgeName(key: SwitchKey, vlan: SwitchVlan): string {
  return `vf${key}${vlan.protocol === '802.1q' ? 'b' : 's'}${vlan.id}`;
}

/** Where a VLAN's frames have their tag, on the bridge of those without. */
export function trunkName(key: SwitchKey, vlan: SwitchVlan): string {
  return `vf${key}${vlan.protocol === '802.1q' ? 't' : 'u'}${vlan.id}`;
}

/** What a VF's frames wait in when its rate is limited. */
export function limiterName(key: SwitchKey, index: number): string {
  return `vf${key}l${index}`;
}
