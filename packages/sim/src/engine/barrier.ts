import { afterMicrotasks, drainMicrotasks } from '@vfleet/core';

/** Code under simulation waits for something real: a file, a socket, a timer. Its answer would come at no virtual time. */
export class RealWaitError extends Error {
  override readonly name = 'RealWaitError';
  readonly resources: readonly string[];

  constructor(resources: readonly string[]) {
    super(`code under simulation waits for something outside of it (${resources.join(', ')}): let it await only ports, and give the port a simulated twin`);
    this.resources = resources;
  }
}

/** Resources of the event loop that only real I/O and real timers make (process.getActiveResourcesInfo). */
const REAL = /^(?:FS|TCP|UDP|TLS|Pipe(?:Connect|Write)|GetAddrInfo|GetNameInfo|Query|Timeout|Process|Http|HTTP|Worker|Zlib|RandomBytes|PBKDF2|Scrypt|Shutdown|Write)/;

/** A turn of the event loop costs 4 µs, as much as many an event: only so many events later is there one. */
const EVENTS_A_TURN = 64;

/**
 * Between two events: everything that the last one set off has run. A microtask barrier breaks silently on real I/O, whose answer
 * comes with a turn of the event loop; so before every turn what is pending is compared with what was when the simulation began.
 */
export class Barrier {
  #baseline: ReadonlyMap<string, number>;
  #passed = 0;

  constructor() {
    this.#baseline = pending();
  }

  /** After an event. */
  pass(): Promise<void> {
    return ++this.#passed % EVENTS_A_TURN === 0 ? this.turn() : afterMicrotasks();
  }

  /** Also lets the event loop turn, by which Node reports rejections that nobody handles. */
  async turn(): Promise<void> {
    await afterMicrotasks();
    this.#compare();
    await drainMicrotasks();
    this.#compare();
  }

  #compare(): void {
    const now = pending();
    const more = [...now].filter(([name, count]) => count > (this.#baseline.get(name) ?? 0)).map(([name]) => name);
    if (more.length > 0) throw new RealWaitError(more.sort());
    // What was there at first and has ended is not to hide what begins.
    this.#baseline = now;
  }
}

function pending(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) if (REAL.test(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
