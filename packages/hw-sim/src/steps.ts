import type { HardwareStep, PciAddress } from '@vfleet/core';
import type { StepFaults } from './faults.ts';
import { createVdpa, deleteVdpa, setDevlinkParam, setFeature } from './kernel/devlink.ts';
import { setDriverOverride } from './kernel/drivers.ts';
import { moveRdma, setRdmaMode } from './kernel/rdma.ts';
import { bindThroughOverride, isBoundTo, unbindAny } from './kernel/rebind.ts';
import { describeHolders, heldUpElsewhere } from './kernel/vfio.ts';
import { setEswitchMode } from './kernel/eswitch.ts';
import { moveNetdev, renameNetdev, setAddresses, setLink, setMtu, setNetdevMac } from './kernel/netdevs.ts';
import { hasSriov, writeNumVfs } from './kernel/numvfs.ts';
import { setVfAttributes } from './kernel/vf-attributes.ts';
import { isMalformed } from './malformed.ts';
import { PfFlag } from './model/columns.ts';
import { netnsOf } from './model/netdev.ts';
import type { Device, NodeModel } from './model/node-model.ts';
import type { Operation, Outcome } from './model/operation.ts';

/** A step that did not do what it says, with particulars for the person who reads of it. */
export interface StepFailure {
  readonly outcome: Exclude<Outcome, 'ok'>;
  readonly detail?: string;
}

/** The device a step changes. */
export function deviceOf(step: HardwareStep): PciAddress | 'host' {
  return 'pf' in step ? step.pf : 'device' in step ? step.device : 'host';
}

/** A step that is no batch of others. */
export type SingleStep = Exclude<HardwareStep, { kind: 'setVfs' }>;

/** Carries a step out on the node's kernel; undefined when it did what it says. */
export async function performStep(node: NodeModel, step: SingleStep, faults: StepFaults): Promise<StepFailure | undefined> {
  if (isMalformed(step)) return { outcome: 'EINVAL' };
  if (step.kind === 'setRdmaMode') return failureOf(setRdmaMode(node, step.mode));
  if ('pf' in step) {
    const pf = node.findPf(step.pf);
    return pf === undefined ? { outcome: 'ENODEV', detail: `no PF at ${step.pf}` } : performOnPf(node, pf, step, faults);
  }
  const device = node.find(step.device);
  return device === undefined ? { outcome: 'ENODEV', detail: `no device at ${step.device}` } : performOnDevice(node, device, step, faults);
}

type PfStep = Extract<SingleStep, { pf: PciAddress }>;
type DeviceStep = Extract<HardwareStep, { device: PciAddress }>;

function failureOf(outcome: Outcome, detail?: string): StepFailure | undefined {
  if (outcome === 'ok') return undefined;
  return detail === undefined ? { outcome } : { outcome, detail };
}

async function performOnPf(node: NodeModel, pf: number, step: PfStep, faults: StepFaults): Promise<StepFailure | undefined> {
  switch (step.kind) {
    case 'setNumVfs':
      return setNumVfs(node, pf, step.count, faults);
    case 'setDriversAutoprobe':
      return failureOf(
        await node.locked(pf, () => {
          if (!hasSriov(node, pf)) return 'ENOENT';
          node.setFlag(pf, PfFlag.autoprobe, step.enabled);
          return 'ok';
        }),
      );
    case 'setEswitchMode':
      return failureOf(await setEswitchMode(node, pf, step.mode, faults), `${node.modelOf(pf).name}, ${node.fleet.pfs.numVfs[pf]} VFs`);
    case 'setVf':
      // Asked of the PF's interface, which is looked for on the host.
      if (netnsOf(node, { pf, vf: -1, index: -1 }) !== 'host') return { outcome: 'ENODEV' };
      return failureOf(await setVfAttributes(node, pf, step.vfIndex, step), `VF ${step.vfIndex} of ${node.fleet.pfs.numVfs[pf]}`);
    case 'setDevlinkParam':
      return failureOf(await node.locked(pf, () => setDevlinkParam(node, pf, step.name, step.value)), `${step.name}=${step.value}`);
  }
}

