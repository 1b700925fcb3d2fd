import { applyVfByVf, fail, hardwareError, ok, sightOfVf } from '@vfleet/core';
import type {
  Errno, Hardware, HardwareCondition, HardwareError, HardwareEvent, HardwareStep, Inventory, PciAddress, Result, Subscription, VfSight,
} from '@vfleet/core';
import type { FaultPoints } from './fault-points.ts';
import type { StepFaults } from './faults.ts';
import { boundDriver } from './kernel/drivers.ts';
import { flapLink, putOnBus, takeOffBus } from './kernel/pci.ts';
import type { NodeModel } from './model/node-model.ts';
import type { Outcome } from './model/operation.ts';
import { hardwareEventOf } from './model/uevents.ts';
import { observeNode, observePf } from './observe.ts';
import { deviceOf, performStep } from './steps.ts';
import type { SingleStep } from './steps.ts';

/** The Hardware port on one simulated node. Time passes only through the fleet's clock. */
export class SimHardware implements Hardware {
  readonly #node: NodeModel;
  readonly #faults: FaultPoints;

  constructor(node: NodeModel, faults: FaultPoints) {
    this.#node = node;
    this.#faults = faults;
  }

  async discover(): Promise<Result<Inventory, HardwareError>> {
    const faults = this.#faults.consult('discover', 'host');
    const outcome = await this.#readable(faults, this.#allPfs());
    if (outcome !== 'ok') return fail(hardwareError({ operation: 'discover', failure: outcome, device: 'host' }));
    return ok(observeNode(this.#node));
  }

  async lookAtVf(device: PciAddress): Promise<Result<VfSight | undefined, HardwareError>> {
    const pf = this.#node.find(device)?.pf;
    const outcome = await this.#readable(this.#faults.consult('discover', 'host'), pf === undefined ? [] : [pf]);
    if (outcome !== 'ok') return fail(hardwareError({ operation: 'discover', failure: outcome, device: 'host' }));
    // What was waited for may have taken the VF away, or brought it.
    const found = this.#node.find(device);
    return ok(found === undefined || found.vf < 0 ? undefined : sightOfVf({ pfs: [observePf(this.#node, found.pf)], rdmaMode: this.#node.rdmaMode }, device));
  }

  apply(step: HardwareStep): Promise<Result<void, HardwareError>> {
    return step.kind === 'setVfs' ? applyVfByVf(step, (one) => this.#apply(one)) : this.#apply(step);
  }

  async #apply(step: SingleStep): Promise<Result<void, HardwareError>> {
    const device = deviceOf(step);
    const faults = this.#faults.consult(step.kind, device);
    const error = await this.#perform(step, faults);
    this.#aftermath(device, faults);
    if (error !== undefined) return fail(error);
    if (faults.errnoAfter !== undefined) return fail(this.#error(step, faults.errnoAfter, 'reported after the change was made'));
    return ok(undefined);
  }

  /** Ends by itself when the node goes down, as a socket of a process that died. */
  watch(listener: (event: HardwareEvent) => void): Subscription {
    return this.#node.listen((uevent) => {
      const event = hardwareEventOf(uevent);
      if (event !== undefined) listener(event);
    });
  }

  *#allPfs(): Generator<number> {
    for (let pf = this.#node.firstPf; pf < this.#node.endPf; pf++) yield pf;
  }

  /** Reading a PF's attributes waits for a write under way; where one hangs, the rest of the PF is read without waiting. */
  async #readable(faults: StepFaults, pfs: Iterable<number>): Promise<Outcome> {
    const node = this.#node;
    if (!node.up) return 'nodeDown';
    if (faults.errno !== undefined) return faults.errno;
    if (faults.delayMs > 0 && (await node.after(faults.delayMs, () => 'ok')) !== 'ok') return 'nodeDown';
    for (const pf of pfs) {
      for (let operation = node.operationOn(pf); operation !== undefined && !operation.stuck; operation = node.operationOn(pf)) await operation.over;
    }
    return node.up ? 'ok' : 'nodeDown';
  }

  async #perform(step: SingleStep, faults: StepFaults): Promise<HardwareError | undefined> {
    const node = this.#node;
    if (!node.up) return this.#error(step, 'nodeDown');
    if (faults.delayMs > 0 && (await node.after(faults.delayMs, () => 'ok')) !== 'ok') return this.#error(step, 'nodeDown');
    if (faults.hangMs > 0) {
      const hung = await this.#hang(step, faults.hangMs);
      if (hung !== 'ok') return this.#error(step, hung);
    }
    if (faults.errno !== undefined) return this.#error(step, faults.errno);
    const failed = await performStep(node, step, faults);
    return failed === undefined ? undefined : this.#error(step, failed.outcome, failed.detail);
  }

  #hang(step: HardwareStep, forMs: number): Promise<Outcome> {
    const node = this.#node;
    const device = deviceOf(step);
    const found = device === 'host' ? undefined : node.find(device);
    if (found === undefined) return Promise.resolve(node.after(forMs, () => 'ok'));
    return node.locked(found.pf, async (operation) => {
      let free = false;
      node.fleet.clock.setTimer(forMs, () => {
        free = true;
        node.notifyReleased();
      });
      return node.untilReleased(found.pf, operation, () => free);
    });
  }

  /** Faults that strike once the step is over. */
  #aftermath(device: PciAddress | 'host', faults: StepFaults): void {
    const node = this.#node;
    if (!node.up) return;
    if (faults.eventsLost) node.emit({ action: 'overrun', subsystem: 'netlink' });
    const found = device === 'host' ? undefined : node.find(device);
    if (found === undefined) return;
    if (faults.linkFlapMs !== undefined) flapLink(node, found.pf, faults.linkFlapMs);
    if (faults.unplug === undefined) return;
    takeOffBus(node, found.pf);
    const { returnAfterMs } = faults.unplug;
    if (returnAfterMs === undefined) return;
    void node.after(returnAfterMs, () => {
      putOnBus(node, found.pf);
      return 'ok';
    });
  }

  #error(step: HardwareStep, failure: Errno | HardwareCondition | 'ok', detail?: string): HardwareError {
    if (failure === 'ok') throw new Error('no error to report');
    const device = deviceOf(step);
    const found = device === 'host' ? undefined : this.#node.find(device);
    const driver = found === undefined ? undefined : boundDriver(this.#node, { pf: found.pf, vf: -1, index: -1 });
    return hardwareError({ operation: step.kind, failure, device, step, ...(detail === undefined ? {} : { detail }), ...(driver === undefined ? {} : { driver }) });
  }
}
