import type { Clock, Random } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { backoffMs } from './backoff.ts';

/**
 * Runs `attempt`, and again after Conflict, up to `attemptsMax` times with a short, growing, jittered wait (client-go
 * util/retry: 10 ms and up). `attempt` must read anew what it changes. Throws the last Conflict, and any other error at once.
 */
export async function retryOnConflict<Value>(ports: { readonly clock: Clock; readonly random: Random }, attempt: () => Promise<Value>, attemptsMax = 5): Promise<Value> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isKubeError(error, 'Conflict') || failures >= attemptsMax) throw error;
    }
    await ports.clock.sleep(backoffMs({ initialMs: 10, maxMs: 1000 }, failures, ports.random));
  }
}
