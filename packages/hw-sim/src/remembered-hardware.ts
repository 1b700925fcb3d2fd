import { isJsonObject, parseJson } from '@vfleet/core';
import type { Files, Hardware, HardwareError, HardwareEvent, HardwareStep, Inventory, Log, PciAddress, Result, Subscription, VfSight } from '@vfleet/core';

/** Beyond so many lines that later ones have replaced, the file is written anew. */
const REPLACED_MAX = 1_000;

/**
 * Simulated NICs that outlive their process, as real ones do: steps that were carried out are written down, and done again by the next
 * process. Of the steps that set one thing the last is kept, in the order in which they came; one that a later one has made impossible,
 * such as a setting of a VF that is no more, fails again and is left out.
 */
export class RememberedHardware implements Hardware {
  readonly #hardware: Hardware;
  readonly #files: Files;
  readonly #path: string;
  readonly #log: Log;
  /** By what they set; the last that was carried out is the last. */
  readonly #steps = new Map<string, HardwareStep>();
  #lines = 0;
  /** What the file is, if this process alone has written to it. */
  #text = '';
  #queue: Promise<void> = Promise.resolve();

  private constructor(hardware: Hardware, { files, log }: { readonly files: Files; readonly log: Log }, path: string) {
    this.#hardware = hardware;
    this.#files = files;
    this.#path = path;
    this.#log = log;
  }

