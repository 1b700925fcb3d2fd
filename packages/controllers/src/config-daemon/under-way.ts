import type { Files, FilesError, Result } from '@vfleet/core';
import { ok } from '@vfleet/core';
import { readJournal } from './journal.ts';

/**
 * PFs that a run of the node's config daemon has begun to change and not finished: their VFs are not to be handed to anybody
 * meanwhile. Reads the daemon's journal in its state folder, and only reads.
 */
export async function pfsUnderWay(files: Files, stateFolder: string): Promise<Result<readonly string[], FilesError>> {
  const text = await files.read(`${stateFolder}/journal`);
  if (!text.ok) return text.error.code === 'notFound' ? ok([]) : text;
  const { records } = readJournal(text.value);
  const [first] = records;
  return ok(first?.type === 'begin' && records.at(-1)?.type !== 'end' ? first.pfs : []);
}
