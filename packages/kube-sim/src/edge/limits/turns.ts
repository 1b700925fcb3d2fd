/** Heartbeats go before everything else: a cluster under load must not also lose its nodes and leaders. */
export type Priority = 'heartbeat' | 'ordinary';

/** Requests are carried out for this long before new ones are read from the sockets: what comes then may go first. */
const TURN_MS = 5;

/**
 * Gives requests their turns. What has arrived in one turn of the event loop waits in two lines and is carried out by priority, for a few
 * milliseconds at a time, so that timers and new heartbeats never wait for all that is there. Lines are short: who finds one full shall
 * come again.
 */
export class Turns {
  readonly #runningMax: number;
  readonly #waitingMax: number;
  readonly #lines: Readonly<Record<Priority, Line>> = { heartbeat: new Line(), ordinary: new Line() };
  #running = 0;
  #scheduled = false;

  constructor({ runningMax, waitingMax }: { readonly runningMax: number; readonly waitingMax: number }) {
    this.#runningMax = runningMax;
    this.#waitingMax = waitingMax;
  }

  /** Requests that wait or are carried out. */
  get load(): number {
    return this.#running + this.#lines.heartbeat.length + this.#lines.ordinary.length;
  }

  /** Carries out `work`, which handles its own errors, when its turn has come. False: too many wait already. */
  enter(priority: Priority, work: () => Promise<void>): boolean {
    const line = this.#lines[priority];
    if (line.length >= this.#waitingMax) return false;
    line.push(work);
    this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#scheduled || !this.#mayRun) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#run();
      this.#schedule();
    });
  }

  /** Heartbeats may use half as many places again, so that slow requests of others do not hold all of them. */
  get #mayRun(): boolean {
    if (this.#lines.heartbeat.length > 0) return this.#running < this.#runningMax * 1.5;
    return this.#lines.ordinary.length > 0 && this.#running < this.#runningMax;
  }

  #run(): void {
    const endMs = performance.now() + TURN_MS;
    while (this.#mayRun && performance.now() < endMs) void this.#carryOut((this.#lines.heartbeat.shift() ?? this.#lines.ordinary.shift())!);
  }

  async #carryOut(work: () => Promise<void>): Promise<void> {
    this.#running++;
    try {
      await work();
    } finally {
      this.#running--;
      this.#schedule();
    }
  }
}

/** A queue whose head moves, so that taking costs the same however long it is. */
class Line {
  #items: (() => Promise<void>)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: () => Promise<void>): void {
    this.#items.push(item);
  }

  shift(): (() => Promise<void>) | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head++]!;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

/** Leases and what nodes report of themselves. */
export function priorityOf(method: string, segments: readonly string[]): Priority {
  const [root, first, second, name] = segments;
  if (root === 'apis' && first === 'coordination.k8s.io') return 'heartbeat';
  const isNode = root === 'api' && first === 'v1' && second === 'nodes' && name !== undefined;
  return isNode && (method === 'PUT' || method === 'PATCH') ? 'heartbeat' : 'ordinary';
}
