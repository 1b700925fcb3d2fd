import type { Files } from '@vfleet/core';

/** Runs `work` while nobody else has the lock. `refused` is the answer where the file system does not let one have it, with its reason. */
export async function underLock<Value>(files: Files, path: string, work: () => Promise<Value>, refused: (cause: string) => Value): Promise<Value> {
  let isHeld = false;
  try {
    return await files.withLock(path, () => {
      isHeld = true;
      return work();
    });
  } catch (error) {
    if (isHeld || !(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') throw error;
    return refused(error.message);
  }
}
