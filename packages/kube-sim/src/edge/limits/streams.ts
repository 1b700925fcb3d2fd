import type { ServerResponse } from 'node:http';
import { StatusError } from '../../errors/status.ts';

/** Answers that go on until somebody ends them: watches and followed logs. */
export class Streams {
  readonly #max: number;
  #open = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get open(): number {
    return this.#open;
  }

  /** Counts `response` in until it is closed. Throws a StatusError (429) when there are too many, or when another answer is still on its connection. */
  enter(response: ServerResponse): void {
    if (this.#open >= this.#max) throw tooManyStreams(`there are ${this.#open} watches and followed logs already`);
    // Requests that were sent ahead on a connection have no socket until it is their turn: what is written to them only fills memory.
    if (response.socket === null) throw tooManyStreams('another answer is still on its way on this connection');
    this.#open++;
    response.once('close', () => this.#open--);
  }
}

function tooManyStreams(why: string): StatusError {
  return new StatusError('TooManyRequests', 429, `too many requests: ${why}`, { retryAfterSeconds: 1 });
}
