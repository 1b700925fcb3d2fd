import type { HardwareStep, PciAddress } from '@vfleet/core';
import type { Link } from '../netlink/link.ts';
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
    ...ports.flatMap((port) => [...settingSteps(pf, port), ...endSteps(port, ends.get(port.record.device))]),
  ];
}

/** One step for each, so that what one NIC does not have keeps nothing else from being set. */
function settingSteps(pf: PciAddress, { record: { index, settings } }: SwitchPort): readonly HardwareStep[] {
  const set = { kind: 'setVf', pf, vfIndex: index } as const;
  return [
    ...(settings.mac === '00:00:00:00:00:00' ? [] : [{ ...set, mac: settings.mac }]),
    ...(settings.vlan === 0 ? [] : [{ ...set, vlan: { id: settings.vlan, qos: settings.vlanQos, protocol: settings.vlanProtocol } }]),
    { ...set, spoofCheck: settings.spoofCheck },
    { ...set, trust: settings.trust },
    ...(settings.minTxRateMbps === 0 && settings.maxTxRateMbps === 0 ? [] : [{ ...set, rates: { minTxMbps: settings.minTxRateMbps, maxTxMbps: settings.maxTxRateMbps } }]),
    { ...set, linkState: settings.linkState },
  ];
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
