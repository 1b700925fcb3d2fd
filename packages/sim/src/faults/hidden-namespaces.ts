import type { Hardware, HardwareEvent, HardwareStep, PciAddress, Subscription } from '@vfleet/core';
import { fail, hardwareError } from '@vfleet/core';

/** NICs as a process reaches them that finds no network namespace by its path: what is in the host's own namespace works. */
export class WithoutNamespaces implements Hardware {
  readonly #hardware: Hardware;
  readonly #isHidden: () => boolean;

  constructor(hardware: Hardware, isHidden: () => boolean) {
    this.#hardware = hardware;
    this.#isHidden = isHidden;
  }

  discover(): ReturnType<Hardware['discover']> {
    return this.#hardware.discover();
  }

  lookAtVf(device: PciAddress): ReturnType<Hardware['lookAtVf']> {
    return this.#hardware.lookAtVf(device);
  }

  async apply(step: HardwareStep): ReturnType<Hardware['apply']> {
    const netns = this.#isHidden() ? namespacesOf(step).find((one) => one !== 'host') : undefined;
    if (netns === undefined || !('device' in step)) return this.#hardware.apply(step);
    return fail(hardwareError({ operation: step.kind, failure: 'ENODEV', device: step.device, step, detail: `${netns} is not there` }));
  }

  watch(listener: (event: HardwareEvent) => void): Subscription {
    return this.#hardware.watch(listener);
  }
}

function namespacesOf(step: HardwareStep): readonly string[] {
  return [...('netns' in step ? [step.netns] : []), ...('from' in step ? [step.from, step.to] : [])];
}
