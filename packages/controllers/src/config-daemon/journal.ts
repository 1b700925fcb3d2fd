import type { Files, FilesError, HardwareStep, Result } from '@vfleet/core';
import { ok } from '@vfleet/core';

/** One line of the journal. */
export type JournalRecord =
  /** A run begins. `clean`: these PFs had no VFs, or have only VFs of a run that began so: nobody can have got one. */
  | { readonly type: 'begin'; readonly generation: number; readonly pfs: readonly string[]; readonly clean: readonly string[] }
  /** The step is about to be carried out; whether it was is for the hardware to say. */
  | { readonly type: 'step'; readonly pf: string; readonly step: HardwareStep }
  /** The same of several steps in a row: a plan sets a hundred VFs, and the disk would be slower than they are. How far it came shows too. */
  | { readonly type: 'steps'; readonly pf: string; readonly count: number; readonly first: HardwareStep; readonly last: HardwareStep }
  /** The step is not supported or had no effect; see `triedKey`. */
  | { readonly type: 'tried'; readonly pf: string; readonly key: string }
  /** Every PF of the run is as wanted. */
  | { readonly type: 'end' };

/** What a journal says about the run before. */
export interface UnfinishedRun {
  readonly pfs: readonly string[];
  /** Those of them that have no VFs but such as the run made. */
  readonly clean: readonly string[];
  readonly tried: readonly { readonly pf: string; readonly key: string }[];
  /** What was about to be done last; with `until`, all from the one to the other. */
  readonly lastStep?: { readonly pf: string; readonly step: HardwareStep; readonly until?: HardwareStep };
}

/**
 * Write-ahead journal of one node: one record a line, each behind a check sum, so that a line that a crash tore is seen. A run
 * replaces the file of the run before.
 */
export class Journal {
  readonly #files: Files;
  readonly #path: string;
  /** Appends of PFs that are configured at the same time must not mix. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(files: Files, stateFolder: string) {
    this.#files = files;
    this.#path = `${stateFolder}/journal`;
  }

  /** The run that an earlier process did not finish; undefined when there is none. Cuts off a torn last line. */
  async recover(): Promise<Result<UnfinishedRun | undefined, FilesError>> {
    const text = await this.#files.read(this.#path);
    if (!text.ok) return text.error.code === 'notFound' ? ok(undefined) : text;
    const { records, validLength } = readJournal(text.value);
    if (validLength < text.value.length) {
      const cut = await this.#files.replace(this.#path, text.value.slice(0, validLength));
      if (!cut.ok) return cut;
    }
    return ok(unfinishedRun(records));
  }

  async begin(record: Omit<Extract<JournalRecord, { type: 'begin' }>, 'type'>): Promise<Result<void, FilesError>> {
    return this.#inOrder(() => this.#files.replace(this.#path, journalLine({ type: 'begin', ...record })));
  }

  async append(record: JournalRecord): Promise<Result<void, FilesError>> {
    return this.#inOrder(() => this.#files.append(this.#path, journalLine(record)));
  }

  #inOrder<Value>(write: () => Promise<Value>): Promise<Value> {
    const done = this.#tail.then(write);
    this.#tail = done;
    return done;
  }
}

/** The record of steps that are about to be carried out one after the other. */
export function recordOf(pf: string, steps: readonly HardwareStep[]): JournalRecord {
  const [first, last] = [steps[0]!, steps.at(-1)!];
  return first === last ? { type: 'step', pf, step: first } : { type: 'steps', pf, count: steps.length, first, last };
}

/** `checksum json\n`. */
export function journalLine(record: JournalRecord): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}\n`;
}

/** The records up to the first line that is torn or damaged, and how much of the text they are. */
export function readJournal(text: string): { readonly records: readonly JournalRecord[]; readonly validLength: number } {
  const records: JournalRecord[] = [];
  let offset = 0;
  for (;;) {
    const end = text.indexOf('\n', offset);
    if (end < 0) break;
    const line = text.slice(offset, end);
    const json = line.slice(9);
    if (line[8] !== ' ' || line.slice(0, 8) !== checksum(json)) break;
    records.push(JSON.parse(json) as JournalRecord);
    offset = end + 1;
  }
  return { records, validLength: offset };
}

function unfinishedRun(records: readonly JournalRecord[]): UnfinishedRun | undefined {
  const [first] = records;
  if (first?.type !== 'begin' || records.at(-1)?.type === 'end') return undefined;
  const last = records.findLast((record) => record.type === 'step' || record.type === 'steps');
  const remade = records.flatMap((record) => (record.type === 'step' && record.step.kind === 'setNumVfs' && record.step.count > 0 ? [record.pf] : []));
  return {
    pfs: first.pfs,
    // VFs are created only where there are none, so whatever is there after such a step is new.
    clean: [...new Set([...first.clean, ...remade])],
    tried: records.flatMap((record) => (record.type === 'tried' ? [{ pf: record.pf, key: record.key }] : [])),
    ...(last === undefined ? {} : { lastStep: last.type === 'step' ? { pf: last.pf, step: last.step } : { pf: last.pf, step: last.first, until: last.last } }),
  };
}

/** FNV-1a of 32 bits: enough to see a torn or overwritten line. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
