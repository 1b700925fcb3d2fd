import type { Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { SysfsError } from './sysfs.ts';

/** Largest attribute: sysfs gives a page, /proc/cmdline and /proc/modules more. */
const TEXT_BYTES_MAX = 1024 * 1024;

/** The outcome of a call of `node:fs` as a value. */
export function attempt<Value>(path: string, work: () => Value): Result<Value, SysfsError> {
  try {
    return ok(work());
  } catch (error) {
    return fail(errorOf(error, path));
  }
}

/** The same for a call that takes its time. */
export function attempted<Value>(path: string, work: Promise<Value>): Promise<Result<Value, SysfsError>> {
  return work.then((value) => ok(value), (error: unknown) => fail(errorOf(error, path)));
}

/** The text of an attribute without its line end. */
export function trimmed(text: string): string {
  if (text.length > TEXT_BYTES_MAX) throw Object.assign(new Error('too long'), { code: 'EMSGSIZE' });
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

/** Errors without a code are mistakes of the program. */
function errorOf(error: unknown, path: string): SysfsError {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code)) return { errno: error.code, path };
  throw error;
}
