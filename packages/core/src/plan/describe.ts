import { setVfOf } from '../ports/vf-batch.ts';
import type { BridgeStep, DrainReason, Difference, Expectation, PfPlan, Plan, PlanStep, RebootReason } from './types.ts';
import { isSettled } from './plan-node.ts';

/** A plan as lines for a person: what will be done, in which order, what it costs and what stands in the way. */
export function describePlan(plan: Plan): readonly string[] {
  const lines: string[] = [];
  for (const problem of plan.problems) lines.push(`problem: ${problem.cause}; ${problem.remedy}`);
  if (isSettled(plan)) return [...lines, plan.problems.length > 0 ? 'nothing else to do' : 'nothing to do'];
  for (const reason of plan.reboot.reasons) lines.push(`reboot: ${describeReboot(reason)}`);
  for (const reason of plan.drain.reasons) lines.push(`${plan.drain.needed ? 'drain' : 'no drain, by disableDrain'}: ${describeDrain(reason)}`);
  for (const step of plan.hostSteps) lines.push(`host: ${describeStep(step)}`);
  for (const pf of plan.pfs) lines.push(...describePf(pf, plan.reboot.needed));
  for (const step of plan.bridgeSteps) lines.push(describeBridgeStep(step));
  return lines;
}

function describePf(pf: PfPlan, afterReboot: boolean): readonly string[] {
  if (pf.steps.length === 0) return [];
  const head = `${pf.name} (${pf.pf})${pf.action === 'reset' ? ', no longer in the spec' : ''}${afterReboot ? ', after the reboot' : ''}:`;
  return [head, ...pf.steps.map((step) => `  ${describeStep(step)}`), ...pf.expectations.map((expectation) => `  then ${describeExpectation(expectation)}`)];
}

/** A change of a bridge as a short phrase. */
export function describeBridgeStep(step: BridgeStep): string {
  if (step.kind === 'removeBridge') return `remove the Open vSwitch bridge ${step.name}`;
  const uplinks = (step.bridge.uplinks ?? []).map(({ name, pciAddress }) => name ?? pciAddress);
  return `make the Open vSwitch bridge ${step.bridge.name}${uplinks.length === 0 ? '' : ` over ${uplinks.join(', ')}`}`;
}

