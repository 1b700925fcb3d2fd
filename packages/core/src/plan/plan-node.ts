import { comparePciAddresses } from '../domain/pci.ts';
import type { Blockage, PfObservation } from '../domain/inventory.ts';
import { planBridges } from './bridge-steps.ts';
import { affectedVfs, differencesOf } from './differences.ts';
import { needsMoreFirmwareVfs } from './firmware.ts';
import { hostNeeds } from './host-needs.ts';
import type { FirmwareNeed } from './host-needs.ts';
import { configureSteps, expectationsOf, lacksRdma, resetSteps } from './pf-steps.ts';
import { triedKey } from './step-key.ts';
import type { DrainReason, OwnedPf, PfPlan, Plan, PlanInput, PlanProblem, WantedPf } from './types.ts';
import { groupOf, readWantedPf } from './wanted.ts';

const NOBODY: ReadonlyMap<string, string> = new Map();
const NOTHING: ReadonlySet<string> = new Set();

/**
 * Decides what has to be done on a node, why, and at what price. Pure: the same input gives the same plan, and carrying out its
 * steps and planning again comes to a plan without steps. PFs that no spec names and that we never configured are not in it.
 */
export function planNode(input: PlanInput): Plan {
  const observed = new Map<string, PfObservation>(input.observed.pfs.map((pf) => [pf.pciAddress, pf]));
  const problems: PlanProblem[] = [];
  const wanted: WantedPf[] = [];
  const firmware: FirmwareNeed[] = [];
  const pfs: PfPlan[] = [];
  const reasons: DrainReason[] = [];
  const named = new Set<string>();
  for (const entry of input.desired.interfaces ?? []) {
    const read = readWantedPf(entry);
    if (!read.ok) problems.push(read.error);
    else if (named.has(read.value.pciAddress)) problems.push(namedTwice(read.value));
    named.add(entry.pciAddress.toLowerCase());
    if (!read.ok || wanted.some((other) => other.pciAddress === read.value.pciAddress)) continue;
    const pf = observed.get(read.value.pciAddress);
    const own = pf === undefined ? [pfGone(read.value, entry.name)] : problemsOf(read.value, pf, input);
    problems.push(...own);
    if (pf === undefined || own.some((problem) => problem.blocks)) continue;
    wanted.push(read.value);
    // Its VFs can be had only after a boot; until then nothing about it is planned.
    if (needsMoreFirmwareVfs(read.value, pf, input)) firmware.push({ wanted: read.value, pf });
    else pfs.push(planWanted(read.value, pf, input, reasons));
  }
  for (const owned of input.owned) {
    const pf = observed.get(owned.pciAddress);
    if (pf === undefined || owned.externallyManaged || named.has(owned.pciAddress)) continue;
    if (pf.blocked !== undefined) problems.push(pfBlocked(pf, pf.blocked));
    else pfs.push(planReset(owned, pf, input, reasons));
  }
  const bridges = planBridges(input, observed);
  problems.push(...bridges.problems);
  reasons.push(...bridges.reasons);
  const host = hostNeeds(input.desired, wanted, firmware, input.observed, input.host);
  return {
    pfs: pfs.sort((a, b) => comparePciAddresses(a.pf, b.pf)),
    hostSteps: host.steps,
    bridgeSteps: bridges.steps,
    drain: { needed: reasons.length > 0 && !input.disableDrain, reasons: reasons.sort((a, b) => comparePciAddresses(a.pf, b.pf)) },
    reboot: { needed: host.reasons.length > 0, reasons: host.reasons, kernelArguments: host.kernelArguments },
    problems,
  };
}

/** Nothing is left to be done. Problems may remain; no step would solve them. */
export function isSettled(plan: Plan): boolean {
  return !plan.reboot.needed && plan.hostSteps.length === 0 && plan.bridgeSteps.length === 0 && plan.pfs.every((pf) => pf.steps.length === 0);
}

function planWanted(wanted: WantedPf, pf: PfObservation, input: PlanInput, reasons: DrainReason[]): PfPlan {
  const holders = input.holders ?? NOBODY;
  const differences = differencesOf(wanted, pf);
  if (pf.numVfs > 0 && differences.length > 0 && !(input.begun?.has(pf.pciAddress) ?? false)) {
    reasons.push({ pf: pf.pciAddress, name: nameOf(pf), why: 'update', differences, affectedVfs: affectedVfs(pf, differences, holders) });
  }
  const steps = configureSteps(wanted, pf, { tried: input.tried ?? NOTHING, holders, begun: input.begun?.has(pf.pciAddress) ?? false });
  return {
    pf: pf.pciAddress,
    name: nameOf(pf),
    action: 'configure',
    externallyManaged: wanted.externallyManaged,
    differences,
    steps,
    expectations: expectationsOf(wanted, pf, steps),
  };
}

function planReset(owned: OwnedPf, pf: PfObservation, input: PlanInput, reasons: DrainReason[]): PfPlan {
  const differences = pf.numVfs > 0 ? [{ kind: 'numVfs' as const, from: pf.numVfs, to: 0 }] : [];
  if (pf.numVfs > 0) {
    reasons.push({ pf: pf.pciAddress, name: nameOf(pf), why: 'reset', differences, affectedVfs: affectedVfs(pf, differences, input.holders ?? NOBODY) });
  }
  return { pf: pf.pciAddress, name: nameOf(pf), action: 'reset', externallyManaged: false, differences, steps: resetSteps(owned, pf), expectations: [] };
}

function nameOf(pf: PfObservation): string {
  return pf.netdev?.name ?? pf.pciAddress;
}

