/**
 * Goal: a search over many pods adds up: every seed belongs to one part, a report always fits where it is left, and the sum names what is
 * missing. Method: properties for the pure parts, hand-made pods for what a Job can come to; that a real Job controller gets there is
 * packages/cli/test/sim-job.test.ts.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Job, Pod } from '@vfleet/kube';
import { faultNames } from '@vfleet/sim/faults/catalog.ts';
import type { Collection } from '@vfleet/sim/job/collect.ts';
import { collect } from '@vfleet/sim/job/collect.ts';
import { parseJobSearch, SEARCH_ANNOTATION, shardOf } from '@vfleet/sim/job/job-search.ts';
import { collectionJunit } from '@vfleet/sim/job/junit.ts';
import { searchJob } from '@vfleet/sim/job/manifest.ts';
import { encodeShardReport, parseShardReport, SHARD_REPORT_BYTES_MAX, shardReport } from '@vfleet/sim/job/shard-report.ts';
import type { ShardReport } from '@vfleet/sim/job/shard-report.ts';
import { newSummary } from '@vfleet/sim/search/search.ts';

const shardings = fc.record({ from: fc.nat(1_000_000), shards: fc.integer({ min: 1, max: 200 }), more: fc.nat(100_000) }).map(({ from, shards, more }) => ({ from, shards, seeds: shards + more }));

describe('parts of a seed range', () => {
  it('follow on each other, together are the range, and differ by one seed at most', () => {
    fc.assert(fc.property(shardings, (search) => {
      const parts = Array.from({ length: search.shards }, (_, shard) => shardOf(search, shard));
      let next = search.from;
      for (const part of parts) {
        expect(part.from).toBe(next);
        next += part.seeds;
      }
      expect(next).toBe(search.from + search.seeds);
      const sizes = parts.map(({ seeds }) => seeds);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }));
  });

  it('come back from the annotation; anything else is refused', () => {
    fc.assert(fc.property(shardings, (search) => {
      expect(parseJobSearch(JSON.stringify({ scenario: 'all', ...search }))).toEqual({ ok: true, value: { scenario: 'all', ...search } });
    }));
    for (const text of ['', '[]', 'null', '{}', '{"scenario":"a","from":1,"seeds":2,"shards":3}', '{"scenario":"a","from":-1,"seeds":2,"shards":1}', '{"scenario":"a","from":1.5,"seeds":2,"shards":1}', '{"scenario":"","from":1,"seeds":2,"shards":1}']) {
      expect(parseJobSearch(text).ok).toBe(false);
    }
    fc.assert(fc.property(fc.anything(), (value) => void parseJobSearch(JSON.stringify(value) ?? '')));
  });
});

const reports: fc.Arbitrary<ShardReport> = fc.record({
  marks: fc.dictionary(fc.oneof(fc.constantFrom(...faultNames), fc.string({ minLength: 1, maxLength: 60 }).filter((name) => !(name in {}))), fc.nat(1_000_000_000), { maxKeys: 200, noNullPrototype: true }),
  failures: fc.array(fc.record({ scenario: fc.string({ maxLength: 63 }), seed: fc.nat().map(String), oracle: fc.string({ maxLength: 30 }), says: fc.string({ maxLength: 2000, unit: 'binary' }) }), { maxLength: 300 }),
  runs: fc.nat(), virtualMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
}).map(({ marks, failures, runs, virtualMs }) => {
  const summary = { ...newSummary(), seeds: runs, virtualMs, marks, failures: failures.map((failure) => ({ ...failure, atMs: 1, faults: [] })) };
  return shardReport(summary, { program: '0.1.0', scenario: 'all', range: { from: 1, seeds: runs }, runsWanted: runs });
});

describe('a report', () => {
  it('fits into a termination message, comes back, and says what had no room', () => {
    fc.assert(fc.property(reports, (report) => {
      const text = encodeShardReport(report);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(SHARD_REPORT_BYTES_MAX);
      const parsed = parseShardReport(text);
      if (!parsed.ok) throw new Error(parsed.error);
      expect(parsed.value.runs).toBe(report.runs);
      expect(parsed.value.failures.length + parsed.value.failuresLeftOut).toBe(report.failures.length);
      expect(Object.keys(parsed.value.marks).length + parsed.value.marksLeftOut).toBe(Object.keys(report.marks).length);
      for (const [name, count] of Object.entries(parsed.value.marks)) expect(report.marks[name]).toBe(count);
    }));
  });

  it('keeps all faults and a failing seed even when every fault has struck a million times', () => {
    const marks = Object.fromEntries(faultNames.map((name) => [name, 9_999_999]));
    const failures = Array.from({ length: 500 }, (_, seed) => ({ scenario: 'first-rollout', seed: String(seed), oracle: 'no-leaks', says: 'x'.repeat(500), atMs: 1, faults: [] }));
    const parsed = parseShardReport(encodeShardReport(shardReport({ ...newSummary(), seeds: 500, marks, failures }, { program: '0.1.0', scenario: 'all', range: { from: 0, seeds: 500 }, runsWanted: 500 })));
    if (!parsed.ok) throw new Error(parsed.error);
    expect(parsed.value.marks).toEqual(marks);
    expect(parsed.value.failures.length).toBeGreaterThan(0);
    expect(parsed.value.failures[0]!.says).toBe('x'.repeat(200));
  });

  it('is refused when it is none, of another version, or damaged', () => {
    const sound = encodeShardReport(shardReport(newSummary(), { program: '0.1.0', scenario: 'all', range: { from: 0, seeds: 5 }, runsWanted: 5 }));
    const changed = (change: Record<string, unknown>) => JSON.stringify({ ...(JSON.parse(sound) as object), ...change });
    for (const text of ['', 'Killed', '[]', 'null', sound.slice(1), changed({ version: 2 }), changed({ runs: -1 }), changed({ range: {} }), changed({ failures: [1] }), changed({ marks: { a: 'b' } }), changed({ wallMs: 'long' })]) expect(parseShardReport(text).ok, text).toBe(false);
    expect(parseShardReport('{"version":1,"program":"1","scenario":"a","range":{"from":0,"seeds":1},"runs":1,"runsWanted":1,"virtualMs":1,"wallMs":1,"marks":{"__proto__":1},"failures":[],"failuresLeftOut":0,"marksLeftOut":0}').ok).toBe(false);
    fc.assert(fc.property(fc.anything(), (value) => void parseShardReport(JSON.stringify(value) ?? '')));
  });
});

const options = { name: 'search', namespace: 'sim', scenario: 'all', from: 1, seeds: 100, shards: 4, parallelism: 2, workers: 1, retries: 2, image: 'vfleet:0.1.0' };
const jobOf = (status: Job['status'] = {}): Job => {
  const job = searchJob(options)[0] as Job;
  return { ...job, metadata: { ...job.metadata, uid: 'u1' }, status };
};

function pod(index: number, phase: string, ended?: { readonly exitCode: number; readonly report?: Partial<ShardReport>; readonly message?: string; readonly reason?: string }, more: { readonly uid?: string; readonly image?: string; readonly try?: number } = {}): Pod {
  const report = ended?.report === undefined ? undefined : { ...shardReport(newSummary(), { program: '0.1.0', scenario: 'all', range: shardOf(options, index), runsWanted: 25 }), runs: 25, ...ended.report };
  const message = ended?.message ?? (report === undefined ? undefined : encodeShardReport(report));
  return {
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: `search-${index}-${more.try ?? 1}`, namespace: 'sim', annotations: { 'batch.kubernetes.io/job-completion-index': `${index}` }, ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'search', uid: more.uid ?? 'u1', controller: true }] },
    status: {
      phase,
      ...(ended !== undefined && { containerStatuses: [{ name: 'search', image: 'vfleet:0.1.0', imageID: more.image ?? 'sha256:1', ready: false, restartCount: 0, state: { terminated: { exitCode: ended.exitCode, reason: ended.reason ?? 'Error', ...(message !== undefined && { message }) } } }] }),
    },
  } as Pod;
}

function collected(job: Job, pods: readonly Pod[]): Collection {
  const result = collect(job, pods);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

const done = { report: {}, exitCode: 0, reason: 'Completed' };

describe('collecting', () => {
  it('sums what all indexes reported', () => {
    const report = { virtualMs: 1000, wallMs: 10, marks: { 'process.pause': 3 } };
    const sum = collected(jobOf({ completedIndexes: '0-3' }), [0, 1, 2, 3].map((index) => pod(index, 'Succeeded', { ...done, report })));
    expect(sum).toMatchObject({ isComplete: true, runs: 100, virtualMs: 4000, wallMs: 40, marks: { 'process.pause': 12 }, failureCount: 0, warnings: [] });
  });

  it('says of every index without a report what became of it', () => {
    const pods = [
      pod(0, 'Succeeded', { ...done, message: 'nonsense' }),
      pod(1, 'Failed', { exitCode: 137, reason: 'OOMKilled' }), pod(1, 'Running', undefined, { try: 2 }),
      pod(2, 'Pending'),
    ];
    const sum = collected(jobOf({ completedIndexes: '0,3' }), pods);
    expect(sum.indexes.map(({ outcome, says }) => [outcome, says])).toEqual([
      ['failed', 'Completed, status 0: what it left is no report'], ['running', 'tried again after: OOMKilled, status 137: it left no report'], ['waiting', undefined], ['lost', 'its pod is gone, and the report with it'],
    ]);
    expect(sum).toMatchObject({ isComplete: false, runs: 0, outcomes: { failed: 1, running: 1, waiting: 1, lost: 1, searched: 0, partly: 0 } });
    const over = collected(jobOf({ completedIndexes: '0', failedIndexes: '1', conditions: [{ type: 'Failed', status: 'True' }] }), pods.slice(0, 2));
    expect(over.indexes.map(({ outcome, says }) => [outcome, says]).slice(1)).toEqual([['failed', 'OOMKilled, status 137: it left no report'], ['failed', 'the Job ended before it began'], ['failed', 'the Job ended before it began']]);
  });

  it('counts an index once however often it was tried, takes the fuller report, and no pod of an earlier Job', () => {
    const pods = [
      pod(0, 'Failed', { exitCode: 3, report: { runs: 4 } }), pod(0, 'Succeeded', done, { try: 2 }), pod(0, 'Succeeded', { ...done, report: { runs: 25 } }, { uid: 'u0', try: 3 }),
      pod(1, 'Failed', { exitCode: 3, report: { runs: 7 } }),
      pod(2, 'Succeeded', { ...done, report: { range: shardOf(options, 3) } }),
    ];
    const sum = collected(jobOf({ completedIndexes: '0,2' }), pods);
    expect(sum.runs).toBe(32);
    expect(sum.indexes.map(({ outcome }) => outcome)).toEqual(['searched', 'partly', 'failed', 'waiting']);
    expect(sum.indexes[1]!.says).toBe('ended after 7 of 25 runs');
    expect(sum.indexes[2]!.says).toContain('25 seeds from 76, not about its own part');
  });

  it('warns of different programs and images, cut reports and unnamed seeds', () => {
    const failing = { scenario: 'first-rollout', seed: '7', oracle: 'no-leaks' };
    const pods = [pod(0, 'Failed', { exitCode: 1, report: { failures: [failing], failuresLeftOut: 4, marksLeftOut: 2, program: '0.2.0' } }), pod(1, 'Succeeded', done, { image: 'sha256:2' })];
    const sum = collected(jobOf(), pods);
    expect(sum.failureCount).toBe(5);
    expect(sum.warnings.join('\n')).toMatch(/different versions: 0\.2\.0, 0\.1\.0\n.*different images: sha256:1, sha256:2\n1 report had no room.*\n4 further failing seeds/);
  });

  it('refuses Jobs that are no search', () => {
    const job = jobOf();
    const annotated = (text: string) => ({ ...job, metadata: { ...job.metadata, annotations: { [SEARCH_ANNOTATION]: text } } });
    expect(collect({ ...job, metadata: { ...job.metadata, annotations: {} } }, [])).toMatchObject({ ok: false, error: expect.stringContaining('is no search') });
    expect(collect(annotated('{'), [])).toMatchObject({ ok: false, error: expect.stringContaining('is no JSON') });
    expect(collect(annotated('{"scenario":"all","from":1,"seeds":100,"shards":5}'), [])).toMatchObject({ ok: false, error: expect.stringContaining('has 4 indexes') });
  });

  it('never counts more than was asked, whatever pods say', () => {
    const pods = fc.array(fc.tuple(fc.nat(6), fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed'), fc.option(fc.record({ exitCode: fc.nat(255), message: fc.oneof(fc.string(), fc.json()) }), { nil: undefined })), { maxLength: 12 });
    fc.assert(fc.property(pods, fc.string(), fc.string(), (drawn, completedIndexes, failedIndexes) => {
      const sum = collected(jobOf({ completedIndexes, failedIndexes }), drawn.map(([index, phase, ended], at) => pod(index, phase, ended, { try: at })));
      expect(Object.values(sum.outcomes).reduce((a, b) => a + b)).toBe(4);
      expect(sum.isComplete).toBe(false);
      expect(collectionJunit(sum)).toContain('errors="4"');
    }));
  });
});

describe('the JUnit report', () => {
  it('has a case for each part, failures for violations and errors for what is missing', () => {
    const failing = { scenario: 'first-rollout', seed: '3', oracle: 'no-leaks', says: 'a <b> & "c"\u0000' };
    const xml = collectionJunit(collected(jobOf({ completedIndexes: '1' }), [pod(0, 'Failed', { exitCode: 1, report: { failures: [failing], failuresLeftOut: 1 } }), pod(1, 'Succeeded', done)]));
    expect(xml).toContain('tests="4" failures="2" errors="2"');
    expect(xml).toContain('<failure message="first-rollout, seed 3: no-leaks">a &lt;b&gt; &amp; &quot;c&quot;\ufffd</failure>');
    expect(xml).toContain('<failure message="1 further failing seeds"></failure>');
    expect(xml).toContain('<testcase classname="vfleet.sim.all" name="index 1, seeds 26 to 50"/>');
    expect(xml).toContain('<error message="waiting"></error>');
  });
});
