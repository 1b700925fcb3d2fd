import type { EswitchMode, PfObservation, VfObservation } from '@vfleet/core';
import type { Link } from '../netlink/link.ts';
import { isProgramDriver } from '../sysfs/functions.ts';
import { UNTAGGED, bridgeName, limiterName, spareName, trunkName } from './names.ts';
import type { SwitchVlan } from './names.ts';
import { encodePort, encodeSwitch } from './records.ts';
import type { PortRecord, SwitchRecord } from './records.ts';
import { bridgeOf } from './switch-view.ts';
import type { SwitchPort, SwitchView } from './switch-view.ts';

/** What is to be done so that the kernel's links are as the simulated NIC is. Done in order. */
export type SwitchAction =
  | { readonly kind: 'removeLink'; readonly name: string; readonly index: number }
  /** All representors with their other ends. */
  | { readonly kind: 'removePorts'; readonly group: number }
  /** With a bridge for each VLAN, which are joined where the kernel knows VLANs. */
  | { readonly kind: 'makeBridge'; readonly vlan: SwitchVlan }
  | { readonly kind: 'noteSwitch'; readonly record: SwitchRecord }
  | { readonly kind: 'makePort'; readonly name: string; readonly mtu: number; readonly record: PortRecord }
  /** Everything of a port but its link, as its record says. `bridge` is absent where nothing forwards by itself. */
  | { readonly kind: 'setPort'; readonly record: PortRecord; readonly bridge?: SwitchVlan }
  | { readonly kind: 'setPortLink'; readonly portIndex: number; readonly up: boolean };

/** A PF that is gone, or has no VFs, has no switch. */
export function planSwitch(pf: PfObservation | undefined, view: SwitchView): readonly SwitchAction[] {
  if (pf === undefined || pf.numVfs === 0) return removalOfAll(view);
  const carrier = pf.netdev?.carrier === true;
  const wanted = pf.vfs.filter((vf) => pf.linkType === 'ETH' && hasEnd(vf, portOf(view, vf)));
  const ports = wanted.map((vf) => recordOf(vf, portOf(view, vf)));
  const vlans = pf.eswitchMode === 'switchdev' ? [] : distinct(ports.map(({ settings }) => vlanOf(settings)));
  const keep = new Set([
    bridgeName(view.key, UNTAGGED),
    ...vlans.flatMap((vlan) => [bridgeName(view.key, vlan), trunkName(view.key, vlan)]),
    ...wanted.flatMap((vf) => portOf(view, vf)?.representor.name ?? []),
    ...ports.filter(isLimited).map(({ index }) => limiterName(view.key, index)),
  ]);
  const record: SwitchRecord = { pf: pf.pciAddress, numVfs: pf.numVfs, eswitchMode: pf.eswitchMode };
  const alias = view.links.get(bridgeName(view.key, UNTAGGED))?.alias;
  return [
    ...removals(view, keep),
    ...[UNTAGGED, ...vlans.filter(({ id }) => id !== 0)].filter((vlan) => !isWhole(bridgeOf(view, vlan))).map((vlan) => ({ kind: 'makeBridge', vlan }) as const),
    ...(alias === encodeSwitch(view.key, record) ? [] : [{ kind: 'noteSwitch', record } as const]),
    ...wanted.flatMap((vf, at) => actionsOf(vf, ports[at]!, view, pf.eswitchMode, carrier)),
  ];
}

function actionsOf(vf: VfObservation, record: PortRecord, view: SwitchView, eswitchMode: EswitchMode, carrier: boolean): readonly SwitchAction[] {
  const port = portOf(view, vf);
  // In switchdev mode a representor is started and stopped by whoever forwards; a link that is disabled is down for all.
  const isOthers = eswitchMode === 'switchdev';
  const up = isOthers ? vf.settings.linkState !== 'disable' : isLinkUp(vf, carrier);
  const vlan = isOthers ? undefined : vlanOf(record.settings);
  const isSame = port?.representor.alias === encodePort(view.key, record) && isInPlace(port, vlan, view);
  return [
    ...(port === undefined ? [{ kind: 'makePort', name: freeName(vf, view), mtu: vf.netdev?.mtu ?? 1500, record } as const] : []),
    ...(isSame ? [] : [{ kind: 'setPort', record, ...(vlan === undefined ? {} : { bridge: vlan }) } as const]),
    ...(port?.representor.up === up || (isOthers && port !== undefined && up) ? [] : [{ kind: 'setPortLink', portIndex: vf.index, up } as const]),
  ];
}

