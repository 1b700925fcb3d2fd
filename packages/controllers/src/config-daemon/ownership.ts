import type { Files, FilesError, Log, NodeStateInterface, OwnedPf, PciAddress, PfObservation, Result } from '@vfleet/core';
import { comparePciAddresses, fail, isJsonObject, ok, parseJson, parsePciAddress } from '@vfleet/core';
import { equalJson } from '@vfleet/kube';
import { isPredecessorFile, parsePredecessorFile, readCheckpoint } from './predecessor-files.ts';

/** What is saved of a PF that we configure. */
export interface PfRecord extends OwnedPf {
  /** The element of `spec.interfaces` that was applied last; absent while the first one is under way. */
  readonly applied?: NodeStateInterface;
}

/** One small file a PF, written before the PF is first changed and removed when it has been given back. */
export class OwnershipStore {
  readonly #files: Files;
  readonly #folder: string;
  readonly #log: Log;
  readonly #records = new Map<PciAddress, PfRecord>();
  /** PFs of which there is a file of the Go operator, too. */
  readonly #adopted = new Set<string>();

  constructor(files: Files, stateFolder: string, log: Log) {
    this.#files = files;
    this.#folder = `${stateFolder}/pci`;
    this.#log = log;
  }

  /** Reads what earlier processes saved. A file that cannot be understood is left alone, and its PF is not ours. */
  async load(): Promise<Result<void, FilesError>> {
    const names = await this.#files.list(this.#folder);
    if (!names.ok) return names;
    for (const name of names.value.filter((candidate) => candidate.endsWith('.json'))) {
      const path = `${this.#folder}/${name}`;
      const text = await this.#files.read(path);
      if (!text.ok && text.error.code === 'notFound') continue;
      if (!text.ok) return text;
      const record = parseRecord(text.value);
      if (record.ok) this.#records.set(record.value.pciAddress, record.value);
      else this.#log.error('The saved state of a PF cannot be read; the PF will not be reset.', { path, cause: record.error });
    }
    const inherited = names.value.filter(isPredecessorFile);
    return inherited.length === 0 ? ok(undefined) : this.#adopt(inherited);
  }

  /**
   * PFs that the Go operator configured on this node are ours from now on. What is known of them is written at once: the checkpoint is gone after the
   * next boot. Its own files stay for as long as the PF is configured, so that it can take the node back.
   */
  async #adopt(names: readonly string[]): Promise<Result<void, FilesError>> {
    const checkpoint = await readCheckpoint(this.#files);
    if (!checkpoint.ok) return checkpoint;
    for (const name of names) {
      const path = `${this.#folder}/${name}`;
      const text = await this.#files.read(path);
      if (!text.ok && text.error.code === 'notFound') continue;
      if (!text.ok) return text;
      const record = parsePredecessorFile(name, text.value, checkpoint.value);
      if (!record.ok) {
        this.#log.error('A file of the Go operator cannot be read; its PF will not be reset.', { path, cause: record.error });
        continue;
      }
      this.#adopted.add(record.value.pciAddress);
      if (this.#records.has(record.value.pciAddress)) continue;
      const saved = await this.#save(record.value);
      if (!saved.ok) return saved;
      this.#log.info('A PF that the Go operator configured is taken over as it is.', { pf: record.value.pciAddress });
    }
    return ok(undefined);
  }

  /** In order of PCI address. */
  all(): readonly PfRecord[] {
    return [...this.#records.values()].sort((a, b) => comparePciAddresses(a.pciAddress, b.pciAddress));
  }

  /** Saves what a PF is like before its first change; later calls only keep up with `externallyManaged`. */
  async checkpoint(pf: PfObservation, externallyManaged: boolean): Promise<Result<void, FilesError>> {
    const known = this.#records.get(pf.pciAddress);
    if (known?.externallyManaged === externallyManaged) return ok(undefined);
    return this.#save({
      ...(known ?? {
        pciAddress: pf.pciAddress,
        ...(pf.netdev === undefined ? {} : { name: pf.netdev.name, firstMtu: pf.netdev.mtu }),
        firstEswitchMode: pf.eswitchMode,
      }),
      externallyManaged,
    });
  }

  /** Whether just this is what was applied last. */
  isApplied(pf: PciAddress, entry: NodeStateInterface | undefined): boolean {
    const known = this.#records.get(pf);
    return known !== undefined && entry !== undefined && known.externallyManaged === (entry.externallyManaged ?? false) && equalJson(known.applied, entry);
  }

  /** The PF is as `applied` wants it. */
  async saveApplied(pf: PfObservation, applied: NodeStateInterface): Promise<Result<void, FilesError>> {
    if (this.isApplied(pf.pciAddress, applied)) return ok(undefined);
    const checkpointed = this.#records.get(pf.pciAddress) ?? {
      pciAddress: pf.pciAddress,
      ...(pf.netdev === undefined ? {} : { name: pf.netdev.name, firstMtu: pf.netdev.mtu }),
      firstEswitchMode: pf.eswitchMode,
    };
    return this.#save({ ...checkpointed, externallyManaged: applied.externallyManaged ?? false, applied });
  }

  async forget(pf: PciAddress): Promise<Result<void, FilesError>> {
    if (!this.#records.has(pf)) return ok(undefined);
    if (this.#adopted.has(pf)) {
      // Or the next process would take the PF over once more.
      const disowned = await this.#files.remove(`${this.#folder}/${pf}`);
      if (!disowned.ok) return disowned;
      this.#adopted.delete(pf);
    }
    const removed = await this.#files.remove(this.#path(pf));
    if (removed.ok) this.#records.delete(pf);
    return removed;
  }

  async #save(record: PfRecord): Promise<Result<void, FilesError>> {
    const written = await this.#files.replace(this.#path(record.pciAddress), `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
    if (written.ok) this.#records.set(record.pciAddress, record);
    return written;
  }

  #path(pf: PciAddress): string {
    return `${this.#folder}/${pf}.json`;
  }
}

/** Checks a saved record: the file may be older than the program, or edited by hand. */
function parseRecord(text: string): Result<PfRecord, string> {
  const parsed = parseJson(text);
  if (!parsed.ok) return fail(`line ${parsed.error.line}: ${parsed.error.cause}`);
  const value = parsed.value;
  if (!isJsonObject(value)) return fail('it is no object');
  const { pciAddress, name, firstMtu, firstEswitchMode, externallyManaged, applied } = value;
  const address = typeof pciAddress === 'string' ? parsePciAddress(pciAddress) : fail('pciAddress is missing');
  if (!address.ok) return address;
  if (firstEswitchMode !== 'legacy' && firstEswitchMode !== 'switchdev') return fail('firstEswitchMode is neither legacy nor switchdev');
  if (firstMtu !== undefined && (typeof firstMtu !== 'number' || !Number.isInteger(firstMtu) || firstMtu < 1)) return fail('firstMtu is no MTU');
  return ok({
    pciAddress: address.value,
    ...(typeof name === 'string' ? { name } : {}),
    ...(firstMtu === undefined ? {} : { firstMtu }),
    firstEswitchMode,
    externallyManaged: externallyManaged === true,
    // Only compared with the spec, so any shape does.
    ...(applied !== undefined && isJsonObject(applied) ? { applied: applied as unknown as NodeStateInterface } : {}),
  });
}
