import type { EswitchMode, NetnsPath, PciAddress, VfSettings } from '@vfleet/core';
import { parsePciAddress } from '@vfleet/core';
import type { SwitchKey } from './names.ts';

/**
 * What stand-ins are, written into the aliases of their links. The kernel keeps an alias exactly as long as the link, also when the process
 * dies, so no file can disagree with it.
 */

/** Of a representor: the VF, what its PF was told of it, and where its own end is. */
export interface PortRecord {
  readonly index: number;
  readonly device: PciAddress;
  readonly settings: Omit<VfSettings, 'nodeGuid' | 'portGuid'>;
  /** The VF's own MAC address, whoever set it. */
  readonly mac: string;
  readonly netns: NetnsPath;
}

/** Of the bridge of untagged frames: the PF as far as its VFs depend on it. */
export interface SwitchRecord {
  readonly pf: PciAddress;
  readonly numVfs: number;
  readonly eswitchMode: EswitchMode;
}

const LINK_STATES = { auto: 'a', enable: 'e', disable: 'd' } as const;
const MAC = '([0-9a-f]{2}(?::[0-9a-f]{2}){5})';
const PORT = new RegExp(`^port (\\d{1,5}) (\\S+) ${MAC} ${MAC} (\\d{1,4})\\.([0-7])(q|ad)(s?)(t?) (\\d{1,10})-(\\d{1,10}) ([aed]) (.+)$`);
const SWITCH = /^switch (\S+) (\d{1,5}) (legacy|switchdev)$/;

export function encodePort(key: SwitchKey, { index, device, settings, mac, netns }: PortRecord): string {
  const { vlan, vlanQos, vlanProtocol, spoofCheck, trust, minTxRateMbps, maxTxRateMbps, linkState } = settings;
  const flags = `${spoofCheck ? 's' : ''}${trust ? 't' : ''}`;
  return `vfleet ${key} port ${index} ${device} ${mac} ${settings.mac} ${vlan}.${vlanQos}${vlanProtocol === '802.1q' ? 'q' : 'ad'}${flags} ${minTxRateMbps}-${maxTxRateMbps} ${LINK_STATES[linkState]} ${netns}`;
}

/** Undefined for the alias of anything else. */
export function parsePort(key: SwitchKey, alias: string | undefined): PortRecord | undefined {
  const found = PORT.exec(textOf(key, alias));
  const device = found === null ? undefined : parsePciAddress(found[2]!);
  if (found === null || device?.ok !== true) return undefined;
  const [, index, , mac, adminMac, vlan, qos, protocol, spoofs, trust, minimum, maximum, state, netns] = found;
  return {
    index: Number(index),
    device: device.value,
    mac: mac!,
    settings: {
      mac: adminMac!, vlan: Number(vlan), vlanQos: Number(qos), vlanProtocol: protocol === 'q' ? '802.1q' : '802.1ad', spoofCheck: spoofs === 's', trust: trust === 't',
      minTxRateMbps: Number(minimum), maxTxRateMbps: Number(maximum), linkState: state === 'e' ? 'enable' : state === 'd' ? 'disable' : 'auto',
    },
    netns: netns!,
  };
}

export function encodeSwitch(key: SwitchKey, { pf, numVfs, eswitchMode }: SwitchRecord): string {
  return `vfleet ${key} switch ${pf} ${numVfs} ${eswitchMode}`;
}

export function parseSwitch(key: SwitchKey, alias: string | undefined): SwitchRecord | undefined {
  const found = SWITCH.exec(textOf(key, alias));
  const pf = found === null ? undefined : parsePciAddress(found[1]!);
  if (found === null || pf?.ok !== true) return undefined;
  return { pf: pf.value, numVfs: Number(found[2]), eswitchMode: found[3] === 'switchdev' ? 'switchdev' : 'legacy' };
}

/** Of a VF's own end: whose it is, also inside a pod. */
export function encodeEnd(key: SwitchKey, device: PciAddress): string {
  return `vfleet ${key} vf ${device}`;
}

export function parseEnd(alias: string | undefined): { readonly key: SwitchKey; readonly device: string } | undefined {
  const found = /^vfleet ([0-9a-z]{7}) vf (\S+)$/.exec(alias ?? '');
  return found === null ? undefined : { key: found[1]!, device: found[2]! };
}

/** Of the rest: bridges of VLANs, what joins them, limiters. */
export function encodePart(key: SwitchKey): string {
  return `vfleet ${key} part`;
}

function textOf(key: SwitchKey, alias: string | undefined): string {
  const start = `vfleet ${key} `;
  return alias?.startsWith(start) === true ? alias.slice(start.length) : '';
}
