import { errnoNumbers, fail, hardwareError, ok } from '@vfleet/core';
import type { Errno, HardwareError, HardwareOperation, Host, HostFacts, Result } from '@vfleet/core';
import { RealSysfs } from '../sysfs/real-sysfs.ts';
import type { Sysfs, SysfsError } from '../sysfs/sysfs.ts';

export interface LinuxHostPorts {
  readonly sysfs?: Sysfs;
  /**
   * Changes the boot loader's configuration so that `missing` are in force after the next boot. Left out, the answer is that no boot
   * loader is known, with what to do by hand.
   */
  readonly addKernelArguments?: (missing: readonly string[]) => Promise<Result<void, HardwareError>>;
  /** Asks the host's init for an orderly reboot; left out, reboots are refused. */
  readonly reboot?: (reason: string) => Promise<Result<void, HardwareError>>;
}

/** The Host port on this machine: what the kernel says of itself, and what changes with a boot. */
export function createLinuxHost(ports: LinuxHostPorts = {}): Host {
  return new LinuxHost(ports);
}

const VENDORS: Readonly<Record<string, HostFacts['cpuVendor']>> = { GenuineIntel: 'intel', AuthenticAMD: 'amd' };

class LinuxHost implements Host {
  readonly #sysfs: Sysfs;
  readonly #ports: LinuxHostPorts;
  /** Asked for since the boot, and not in force before the next one. */
  #pending: readonly string[] = [];

  constructor(ports: LinuxHostPorts) {
    this.#sysfs = ports.sysfs ?? new RealSysfs();
    this.#ports = ports;
  }

  async facts(): Promise<Result<HostFacts, HardwareError>> {
    const sysfs = this.#sysfs;
    const bootId = await sysfs.read('/proc/sys/kernel/random/boot_id');
    const version = await sysfs.read('/proc/sys/kernel/osrelease');
    const cmdline = await sysfs.read('/proc/cmdline');
    for (const part of [bootId, version, cmdline]) if (!part.ok) return fail(hostError('readFacts', part.error));
    if (!bootId.ok || !version.ok || !cmdline.ok) throw new Error('unreachable');
    const cpu = await sysfs.read('/proc/cpuinfo');
    const groups = await sysfs.list('/sys/kernel/iommu_groups');
    const kernelArguments = tokens(cmdline.value);
    return ok({
      bootId: bootId.value.trim(),
      kernelVersion: version.value,
      kernelArguments,
      pendingKernelArguments: [...kernelArguments, ...this.#pending.filter((argument) => !kernelArguments.includes(argument))],
      cpuVendor: (cpu.ok ? VENDORS[/^vendor_id\s*:\s*(\S+)/m.exec(cpu.value)?.[1] ?? ''] : undefined) ?? 'other',
      iommuEnabled: groups.ok && groups.value.length > 0,
    });
  }

  async ensureKernelArguments(wanted: readonly string[]): Promise<Result<void, HardwareError>> {
    if (wanted.some((argument) => argument === '' || /\s/.test(argument))) return fail(hardwareError({ operation: 'setKernelArguments', failure: 'EINVAL', device: 'host' }));
    const facts = await this.facts();
    if (!facts.ok) return facts;
    const missing = [...new Set(wanted)].filter((argument) => !facts.value.pendingKernelArguments.includes(argument));
    if (missing.length === 0) return ok(undefined);
    const add = this.#ports.addKernelArguments;
    if (add === undefined) return fail(hardwareError({ operation: 'setKernelArguments', failure: 'ENOENT', device: 'host', detail: missing.join(' ') }));
    const added = await add(missing);
    if (added.ok) this.#pending = [...this.#pending, ...missing];
    return added;
  }

  async reboot(reason: string): Promise<Result<void, HardwareError>> {
    if (this.#ports.reboot === undefined) return fail(hardwareError({ operation: 'reboot', failure: 'EPERM', device: 'host', detail: reason }));
    return this.#ports.reboot(reason);
  }
}

function hostError(operation: HardwareOperation, { errno, path }: SysfsError): HardwareError {
  return hardwareError({ operation, failure: errno in errnoNumbers ? (errno as Errno) : 'EIO', device: 'host', detail: `${path}: ${errno}` });
}

/** Whole arguments of a kernel command line; quotes keep blanks together (lib/cmdline.c next_arg). */
export function tokens(commandLine: string): readonly string[] {
  return commandLine.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}
