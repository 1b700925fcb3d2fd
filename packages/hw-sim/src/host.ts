import { fail, hardwareError, ok } from '@vfleet/core';
import type { Errno, HardwareCondition, HardwareError, HardwareOperation, Host, HostFacts, Result } from '@vfleet/core';
import type { FaultPoints } from './fault-points.ts';
import type { NodeModel } from './model/node-model.ts';

/** The Host port on one simulated node. */
export class SimHost implements Host {
  readonly #node: NodeModel;
  readonly #faults: FaultPoints;
  readonly #startReboot: (reason: string) => void;

  constructor(node: NodeModel, faults: FaultPoints, startReboot: (reason: string) => void) {
    this.#node = node;
    this.#faults = faults;
    this.#startReboot = startReboot;
  }

  async facts(): Promise<Result<HostFacts, HardwareError>> {
    const node = this.#node;
    const failure = await this.#failure('readFacts');
    if (failure !== undefined) return fail(failure);
    return ok({
      bootId: node.bootId,
      kernelVersion: node.spec.kernelVersion,
      kernelArguments: node.kernelArguments,
      pendingKernelArguments: node.pendingKernelArguments,
      cpuVendor: node.spec.cpuVendor,
      iommuEnabled: node.iommuEnabled,
    });
  }

  async ensureKernelArguments(wanted: readonly string[]): Promise<Result<void, HardwareError>> {
    const node = this.#node;
    const failure = await this.#failure('setKernelArguments');
    if (failure !== undefined) return fail(failure);
    if (wanted.some((argument) => argument === '' || /\s/.test(argument))) return fail(error('setKernelArguments', 'EINVAL'));
    const missing = [...new Set(wanted)].filter((argument) => !node.pendingKernelArguments.includes(argument));
    if (missing.length > 0) node.pendingKernelArguments = [...node.pendingKernelArguments, ...missing];
    return ok(undefined);
  }

  async reboot(reason: string): Promise<Result<void, HardwareError>> {
    const failure = await this.#failure('reboot');
    if (failure !== undefined) return fail(failure);
    this.#startReboot(reason);
    return ok(undefined);
  }

  /** Why the operation cannot be tried: a fault, or no node to do it. */
  async #failure(operation: HardwareOperation): Promise<HardwareError | undefined> {
    const node = this.#node;
    if (!node.up) return error(operation, 'nodeDown');
    const faults = this.#faults.consult(operation, 'host');
    if (faults.delayMs > 0 && (await node.after(faults.delayMs, () => 'ok')) !== 'ok') return error(operation, 'nodeDown');
    return faults.errno === undefined ? undefined : error(operation, faults.errno);
  }
}

function error(operation: HardwareOperation, failure: Errno | HardwareCondition): HardwareError {
  return hardwareError({ operation, failure, device: 'host' });
}
