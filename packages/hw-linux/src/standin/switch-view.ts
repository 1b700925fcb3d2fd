import type { Link } from '../netlink/link.ts';
import { bridgeName, groupOf, keyOfName, limiterName, UNTAGGED } from './names.ts';
import type { SwitchKey, SwitchVlan } from './names.ts';
import { parseEnd, parsePort, parseSwitch } from './records.ts';
import type { PortRecord, SwitchRecord } from './records.ts';

/** A VF's place in the switch as the kernel has it. */
export interface SwitchPort {
  readonly record: PortRecord;
  readonly representor: Link;
  /** The VF's own end while it is on the host. */
  readonly end?: Link;
  readonly limiter?: Link;
}

/** One PF's switch at one moment, read from the host's links. */
export interface SwitchView {
  readonly key: SwitchKey;
  readonly record?: SwitchRecord;
  /** By index of the VF. */
  readonly ports: ReadonlyMap<number, SwitchPort>;
  /** Everything that carries the key, by name; the VFs' own ends are not among them. */
  readonly links: ReadonlyMap<string, Link>;
  /** The group of the representors, if nobody else has links in it. */
  readonly group?: number;
  /** Names that are taken on the host, by whomever. */
  readonly taken: ReadonlySet<string>;
}

export function viewSwitch(key: SwitchKey, links: readonly Link[]): SwitchView {
  const ends = new Map<string, Link>();
  const own = new Map<string, Link>();
  for (const link of links) {
    const end = parseEnd(link.alias);
    if (end?.key === key) ends.set(end.device, link);
    else if (keyOfName(link.name) === key) own.set(link.name, link);
  }
  const ports = new Map<number, SwitchPort>();
  for (const representor of own.values()) {
    const record = parsePort(key, representor.alias);
    if (record === undefined) continue;
    const end = ends.get(record.device);
    const limiter = own.get(limiterName(key, record.index));
    ports.set(record.index, { record, representor, ...(end === undefined ? {} : { end }), ...(limiter === undefined ? {} : { limiter }) });
  }
  const record = parseSwitch(key, own.get(bridgeName(key, UNTAGGED))?.alias);
  const group = groupOf(key);
  const isOwn = links.every((link) => link.group !== group || own.has(link.name));
  return { key, ...(isOwn ? { group } : {}), ...(record === undefined ? {} : { record }), ports, links: own, taken: new Set(links.flatMap(({ name, altNames }) => [name, ...altNames])) };
}

export function bridgeOf(view: SwitchView, vlan: SwitchVlan): Link | undefined {
  return view.links.get(bridgeName(view.key, vlan));
}
