import type { Clock, Kube, Random } from '@vfleet/core';
import { KubeError } from '@vfleet/core';

/** How often calls fail, from 0 to 1; may be changed while it runs. */
export interface Faults {
  /** Refused before anything happens. */
  refused: number;
  /** Carried out, but the answer is lost. */
  lost: number;
  /** Milliseconds that a call takes at most, there and back. */
  latencyMs: number;
  /** Milliseconds by which a watch event is late at most. */
  watchDelayMs: number;
}

const REFUSALS = [
  () => new KubeError('InternalError', 500, 'drawn fault'),
  () => new KubeError('TooManyRequests', 429, 'drawn fault', { retryAfterSeconds: 1 }),
  () => new KubeError('Conflict', 409, 'drawn fault'),
  () => new KubeError('Unreachable', 0, 'drawn fault'),
  () => new KubeError('ServiceUnavailable', 503, 'drawn fault'),
];

/** A client of an API server that is slow, busy and behind a bad line. Watches are late, in order; what else can befall them is tested with the reflector. */
export function faultyKube(kube: Kube, clock: Clock, random: Random, faults: Faults): Kube {
  async function call<Value>(carryOut: () => Promise<Value>): Promise<Value> {
    await clock.sleep(random.integer(faults.latencyMs + 1));
    if (random.next() < faults.refused) throw REFUSALS[random.integer(REFUSALS.length)]!();
    const value = await carryOut();
    await clock.sleep(random.integer(faults.latencyMs + 1));
    if (random.next() < faults.lost) throw new KubeError('Unreachable', 0, 'the answer is lost');
    return value;
  }
  return {
    get: (resource, key) => call(() => kube.get(resource, key)),
    list: (resource, options) => call(() => kube.list(resource, options)),
    watch: (resource, options, sink) => {
      let dueMs = 0;
      let stopped = false;
      const later = (deliver: () => void) => {
        dueMs = Math.max(dueMs, clock.monotonicMs() + random.integer(faults.watchDelayMs + 1));
        clock.setTimer(dueMs - clock.monotonicMs(), () => {
          if (!stopped) deliver();
        });
      };
      const watch = kube.watch(resource, options, { event: (event) => later(() => sink.event(event)), end: (error) => later(() => sink.end(error)) });
      return {
        stop: () => {
          stopped = true;
          watch.stop();
        },
      };
    },
    create: (resource, object, options) => call(() => kube.create(resource, object, options)),
    update: (resource, object, options) => call(() => kube.update(resource, object, options)),
    patch: (resource, key, patch, options) => call(() => kube.patch(resource, key, patch, options)),
    delete: (resource, key, options) => call(() => kube.delete(resource, key, options)),
    evict: (key, options) => call(() => kube.evict(key, options)),
    bind: (key, nodeName) => call(() => kube.bind(key, nodeName)),
  };
}