/** In switchdev mode a representor is whose it is: what it is a port of is decided by others. */
function isInPlace({ representor, record, limiter }: SwitchPort, vlan: SwitchVlan | undefined, view: SwitchView): boolean {
  if (isWhole(limiter) !== isLimited(record)) return false;
  if (vlan === undefined) return !isPortOfSwitch(representor.master, view);
  const bridge = bridgeOf(view, vlan);
  return isWhole(bridge) && representor.master === bridge?.index;
}

/** The alias is what is written last: without it a process died while it made the link. */
function isWhole(link: Link | undefined): boolean {
  return link?.alias !== undefined;
}

function isLimited({ settings }: PortRecord): boolean {
  return settings.maxTxRateMbps > 0;
}

function portOf(view: SwitchView, vf: VfObservation): SwitchPort | undefined {
  const port = view.ports.get(vf.index);
  return port?.record.device === vf.pciAddress ? port : undefined;
}

function isPortOfSwitch(master: number | undefined, view: SwitchView): boolean {
  return master !== undefined && [...view.links.values()].some(({ index, softwareKind }) => index === master && softwareKind === 'bridge');
}

/** A VF has an end while a kernel driver has it; that the host does not see it means that it is with a pod. */
function hasEnd(vf: VfObservation, port: SwitchPort | undefined): boolean {
  if (vf.driver === undefined || isProgramDriver(vf.driver)) return false;
  return vf.netdev !== undefined || (port !== undefined && port.record.netns !== 'host');
}

function recordOf(vf: VfObservation, port: SwitchPort | undefined): PortRecord {
  const { nodeGuid: _node, portGuid: _port, ...settings } = vf.settings;
  const mac = port === undefined ? vf.netdev!.mac : port.record.netns === 'host' ? (port.end?.mac ?? port.record.mac) : port.record.mac;
  return { index: vf.index, device: vf.pciAddress, settings, mac, netns: port?.record.netns ?? 'host' };
}

export function vlanOf({ vlan, vlanProtocol }: PortRecord['settings']): SwitchVlan {
  return vlan === 0 ? UNTAGGED : { id: vlan, protocol: vlanProtocol };
}

function distinct(vlans: readonly SwitchVlan[]): readonly SwitchVlan[] {
  return [...new Map(vlans.map((vlan) => [`${vlan.id} ${vlan.protocol}`, vlan])).values()];
}

function isLinkUp({ settings: { linkState } }: VfObservation, carrier: boolean): boolean {
  return linkState === 'enable' || (linkState === 'auto' && carrier);
}

function freeName(vf: VfObservation, view: SwitchView): string {
  const name = vf.netdev?.name;
  return name === undefined || view.taken.has(name) ? spareName(view.key, vf.index) : name;
}

function removalOfAll(view: SwitchView): readonly SwitchAction[] {
  const { group } = view;
  const grouped = group === undefined ? [] : [...view.links.values()].filter((link) => link.group === group);
  if (group === undefined || grouped.length === 0) return removals(view, new Set());
  return [{ kind: 'removePorts', group }, ...removals({ ...view, links: new Map([...view.links].filter(([, link]) => link.group !== group)) }, new Set())];
}

/** Ports first, then what they were in; of a pair, one end takes the other with it. */
function removals(view: SwitchView, keep: ReadonlySet<string>): readonly SwitchAction[] {
  const gone = [...view.links.values()].filter((link) => !keep.has(link.name) || !isWhole(link));
  const rank = (kind: string | undefined) => (kind === 'veth' ? 0 : kind === 'bridge' ? 2 : 1);
  return gone.sort((a, b) => rank(a.softwareKind) - rank(b.softwareKind) || a.index - b.index).map(({ name, index }) => ({ kind: 'removeLink', name, index }));
}
