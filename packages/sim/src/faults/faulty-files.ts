import type { Files, FilesError, Result } from '@vfleet/core';
import { fail } from '@vfleet/core';
import type { FaultName } from './catalog.ts';
import type { Chance } from './chance.ts';

const WRITE: readonly FaultName[] = ['process.diskFull'];

/** One process' view of its node's disk, which is full now and then. */
export function faultyFiles(files: Files, chance: Chance, process: string): Files {
  const write = (path: string, carryOut: () => Promise<Result<void, FilesError>>): Promise<Result<void, FilesError>> => {
    const strike = chance.strike(`${process}/files`, WRITE);
    return strike === undefined ? carryOut() : Promise.resolve(fail({ code: 'noSpace', path, cause: `${path} cannot be written: no space left on device` }));
  };
  return {
    read: (path) => files.read(path),
    list: (folder) => files.list(folder),
    remove: (path) => files.remove(path),
    withLock: (path, work) => files.withLock(path, work),
    replace: (path, text, options) => write(path, () => files.replace(path, text, options)),
    create: (path, text, options) => write(path, () => files.create(path, text, options)),
    append: (path, text) => write(path, () => files.append(path, text)),
  };
}
