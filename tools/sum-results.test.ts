// Goal: the last lines of CI's output tell what failed. Method: the real script on folders as the runners leave them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = join(import.meta.dirname, 'sum-results.mjs');
let folder: string;

beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'vfleet-results-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('passed and skipped tests of all runners are summed, and nothing else is said', () => {
  leave('test', { numPassedTests: 3, numPendingTests: 1, numTodoTests: 1 });
  leave('kernel', { numPassedTests: 4 });
  expect(sum('test', 'kernel')).toEqual({ status: 0, lines: ['7 passed, 0 failed, 2 skipped'] });
});

test('a failed test is told with its runner, file, title and the start of its message, without colours', () => {
  const message = `\u001b[31mAssertionError\u001b[39m: expected 1 to be 2\n${lineNumbers(40)}`;
  leave('test', {
    numPassedTests: 9, numFailedTests: 1, success: false,
    testResults: [
      { name: join(process.cwd(), 'packages/a.test.ts'), status: 'failed', assertionResults: [{ status: 'passed', fullName: 'fine' }, { status: 'failed', fullName: 'group one is two', failureMessages: [message] }] },
      { name: join(process.cwd(), 'packages/b.test.ts'), status: 'passed', assertionResults: [{ status: 'passed', fullName: 'also fine' }] },
    ],
  });
  const { status, lines } = sum('test');
  expect(status).toBe(1);
  expect(lines.slice(0, 4)).toEqual(['', 'FAILED test: packages/a.test.ts: group one is two', '  AssertionError: expected 1 to be 2', '  line 0']);
  expect(lines).toHaveLength(18);
  expect(lines.at(-1)).toBe('9 passed, 1 failed');
});

test('a test without a full name is told by its title', () => {
  leave('bounded-search', { numFailedTests: 1, testResults: [{ name: 'bounded search', status: 'failed', assertionResults: [{ status: 'failed', title: 'replay x.json', failureMessages: ['settled: no'] }] }] });
  expect(sum().lines).toEqual(['', 'FAILED bounded-search: bounded search: replay x.json', '  settled: no', '0 passed, 1 failed']);
});

test('a test that passed only when it was tried again has passed, and is told before what failed', () => {
  leave('test', {
    numPassedTests: 2, numFailedTests: 1, success: false,
    testResults: [{ name: 'x.test.ts', status: 'failed', assertionResults: [
      { status: 'failed', fullName: 'never', failureMessages: ['no'] },
      { status: 'passed', fullName: 'at last', failureMessages: ['AssertionError: not yet'] },
      { status: 'passed', fullName: 'at once', failureMessages: [] },
    ] }],
  });
  expect(sum('test').lines).toEqual(['', 'UNSTEADY test: x.test.ts: at last', '  AssertionError: not yet', '', 'FAILED test: x.test.ts: never', '  no', '2 passed, 1 failed']);
});

test('a file that did not load is a failure', () => {
  leave('test', { numPassedTests: 5, success: false, testResults: [{ name: 'x.test.ts', status: 'failed', message: 'SyntaxError: nope', assertionResults: [] }] });
  expect(sum('test')).toEqual({ status: 1, lines: ['', 'FAILED test: x.test.ts (the file itself)', '  SyntaxError: nope', '5 passed, 1 failed'] });
});

test('a runner that left nothing, or half of it, is a failure', () => {
  leave('test', { numPassedTests: 5 });
  writeFileSync(join(folder, 'cluster.json'), '{"numPassedTests": 3');
  const { status, lines } = sum('test', 'cluster', 'kernel');
  expect(status).toBe(1);
  expect(lines.filter((line) => line.startsWith('FAILED'))).toEqual(['FAILED cluster', 'FAILED kernel']);
  expect(lines).toContain('  left no results: it did not run, or ended before it could write them');
  expect(lines.at(-1)).toBe('5 passed, 2 failed');
});

test('a runner that says it failed and names no test is a failure', () => {
  leave('test', { numPassedTests: 5, success: false });
  expect(sum('test').lines.at(-1)).toBe('5 passed, 1 failed');
});

test('however much fails, a hundred lines and the sum tell of it, and each test is named while there is room', () => {
  for (const count of [7, 40, 300]) {
    const assertionResults = Array.from({ length: count }, (_, index) => ({ status: 'failed', fullName: `number ${index}`, failureMessages: [lineNumbers(60)] }));
    leave('test', { numFailedTests: count, success: false, testResults: [{ name: 'x.test.ts', status: 'failed', assertionResults }] });
    const { lines } = sum('test');
    expect(lines.length).toBeLessThanOrEqual(101);
    expect(lines.filter((line) => line.startsWith('FAILED test:'))).toHaveLength(Math.min(count, 98));
    expect(lines.at(-1)).toBe(`0 passed, ${count} failed`);
  }
});

test('no results at all are no success', () => {
  expect(sum()).toEqual({ status: 1, lines: ['0 passed, 0 failed'] });
});

function leave(runner: string, results: object): void {
  writeFileSync(join(folder, `${runner}.json`), JSON.stringify({ numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [], ...results }));
}

function sum(...expected: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [script, folder, ...expected], { encoding: 'utf8' });
  return { status, lines: stdout.replace(/\n$/, '').split('\n') };
}

function lineNumbers(count: number): string {
  return Array.from({ length: count }, (_, index) => `line ${index}`).join('\n');
}
