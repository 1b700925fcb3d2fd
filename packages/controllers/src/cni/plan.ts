import type { HardwareStep, VfSettings, VfSight } from '@vfleet/core';
import type { SriovConfig } from './netconf.ts';
import type { OriginalVf } from './vf-record.ts';

type SetVf = Extract<HardwareStep, { kind: 'setVf' }>;
type VfChange = Omit<SetVf, 'kind' | 'pf' | 'vfIndex'>;

/** What a VF is before it is attached. The caller has checked that it has a driver. */
export function originalOf(pf: VfSight['pf'], vf: VfSight['vf'], driver: string, rdmaDevices: readonly string[], representor?: OriginalVf['representor']): OriginalVf {
  const { netdev } = vf;
  return {
    pf: pf.pciAddress,
    index: vf.index,
    driver,
    settings: vf.settings,
    ...(netdev === undefined ? {} : { netdev: { name: netdev.name, mac: netdev.mac, mtu: netdev.mtu, up: netdev.adminState === 'up', ...(netdev.altNames.length === 0 ? {} : { altNames: netdev.altNames }) } }),
    ...(rdmaDevices.length === 0 ? {} : { rdmaDevices }),
    ...(representor === undefined ? {} : { representor }),
  };
}

/** The settings a configuration asks for, in the order they are set; what it does not name stays as it is. */
export function wantedSettings(config: SriovConfig, original: VfSettings): VfSettings {
  return {
    ...original,
    ...(config.vlan === undefined ? {} : { vlan: config.vlan.id, vlanQos: config.vlan.qos, vlanProtocol: config.vlan.protocol }),
    ...(config.mac === undefined ? {} : { mac: config.mac }),
    ...(config.minTxMbps === undefined ? {} : { minTxRateMbps: config.minTxMbps }),
    ...(config.maxTxMbps === undefined ? {} : { maxTxRateMbps: config.maxTxMbps }),
    ...(config.spoofCheck === undefined ? {} : { spoofCheck: config.spoofCheck }),
    ...(config.trust === undefined ? {} : { trust: config.trust }),
    ...(config.linkState === undefined ? {} : { linkState: config.linkState }),
    ...(config.guid === undefined ? {} : { nodeGuid: config.guid, portGuid: config.guid }),
  };
}

/**
 * Steps that bring a VF's settings from what they are to what is wanted, one attribute each, so that a refusal names it. What
 * is right already is not written: some drivers refuse even the value that they have.
 */
export function settingSteps(at: { readonly pf: OriginalVf['pf']; readonly index: number }, from: VfSettings, to: VfSettings): readonly HardwareStep[] {
  const changes: VfChange[] = [];
  if (from.vlan !== to.vlan || from.vlanQos !== to.vlanQos || from.vlanProtocol !== to.vlanProtocol) {
    changes.push({ vlan: { id: to.vlan, qos: to.vlanQos, protocol: to.vlanProtocol } });
  }
  if (from.mac !== to.mac) changes.push({ mac: to.mac });
  if (from.minTxRateMbps !== to.minTxRateMbps || from.maxTxRateMbps !== to.maxTxRateMbps) {
    changes.push({ rates: { minTxMbps: to.minTxRateMbps, maxTxMbps: to.maxTxRateMbps } });
  }
  if (from.spoofCheck !== to.spoofCheck) changes.push({ spoofCheck: to.spoofCheck });
  if (from.trust !== to.trust) changes.push({ trust: to.trust });
  if (from.linkState !== to.linkState) changes.push({ linkState: to.linkState });
  if (to.nodeGuid !== undefined && from.nodeGuid !== to.nodeGuid) changes.push({ nodeGuid: to.nodeGuid });
  if (to.portGuid !== undefined && from.portGuid !== to.portGuid) changes.push({ portGuid: to.portGuid });
  return changes.map((change) => ({ kind: 'setVf', pf: at.pf, vfIndex: at.index, ...change }));
}

/** What is there now, but with what the configuration changes taken from `source`. */
export function overlaid(config: SriovConfig, original: VfSettings, now: VfSettings, source: VfSettings): VfSettings {
  const wanted = wantedSettings(config, original);
  const changed = (Object.keys(wanted) as (keyof VfSettings)[]).filter((key) => wanted[key] !== original[key]);
  return changed.reduce<VfSettings>((settings, key) => ({ ...settings, [key]: source[key] }), now);
}

/** The settings to go back to: those that the configuration changed, all else as it is now. */
export function restoredSettings(config: SriovConfig, original: VfSettings, now: VfSettings): VfSettings {
  return overlaid(config, original, now, original);
}

/**
 * The effective MAC that the VF's netdev goes back to: the one it had, unless somebody (the config daemon, after a reboot made the VF
 * anew) has fixed another one through the PF since; then the driver takes no other.
 */
export function restoredMac(config: SriovConfig, original: OriginalVf, now: VfSettings): string | undefined {
  const { mac: fixed } = restoredSettings(config, original.settings, now);
  return /^[0:]+$/.test(fixed) || fixed === original.settings.mac ? original.netdev?.mac : fixed;
}

/** A word for a step, for messages. */
export function describeStep(step: HardwareStep): string {
  if (step.kind !== 'setVf') {
    const words: Partial<Record<HardwareStep['kind'], string>> = {
      moveNetdev: 'moving the interface', moveRdma: 'moving the RDMA device', renameNetdev: 'renaming the interface', setNetdevMac: 'setting the MAC address', setMtu: 'setting the MTU',
      setLink: 'setting the link', setAddresses: 'setting addresses and routes', bindDriver: 'binding the driver', unbindDriver: 'unbinding the driver',
    };
    return words[step.kind] ?? step.kind;
  }
  const attribute = Object.keys(step).find((key) => !['kind', 'pf', 'vfIndex'].includes(key));
  const words: Readonly<Record<string, string>> = { spoofCheck: 'spoofchk', rates: 'min_tx_rate and max_tx_rate', linkState: 'link_state', mac: 'the MAC address', nodeGuid: 'the GUID', portGuid: 'the GUID' };
  return `setting ${words[attribute ?? ''] ?? attribute} of VF ${step.vfIndex} on its PF`;
}

/** Name under which an interface comes back to the host when its own is taken there; 15 characters at most. */
export function temporaryName(device: string): string {
  return `vf${device.replaceAll(/[:.]/g, '').slice(-12)}`;
}
