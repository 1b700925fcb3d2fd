import { fail, hardwareError, ok } from '@vfleet/core';
import type { Errno, Files, FilesError, HardwareError, HardwareCondition, HostFacts, Inventory, PciAddress, Result } from '@vfleet/core';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { grubConfigCommandLines } from './boot-entries.ts';
import { configuredArguments, findBootLoader, planArguments } from './boot-loader.ts';
import type { BootLoader, BootLoaderPlan } from './boot-loader.ts';
import { differingFiles, writeFiles } from './file-changes.ts';
import type { FileChange } from './file-changes.ts';
import { checkHost, readFirmwareFacts } from './host-checks.ts';
import type { HostFinding } from './host-checks.ts';
import { describeCommand } from './host-commands.ts';
import type { HostCommand, HostCommands } from './host-commands.ts';
import { readHugepages } from './hugepages.ts';
import type { HugepagePool } from './hugepages.ts';
import { isArgument, missingArguments, tokens } from './kernel-arguments.ts';
import type { ArgumentChange } from './kernel-arguments.ts';
import { isModuleName, modulesLoadFile, unloadedModules } from './modules.ts';
import { UNIT_NAMES, unitFiles } from './systemd-units.ts';
import type { BootServices } from './systemd-units.ts';
import { UDEV_RULES_FOLDER, udevRules } from './udev-rules.ts';
import type { UdevPf } from './udev-rules.ts';

export interface HostPreparationPorts {
  /** The host's own root file system. */
  readonly files: Files;
  readonly sysfs: Sysfs;
  readonly commands: HostCommands;
}

/** How the host around the NICs is to be. */
export interface WantedHost {
  readonly kernelArguments: ArgumentChange;
  readonly modules: readonly string[];
  readonly pfs: readonly UdevPf[];
  /** Services that configure NICs at boot; absent: there are to be none. */
  readonly bootServices?: BootServices;
}

/** What would be done. A plan without anything in it: the host is ready. */
export interface HostPlan {
  /** Kernel arguments come into force with a boot only. */
  readonly bootLoader: BootLoaderPlan;
  readonly files: readonly FileChange[];
  readonly modules: readonly string[];
  /** After the files are written: udev and systemd read them again. */
  readonly commands: readonly HostCommand[];
}

const MODULES_FILE = '/etc/modules-load.d/vfleet.conf';

/** Makes a host ready for VFs: kernel arguments, modules, rules of udev, services at boot. Nothing is written that is so already. */
export class HostPreparation {
  readonly #files: Files;
  readonly #sysfs: Sysfs;
  readonly #commands: HostCommands;

  constructor(ports: HostPreparationPorts) {
    this.#files = ports.files;
    this.#sysfs = ports.sysfs;
    this.#commands = ports.commands;
  }