function namedTwice(wanted: WantedPf): PlanProblem {
  return {
    kind: 'badSpec', pf: wanted.pciAddress, cause: `the spec names the PF ${wanted.pciAddress} twice; the first entry counts`,
    remedy: 'remove one of the entries from spec.interfaces of the node state', blocks: false,
  };
}

function pfGone(wanted: WantedPf, name: string | undefined): PlanProblem {
  return {
    kind: 'pfGone',
    pf: wanted.pciAddress,
    ...(name === undefined ? {} : { name }),
    cause: `the PF ${name ?? wanted.pciAddress} at ${wanted.pciAddress} is not there`,
    remedy: 'check with lspci that the NIC is present and answers; a policy that selects it by PCI address may have to be corrected',
    blocks: true,
  };
}

function pfBlocked(pf: PfObservation, { cause, remedy }: Blockage): PlanProblem {
  return { kind: 'pfBlocked', pf: pf.pciAddress, name: nameOf(pf), cause: `${nameOf(pf)} at ${pf.pciAddress} cannot be touched: ${cause}`, remedy, blocks: true };
}

function problemsOf(wanted: WantedPf, pf: PfObservation, input: PlanInput): readonly PlanProblem[] {
  const name = nameOf(pf);
  // What the rest of the observation says may be half of a change.
  if (pf.blocked !== undefined) return [pfBlocked(pf, pf.blocked)];
  const problems: PlanProblem[] = [];
  const found = (kind: PlanProblem['kind'], blocks: boolean, cause: string, remedy: string) =>
    problems.push({ kind, pf: pf.pciAddress, name, cause, remedy, blocks });
  if (pf.driver === undefined) {
    found('pfWithoutDriver', true, `no driver is bound to the PF ${name}`, `bind the PF to its kernel driver, or find in dmesg why the driver refused it`);
  }
  if (wanted.linkType !== undefined && wanted.linkType !== pf.linkType) {
    found('linkTypeDiffers', true, `${name} has link type ${pf.linkType}, not ${wanted.linkType}`, 'set LINK_TYPE in the firmware of the NIC (mstconfig) and reboot, or correct linkType in the policy');
  }
  if (wanted.externallyManaged) problems.push(...problemsOfExternal(wanted, pf));
  else if (wanted.numVfs > pf.totalVfs && !needsMoreFirmwareVfs(wanted, pf, input)) {
    found('tooManyVfs', true, `${wanted.numVfs} VFs are wanted on ${name}, which can have ${pf.totalVfs}`, `set numVfs to ${pf.totalVfs} or less, or raise the number of VFs in the firmware of the NIC and reboot`);
  }
  for (const group of wanted.groups) {
    if (group.range.last >= wanted.numVfs && group.range.last >= group.range.first) {
      found('rangeBeyondVfs', false, `VFs ${group.range.first} to ${group.range.last} of ${name} are wanted for ${group.resourceName ?? 'a group'}, but numVfs is ${wanted.numVfs}`, 'raise numVfs or correct the range in the policy');
    }
  }
  problems.push(...rdmaProblems(wanted, pf, input));
  return problems;
}

function problemsOfExternal(wanted: WantedPf, pf: PfObservation): readonly PlanProblem[] {
  const name = nameOf(pf);
  const common = { pf: pf.pciAddress, name, blocks: true };
  const problems: PlanProblem[] = [];
  if (pf.vfs.length < wanted.numVfs) {
    problems.push({
      ...common, kind: 'tooFewVfs', cause: `${name} is externally managed and has ${pf.vfs.length} VFs; ${wanted.numVfs} are wanted`,
      remedy: `create ${wanted.numVfs} VFs on ${name} by the means that manage it, or lower numVfs in the policy`,
    });
  }
  if (pf.netdev !== undefined && (wanted.mtu ?? 0) > pf.netdev.mtu) {
    problems.push({
      ...common, kind: 'externallyManagedDiffers', cause: `${name} is externally managed and has MTU ${pf.netdev.mtu}; ${wanted.mtu} is wanted`,
      remedy: `raise the MTU of ${name} by the means that manage it, or lower mtu in the policy`,
    });
  }
  if (pf.eswitchMode !== wanted.eswitchMode) {
    problems.push({
      ...common, kind: 'externallyManagedDiffers', cause: `${name} is externally managed and in eswitch mode ${pf.eswitchMode}; ${wanted.eswitchMode} is wanted`,
      remedy: `change the mode of ${name} by the means that manage it, or set eSwitchMode ${pf.eswitchMode} in the policy`,
    });
  }
  return problems;
}

function rdmaProblems(wanted: WantedPf, pf: PfObservation, input: PlanInput): readonly PlanProblem[] {
  const tried = input.tried ?? NOTHING;
  const without = pf.vfs.filter((vf) => {
    const group = groupOf(wanted, vf.index);
    return group !== undefined && lacksRdma(group, pf, vf) && tried.has(triedKey({ kind: 'bindDriver', device: vf.pciAddress, driver: group.driver }));
  });
  const asks = wanted.groups.some((group) => group.isRdma);
  if (without.length === 0 && !(asks && pf.rdmaDevices.length === 0)) return [];
  const name = nameOf(pf);
  const cause = without.length > 0 ? `VFs ${without.map((vf) => vf.index).join(', ')} of ${name} have no RDMA device although their driver was bound anew` : `${name} has no RDMA device`;
  return [{ kind: 'noRdmaDevice', pf: pf.pciAddress, name, cause, remedy: 'load the RDMA driver of the NIC (mlx5_ib, irdma, bnxt_re …) on the node, or set isRdma to false in the policy', blocks: false }];
}
