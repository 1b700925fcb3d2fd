import { fail, ok } from '../result.ts';
import type { Result } from '../result.ts';
import type { Files, FilesError } from './files.ts';

/** Called before each write; answers how much of it reaches the disk before the process "dies". */
export type WriteFault = (operation: 'replace' | 'create' | 'append' | 'remove', path: string, text: string) => 'none' | FilesError['code'];

/**
 * The deterministic Files: a map of paths. A fault hook may refuse any write; {@link MemFiles.tear} models what a crash does to
 * an append that was under way (a prefix survives), which rename-over and O_EXCL cannot suffer.
 */
export class MemFiles implements Files {
  readonly #files = new Map<string, string>();
  /** By path, while it is locked: who waits, in order. */
  readonly #locks = new Map<string, (() => void)[]>();
  readonly #fault: WriteFault;

  constructor(fault: WriteFault = () => 'none') {
    this.#fault = fault;
  }

  async read(path: string): Promise<Result<string, FilesError>> {
    const text = this.#files.get(path);
    return text === undefined ? fail({ code: 'notFound', path, cause: `${path} does not exist` }) : ok(text);
  }

  async replace(path: string, text: string): Promise<Result<void, FilesError>> {
    return this.#write('replace', path, text, () => this.#files.set(path, text));
  }

  async create(path: string, text: string): Promise<Result<void, FilesError>> {
    if (this.#files.has(path)) return fail({ code: 'exists', path, cause: `${path} exists already` });
    return this.#write('create', path, text, () => this.#files.set(path, text));
  }

  async append(path: string, text: string): Promise<Result<void, FilesError>> {
    return this.#write('append', path, text, () => this.#files.set(path, (this.#files.get(path) ?? '') + text));
  }

  async list(folder: string): Promise<Result<readonly string[], FilesError>> {
    const prefix = folder.endsWith('/') ? folder : `${folder}/`;
    const names = new Set<string>();
    for (const path of this.#files.keys()) if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split('/')[0]!);
    return ok([...names].sort());
  }

  async remove(path: string): Promise<Result<void, FilesError>> {
    return this.#write('remove', path, '', () => this.#files.delete(path));
  }

  async withLock<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
    const waiting = this.#locks.get(path);
    if (waiting === undefined) this.#locks.set(path, []);
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#locks.get(path)!.shift();
      if (next === undefined) this.#locks.delete(path);
      else next();
    }
  }

  /** Cuts the last `lostBytes` characters off a file, as a crash during an append does. */
  tear(path: string, lostBytes: number): void {
    const text = this.#files.get(path);
    if (text !== undefined) this.#files.set(path, text.slice(0, Math.max(0, text.length - lostBytes)));
  }

  /** All paths, sorted. */
  paths(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  #write(operation: Parameters<WriteFault>[0], path: string, text: string, effect: () => void): Result<void, FilesError> {
    const fault = this.#fault(operation, path, text);
    if (fault !== 'none') return fail({ code: fault, path, cause: `${operation} of ${path} failed: ${fault}` });
    effect();
    return ok(undefined);
  }
}
