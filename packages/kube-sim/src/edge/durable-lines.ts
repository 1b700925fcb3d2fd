import type { ServerResponse } from 'node:http';
import type { EdgeLimits } from './limits/limits.ts';
import type { Store } from '../store/store.ts';

/**
 * Lines of a stream, held back while they tell of something that is not on disk yet: a client never sees what a restart could
 * undo. A client that reads too slowly is cut off: by itself, or when all of them together leave too much unread and it has more than others.
 */
export class DurableLines {
  readonly #response: ServerResponse;
  readonly #store: Pick<Store, 'durable' | 'isDurable'>;
  #held: string[] = [];
  #heldLength = 0;
  #ending = false;
  readonly #edge: EdgeLimits;
  /** What the budget has been told of. */
  #charged = 0;

  constructor(response: ServerResponse, store: Pick<Store, 'durable' | 'isDurable'>, edge: EdgeLimits) {
    this.#response = response;
    this.#store = store;
    this.#edge = edge;
    response.on('drain', () => this.#charge());
    response.once('close', () => {
      this.#held = [];
      this.#heldLength = 0;
      edge.unsent.give(this.#charged);
      this.#charged = 0;
    });
  }

  write(line: string): void {
    if (this.#response.destroyed) return;
    this.#queue(line);
    const unsent = this.#charge();
    const { limits, unsent: budget, streams } = this.#edge;
    if (unsent > limits.streamUnsentMaxBytes || (budget.isOver && unsent * streams.open > limits.unsentMaxBytes)) this.#response.destroy();
  }

  /** Characters, and so nearly bytes, that the client has not been sent. */
  #charge(): number {
    const unsent = this.#heldLength + this.#response.writableLength;
    this.#edge.unsent.take(unsent - this.#charged);
    this.#charged = unsent;
    return unsent;
  }

  #queue(line: string): void {
    const isFirst = this.#held.length === 0;
    if (isFirst && this.#store.isDurable) {
      this.#response.write(line);
      return;
    }
    this.#held.push(line);
    this.#heldLength += line.length;
    if (isFirst) void this.#release();
  }

  /** Ends the stream behind its last line. */
  end(): void {
    this.#ending = true;
    if (this.#held.length === 0) this.#response.end();
  }

  async #release(): Promise<void> {
    while (this.#held.length > 0) {
      const count = this.#held.length;
      await this.#store.durable({ patient: true });
      if (this.#response.destroyed) return;
      const lines = this.#held.slice(0, count).join('');
      this.#held = this.#held.slice(count);
      this.#heldLength -= lines.length;
      this.#response.write(lines);
    }
    if (this.#ending) this.#response.end();
  }
}
