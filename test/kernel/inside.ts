/** What runs inside of the emulated machine: all tests in one process, in order. The results are kept test by test, so that those of a run that is cut short are there too. */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { MACHINES, isMachineName } from './rig/rig.ts';
import { resultsOf } from './results.ts';
import type { AssertionResult } from './results.ts';

const named = process.argv.find((word) => word.startsWith('--machine='))?.slice('--machine='.length) ?? 'igb';
if (!isMachineName(named)) throw new Error(`no machine ${named}`);
const machine = MACHINES[named];
for (const module of machine.modules) spawnSync('modprobe', [module], { stdio: 'inherit' });

const folder = join(import.meta.dirname, machine.suite);
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
if (process.argv.includes('--record')) process.env['VFLEET_RECORD'] = '/run/vfleet-rig/recorded.json';
if (process.argv.includes('--all-kills')) process.env['VFLEET_ALL_KILLS'] = 'yes';

const all = readdirSync(folder).filter((name) => name.endsWith('.test.ts')).sort();
const isFile = (word: string) => all.some((name) => name.includes(word));
const fileWords = words.filter(isFile);
const testWords = words.filter((word) => !isFile(word));
const files = all.filter((name) => fileWords.length === 0 || fileWords.some((word) => name.includes(word))).map((name) => join(folder, name));

const results = new Map<string, readonly AssertionResult[]>();
process.env['VFLEET_TEST_FILES'] = files.join('\n');
const stream = run({
  files: [join(import.meta.dirname, 'each-file.ts')], isolation: 'none', concurrency: false,
  ...(testWords.length === 0 ? {} : { testNamePatterns: testWords.map((word) => new RegExp(word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))) }),
});
const note = (data: { readonly name: string; readonly file?: string | undefined; readonly details?: { readonly duration_ms?: number; readonly type?: string | undefined; readonly error?: Error }; readonly skip?: string | boolean | undefined }, status: AssertionResult['status']) => {
  const error = data.details?.error;
  // A file fails with its tests, which are told by themselves; by itself it fails when it cannot be prepared.
  if (data.details?.type === 'suite' && (status === 'passed' || (error !== undefined && 'failureType' in error && error.failureType === 'subtestsFailed'))) return;
  const cause = error?.cause;
  const message = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? '');
  const file = data.file ?? 'unknown';
  results.set(file, [...(results.get(file) ?? []), { fullName: data.name, status, duration: data.details?.duration_ms ?? 0, failureMessages: status === 'failed' ? [message] : [] }]);
  writeFileSync('/run/vfleet-rig/results.json', JSON.stringify(resultsOf(results)));
  process.stdout.write(`${{ passed: '✓', failed: '✗', pending: '-' }[status]} ${data.name} (${Math.round(data.details?.duration_ms ?? 0)} ms)\n${status === 'failed' ? `${message}\n` : ''}`);
};
stream.on('test:pass', (data) => note(data, data.skip === undefined || data.skip === false ? 'passed' : 'pending'));
stream.on('test:fail', (data) => note(data, 'failed'));
for await (const _ of stream) void _;

const { numPassedTests, numFailedTests, numPendingTests } = resultsOf(results);
process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
// Sockets and workers of a test that failed must not keep the machine running.
process.exit(numFailedTests > 0 || numPassedTests === 0 ? 1 : 0);
