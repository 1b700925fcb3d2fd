// Goal: the verbs of the simulator say what they did and answer bad input with a path. Method: the program in this process, its output read.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { run } from '../src/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'vfleet-sim-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function sim(...words: readonly string[]): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  let out = '';
  let err = '';
  const status = await run(['sim', ...words], { environment: {}, terminal: { out: (text) => void (out += text), err: (text) => void (err += text), colours: false } });
  return { status, out, err };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('list names scenarios, faults and oracles', async () => {
  expect((await sim('list')).out).toContain('first-rollout');
  expect((await sim('list', '--faults')).out).toContain('process.crashBefore');
  expect(JSON.parse((await sim('list', '--oracles', '-o', 'json')).out)).toContainEqual(expect.objectContaining({ name: 'vf-in-one-pod' }));
});

test('run gives the same hash twice, as JSON and for people', async () => {
  const one = await sim('run', 'first-rollout', '--seed', '3', '-o', 'json');
  const report = JSON.parse(one.out) as { readonly traceHash: string; readonly violations: readonly unknown[] };
  expect([one.status, report.violations]).toEqual([0, []]);
  const two = await sim('run', 'first-rollout', '--seed', '3');
  expect(two.out).toContain(report.traceHash);
  expect(two.out).toContain('every property held');
});

test('the example of a scenario file runs, with and without faults', async () => {
  const example = join(import.meta.dirname, '../../../examples/scenarios/edge-site.yaml');
  for (const faults of [[], ['--faults']]) {
    const { status, out } = await sim('run', example, '--seed', '2', ...faults);
    expect([status, out.includes('every property held')]).toEqual([0, true]);
  }
});

test.each([
  ['an unknown scenario', async () => sim('run', 'nothing'), 'there is no scenario nothing'],
  ['a scenario file with an unknown fault', async () => sim('run', file('a.yaml', 'name: a\nfaults: {forMs: 1, deny: [kube.x]}\n')), 'faults.deny[0]: kube.x is no known fault'],
  ['a scenario file with a step that is unknown', async () => sim('run', file('c.yaml', 'name: a\nsteps: [{atMs: 1, do: dance}]\n')), 'steps[0].do'],
  ['a scenario file that is no YAML', async () => sim('search', file('d.yaml', 'a: [')), 'is no YAML'],
  ['a replay with a fault of another program', async () => sim('replay', file('e.json', '{"version": 1, "scenario": "pod-churn", "seed": "1", "oracle": "silence", "says": "", "faults": ["kube.x@a#1"]}')), 'faults[0]'],
  ['a replay of another version', async () => sim('replay', file('b.json', '{"version": 9}')), 'version: is 9'],
  ['a file that is not there', async () => sim('replay', join(folder, 'none.json')), 'cannot be read'],
  ['a duration that is none', async () => sim('search', 'first-rollout', '--for', 'long'), 'long is no duration'],
])('%s', async (_, call, says) => {
  const { status, err } = await call();
  expect(status).toBe(2);
  expect(err).toContain(says);
});
