import type { HardwareStep, PciAddress, VfChange } from '@vfleet/core';

/** VFs of the PF that all figures of applying are of. */
export const VFS = 7;

/** MAC, VLAN, spoof check and trust of all VFs, other ones each round, as they come out of JSON that was read. */
export function settingsOf(round: number): readonly VfChange[] {
  const made = Array.from({ length: VFS }, (_, index) => ({
    vfIndex: index, mac: `02:00:00:00:${(round % 100).toString().padStart(2, '0')}:0${index}`, vlan: { id: 100 + ((round + index) % 100), qos: 0, protocol: '802.1q' }, spoofCheck: round % 2 === 0, trust: round % 2 === 1,
  }));
  return JSON.parse(JSON.stringify(made)) as readonly VfChange[];
}

export function batch(pf: PciAddress, vfs: readonly VfChange[]): readonly HardwareStep[] {
  return [{ kind: 'setVfs', pf, vfs }];
}

export function single(pf: PciAddress, vfs: readonly VfChange[]): readonly HardwareStep[] {
  return vfs.map((vf) => ({ kind: 'setVf', pf, ...vf }));
}
