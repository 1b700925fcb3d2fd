import type { HardwareStep, PciAddress, VfChange } from '@vfleet/core';
import type { Link } from '../netlink/link.ts';
import type { PortRecord } from './records.ts';
import type { SwitchPort, SwitchView } from './switch-view.ts';

/**
 * What a simulated PF that has just booted must be told to be as the stand-ins of its VFs are. `ends` are the VFs' own interfaces, wherever
 * they are. Steps that say what is so already do no harm.
 */
export function adoptionSteps(pf: PciAddress, view: SwitchView, ends: ReadonlyMap<PciAddress, Link>): readonly HardwareStep[] {
  if (view.record === undefined || view.record.pf !== pf) return [];
  const { numVfs, eswitchMode } = view.record;
  const ports = [...view.ports.values()].filter(({ record }) => record.index < numVfs).sort((a, b) => a.record.index - b.record.index);
  return [
    ...(eswitchMode === 'switchdev' ? [{ kind: 'setEswitchMode', pf, mode: eswitchMode } as const] : []),
    { kind: 'setNumVfs', pf, count: numVfs },
    ...ports.flatMap((port) => portSteps(pf, port, ends.get(port.record.device))),
  ];
}

/** The same of one VF, which the simulated PF has on the host, with these settings. `link` is its own interface, wherever that is. */
export function portSteps(pf: PciAddress, port: SwitchPort, link: Link | undefined, now: KnownSettings = BOOTED): readonly HardwareStep[] {
  return [...settingSteps(pf, port, now), ...endSteps(port, link)];
}

/** What a simulated PF has of a VF; what is not known is told whatever it is. */
type KnownSettings = Partial<PortRecord['settings']>;

const BOOTED: KnownSettings = { mac: '00:00:00:00:00:00', vlan: 0, vlanQos: 0, vlanProtocol: '802.1q', minTxRateMbps: 0, maxTxRateMbps: 0 };

/** One step for each that differs, so that what one NIC does not have keeps nothing else from being set. */
function settingSteps(pf: PciAddress, { record: { index, settings } }: SwitchPort, now: KnownSettings): readonly HardwareStep[] {
  const { mac, vlan, vlanQos, vlanProtocol, spoofCheck, trust, minTxRateMbps, maxTxRateMbps, linkState } = settings;
  const differs = (...names: readonly (keyof KnownSettings)[]) => names.some((name) => settings[name] !== now[name]);
  const changes: readonly VfChange[] = [
    ...(differs('mac') ? [{ vfIndex: index, mac }] : []),
    ...(differs('vlan', 'vlanQos', 'vlanProtocol') ? [{ vfIndex: index, vlan: { id: vlan, qos: vlanQos, protocol: vlanProtocol } }] : []),
    ...(differs('spoofCheck') ? [{ vfIndex: index, spoofCheck }] : []),
    ...(differs('trust') ? [{ vfIndex: index, trust }] : []),
    ...(differs('minTxRateMbps', 'maxTxRateMbps') ? [{ vfIndex: index, rates: { minTxMbps: minTxRateMbps, maxTxMbps: maxTxRateMbps } }] : []),
    ...(differs('linkState') ? [{ vfIndex: index, linkState }] : []),
  ];
  return changes.map((change) => ({ kind: 'setVf', pf, ...change }));
}

function endSteps({ record, end }: SwitchPort, link: Link | undefined): readonly HardwareStep[] {
  const { device } = record;
  const netns = end === undefined ? record.netns : 'host';
  const seen: readonly HardwareStep[] = link === undefined ? [] : [
    { kind: 'setNetdevMac', device, netns: 'host', mac: link.mac },
    { kind: 'setMtu', device, netns: 'host', mtu: link.mtu },
    ...(netns === 'host' ? [{ kind: 'renameNetdev', device, netns, name: link.name } as const] : []),
  ];
  const name = link === undefined ? {} : { name: link.name };
  const moved: readonly HardwareStep[] = netns === 'host' ? [] : [{ kind: 'moveNetdev', device, from: 'host', to: netns, ...name }];
  return [...seen, ...moved, ...(link?.up === true ? [{ kind: 'setLink', device, netns, up: true } as const] : [])];
}
