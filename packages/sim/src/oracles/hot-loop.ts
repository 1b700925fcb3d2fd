import { hashText } from '../engine/hash.ts';
import type { Oracle } from './oracle.ts';

const WINDOW_MS = 60_000;
/** More than a queue's rate limit lets a healthy retry make: back-off allows about a dozen a minute. */
const WRITES_MAX = 120;

const KEPT_MAX = 200_000;

export const hotLoop: Oracle = {
  name: 'hot-loop',
  property: 'No process makes the same write more than 120 times in a minute of virtual time.',
  watch({ simulation, violated }) {
    // By a hash of what is written: texts of a million VFs would fill the memory, and two that share one are few and written once.
    let counts = new Map<number, number>();
    let windowMs = 0;
    return {
      write(process, { to, verb, what }) {
        if (to === 'files' || what.startsWith('leases ') || what.startsWith('events ')) return;
        const now = simulation.clock.monotonicMs();
        // Windows that follow each other, so that nothing is kept of what was written once: a loop fills one of two.
        if (now - windowMs >= WINDOW_MS) {
          counts = new Map();
          windowMs = now;
        }
        const key = hashText(what, hashText(verb, hashText(process.name)));
        const count = (counts.get(key) ?? 0) + 1;
        counts.set(key, count);
        // What was written once so far is most of it, and no loop.
        if (counts.size > KEPT_MAX) for (const [other, times] of counts) if (times === 1) counts.delete(other);
        if (count === WRITES_MAX) violated([`process/${process.name}`], `${verb} ${what}: ${WRITES_MAX} times in ${Math.round((now - windowMs) / 1000)} s`);
      },
    };
  },
};
