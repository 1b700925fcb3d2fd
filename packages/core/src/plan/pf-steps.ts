import type { EswitchMode, PfObservation, VfObservation } from '../domain/inventory.ts';
import { infiniBandGuid } from './guid.ts';
import { differencesOf, hasWantedDriver, needsGuid } from './differences.ts';
import { triedKey } from './step-key.ts';
import type { Expectation, OwnedPf, PlanStep, WantedGroup, WantedPf } from './types.ts';
import { groupOf, userSpaceDrivers } from './wanted.ts';

/** How long new VFs may take to show up under the PF. */
export const VFS_DEADLINE_MS = 120_000;
/** How long drivers may take to bind to VFs once those are there, and how long their netdevs may take after that. */
export const SETTLE_MS = 5_000;
export const NETDEVS_DEADLINE_MS = 30_000;

/** `modeFirst`: the eswitch mode can only be changed while there are no VFs (Linux drivers/net/ethernet/intel/ice/ice_eswitch.c). */
export function eswitchOrder(driver: string | undefined): 'vfsFirst' | 'modeFirst' {
  return driver === 'ice' ? 'modeFirst' : 'vfsFirst';
}

/** Drivers that make no VFs while the PF is down, and say nothing (Linux drivers/net/ethernet/broadcom/bnxt/bnxt_sriov.c, bnxt_sriov_configure). */
const needPfUp: readonly string[] = ['bnxt_en'];

export interface StepsContext {
  readonly tried: ReadonlySet<string>;
  readonly holders: ReadonlyMap<string, string>;
  /** An unfinished run of ours made the PF's VFs, so that nobody can have got one. */
  readonly begun: boolean;
}

function lookAgain(pf: PfObservation): PlanStep {
  return { kind: 'rediscover', pf: pf.pciAddress, settleMs: SETTLE_MS, netdevsMs: NETDEVS_DEADLINE_MS };
}

/** What to do next on a PF that its spec names. None when it is as wanted. */
export function configureSteps(wanted: WantedPf, pf: PfObservation, context: StepsContext): readonly PlanStep[] {
  if (!wanted.externallyManaged) {
    const creation = creationSteps(wanted, pf, context);
    if (creation.length > 0) return creation;
  }
  return vfPhaseSteps(wanted, pf, context);
}

/** Until the PF has the wanted number of VFs in the wanted mode; ends with `rediscover`, since the VFs' addresses are not known before. */
function creationSteps(wanted: WantedPf, pf: PfObservation, context: StepsContext): readonly PlanStep[] {
  const wait: PlanStep = { kind: 'waitForVfs', pf: pf.pciAddress, count: wanted.numVfs, deadlineMs: VFS_DEADLINE_MS };
  const rediscover = lookAgain(pf);
  const missing = pf.numVfs === wanted.numVfs && pf.vfs.length < wanted.numVfs;
  if (missing && !context.tried.has(triedKey(wait))) return [wait, rediscover];
  // VFs that did not show up in time are made anew.
  const hasCount = pf.numVfs === wanted.numVfs && !missing;
  if (hasCount && pf.eswitchMode === wanted.eswitchMode) return [];
  const raise: PlanStep[] = [];
  if (wanted.numVfs > 0 && !hasCount && pf.netdev?.adminState === 'down' && needPfUp.includes(pf.driver ?? '')) {
    raise.push({ kind: 'setLink', device: pf.pciAddress, netns: 'host', up: true });
  }
  const steps = eswitchOrder(pf.driver) === 'modeFirst' ? modeThenVfs(wanted, pf, hasCount) : vfsThenMode(wanted, pf, hasCount);
  return [...raise, ...steps, ...(wanted.numVfs > 0 && !hasCount ? [wait] : []), rediscover];
}

function modeThenVfs(wanted: WantedPf, pf: PfObservation, hasCount: boolean): PlanStep[] {
  const otherMode = pf.eswitchMode !== wanted.eswitchMode;
  const steps: PlanStep[] = [];
  if (otherMode && wanted.eswitchMode === 'switchdev') steps.push(...switchdevPreparation(pf));
  if (pf.numVfs > 0) steps.push({ kind: 'setNumVfs', pf: pf.pciAddress, count: 0 });
  if (otherMode) steps.push({ kind: 'setEswitchMode', pf: pf.pciAddress, mode: wanted.eswitchMode });
  if (wanted.numVfs > 0 && (otherMode || !hasCount)) steps.push({ kind: 'setNumVfs', pf: pf.pciAddress, count: wanted.numVfs });
  return steps;
}

/**
 * Legacy, then 0, then N, then switchdev. Drivers refuse a change of mode while VFs are bound; the addresses of new VFs are not
 * known yet, so the change to switchdev comes with the next plan.
 */
