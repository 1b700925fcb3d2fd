import type { Clock, Files, Log } from '@vfleet/core';

/** What only one process of a node does at a time. */
export interface Work {
  /** Takes the place where others call. */
  takePlace(): Promise<void>;
  isInPlace(): Promise<boolean>;
  /** Begins to write to the hardware by itself. Called with the node's lock. */
  begin(): void;
  /** Ends what {@link takePlace} and {@link begin} began; resolves when nothing is under way any more. */
  end(): Promise<void>;
}

export interface TurnPorts {
  readonly clock: Clock;
  readonly files: Pick<Files, 'withLock'>;
  readonly log: Log;
  /** Whether somebody answers in the place. */
  readonly isAnswered: () => Promise<boolean>;
  readonly newWork: () => Work;
  /** Told when another process has the turn, and when this one has it again. */
  readonly changed: (has: boolean) => void;
}

/** How often the place is looked at: a successor waits as long for the hardware. */
const LOOK_MS = 1_000;

/**
 * Two processes of one node, while an update replaces one by the other: whoever came last has the turn. It takes the place of the one before,
 * which sees that, ends its work and lets go of the lock; only then does the new one write to the hardware by itself. A
 * process whose successor dies takes the place back.
 */
export class Turn {
  readonly #ports: TurnPorts;
  readonly #lock: string;
  readonly #over = Promise.withResolvers<void>();
  #isOver = false;
  /** Ends what is under way; undefined while another process has the turn. */
  #yield: (() => Promise<void>) | undefined;
  #watching: Promise<void> = Promise.resolve();
  #isInPlace: () => Promise<boolean> = async () => false;

  constructor(ports: TurnPorts, lock: string) {
    this.#ports = ports;
    this.#lock = lock;
  }

  /** Resolves when the place is taken; rejects with what kept it from that. */
  async start(): Promise<void> {
    await this.#take();
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#over.resolve();
    await this.#watching;
    await this.#yield?.();
  }

  async #take(): Promise<void> {
    const work = this.#ports.newWork();
    await work.takePlace();
    const { promise: yielded, resolve: end } = Promise.withResolvers<void>();
    let [hasLock, isOver] = [false, false];
    const alone = this.#ports.files.withLock(this.#lock, async () => {
      // It may have waited for longer than it was wanted.
      if (isOver) return;
      hasLock = true;
      work.begin();
      await yielded;
      await work.end();
    });
    const refused = alone.catch((error: unknown) => this.#ports.log.error('The lock of the node cannot be had: its NICs are not configured.', { path: this.#lock, error: String(error) }));
    this.#isInPlace = () => work.isInPlace();
    this.#yield = async () => {
      this.#yield = undefined;
      isOver = true;
      end();
      await (hasLock ? refused : work.end());
    };
  }

  async #watch(): Promise<void> {
    for (;;) {
      await Promise.race([this.#ports.clock.sleep(LOOK_MS), this.#over.promise]);
      if (this.#isOver) return;
      try {
        await this.#look();
      } catch (error) {
        this.#ports.log.warn('It cannot be seen who serves this node.', { error: String(error) });
      }
    }
  }

  async #look(): Promise<void> {
    if (this.#yield !== undefined && (await this.#isInPlace())) return;
    const isAnswered = await this.#ports.isAnswered();
    if (this.#yield !== undefined) {
      if (isAnswered) this.#ports.log.info('Another process of this node has taken over; it gets the hardware when what is under way has ended.');
      this.#ports.changed(false);
      await this.#yield();
    }
    if (isAnswered) return;
    this.#ports.log.info('Nobody serves this node any more: this process goes on.');
    await this.#take();
    this.#ports.changed(true);
  }
}
