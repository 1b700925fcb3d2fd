import { Turns } from './turns.ts';
import { BytesBudget } from './bytes-budget.ts';
import { Streams } from './streams.ts';

/** How much a served API server takes on at once. What is beyond is answered with 429, or cut off. */
export interface ServerLimits {
  /** Requests being carried out (kube-apiserver: 400 reads and 200 writes). */
  readonly runningMax: number;
  /** Requests waiting for their turn; heartbeats have a line of their own, of the same length. */
  readonly waitingMax: number;
  /** Watches and followed logs, over all connections. */
  readonly streamsMax: number;
  /** Of requests that have not been carried out. */
  readonly receivedMaxBytes: number;
  /** Answered to clients that have not read it. */
  readonly unsentMaxBytes: number;
  /** The same, of one watch: who is further behind loses it and resumes it, as on the real server. */
  readonly streamUnsentMaxBytes: number;
  /** A client that takes longer than this to read an answer is cut off. */
  readonly readTimeoutMs: number;
  /** A client that has not sent its headers by then is cut off. */
  readonly headersTimeoutMs: number;
  /** The same for the whole request. */
  readonly requestTimeoutMs: number;
}

export const serverLimits: ServerLimits = {
  runningMax: 600, waitingMax: 2000, streamsMax: 15_000, receivedMaxBytes: 256 * 1024 * 1024, unsentMaxBytes: 1024 * 1024 * 1024, streamUnsentMaxBytes: 16 * 1024 * 1024, readTimeoutMs: 60_000,
  headersTimeoutMs: 20_000, requestTimeoutMs: 60_000,
};

/** The limits of one server, and what is used of them. */
export class EdgeLimits {
  readonly limits: ServerLimits;
  readonly turns: Turns;
  readonly streams: Streams;
  readonly received: BytesBudget;
  readonly unsent: BytesBudget;

  constructor(limits: ServerLimits) {
    this.limits = limits;
    this.turns = new Turns(limits);
    this.streams = new Streams(limits.streamsMax);
    this.received = new BytesBudget(limits.receivedMaxBytes);
    this.unsent = new BytesBudget(limits.unsentMaxBytes);
  }
}