  /** `hardware` is as it was made; it comes back as the last process left it. */
  static async open(hardware: Hardware, ports: { readonly files: Files; readonly log: Log }, path: string): Promise<RememberedHardware> {
    const remembered = new RememberedHardware(hardware, ports, path);
    const text = await ports.files.read(path);
    for (const step of text.ok ? stepsOf(text.value) : []) remembered.#note(step);
    for (const [key, step] of [...remembered.#steps]) if (!(await hardware.apply(step)).ok) remembered.#steps.delete(key);
    await remembered.#rewrite();
    return remembered;
  }

  async discover(): Promise<Result<Inventory, HardwareError>> {
    await this.#follow();
    return this.#hardware.discover();
  }

  async lookAtVf(device: PciAddress): Promise<Result<VfSight | undefined, HardwareError>> {
    await this.#follow();
    return this.#hardware.lookAtVf(device);
  }

  watch(listener: (event: HardwareEvent) => void): Subscription {
    return this.#hardware.watch(listener);
  }

  async apply(step: HardwareStep): Promise<Result<void, HardwareError>> {
    await this.#follow();
    const applied = await this.#hardware.apply(step);
    await this.#remember(applied.ok ? effectsOf(step) : await this.#effectsOfFailed(step, applied.error));
    return applied;
  }

  /** What a step did that was refused half way. */
  async #effectsOfFailed(step: HardwareStep, { step: refused }: HardwareError): Promise<readonly HardwareStep[]> {
    if (step.kind === 'setVfs' && refused?.kind === 'setVf') return effectsOf({ ...step, vfs: step.vfs.slice(0, step.vfs.findIndex(({ vfIndex }) => vfIndex === refused.vfIndex)) });
    // The driver before it is unbound first.
    if (step.kind !== 'bindDriver') return [];
    const inventory = await this.#hardware.discover();
    const functions = inventory.ok ? inventory.value.pfs.flatMap((pf) => [pf, ...pf.vfs]) : [];
    return functions.some(({ pciAddress, driver }) => pciAddress === step.device && driver === undefined) ? [{ kind: 'unbindDriver', device: step.device }] : [];
  }

  /** The node has started anew: what the NIC itself keeps is all that is left. */
  forget(): Promise<void> {
    this.#queue = this.#queue.then(() => {
      for (const [key, { kind }] of [...this.#steps]) if (kind !== 'setDevlinkParam') this.#steps.delete(key);
      return this.#rewrite();
    });
    return this.#queue;
  }

  /** While one process of a node takes over from another, either writes steps down. What the other one did is done here too. */
  #follow(): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      const read = await this.#files.read(this.#path);
      if (!read.ok || read.value === this.#text) return;
      const text = read.value.slice(0, read.value.lastIndexOf('\n') + 1);
      const isContinued = text.startsWith(this.#text);
      const steps = stepsOf(isContinued ? text.slice(this.#text.length) : text);
      this.#text = text;
      this.#lines = isContinued ? this.#lines + steps.length : steps.length;
      for (const step of steps) {
        // Of a file that was written anew most is known.
        if (!isContinued && JSON.stringify(this.#steps.get(whatItSets(step))) === JSON.stringify(step)) continue;
        if ((await this.#hardware.apply(step)).ok) this.#note(step);
      }
    });
    return this.#queue;
  }

  #remember(steps: readonly HardwareStep[]): Promise<void> {
    if (steps.length === 0) return Promise.resolve();
    this.#queue = this.#queue.then(async () => {
      for (const one of steps) this.#note(one);
      this.#lines += steps.length;
      if (this.#lines > this.#steps.size + REPLACED_MAX) return this.#rewrite();
      const lines = steps.map(lineOf).join('');
      this.#text += lines;
      this.#told(await this.#files.append(this.#path, lines));
    });
    return this.#queue;
  }

  #note(step: HardwareStep): void {
    const key = whatItSets(step);
    // What is so already changes nothing, and what was set of its VFs since comes after it.
    if ((step.kind === 'setNumVfs' || step.kind === 'setEswitchMode') && JSON.stringify(this.#steps.get(key)) === JSON.stringify(step)) return;
    this.#steps.delete(key);
    this.#steps.set(key, step);
  }

  async #rewrite(): Promise<void> {
    this.#lines = this.#steps.size;
    this.#text = [...this.#steps.values()].map(lineOf).join('');
    this.#told(await this.#files.replace(this.#path, this.#text, { mode: 0o600, durable: false }));
  }

  #told(written: Awaited<ReturnType<Files['append']>>): void {
    if (!written.ok) this.#log.warn('The state of the simulated NICs could not be written down: the next process begins without it.', { ...written.error });
  }
}

function effectsOf(step: HardwareStep): readonly HardwareStep[] {
  return step.kind === 'setVfs' ? step.vfs.map((change): HardwareStep => ({ kind: 'setVf', pf: step.pf, ...change })) : [step];
}

function lineOf(step: HardwareStep): string {
  return `${JSON.stringify(step)}\n`;
}

/** Lines of our own hand; one that a crash has torn is passed over, and what is no step fails as one. */
function stepsOf(text: string): readonly HardwareStep[] {
  return text.split('\n').flatMap((line) => {
    const parsed = parseJson(line);
    return parsed.ok && isJsonObject(parsed.value) && typeof parsed.value['kind'] === 'string' && KINDS.has(parsed.value['kind']) ? [parsed.value as unknown as HardwareStep] : [];
  });
}

const KINDS: ReadonlySet<string> = new Set<HardwareStep['kind']>([
  'setNumVfs', 'setDriversAutoprobe', 'setEswitchMode', 'bindDriver', 'unbindDriver', 'setVf', 'setMtu', 'setLink', 'setNetdevMac', 'renameNetdev', 'moveNetdev', 'setAddresses', 'setFeature', 'setDevlinkParam', 'createVdpa',
  'deleteVdpa', 'setRdmaMode', 'moveRdma',
]);

/** What a step replaces of those before it. */
function whatItSets(step: HardwareStep): string {
  switch (step.kind) {
    case 'setVf':
      return `setVf ${step.pf} ${step.vfIndex} ${Object.keys(step).toSorted().join()}`;
    case 'setFeature':
      return `setFeature ${step.device} ${step.feature}`;
    case 'setDevlinkParam':
      return `setDevlinkParam ${step.pf} ${step.name}`;
    case 'moveRdma':
      return `moveRdma ${step.device} ${step.rdmaDevice}`;
    case 'setRdmaMode':
      return step.kind;
    default:
      return `${step.kind} ${'pf' in step ? step.pf : step.device}`;
  }
}