function vfsThenMode(wanted: WantedPf, pf: PfObservation, hasCount: boolean): PlanStep[] {
  const steps: PlanStep[] = [];
  const toSwitchdev = wanted.eswitchMode === 'switchdev' && (pf.eswitchMode !== 'switchdev' || !hasCount);
  if (toSwitchdev) steps.push(...switchdevPreparation(pf));
  if (pf.eswitchMode === 'switchdev') steps.push(...changeMode(pf, 'legacy'));
  if (!hasCount) {
    if (pf.numVfs > 0) steps.push({ kind: 'setNumVfs', pf: pf.pciAddress, count: 0 });
    if (wanted.numVfs > 0) steps.push({ kind: 'setNumVfs', pf: pf.pciAddress, count: wanted.numVfs });
    else if (toSwitchdev) steps.push({ kind: 'setEswitchMode', pf: pf.pciAddress, mode: 'switchdev' });
  } else if (toSwitchdev) {
    steps.push(...changeMode(pf, 'switchdev'));
  }
  return steps;
}

function changeMode(pf: PfObservation, mode: EswitchMode): PlanStep[] {
  const bound = pf.vfs.filter((vf) => vf.driver !== undefined);
  return [...bound.map((vf): PlanStep => ({ kind: 'unbindDriver', device: vf.pciAddress })), { kind: 'setEswitchMode', pf: pf.pciAddress, mode }];
}

/** Optional settings that hardware offload works better with; devices without them answer `unsupported`, which is no failure. */
function switchdevPreparation(pf: PfObservation): PlanStep[] {
  const steps: PlanStep[] = [{ kind: 'setFeature', device: pf.pciAddress, feature: 'hw-tc-offload', enabled: true }];
  // Software-managed steering exists on mlx5 only (Linux Documentation/networking/devlink/mlx5.rst).
  if (pf.driver === 'mlx5_core') steps.push({ kind: 'setDevlinkParam', pf: pf.pciAddress, name: 'flow_steering_mode', value: 'smfs' });
  return steps;
}

/** The PF has its VFs in the right mode: MTU, drivers, addresses, vDPA, and the PF's link last. */
function vfPhaseSteps(wanted: WantedPf, pf: PfObservation, context: StepsContext): readonly PlanStep[] {
  const steps: PlanStep[] = [];
  const may = !wanted.externallyManaged;
  // What is better to have, but no reason to disturb anybody for, is done along with what is.
  const thorough = context.begun || differencesOf(wanted, pf).length > 0;
  if (may && pf.netdev !== undefined && (wanted.mtu ?? 0) > pf.netdev.mtu) {
    steps.push({ kind: 'setMtu', device: pf.pciAddress, netns: 'host', mtu: wanted.mtu! });
  }
  let rebinds = false;
  for (const vf of pf.vfs) {
    const group = groupOf(wanted, vf.index);
    if (group === undefined) continue;
    const bind = bindingSteps(group, pf, vf, may, thorough, context);
    rebinds ||= bind.length > 0 || (context.begun && group.driver === 'default' && vf.netdev === undefined && !context.tried.has(triedKey(lookAgain(pf))));
    steps.push(...bind, ...(bind.length > 0 ? [] : settingSteps(group, pf, vf, may && thorough, context)));
  }
  // What a driver brings (netdev, MAC, MTU) is seen only after it is bound, and may come late.
  if (rebinds) steps.push(lookAgain(pf));
  else if (may && pf.netdev?.adminState === 'down') steps.push({ kind: 'setLink', device: pf.pciAddress, netns: 'host', up: true });
  return steps;
}

function bindingSteps(group: WantedGroup, pf: PfObservation, vf: VfObservation, may: boolean, thorough: boolean, context: StepsContext): PlanStep[] {
  const steps: PlanStep[] = [];
  const bind: PlanStep = { kind: 'bindDriver', device: vf.pciAddress, driver: group.driver };
  const guid = may && needsGuid(group, pf, vf);
  const rdma = thorough && lacksRdma(group, pf, vf) && !context.holders.has(vf.pciAddress) && !context.tried.has(triedKey(bind));
  if (hasWantedDriver(group, vf) && !guid && !rdma) return [];
  if (vf.vdpaType !== undefined) steps.push({ kind: 'deleteVdpa', device: vf.pciAddress });
  if (guid) {
    const value = infiniBandGuid(pf, vf.index);
    steps.push({ kind: 'setVf', pf: pf.pciAddress, vfIndex: vf.index, nodeGuid: value, portGuid: value });
  }
  if (vf.driver !== undefined) steps.push({ kind: 'unbindDriver', device: vf.pciAddress });
  return [...steps, bind];
}

/** A VF for RDMA whose driver is bound and made no RDMA device, although the PF has one: a rebind brings it. Not while a pod has it. */
export function lacksRdma(group: WantedGroup, pf: PfObservation, vf: VfObservation): boolean {
  return group.isRdma && group.driver === 'default' && vf.netdev !== undefined && vf.rdmaDevices.length === 0 && pf.rdmaDevices.length > 0;
}

