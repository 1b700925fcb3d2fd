import type { PfObservation, VfObservation } from '@vfleet/core';
import type { VfRecord } from './vf-record.ts';

/**
 * Who else behind this PF has a MAC, in words; undefined when nobody. The embedded switch sends a frame to one function for each MAC and VLAN, so
 * with two of them one hears nothing, or each a part. In another VLAN, or behind another PF, the same MAC is another station's.
 */
export function macTakenBy(pf: PfObservation, vf: Pick<VfObservation, 'pciAddress'>, wanted: { readonly mac: string; readonly vlan: number }, attached: readonly VfRecord[]): string | undefined {
  const { mac, vlan } = wanted;
  if (vlan === 0 && pf.netdev?.mac === mac) return `its PF ${pf.netdev.name}`;
  for (const other of pf.vfs) {
    if (other.pciAddress === vf.pciAddress || other.settings.vlan !== vlan) continue;
    const record = attached.find(({ config }) => config.device === other.pciAddress);
    const holder = record?.machine.context.holder;
    const macs = [other.settings.mac, other.netdev?.mac, record?.result?.mac];
    if (macs.includes(mac)) return `VF ${other.pciAddress}${holder === undefined ? '' : ` of pod ${holder.podNamespace}/${holder.podName} (${holder.interfaceName})`}`;
  }
  return undefined;
}
