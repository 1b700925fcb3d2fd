import type { HardwareOperation, PciAddress } from '@vfleet/core';
import { noFaults, NO_STEP_FAULTS, stepFaults } from './faults.ts';
import type { FaultPlan, StepFaults } from './faults.ts';
import type { NodeModel } from './model/node-model.ts';

/** Asks the fault plan at each step of one node, and counts the steps. */
export class FaultPoints {
  readonly #node: NodeModel;
  readonly #plan: FaultPlan;
  readonly #occurrences = new Map<string, number>();

  constructor(node: NodeModel, plan: FaultPlan) {
    this.#node = node;
    this.#plan = plan;
  }

  consult(operation: HardwareOperation, device: PciAddress | 'host'): StepFaults {
    if (this.#plan === noFaults) return NO_STEP_FAULTS;
    const found = device === 'host' ? undefined : this.#node.find(device);
    const pf = found === undefined ? undefined : this.#node.pfAddress(found.pf);
    const key = `${operation} ${pf ?? device}`;
    const nth = (this.#occurrences.get(key) ?? 0) + 1;
    this.#occurrences.set(key, nth);
    const point = { node: this.#node.spec.name, operation, device, nth, atMs: this.#node.fleet.clock.monotonicMs() };
    return stepFaults(this.#plan.consult(pf === undefined ? point : { ...point, pf }));
  }
}
