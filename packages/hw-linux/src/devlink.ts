import type { EswitchMode, Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { KernelLinks } from './links.ts';
import type { NetlinkFailure } from './netlink/exchange.ts';
import {
  decodeDeviceInfo, decodeEswitch, decodeHandle, decodeParameter, decodePort, decodeReporter, encodeGetDeviceInfo, encodeGetEswitch, encodeGetParameter, encodeListDevices, encodeListParameters, encodeListPorts, encodeListReporters,
  encodeRecoverReporter, encodeSetEswitch, encodeSetParameter, ofDevice,
} from './netlink/devlink.ts';
import type { DeviceInfo, DeviceParameter, DevlinkHandle, DevlinkPort, HealthReporter, ParameterValue } from './netlink/devlink.ts';

const EINVAL = 22;
const noValue = (): undefined => undefined;

/** devlink of one device: of a PF by its PCI address, or of a device on another bus. Errors are errno numbers with the kernel's words. */
export class Devlink {
  readonly #links: KernelLinks;
  readonly #handle: DevlinkHandle;

  constructor(links: KernelLinks, handle: DevlinkHandle) {
    this.#links = links;
    this.#handle = handle;
  }

  /** Every device that a driver registered. */
  static async devices(links: KernelLinks): Promise<Result<readonly DevlinkHandle[], NetlinkFailure>> {
    return present(await links.dumpFamily('devlink', encodeListDevices(), decodeHandle));
  }

  async eswitchMode(): Promise<Result<EswitchMode, NetlinkFailure>> {
    const mode = await this.#ask(encodeGetEswitch(this.#handle), decodeEswitch);
    return mode.ok ? ok(mode.value ?? 'legacy') : mode;
  }

  setEswitchMode(mode: EswitchMode): Promise<Result<undefined, NetlinkFailure>> {
    return this.#ask(encodeSetEswitch(this.#handle, mode), noValue);
  }

  /** Undefined when the driver answers without telling anything. */
  info(): Promise<Result<DeviceInfo | undefined, NetlinkFailure>> {
    return this.#ask(encodeGetDeviceInfo(this.#handle), decodeDeviceInfo);
  }

  parameter(name: string): Promise<Result<DeviceParameter | undefined, NetlinkFailure>> {
    return this.#ask(encodeGetParameter(this.#handle, name), decodeParameter);
  }

  async parameters(): Promise<Result<readonly DeviceParameter[], NetlinkFailure>> {
    return this.#dump(encodeListParameters(), decodeParameter);
  }

  /** In the first of the parameter's modes; EINVAL when the value is not of its type. */
  setParameter(parameter: DeviceParameter, value: ParameterValue): Promise<Result<undefined, NetlinkFailure>> {
    const message = encodeSetParameter(this.#handle, parameter, value);
    return message === undefined ? Promise.resolve(fail({ errno: EINVAL, says: `${parameter.name} does not take ${value}` })) : this.#ask(message, noValue);
  }

  async ports(): Promise<Result<readonly DevlinkPort[], NetlinkFailure>> {
    return this.#dump(encodeListPorts(), decodePort);
  }

  async healthReporters(): Promise<Result<readonly HealthReporter[], NetlinkFailure>> {
    return this.#dump(encodeListReporters(), decodeReporter);
  }

  /** Starts what the reporter mends with. */
  recover(reporter: string): Promise<Result<undefined, NetlinkFailure>> {
    return this.#ask(encodeRecoverReporter(this.#handle, reporter), noValue);
  }

  #ask<Value>(payload: Uint8Array, decode: (payload: Uint8Array) => Value): Promise<Result<Value | undefined, NetlinkFailure>> {
    return this.#links.askFamily('devlink', 'host', payload, decode);
  }

  async #dump<Value>(payload: Uint8Array, decode: (payload: Uint8Array) => Value | undefined): Promise<Result<readonly Value[], NetlinkFailure>> {
    return present(await this.#links.dumpFamily('devlink', payload, ofDevice(this.#handle, decode)));
  }
}

function present<Value>(found: Result<readonly (Value | undefined)[], NetlinkFailure>): Result<readonly Value[], NetlinkFailure> {
  return found.ok ? ok(found.value.filter((value) => value !== undefined)) : found;
}
