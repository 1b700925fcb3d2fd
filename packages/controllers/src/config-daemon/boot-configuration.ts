import type { BootServices, Files, FilesError, HardwareError, NodeStateSpec, Result } from '@vfleet/core';
import { BOOT_CONDITION, BOOT_CONFIGURATION_FILE, BOOT_RESULT_FILE, ok } from '@vfleet/core';
import type { ConditionUpdate } from '@vfleet/kube';
import { bootConfigurationText, isOwnBootConfiguration, parseBootResult } from './boot-files.ts';
import type { BootResult } from './boot-files.ts';

/** `null`: nothing is said of it. */
export type BootCondition = ConditionUpdate | null;

/**
 * configurationMode systemd: what the daemon was told is kept on the host's disk, where services take it up at each boot, before the
 * network and the kubelet. What they did at this boot is told in the node state. The daemon itself goes on with what changes later.
 */
export class BootConfiguration {
  readonly #files: Files;
  readonly #services: BootServices | undefined;
  /** What the host's files are known to say; undefined until somebody looked. */
  #kept: string | 'none' | undefined;
  #isInstalled = false;
  #result: BootResult | 'none' | undefined;

  constructor(files: Files, services: BootServices | undefined) {
    this.#files = files;
    this.#services = services;
  }

  /** Keeps the host's files up with the mode and the spec. Why that is not possible, and what to do about it, in one line. */
  async keep(mode: 'daemon' | 'systemd', spec: NodeStateSpec): Promise<string | undefined> {
    const services = this.#services;
    if (services === undefined) {
      return mode === 'daemon' ? undefined : 'configurationMode is systemd, and this daemon does not know how vfleet is started on the host; give `vfleet node` --boot-executable, or set configurationMode to daemon';
    }
    const done = mode === 'systemd' ? await this.#write(services, bootConfigurationText(spec)) : await this.#remove(services);
    if (done.ok) return undefined;
    return `the services that configure NICs at boot could not be ${mode === 'systemd' ? 'kept up' : 'removed'}: ${done.error.cause}${'remedy' in done.error ? `; ${done.error.remedy}` : '; free or repair the file system of /etc'}`;
  }

  /** What the services did at this boot, as a condition of the node state. */
  async condition(mode: 'daemon' | 'systemd', bootId: string): Promise<BootCondition> {
    if (mode === 'daemon') return null;
    this.#result ??= await this.#readResult();
    const result = this.#result;
    const says = (status: ConditionUpdate['status'], reason: string, message: string): ConditionUpdate => ({ type: BOOT_CONDITION, status, reason, message });
    if (result === undefined || result === 'none' || result.bootId !== bootId) return says('Unknown', 'NotSinceBoot', 'the services configure the NICs from the next boot on');
    if (result.syncStatus === 'Succeeded') return says('True', 'Configured', 'the services configured the NICs at this boot');
    if (result.syncStatus === 'Failed') return says('False', 'ConfigurationFailed', result.lastSyncError);
    return says('Unknown', 'Configuring', 'the service before the network has ended well, the one after it has not ended');
  }

  async #write(services: BootServices, text: string): Promise<Result<void, FilesError | HardwareError>> {
    if (this.#kept !== text) {
      const now = await this.#files.read(BOOT_CONFIGURATION_FILE);
      const written = now.ok && now.value === text ? ok(undefined) : await this.#files.replace(BOOT_CONFIGURATION_FILE, text, { mode: 0o644 });
      if (!written.ok) return written;
      this.#kept = text;
    }
    if (this.#isInstalled) return ok(undefined);
    const installed = await services.install();
    this.#isInstalled = installed.ok;
    return installed;
  }

  /** The services first: without their file they would do nothing at a boot that comes in between. */
  async #remove(services: BootServices): Promise<Result<void, FilesError | HardwareError>> {
    if (this.#kept === 'none') return ok(undefined);
    const now = await this.#files.read(BOOT_CONFIGURATION_FILE);
    if (!now.ok && now.error.code !== 'notFound') return now;
    if (now.ok && isOwnBootConfiguration(now.value)) {
      const removed = await services.remove();
      if (!removed.ok) return removed;
      for (const path of [BOOT_RESULT_FILE, BOOT_CONFIGURATION_FILE]) {
        const gone = await this.#files.remove(path);
        if (!gone.ok) return gone;
      }
    }
    this.#kept = 'none';
    this.#isInstalled = false;
    this.#result = undefined;
    return ok(undefined);
  }

  async #readResult(): Promise<BootResult | 'none' | undefined> {
    const text = await this.#files.read(BOOT_RESULT_FILE);
    if (!text.ok) return text.error.code === 'notFound' ? 'none' : undefined;
    return parseBootResult(text.value) ?? 'none';
  }
}
