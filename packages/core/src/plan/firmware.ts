import type { PfObservation } from '../domain/inventory.ts';
import type { HardwareStep } from '../ports/hardware.ts';
import type { PlanInput, WantedPf } from './types.ts';

const MELLANOX_VENDOR = '15b3';
/** Most VFs that the firmware of a Mellanox PF can be told to offer. */
const MELLANOX_VFS_MAX = 128;

/**
 * Whether the PF's firmware has to be, and can be, told to offer more VFs. Only Mellanox NICs take that setting from the host, and
 * keep it: parameter `total_vfs` (Linux Documentation/networking/devlink/devlink-params.rst; NUM_OF_VFS in mstconfig).
 */
export function needsMoreFirmwareVfs(wanted: WantedPf, pf: PfObservation, input: Pick<PlanInput, 'disabledPlugins'>): boolean {
  const mayAsk = pf.vendor === MELLANOX_VENDOR && !wanted.externallyManaged && !(input.disabledPlugins?.includes('mellanox') ?? false);
  return mayAsk && wanted.numVfs > pf.totalVfs && wanted.numVfs <= MELLANOX_VFS_MAX;
}

export function firmwareSteps(wanted: WantedPf, pf: PfObservation): readonly HardwareStep[] {
  const steps: HardwareStep[] = [];
  if (pf.totalVfs === 0) steps.push({ kind: 'setDevlinkParam', pf: pf.pciAddress, name: 'enable_sriov', value: true });
  return [...steps, { kind: 'setDevlinkParam', pf: pf.pciAddress, name: 'total_vfs', value: wanted.numVfs }];
}
