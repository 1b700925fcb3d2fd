import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { CliFailure } from '@vfleet/cli/failure.ts';
import { hostCommand } from '@vfleet/cli/verbs/host/command.ts';
import { realHostTools } from '@vfleet/cli/verbs/host/real-host-tools.ts';
import type { HardwareError, HardwareEvent, HardwareStep, Inventory, PciAddress, PfObservation, Result } from '@vfleet/core';
import { pciAddress } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { createLinuxHardware } from '@vfleet/hw-linux';
import type { LinuxHardware, LinuxHardwareSettings } from '@vfleet/hw-linux';

/** The PFs of the emulated machine, in order. */
export function machinePfs(): readonly PciAddress[] {
  return readdirSync('/sys/bus/pci/devices').filter((name) => /^0000:0[1-9]:00\.0$/.test(name)).sort().map((name) => pciAddress(name));
}

export function realHardware(settings: LinuxHardwareSettings = {}): LinuxHardware {
  return createLinuxHardware({ clock: new RealClock() }, { writeDeadlineMs: 600_000, ...settings });
}

/** iproute2 as the independent witness; only tests ask it. */
export function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8' });
}

export function ipJson<Shape>(...words: readonly string[]): Shape {
  return JSON.parse(ip('-j', '-d', ...words)) as Shape;
}

export async function applied(hardware: LinuxHardware, step: HardwareStep): Promise<void> {
  const result = await hardware.apply(step);
  assert.ok(result.ok, result.ok ? '' : `${step.kind}: ${describe(result.error)}`);
}

/** `ok`, or the errno that the kernel gave. */
export async function answer(hardware: { apply(step: HardwareStep): Promise<Result<void, HardwareError>> }, step: HardwareStep): Promise<string> {
  const result = await hardware.apply(step);
  return result.ok ? 'ok' : (result.error.errno ?? result.error.code);
}

export async function inventory(hardware: LinuxHardware): Promise<Inventory> {
  const seen = await hardware.discover();
  assert.ok(seen.ok, seen.ok ? '' : describe(seen.error));
  return seen.value;
}

export async function pfOf(hardware: LinuxHardware, pf: PciAddress): Promise<PfObservation> {
  const found = (await inventory(hardware)).pfs.find(({ pciAddress: address }) => address === pf);
  assert.ok(found !== undefined, `no PF ${pf}`);
  return found;
}

/** Far more than anything takes: an emulated machine on a busy host stands still for seconds, and a test must not fail for that. */
const PATIENCE_MS = 300_000;

export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, `not within ${PATIENCE_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `vfleet host …` in this process, with all that it keeps in memory made anew; nobody is there to be asked. */
export async function hostVerb(hardware: LinuxHardware, ...words: readonly string[]): Promise<{ readonly status: number; readonly said: string }> {
  let status = 0;
  let said = '';
  const say = (text: string) => void (said += text);
  const command = hostCommand({ environment: {}, terminal: { out: say, err: say, colours: false } }, (given) => (status = given), async () => ({
    ...realHostTools(), hardware, confirm: async () => undefined, close: async () => {},
  }));
  try {
    await command.parseAsync([...words], { from: 'user' });
    return { status, said };
  } catch (error) {
    if (error instanceof CliFailure) return { status: error.exitStatus, said: `${said}${error.message}. ${error.remedy}` };
    throw error;
  }
}

export function eventsOf(events: readonly HardwareEvent[], device: PciAddress): readonly string[] {
  return events.filter((event) => 'device' in event && event.device === device).map(({ kind }) => kind);
}

export function describe(error: HardwareError): string {
  return `${error.code} ${error.errno ?? ''}: ${error.cause}; ${error.remedy}`;
}
