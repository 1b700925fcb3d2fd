import { AsyncLocalStorage } from 'node:async_hooks';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock, Log, Random } from '@vfleet/core';
import type { OtlpSettings } from '../otlp-settings.ts';
import { SpanQueue } from '../span-queue.ts';
import type { Sent } from '../span-queue.ts';
import type { SpanAttributes, SpanKind, SpanOutcome, Tracer } from '../tracer.ts';

export interface TracerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The span that work is done in. A trace that is not kept has one too, so that its parts are not kept either. */
interface Current {
  readonly traceId: string;
  readonly spanId: string;
  readonly isKept: boolean;
}

/** Answers that say to come again (OTLP specification, "Retryable Response Codes"). */
const RETRYABLE: readonly number[] = [429, 502, 503, 504];
/** 2^32: of so many values of a trace's last digits, a share is kept. */
const SHARES = 0x1_0000_0000;

/** Tells of work by OTLP over HTTP, as JSON. What is traced goes on whatever becomes of its spans. */
export class OtlpTracer implements Tracer {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #ratio: number;
  readonly #queue: SpanQueue;
  readonly #current = new AsyncLocalStorage<Current>();

  constructor({ clock, random, log }: TracerPorts, settings: OtlpSettings) {
    this.#clock = clock;
    this.#random = random;
    this.#ratio = settings.ratio;
    this.#queue = new SpanQueue({ clock, log: log.with({ component: 'tracing' }) }, settings, (body) => post(settings, body));
  }

  async span<Value>(kind: SpanKind, name: string, attributes: SpanAttributes, work: () => Promise<Value>, outcome?: (value: Value) => SpanOutcome): Promise<Value> {
    const [parent, current] = this.#begin();
    const [startMs, startedMs] = [this.#clock.now(), this.#clock.monotonicMs()];
    const end = (how: SpanOutcome) => this.#end({ kind, name, attributes }, parent, current, startMs, this.#clock.monotonicMs() - startedMs, how);
    try {
      const value = await this.#current.run(current, work);
      end(outcome?.(value) ?? {});
      return value;
    } catch (error) {
      end({ error: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  note(kind: SpanKind, name: string, attributes: SpanAttributes, tookMs: number, outcome: SpanOutcome = {}): void {
    const [parent, current] = this.#begin();
    this.#end({ kind, name, attributes }, parent, current, this.#clock.now() - tookMs, tookMs, outcome);
  }

  /** Sends what is left. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  #begin(): readonly [parent: Current | undefined, current: Current] {
    const parent = this.#current.getStore();
    // A UUID has its fixed digits in the middle: both ends are random.
    const traceId = parent?.traceId ?? this.#random.uuid().replaceAll('-', '');
    const isKept = parent?.isKept ?? Number.parseInt(traceId.slice(-8), 16) < this.#ratio * SHARES;
    const id = this.#random.uuid().replaceAll('-', '');
    return [parent, { traceId, spanId: id.slice(0, 8) + id.slice(-8), isKept }];
  }

  #end(about: { readonly kind: SpanKind; readonly name: string; readonly attributes: SpanAttributes }, parent: Current | undefined, current: Current, startMs: number, tookMs: number, { error, attributes = {} }: SpanOutcome): void {
    if (!current.isKept) return;
    this.#queue.add({
      traceId: current.traceId, spanId: current.spanId, ...(parent === undefined ? {} : { parentSpanId: parent.spanId }), ...about, attributes: { ...about.attributes, ...attributes }, startMs, endMs: startMs + tookMs,
      ...(error === undefined ? {} : { error }),
    });
  }
}

/** Never rejects. */
function post({ url, headers, timeoutMs }: OtlpSettings, body: string): Promise<Sent> {
  const { promise, resolve } = Promise.withResolvers<Sent>();
  const content = Buffer.from(body, 'utf8');
  const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json', 'content-length': content.length }, timeout: timeoutMs }, (response) => {
    const { statusCode: status = 0 } = response;
    // What a collector has to say is not read, but the connection is free only when it has been said.
    response.resume();
    resolve(status >= 200 && status < 300 ? { kind: 'taken' } : { kind: RETRYABLE.includes(status) ? 'retry' : 'refused', cause: `the collector answered ${status}` });
  });
  request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  request.on('error', (error) => resolve({ kind: 'retry', cause: error.message }));
  request.end(content);
  return promise;
}