async function setNumVfs(node: NodeModel, pf: number, count: number, faults: StepFaults): Promise<StepFailure | undefined> {
  const { pfs } = node.fleet;
  const before = pfs.numVfs[pf]!;
  const holders = count < before ? heldBy(node, { pf, vf: -1, index: -1 }) : undefined;
  if (holders !== undefined) return holders;
  const elsewhere = count === before ? undefined : heldUpElsewhere(node, pf);
  if (elsewhere !== undefined) return { outcome: 'EBUSY', detail: elsewhere };
  const outcome = await writeNumVfs(node, pf, count, faults);
  if (outcome === 'ERANGE') return { outcome, detail: `asked for ${count}, sriov_totalvfs is ${pfs.totalVfs[pf]}` };
  if (outcome === 'EBUSY') return { outcome, detail: `${before} VFs exist, ${count} asked for` };
  if (outcome !== 'ok') return failureOf(outcome);
  // Some drivers accept the write and do nothing or less (bnxt_en with the PF down): the port reads back what it wrote.
  const after = pfs.numVfs[pf]!;
  return after === count ? undefined : { outcome: 'writeWithoutEffect', detail: `asked for ${count} VFs, there are ${after}` };
}

/**
 * Whoever holds a VF keeps the kernel waiting without an end, so the port looks first, and refuses. A holder that comes after the look makes
 * the change hang all the same.
 */
function heldBy(node: NodeModel, device: Device): StepFailure | undefined {
  if (node.operationOn(device.pf)?.stuck === true) return undefined;
  return failureOf(describeHolders(node, device) === undefined ? 'ok' : 'EBUSY', describeHolders(node, device));
}

/** The override is written before the look, as it changes nothing that is bound. */
function overrideOfHeld(node: NodeModel, device: Device, driver: string): StepFailure | undefined {
  const refused = isBoundTo(node, device, driver) ? undefined : heldBy(node, device);
  if (refused !== undefined) setDriverOverride(node, device, driver === 'default' ? undefined : driver);
  return refused;
}

async function performOnDevice(node: NodeModel, device: Device, step: DeviceStep, faults: StepFaults): Promise<StepFailure | undefined> {
  const locked = (work: (operation: Operation) => Outcome | Promise<Outcome>) => node.locked(device.pf, (operation) => (stillThere(node, device) ? work(operation) : 'ENODEV'));
  switch (step.kind) {
    case 'bindDriver':
      return overrideOfHeld(node, device, step.driver) ?? failureOf(await locked((operation) => bindThroughOverride(node, device, step.driver, operation, faults)), `driver ${step.driver}`);
    case 'unbindDriver':
      return heldBy(node, device) ?? failureOf(await locked((operation) => unbindAny(node, device, operation)));
    case 'setMtu':
      return failureOf(await locked(() => setMtu(node, device, step.netns, step.mtu)), `MTU ${step.mtu}`);
    case 'setLink':
      return failureOf(await locked(() => setLink(node, device, step.netns, step.up)));
    case 'setNetdevMac':
      return failureOf(await locked(() => setNetdevMac(node, device, step.netns, step.mac)), step.mac);
    case 'renameNetdev':
      return failureOf(await locked(() => renameNetdev(node, device, step.netns, step.name)), step.name);
    case 'moveNetdev':
      return failureOf(await locked(() => moveNetdev(node, device, step.from, step.to, step.name)), `from ${step.from} to ${step.to}`);
    case 'moveRdma':
      return failureOf(await locked(() => moveRdma(node, device, step.rdmaDevice, step.from, step.to)), `${step.rdmaDevice} from ${step.from} to ${step.to}`);
    case 'setAddresses':
      return failureOf(await locked(() => setAddresses(node, device, step.netns, step)));
    case 'setFeature':
      return failureOf(await locked(() => setFeature(node, device, step.feature, step.enabled)), step.feature);
    case 'createVdpa':
      return failureOf(await locked(() => createVdpa(node, device, step.type)));
    case 'deleteVdpa':
      return failureOf(await locked(() => deleteVdpa(node, device)));
  }
}

function stillThere(node: NodeModel, device: Device): boolean {
  return node.isPresent(device.pf) && (device.vf < 0 || device.index < node.fleet.pfs.numVfs[device.pf]!);
}
