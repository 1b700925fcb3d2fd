import { fail, hardwareError, isErrno, ok } from '@vfleet/core';
import type { HardwareError, HardwareOperation, Host, HostFacts, Result } from '@vfleet/core';
import { RealSysfs } from '../sysfs/real-sysfs.ts';
import type { HostPreparation } from '../host-preparation/host-preparation.ts';
import { tokens } from '../host-preparation/kernel-arguments.ts';
import type { Sysfs, SysfsError } from '../sysfs/sysfs.ts';

export interface LinuxHostPorts {
  readonly sysfs?: Sysfs;
  /** Knows the boot loader. Left out, the answer is that no boot loader is known, with what to do by hand. */
  readonly bootLoader?: Pick<HostPreparation, 'configuredArguments' | 'setKernelArguments'>;
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
  #fromBootLoader: Promise<readonly string[]> | undefined;

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
      pendingKernelArguments: [...new Set([...kernelArguments, ...(await this.#configured())])],
      cpuVendor: (cpu.ok ? VENDORS[/^vendor_id\s*:\s*(\S+)/m.exec(cpu.value)?.[1] ?? ''] : undefined) ?? 'other',
      iommuEnabled: groups.ok && groups.value.length > 0,
    });
  }

  async ensureKernelArguments(wanted: readonly string[]): Promise<Result<void, HardwareError>> {
    if (wanted.some((argument) => argument === '' || /\s/.test(argument))) return fail(hardwareError({ operation: 'setKernelArguments', failure: 'EINVAL', device: 'host' }));
    this.#fromBootLoader = undefined;
    const facts = await this.facts();
    if (!facts.ok) return facts;
    const missing = [...new Set(wanted)].filter((argument) => !facts.value.pendingKernelArguments.includes(argument));
    if (missing.length === 0) return ok(undefined);
    const { bootLoader } = this.#ports;
    if (bootLoader === undefined) return fail(hardwareError({ operation: 'setKernelArguments', failure: 'ENOENT', device: 'host', detail: missing.join(' ') }));
    this.#fromBootLoader = undefined;
    return bootLoader.setKernelArguments({ add: missing, remove: [] });
  }

  /** Some boot loaders are asked by running a program: once, and again when it matters or something was changed. */
  #configured(): Promise<readonly string[]> {
    this.#fromBootLoader ??= (this.#ports.bootLoader?.configuredArguments() ?? Promise.resolve(undefined)).then((known) => known ?? []);
    return this.#fromBootLoader;
  }

  async reboot(reason: string): Promise<Result<void, HardwareError>> {
    if (this.#ports.reboot === undefined) return fail(hardwareError({ operation: 'reboot', failure: 'EPERM', device: 'host', detail: reason }));
    return this.#ports.reboot(reason);
  }
}

function hostError(operation: HardwareOperation, { errno, path }: SysfsError): HardwareError {
  return hardwareError({ operation, failure: isErrno(errno) ? errno : 'EIO', device: 'host', detail: `${path}: ${errno}` });
}