function settingSteps(group: WantedGroup, pf: PfObservation, vf: VfObservation, setsMac: boolean, context: StepsContext): PlanStep[] {
  const steps: PlanStep[] = [];
  if (vf.vdpaType !== undefined && vf.vdpaType !== group.vdpaType) steps.push({ kind: 'deleteVdpa', device: vf.pciAddress });
  if (group.driver !== 'default') return steps;
  if (setsMac && pf.linkType === 'ETH' && pf.netdev !== undefined && vf.netdev !== undefined && isZeroMac(vf.settings.mac)) {
    // So that the VF keeps its address when its driver is bound anew, inside a virtual machine for example.
    const step: PlanStep = { kind: 'setVf', pf: pf.pciAddress, vfIndex: vf.index, mac: vf.netdev.mac };
    if (!context.tried.has(triedKey(step))) steps.push(step);
  }
  if (group.mtu !== undefined && vf.netdev !== undefined && vf.netdev.mtu !== group.mtu) {
    steps.push({ kind: 'setMtu', device: vf.pciAddress, netns: 'host', mtu: group.mtu });
  }
  if (group.vdpaType !== undefined && vf.vdpaType !== group.vdpaType) steps.push({ kind: 'createVdpa', device: vf.pciAddress, type: group.vdpaType });
  return steps;
}

function isZeroMac(mac: string): boolean {
  return /^(00:)*00$/.test(mac) || mac === '';
}

/** Gives a PF back as it was before we first configured it: no VFs, first mode, first MTU. */
export function resetSteps(owned: OwnedPf, pf: PfObservation): readonly PlanStep[] {
  const steps: PlanStep[] = [];
  const modeFirst = eswitchOrder(pf.driver) === 'modeFirst';
  if (pf.numVfs > 0) {
    const leaves = !modeFirst && pf.eswitchMode === 'switchdev';
    if (leaves) steps.push(...changeMode(pf, 'legacy'));
    steps.push({ kind: 'setNumVfs', pf: pf.pciAddress, count: 0 });
    if (leaves && owned.firstEswitchMode === 'switchdev') steps.push({ kind: 'setEswitchMode', pf: pf.pciAddress, mode: 'switchdev' });
    if (!leaves && pf.eswitchMode !== owned.firstEswitchMode) steps.push({ kind: 'setEswitchMode', pf: pf.pciAddress, mode: owned.firstEswitchMode });
  } else if (pf.eswitchMode !== owned.firstEswitchMode) {
    steps.push({ kind: 'setEswitchMode', pf: pf.pciAddress, mode: owned.firstEswitchMode });
  }
  if (owned.firstMtu !== undefined && pf.netdev !== undefined && pf.netdev.mtu !== owned.firstMtu) {
    steps.push({ kind: 'setMtu', device: pf.pciAddress, netns: 'host', mtu: owned.firstMtu });
  }
  return steps;
}

/** What follows once the VFs that {@link configureSteps} asks for are there. */
export function expectationsOf(wanted: WantedPf, pf: PfObservation, steps: readonly PlanStep[]): readonly Expectation[] {
  if (!steps.some((step) => step.kind === 'rediscover')) return [];
  const expectations: Expectation[] = [];
  const may = !wanted.externallyManaged;
  const has = (kind: PlanStep['kind']) => steps.some((step) => step.kind === kind);
  const setsMode = steps.some((step) => step.kind === 'setEswitchMode' && step.mode === wanted.eswitchMode);
  if (may && !setsMode && (pf.eswitchMode !== wanted.eswitchMode || has('setEswitchMode'))) expectations.push({ kind: 'eswitchMode', mode: wanted.eswitchMode });
  if (may && wanted.mtu !== undefined && wanted.mtu > (pf.netdev?.mtu ?? 0) && !has('setMtu')) expectations.push({ kind: 'pfMtu', mtu: wanted.mtu });
  for (const group of wanted.groups) {
    const last = Math.min(group.range.last, wanted.numVfs - 1);
    if (last < group.range.first) continue;
    expectations.push({
      kind: 'vfs',
      range: { first: group.range.first, last },
      driver: group.driver,
      isRdma: group.isRdma,
      ...(group.resourceName === undefined ? {} : { resourceName: group.resourceName }),
      ...(group.mtu === undefined ? {} : { mtu: group.mtu }),
      ...(group.vdpaType === undefined ? {} : { vdpaType: group.vdpaType }),
    });
  }
  if (may && pf.netdev?.adminState !== 'up' && !has('setLink')) expectations.push({ kind: 'pfUp' });
  return expectations;
}

/** Whether a VF's driver is one of the kernel's network drivers. */
export function isKernelDriven(vf: VfObservation): boolean {
  return vf.driver !== undefined && !userSpaceDrivers.includes(vf.driver);
}
