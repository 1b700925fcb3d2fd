/** What runs inside of the emulated machine: all tests in one process, in order, with the results as Vitest writes them. */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';

interface AssertionResult {
  readonly fullName: string;
  readonly status: 'passed' | 'failed' | 'pending';
  readonly duration: number;
  readonly failureMessages: readonly string[];
}

// There is no udev in the machine: what a boot loads elsewhere is loaded here.
for (const module of ['igb', 'igbvf', 'vfio-pci']) spawnSync('modprobe', [module], { stdio: 'inherit' });

const folder = join(import.meta.dirname, 'suite');
const recording = process.argv.includes('--record');
const filters = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts')).sort().map((name) => join(folder, name));
if (recording) process.env['VFLEET_RECORD'] = '/mnt/recorded.json';

const results = new Map<string, AssertionResult[]>();
const stream = run({
  files, isolation: 'none', concurrency: false,
  ...(filters.length === 0 ? {} : { testNamePatterns: filters.map((filter) => new RegExp(filter.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))) }),
});
const note = (data: { readonly name: string; readonly file?: string | undefined; readonly details?: { readonly duration_ms?: number; readonly type?: string | undefined; readonly error?: Error }; readonly skip?: string | boolean | undefined }, status: AssertionResult['status']) => {
  if (data.details?.type === 'suite') return;
  const cause = data.details?.error?.cause;
  const message = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? '');
  const file = data.file ?? 'unknown';
  const list = results.get(file) ?? [];
  results.set(file, [...list, { fullName: data.name, status, duration: data.details?.duration_ms ?? 0, failureMessages: status === 'failed' ? [message] : [] }]);
  process.stdout.write(`${{ passed: '✓', failed: '✗', pending: '-' }[status]} ${data.name} (${Math.round(data.details?.duration_ms ?? 0)} ms)\n${status === 'failed' ? `${message}\n` : ''}`);
};
stream.on('test:pass', (data) => note(data, data.skip === undefined || data.skip === false ? 'passed' : 'pending'));
stream.on('test:fail', (data) => note(data, 'failed'));
for await (const _ of stream) void _;

const all = [...results.values()].flat();
const count = (status: AssertionResult['status']) => all.filter((result) => result.status === status).length;
writeFileSync('/mnt/results.json', JSON.stringify({
  numTotalTests: all.length, numPassedTests: count('passed'), numFailedTests: count('failed'), numPendingTests: count('pending'), numTodoTests: 0,
  success: count('failed') === 0,
  testResults: [...results].map(([name, assertionResults]) => ({ name, status: assertionResults.some(({ status }) => status === 'failed') ? 'failed' : 'passed', assertionResults })),
}));
process.stdout.write(`${count('passed')} passed, ${count('failed')} failed, ${count('pending')} skipped\n`);
// Sockets and workers of a test that failed must not keep the machine running.
process.exit(count('failed') > 0 || count('passed') === 0 ? 1 : 0);
