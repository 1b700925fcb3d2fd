import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import type { Result } from '@vfleet/core';
import { errnoName } from '@vfleet/core';
import { Devlink } from '@vfleet/hw-linux';
import type { LinuxHardware } from '@vfleet/hw-linux';
import { until } from '../support.ts';

const BUS = '/sys/bus/netdevsim';

/** A device of netdevsim, and what only tests do with one. */
export class SimDevice {
  readonly handle;
  readonly devlink: Devlink;
  readonly hardware: LinuxHardware;
  readonly #id: number;

  private constructor(hardware: LinuxHardware, id: number) {
    this.#id = id;
    this.hardware = hardware;
    this.handle = { bus: 'netdevsim', device: `netdevsim${id}` };
    this.devlink = new Devlink(hardware.links, this.handle);
  }

  static async make(hardware: LinuxHardware, id: number, ports = 1): Promise<SimDevice> {
    writeFileSync(`${BUS}/new_device`, `${id} ${ports}`);
    await until('the device is there', () => existsSync(`${BUS}/devices/netdevsim${id}/net`));
    return new SimDevice(hardware, id);
  }

  setVfs(count: number): void {
    writeFileSync(`${BUS}/devices/netdevsim${this.#id}/sriov_numvfs`, String(count));
  }

  breakHealth(): void {
    if (!existsSync('/sys/kernel/debug/netdevsim')) execFileSync('mount', ['-t', 'debugfs', 'debugfs', '/sys/kernel/debug']);
    writeFileSync(`/sys/kernel/debug/netdevsim/netdevsim${this.#id}/health/break_health`, 'broken by a test');
  }

  remove(): void {
    writeFileSync(`${BUS}/del_device`, String(this.#id));
  }

  async links() {
    const all = valueOf(await this.hardware.links.list('host'));
    return all.filter(({ parentBus, parentDevice }) => parentBus === 'netdevsim' && parentDevice === this.handle.device);
  }
}

export function valueOf<Value>(result: Result<Value, { readonly errno: number; readonly says?: string }>): Value {
  assert.ok(result.ok, result.ok ? '' : `${errnoName(result.error.errno) ?? result.error.errno}: ${result.error.says ?? ''}`);
  return result.value;
}

/** `ok`, or the errno with the kernel's own words. */
export function told(result: Result<unknown, { readonly errno: number; readonly says?: string }>): string {
  return result.ok ? 'ok' : `${errnoName(result.error.errno) ?? result.error.errno}${result.error.says === undefined ? '' : `: ${result.error.says}`}`;
}

/** iproute2's devlink, the independent witness. */
export function witness<Shape>(...words: readonly string[]): Shape {
  return JSON.parse(execFileSync('devlink', ['-j', ...words], { encoding: 'utf8' })) as Shape;
}