/** One step as a short phrase. */
export function describeStep(step: PlanStep): string {
  switch (step.kind) {
    case 'setNumVfs':
      return step.count === 0 ? `remove all VFs of ${step.pf}` : `create ${step.count} VFs on ${step.pf}`;
    case 'setDriversAutoprobe':
      return `${step.enabled ? 'let' : 'do not let'} drivers take new VFs of ${step.pf}`;
    case 'setEswitchMode':
      return `set the eswitch of ${step.pf} to ${step.mode}`;
    case 'bindDriver':
      return step.driver === 'default' ? `bind ${step.device} to its own driver` : `bind ${step.device} to ${step.driver}`;
    case 'unbindDriver':
      return `unbind ${step.device} from its driver`;
    case 'setVf':
      return `set ${Object.entries(step).filter(([key]) => !['kind', 'pf', 'vfIndex'].includes(key)).map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`).join(', ')} of VF ${step.vfIndex} on ${step.pf}`;
    case 'setVfs':
      return step.vfs.map((vf) => describeStep(setVfOf(step, vf))).join('; ');
    case 'setMtu':
      return `set the MTU of ${step.device} to ${step.mtu}`;
    case 'setLink':
      return `set the link of ${step.device} ${step.up ? 'up' : 'down'}`;
    case 'setFeature':
      return `turn ${step.feature} of ${step.device} ${step.enabled ? 'on' : 'off'}`;
    case 'setDevlinkParam':
      return `set devlink parameter ${step.name} of ${step.pf} to ${step.value}`;
    case 'createVdpa':
      return `make a ${step.type} vDPA device on ${step.device}`;
    case 'deleteVdpa':
      return `remove the vDPA device of ${step.device}`;
    case 'setRdmaMode':
      return `set the RDMA mode of the host to ${step.mode}`;
    case 'moveRdma':
      return `move the RDMA device ${step.rdmaDevice} of ${step.device} from ${step.from} to ${step.to}`;
    case 'waitForVfs':
      return `wait until ${step.pf} shows ${step.count} VFs, at most ${step.deadlineMs / 1000} s`;
    case 'rediscover':
      return `look at ${step.pf} again`;
    case 'setNetdevMac':
      return `set the MAC of ${step.device} to ${step.mac}`;
    case 'renameNetdev':
      return `rename the interface of ${step.device} to ${step.name}`;
    case 'moveNetdev':
      return `move the interface of ${step.device} from ${step.from} to ${step.to}`;
    case 'setAddresses':
      return `set the addresses of ${step.device} to ${step.addresses.join(', ')}`;
  }
}

function describeExpectation(expectation: Expectation): string {
  switch (expectation.kind) {
    case 'eswitchMode':
      return `set the eswitch to ${expectation.mode}`;
    case 'pfMtu':
      return `raise the MTU of the PF to ${expectation.mtu}`;
    case 'pfUp':
      return 'set the link of the PF up';
    case 'vfs': {
      const parts = [`driver ${expectation.driver === 'default' ? 'their own' : expectation.driver}`];
      if (expectation.mtu !== undefined) parts.push(`MTU ${expectation.mtu}`);
      if (expectation.isRdma) parts.push('RDMA');
      if (expectation.vdpaType !== undefined) parts.push(`vDPA ${expectation.vdpaType}`);
      return `${vfs(expectation.range.first, expectation.range.last)}${expectation.resourceName === undefined ? '' : ` for ${expectation.resourceName}`}: ${parts.join(', ')}`;
    }
  }
}

function vfs(first: number, last: number): string {
  return first === last ? `VF ${first}` : `VFs ${first} to ${last}`;
}

/** Why a node is drained, in one line. */
export function describeDrain(reason: DrainReason): string {
  const pods = reason.affectedVfs.flatMap((vf) => (vf.pod === undefined ? [] : [vf.pod]));
  const whom = pods.length === 0 ? 'no pod is known to hold one' : `held by ${[...new Set(pods)].sort().join(', ')}`;
  const why = reason.why === 'reset' ? 'no policy wants it any more' : reason.differences.map(describeDifference).join(', ');
  return `${reason.name} (${reason.pf}) has VFs and ${why}; ${reason.affectedVfs.length} VFs affected, ${whom}`;
}

/** One difference as a short phrase. */
export function describeDifference(difference: Difference): string {
  switch (difference.kind) {
    case 'numVfs':
      return `numVfs goes from ${difference.from} to ${difference.to}`;
    case 'vfsMissing':
      return `${difference.to - difference.from} of ${difference.to} VFs are missing`;
    case 'eswitchMode':
      return `the eswitch goes from ${difference.from} to ${difference.to}`;
    case 'pfMtu':
      return `the MTU of the PF goes from ${difference.from} to ${difference.to}`;
    case 'pfDown':
      return 'the PF is down';
    case 'vfDriver':
      return `VF ${difference.vfIndex} goes from ${difference.from ?? 'no driver'} to ${difference.to === 'default' ? 'its own driver' : difference.to}`;
    case 'vfMtu':
      return `the MTU of VF ${difference.vfIndex} goes from ${difference.from} to ${difference.to}`;
    case 'vfGuid':
      return `VF ${difference.vfIndex} has no GUID`;
    case 'bridge':
      return `its bridge ${difference.name} is ${difference.change}`;
    case 'vfVdpa':
      return `VF ${difference.vfIndex} goes from ${difference.from ?? 'no'} to ${difference.to ?? 'no'} vDPA`;
  }
}

/** Why a node is rebooted, in one line. */
export function describeReboot(reason: RebootReason): string {
  switch (reason.kind) {
    case 'kernelArguments':
      return `the kernel was booted without ${reason.missing.join(' ')}, which vfio-pci on ${reason.pfs.join(', ')} needs`;
    case 'rdmaMode':
      return `the RDMA mode goes from ${reason.from} to ${reason.to}`;
    case 'firmwareVfs':
      return `the firmware of ${reason.pf} offers ${reason.from} VFs and ${reason.to} are wanted`;
  }
}
