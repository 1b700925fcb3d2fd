import type { NodeStateSpec } from '../api/node-state.ts';
import type { Inventory, PfObservation } from '../domain/inventory.ts';
import type { HardwareStep } from '../ports/hardware.ts';
import type { HostFacts } from '../ports/host.ts';
import { firmwareSteps } from './firmware.ts';
import type { RebootReason, WantedPf } from './types.ts';

/** Kernel arguments that vfio-pci needs on this host (Linux Documentation/admin-guide/kernel-parameters.txt, intel_iommu and iommu). */
export function vfioKernelArguments(host: HostFacts): readonly string[] {
  if (host.cpuVendor === 'intel') return ['intel_iommu=on', 'iommu=pt'];
  return host.cpuVendor === 'amd' ? ['iommu=pt'] : [];
}

/** A PF that can have its VFs only after its firmware offers them. */
export interface FirmwareNeed {
  readonly wanted: WantedPf;
  readonly pf: PfObservation;
}

export interface HostNeeds {
  readonly reasons: readonly RebootReason[];
  readonly kernelArguments: readonly string[];
  readonly steps: readonly HardwareStep[];
}

/** Why the host has to be booted anew before its PFs can be configured, over all PFs together. */
export function hostNeeds(
  desired: NodeStateSpec, wanted: readonly WantedPf[], firmware: readonly FirmwareNeed[], observed: Inventory, host: HostFacts,
): HostNeeds {
  const reasons: RebootReason[] = [];
  const steps: HardwareStep[] = [];
  const vfioPfs = wanted.filter((pf) => pf.groups.some((group) => group.driver === 'vfio-pci'));
  const inForce = new Set(host.kernelArguments);
  const missing = vfioPfs.length === 0 ? [] : vfioKernelArguments(host).filter((argument) => !inForce.has(argument));
  if (missing.length > 0) reasons.push({ kind: 'kernelArguments', missing, pfs: vfioPfs.map((pf) => pf.pciAddress) });
  const rdmaMode = desired.system?.rdmaMode;
  // Judged by what the kernel shows, not by what some file says that it should be.
  if (rdmaMode !== undefined && rdmaMode !== observed.rdmaMode) {
    reasons.push({ kind: 'rdmaMode', from: observed.rdmaMode, to: rdmaMode });
    steps.push({ kind: 'setRdmaMode', mode: rdmaMode });
  }
  for (const need of firmware) {
    reasons.push({ kind: 'firmwareVfs', pf: need.pf.pciAddress, from: need.pf.totalVfs, to: need.wanted.numVfs });
    steps.push(...firmwareSteps(need.wanted, need.pf));
  }
  return { reasons, kernelArguments: missing, steps };
}
