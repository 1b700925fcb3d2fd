import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SimClock } from '@vfleet/core';
import { LEAST_MS, PROGRESS_MOST_MS, StatusPace } from '../../src/operator/policies/status-pace.ts';

describe('the pace of a status that sums over nodes', () => {
  test('the first write is at once, and so is that of an object made anew', () => {
    const pace = new StatusPace(new SimClock());
    expect(pace.waitMs('fast', 10_000, 'progress')).toBe(0);
    pace.wrote('fast');
    expect(pace.waitMs('other', 10_000, 'progress')).toBe(0);
    expect(pace.waitMs('fast', 10_000, 'progress')).toBe(PROGRESS_MOST_MS);
    pace.forget('fast');
    expect(pace.waitMs('fast', 10_000, 'progress')).toBe(0);
  });

  test('a new reason need not wait for the pace of progress', async () => {
    const clock = new SimClock();
    const pace = new StatusPace(clock);
    pace.wrote('fast');
    expect(pace.waitMs('fast', 1000, 'progress')).toBe(5000);
    expect(pace.waitMs('fast', 1000, 'reason')).toBe(LEAST_MS);
    expect(pace.waitMs('fast', 3, 'progress')).toBe(LEAST_MS);
  });

  test('property: whoever keeps to it writes no more than a hundred times a minute, and never waits longer than five seconds', async () => {
    const asked = fc.record({ news: fc.constantFrom('reason' as const, 'progress' as const), nodes: fc.nat(20_000), afterMs: fc.nat(1000) });
    await fc.assert(fc.asyncProperty(fc.array(asked, { minLength: 1, maxLength: 400 }), async (asks) => {
      const clock = new SimClock();
      const pace = new StatusPace(clock);
      const writes: number[] = [];
      for (const { news, nodes, afterMs } of asks) {
        await clock.run(afterMs);
        const waitMs = pace.waitMs('fast', nodes, news);
        expect(waitMs).toBeLessThanOrEqual(PROGRESS_MOST_MS);
        if (waitMs > 0) continue;
        writes.push(clock.monotonicMs());
        pace.wrote('fast');
      }
      for (let first = 0; first + 101 < writes.length; first++) expect(writes[first + 101]! - writes[first]!).toBeGreaterThan(60_000);
    }), { numRuns: 300 });
  });
});
