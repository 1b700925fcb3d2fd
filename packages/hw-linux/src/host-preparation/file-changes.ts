import type { Files, FilesError, Result } from '@vfleet/core';
import { ok } from '@vfleet/core';

/** A file of the host's configuration as it is to be; without text it is to go. */
export interface FileChange {
  readonly path: string;
  readonly text?: string;
}

const READABLE_BY_ALL = 0o644;

/** Of `wanted`, what is not so yet. */
export async function differingFiles(files: Files, wanted: readonly FileChange[]): Promise<Result<readonly FileChange[], FilesError>> {
  const changes: FileChange[] = [];
  for (const change of wanted) {
    const now = await files.read(change.path);
    if (!now.ok && now.error.code !== 'notFound') return now;
    if ((now.ok ? now.value : undefined) !== change.text) changes.push(change);
  }
  return ok(changes);
}

export async function writeFiles(files: Files, changes: readonly FileChange[]): Promise<Result<void, FilesError>> {
  for (const { path, text } of changes) {
    const done = text === undefined ? await files.remove(path) : await files.replace(path, text, { mode: READABLE_BY_ALL });
    if (!done.ok) return done;
  }
  return ok(undefined);
}
