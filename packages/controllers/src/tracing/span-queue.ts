import type { Clock, Log, Timer } from '@vfleet/core';
import { exportRequest } from './otlp-json.ts';
import type { EndedSpan } from './otlp-json.ts';
import type { OtlpSettings } from './otlp-settings.ts';

/** What came of a batch: `retry` may be taken later (429, 502, 503, 504, no answer), `refused` never will be. */
export type Sent = { readonly kind: 'taken' } | { readonly kind: 'retry' | 'refused'; readonly cause: string };

/** Tries of a batch; what comes meanwhile waits, and more than the queue holds is dropped. */
const TRIES_MAX = 4;

/** Collects spans and sends them in batches, one after the other. Whoever is traced never waits for it, and a collector that is away costs a queue. */
export class SpanQueue {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settings: OtlpSettings;
  readonly #send: (body: string) => Promise<Sent>;
  #waiting: EndedSpan[] = [];
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #dropped = 0;
  #tries = 0;
  #isClosed = false;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }, settings: OtlpSettings, send: (body: string) => Promise<Sent>) {
    this.#clock = clock;
    this.#log = log;
    this.#settings = settings;
    this.#send = send;
  }

  add(span: EndedSpan): void {
    if (this.#isClosed || this.#waiting.length >= this.#settings.queueMax) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= this.#settings.batchMax && this.#tries === 0) this.#begin();
    else this.#timer ??= this.#clock.setTimer(this.#settings.everyMs, () => this.#begin());
  }

  /** Sends what is there, one time, and takes nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#sending;
    while (this.#waiting.length > 0 && (await this.#sendBatch())) {
      // Until the collector has all, or does not take one.
    }
  }

  #begin(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length > 0 && !this.#isClosed) this.#timer ??= this.#clock.setTimer(this.#settings.everyMs, () => this.#begin());
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0 && (await this.#sendBatch())) if (this.#waiting.length < this.#settings.batchMax) return;
  }

  /** False where the collector has not taken it: what is kept of it is sent again after a while. */
  async #sendBatch(): Promise<boolean> {
    const batch = this.#waiting.slice(0, this.#settings.batchMax);
    const sent = await this.#send(exportRequest(batch, this.#settings.resource));
    const gaveUp = sent.kind === 'refused' || (sent.kind === 'retry' && ++this.#tries >= TRIES_MAX);
    if (sent.kind === 'retry' && !gaveUp) return false;
    this.#waiting = this.#waiting.slice(batch.length);
    this.#tries = 0;
    const lost = this.#dropped + (gaveUp ? batch.length : 0);
    this.#dropped = 0;
    if (lost > 0) this.#log.warn('spans are lost', { count: lost, cause: sent.kind === 'taken' ? 'more came than the collector took' : sent.cause });
    return sent.kind === 'taken';
  }
}
