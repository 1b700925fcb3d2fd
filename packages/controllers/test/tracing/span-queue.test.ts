// Goal: spans arrive in batches, a collector that is away loses none that the queue holds and costs no more than it, and the process ends in time. Method:
// a queue under simulated time with a collector that answers as it is told; what arrived is read back from OTLP's JSON.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SimClock, silentLog } from '@vfleet/core';
import { exportRequest } from '../../src/tracing/otlp-json.ts';
import type { EndedSpan } from '../../src/tracing/otlp-json.ts';
import { SpanQueue } from '../../src/tracing/span-queue.ts';
import type { Sent } from '../../src/tracing/span-queue.ts';

const SETTINGS = { url: '', headers: {}, timeoutMs: 1_000, resource: { 'service.name': 'x' }, ratio: 1, everyMs: 5_000, batchMax: 3, queueMax: 8 };

interface Request {
  readonly resourceSpans: readonly { readonly resource: object; readonly scopeSpans: readonly { readonly spans: readonly { readonly name: string; readonly [field: string]: unknown }[] }[] }[];
}

function span(name: string, more: Partial<EndedSpan> = {}): EndedSpan {
  return { traceId: '0'.repeat(31) + '1', spanId: '0'.repeat(15) + '1', name, kind: 'internal', startMs: 1_767_225_600_000.25, endMs: 1_767_225_600_001, attributes: {}, ...more };
}

function spansOf(body: string) {
  return (JSON.parse(body) as Request).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

function collector(answer: (request: number) => Sent = () => ({ kind: 'taken' })) {
  const clock = new SimClock();
  const [arrived, warned]: [string[][], unknown[]] = [[], []];
  let requests = 0;
  const log = { ...silentLog, warn: (_: string, fields?: object) => void warned.push(fields) };
  const queue = new SpanQueue({ clock, log }, SETTINGS, async (body) => {
    const sent = answer(++requests);
    if (sent.kind === 'taken') arrived.push(spansOf(body).map(({ name }) => name));
    return sent;
  });
  return { clock, queue, arrived, warned, requests: () => requests };
}

describe('a queue of spans', () => {
  test('sends a batch when it is full, and the rest after a while', async () => {
    const { clock, queue, arrived } = collector();
    for (const name of ['a', 'b', 'c', 'd']) queue.add(span(name));
    await clock.run(1_000);
    expect(arrived).toEqual([['a', 'b', 'c']]);
    await clock.run(5_000);
    expect(arrived).toEqual([['a', 'b', 'c'], ['d']]);
    await clock.run(60_000);
    expect(clock.pending).toBe(0);
  });

  test('sends again what a collector could not take, in order, and says what had no room', async () => {
    const { clock, queue, arrived, warned } = collector((request) => (request < 3 ? { kind: 'retry', cause: 'away' } : { kind: 'taken' }));
    for (let index = 0; index < 10; index++) queue.add(span(String(index)));
    await clock.run(60_000);
    expect(arrived).toEqual([['0', '1', '2'], ['3', '4', '5'], ['6', '7']]);
    expect(warned).toEqual([{ count: 2, cause: 'more came than the collector took' }]);
  });

  test('gives a batch up after four tries, and one that is refused at once', async () => {
    const away = collector(() => ({ kind: 'retry', cause: 'away' }));
    away.queue.add(span('a'));
    await away.clock.run(120_000);
    expect([away.requests(), away.warned, away.clock.pending]).toEqual([4, [{ count: 1, cause: 'away' }], 0]);
    const refusing = collector(() => ({ kind: 'refused', cause: '400' }));
    refusing.queue.add(span('a'));
    await refusing.clock.run(120_000);
    expect([refusing.requests(), refusing.warned]).toEqual([1, [{ count: 1, cause: '400' }]]);
  });

  test('sends what is left when it ends, one time, and takes nothing more', async () => {
    const { clock, queue, arrived } = collector();
    for (const name of ['a', 'b', 'c', 'd', 'e']) queue.add(span(name));
    await clock.settle(queue.close());
    queue.add(span('late'));
    await clock.run(60_000);
    expect([arrived.flat(), clock.pending]).toEqual([['a', 'b', 'c', 'd', 'e'], 0]);
    const away = collector(() => ({ kind: 'retry', cause: 'away' }));
    away.queue.add(span('a'));
    await away.clock.settle(away.queue.close());
    expect([away.requests(), away.clock.pending]).toEqual([1, 0]);
  });
});

describe('OTLP as JSON', () => {
  test('has ids as they are, times as text, kinds and states as numbers', () => {
    const [sent] = spansOf(exportRequest([span('a', { parentSpanId: 'f'.repeat(16), kind: 'server', attributes: { text: 'x', whole: 3, half: 0.5, yes: true, none: undefined }, error: 'it broke' })], {}));
    expect(sent).toEqual({
      traceId: '0'.repeat(31) + '1', spanId: '0'.repeat(15) + '1', parentSpanId: 'f'.repeat(16), name: 'a', kind: 2, startTimeUnixNano: '1767225600000250000', endTimeUnixNano: '1767225600001000000',
      attributes: [{ key: 'text', value: { stringValue: 'x' } }, { key: 'whole', value: { intValue: '3' } }, { key: 'half', value: { doubleValue: 0.5 } }, { key: 'yes', value: { boolValue: true } }], status: { code: 2, message: 'it broke' },
    });
  });

  test('no span ends before it begins, and no text is endless', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1e13, noNaN: true }), fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.string({ maxLength: 3_000 }), (startMs, tookMs, text) => {
      const [sent] = spansOf(exportRequest([span('a', { startMs, endMs: startMs + tookMs, attributes: { text }, error: text })], {})) as unknown as [{ readonly startTimeUnixNano: string; readonly endTimeUnixNano: string; readonly status: { readonly message: string } }];
      return BigInt(sent.endTimeUnixNano) >= BigInt(sent.startTimeUnixNano) && sent.status.message.length <= 1_024;
    }), { numRuns: 200 });
  });
});
