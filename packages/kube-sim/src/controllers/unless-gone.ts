import { isKubeError } from '@vfleet/core';

/** For work on an object that may be deleted meanwhile: NotFound then means that there is nothing left to do. */
export async function unlessGone<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isKubeError(error, 'NotFound')) return undefined;
    throw error;
  }
}
