import type { Log } from '@vfleet/core';
import { silentLog } from '@vfleet/core';

/** Catches promises that are rejected with nobody to hear: in a simulation always a mistake in the program under it. */
export function watchRejections(found: (error: unknown) => void): () => void {
  const listener = (error: unknown) => found(error);
  process.on('unhandledRejection', listener);
  return () => void process.off('unhandledRejection', listener);
}

export function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' | ') : String(error);
}

/** Drops every line but those by which the API server says that a watcher threw: it goes on for the sake of the others, a simulation does not. */
export function bugLog(found: (error: unknown) => void): Log {
  const log: Log = {
    ...silentLog,
    error: (message, fields) => {
      if (message.startsWith('A watcher failed')) found(fields?.['error'] ?? message);
    },
    with: () => log,
  };
  return log;
}
