import { parseBootConfiguration, runBootPhase } from '@vfleet/controllers';
import type { BootFailure, BootRunPorts } from '@vfleet/controllers';
import { BOOT_CONFIGURATION_FILE, BOOT_PHASES, ok } from '@vfleet/core';
import type { BootServices, Files, HardwareError, NodeStateSpec, Result } from '@vfleet/core';

const UNIT = '/etc/systemd/system/vfleet-pre-network.service';
/** The config daemon's own, as on a real host: what it began and did not finish, they finish. */
const STATE_FOLDER = '/etc/sriov-operator';

/** The init of a simulated host, as far as services that configure NICs at boot go. What is installed survives reboots with the disk. */
export class SimBootServices implements BootServices {
  readonly #files: Files;
  #isInstalled = false;

  constructor(files: Files) {
    this.#files = files;
  }

  get isInstalled(): boolean {
    return this.#isInstalled;
  }

  async install(): Promise<Result<void, HardwareError>> {
    if (this.#isInstalled) return ok(undefined);
    await this.#files.replace(UNIT, 'ExecStart=vfleet host boot\n');
    this.#isInstalled = true;
    return ok(undefined);
  }

  async remove(): Promise<Result<void, HardwareError>> {
    await this.#files.remove(UNIT);
    this.#isInstalled = false;
    return ok(undefined);
  }

  /** Of a disk that has been another world's. */
  async find(): Promise<void> {
    this.#isInstalled = (await this.#files.read(UNIT)).ok;
  }

  /** Both services, one after the other; the second is started only when the first has ended well. */
  async runAtBoot(ports: BootRunPorts): Promise<void> {
    for (const phase of BOOT_PHASES) if ((await runBootPhase(ports, STATE_FOLDER, phase, () => this.#readSpec())) !== undefined) return;
  }

  async #readSpec(): Promise<NodeStateSpec | BootFailure> {
    const text = await this.#files.read(BOOT_CONFIGURATION_FILE);
    const spec = text.ok ? parseBootConfiguration(text.value) : undefined;
    return spec ?? { cause: `${BOOT_CONFIGURATION_FILE} is no configuration`, remedy: 'The config daemon writes it in configurationMode systemd.' };
  }
}