  /** Arguments that the boot loader's configuration has; undefined when no boot loader is known or it does not tell. */
  async configuredArguments(): Promise<readonly string[] | undefined> {
    const loader = await findBootLoader(this.#files, this.#commands);
    return loader.ok ? configuredArguments(loader.value) : undefined;
  }

  /** Changes the boot loader's configuration, and looks whether that had the effect. */
  async setKernelArguments(change: ArgumentChange): Promise<Result<void, HardwareError>> {
    const planned = await this.#planBootLoader(change);
    return planned.ok ? this.#applyBootLoader(planned.value, change) : planned;
  }

  async plan(wanted: WantedHost): Promise<Result<HostPlan, HardwareError>> {
    const odd = wanted.modules.find((name) => !isModuleName(name));
    if (odd !== undefined) return fail(hostError('EINVAL', `the module ${JSON.stringify(odd)}`, 'prepareHost'));
    const { add, remove } = wanted.kernelArguments;
    const bootLoader = add.length + remove.length === 0 ? ok({ files: [], commands: [] }) : await this.#planBootLoader(wanted.kernelArguments);
    if (!bootLoader.ok) return bootLoader;
    const rulesThere = await this.#files.list(UDEV_RULES_FOLDER);
    const text = modulesLoadFile(wanted.modules);
    const rules = udevRules(wanted.pfs, rulesThere.ok ? rulesThere.value : []);
    const units = unitFiles(wanted.bootServices);
    const files = await differingFiles(this.#files, [{ path: MODULES_FILE, ...(text === undefined ? {} : { text }) }, ...rules, ...units]);
    if (!files.ok) return fail(fileError(files.error));
    return ok({ bootLoader: bootLoader.value, files: files.value, modules: await this.#unloaded(wanted.modules), commands: reloads(files.value, wanted.bootServices !== undefined) });
  }

  async apply(plan: HostPlan, wanted: WantedHost): Promise<Result<void, HardwareError>> {
    const boot = await this.#applyBootLoader(plan.bootLoader, wanted.kernelArguments);
    if (!boot.ok) return boot;
    const written = await writeFiles(this.#files, plan.files);
    if (!written.ok) return fail(fileError(written.error));
    return this.#run([...plan.modules.map((name): HostCommand => ({ program: 'modprobe', words: ['--', name] })), ...plan.commands]);
  }

  /** Loads what the kernel has neither loaded nor built in. */
  async loadModules(names: readonly string[]): Promise<Result<void, HardwareError>> {
    const odd = names.find((name) => !isModuleName(name));
    if (odd !== undefined) return fail(hostError('EINVAL', `the module ${JSON.stringify(odd)}`, 'prepareHost'));
    return this.#run((await this.#unloaded(names)).map((name) => ({ program: 'modprobe', words: ['--', name] })));
  }

  /** The rules of udev for one PF and its VFs, or their removal when there are to be none; those of other PFs stay. */
  async setRules(pf: PciAddress, wanted: UdevPf | undefined): Promise<Result<void, HardwareError>> {
    const there = await this.#files.list(UDEV_RULES_FOLDER);
    const own = (there.ok ? there.value : []).filter((name) => name.endsWith(`-${pf}.rules`));
    const changes = await differingFiles(this.#files, udevRules(wanted === undefined ? [] : [wanted], own));
    if (!changes.ok) return fail(fileError(changes.error));
    const written = await writeFiles(this.#files, changes.value);
    return written.ok ? this.#run(reloads(changes.value, false)) : fail(fileError(written.error));
  }

  /** The services at boot, made or brought up to date, and nothing else of the host; their removal when there are to be none. */
  async setBootServices(services: BootServices | undefined): Promise<Result<void, HardwareError>> {
    const changes = await differingFiles(this.#files, unitFiles(services));
    if (!changes.ok) return fail(fileError(changes.error));
    const written = await writeFiles(this.#files, changes.value);
    return written.ok ? this.#run(reloads(changes.value, services !== undefined)) : fail(fileError(written.error));
  }

  async check(facts: HostFacts, inventory: Inventory): Promise<{ readonly findings: readonly HostFinding[]; readonly hugepages: readonly HugepagePool[] }> {
    const hugepages = await readHugepages(this.#sysfs);
    return { findings: checkHost(facts, await readFirmwareFacts(this.#sysfs), inventory, hugepages), hugepages };
  }

  async #run(commands: readonly HostCommand[]): Promise<Result<void, HardwareError>> {
    for (const command of commands) {
      const done = await this.#commands.run(command);
      if (!done.ok) return fail(hostError('EIO', `${describeCommand(command)}: ${done.error.says}`, 'prepareHost'));
    }
    return ok(undefined);
  }

  async #planBootLoader(change: ArgumentChange): Promise<Result<BootLoaderPlan, HardwareError>> {
    const bad = [...change.add, ...change.remove].find((argument) => !isArgument(argument));
    if (bad !== undefined) return fail(hostError('EINVAL', JSON.stringify(bad)));
    const loader = await findBootLoader(this.#files, this.#commands);
    if (!loader.ok) return fail(hostError('EIO', loader.error));
    if (loader.value.kind === 'unsupported') return fail(hostError('ENOENT', `looked for ${loader.value.looked.join(', ')}`));
    const plan = planArguments(loader.value, change);
    return plan.ok ? plan : fail(hostError('EOPNOTSUPP', plan.error));
  }

  async #applyBootLoader(plan: BootLoaderPlan, change: ArgumentChange): Promise<Result<void, HardwareError>> {
    if (plan.files.length + plan.commands.length === 0) return ok(undefined);
    const written = await writeFiles(this.#files, plan.files);
    if (!written.ok) return fail(fileError(written.error, 'setKernelArguments'));
    for (const command of plan.commands) {
      const done = await this.#commands.run(command);
      if (!done.ok) return fail(hostError('EIO', `${describeCommand(command)}: ${done.error.says}`));
    }
    return this.#verify(change);
  }

  /** A program that ended well need not have done what it was told: other files can overrule the one that was changed. */
  async #verify({ add, remove }: ArgumentChange): Promise<Result<void, HardwareError>> {
    const loader = await findBootLoader(this.#files, this.#commands);
    if (!loader.ok) return fail(hostError('EIO', loader.error));
    const lines = [(configuredArguments(loader.value) ?? []).join(' '), ...(await this.#generatedLines(loader.value))];
    const missing = add.filter((argument) => lines.some((line) => missingArguments(line, [argument]).length > 0));
    const left = remove.filter((argument) => lines.some((line) => tokens(line).includes(argument)));
    if (missing.length + left.length === 0) return ok(undefined);
    return fail(hostError('writeWithoutEffect', [...missing.map((argument) => `${argument} is missing`), ...left.map((argument) => `${argument} is still there`)].join(', ')));
  }

  async #generatedLines(loader: BootLoader): Promise<readonly string[]> {
    if (loader.kind !== 'grub') return [];
    const config = await this.#files.read(loader.config);
    return config.ok ? grubConfigCommandLines(config.value) : [];
  }

  async #unloaded(wanted: readonly string[]): Promise<readonly string[]> {
    if (wanted.length === 0) return [];
    const loaded = await this.#sysfs.list('/sys/module');
    const release = await this.#sysfs.read('/proc/sys/kernel/osrelease');
    const builtin = release.ok && /^[\w.+~-]+$/.test(release.value) ? await this.#files.read(`/lib/modules/${release.value}/modules.builtin`) : undefined;
    return unloadedModules(wanted, loaded.ok ? loaded.value : [], builtin?.ok === true ? builtin.value : '');
  }
}

function reloads(files: readonly FileChange[], enable: boolean): readonly HostCommand[] {
  const rules = files.some(({ path }) => path.startsWith(UDEV_RULES_FOLDER));
  const units = files.some(({ path }) => path.endsWith('.service'));
  const reload: HostCommand = { program: 'systemctl', words: ['daemon-reload'] };
  return [
    ...(rules ? [{ program: 'udevadm', words: ['control', '--reload-rules'] } satisfies HostCommand] : []),
    ...(units && !enable ? [reload] : []),
    ...(units && enable ? [reload, { program: 'systemctl', words: ['enable', ...UNIT_NAMES] } satisfies HostCommand] : []),
  ];
}

const ERRNO_OF_FILES: Readonly<Record<FilesError['code'], Errno>> = { notFound: 'ENOENT', exists: 'EEXIST', noSpace: 'ENOSPC', readOnly: 'EROFS', denied: 'EACCES', io: 'EIO' };

function fileError({ code, cause }: FilesError, operation: 'setKernelArguments' | 'prepareHost' = 'prepareHost'): HardwareError {
  return hostError(ERRNO_OF_FILES[code], cause, operation);
}

function hostError(failure: Errno | HardwareCondition, detail: string, operation: 'setKernelArguments' | 'prepareHost' = 'setKernelArguments'): HardwareError {
  return hardwareError({ operation, failure, device: 'host', detail });
}
