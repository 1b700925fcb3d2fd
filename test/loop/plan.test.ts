// Goal: a person sees what a policy would do before it is applied, and then it does that. Method: the served loop with the article's
// fleet; `vfleet plan` over HTTPS before and after the article's policy, with what is refused and what cannot be read.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { run } from '../../packages/cli/src/program.ts';
import { nodeStates, pods } from '@vfleet/kube';
import { create, exampleFleet, examples, manifest, servedLoop } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'vfleet-plan-'));
const article = join(examples, 'sriov-operator-article/policy.yaml');
let loop: Awaited<ReturnType<typeof servedLoop>>;

beforeAll(async () => {
  loop = await servedLoop(exampleFleet('sriov-operator-article/fleet.yaml'));
  await vi.waitUntil(async () => (await loop.world.kube.list(nodeStates)).items.every(({ status }) => (status?.interfaces?.length ?? 0) > 0), { timeout: 120_000 });
});
afterAll(async () => {
  await loop.stop();
  rmSync(folder, { recursive: true });
});

async function plan(...words: readonly string[]): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  let [out, err] = ['', ''];
  const status = await run(['plan', '--kubeconfig', loop.kubeconfigPath, ...words], { environment: {}, terminal: { out: (text) => (out += text), err: (text) => (err += text), colours: false } });
  return { status, out, err };
}

function changed(name: string, change: (text: string) => string): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, change(JSON.stringify(manifest('sriov-operator-article/policy.yaml')[0])));
  return path;
}

test('before: VFs come, nobody is disturbed', async () => {
  const { status, out } = await plan('-f', article);
  expect(status).toBe(3);
  expect(out).toMatch(/numVfs goes from 0 to 4/);
  expect(out).not.toMatch(/to drain/);
});

test('after it was applied: nothing; another number takes a drain and names the pod; deleting it gives the PF back', async () => {
  await create(loop.world.kube, ...['policy', 'network', 'pod'].flatMap((file) => manifest(`sriov-operator-article/${file}.yaml`)));
  await vi.waitFor(async () => expect((await loop.world.kube.get(pods, { namespace: 'default', name: 'sriov-test-pod' })).status?.phase).toBe('Running'), { timeout: 120_000 });
  await vi.waitFor(async () => expect(await plan('-f', article)).toMatchObject({ status: 0, out: expect.stringContaining('nothing would change') }), { timeout: 120_000 });
  const more = await plan('-f', changed('more', (text) => text.replace('"numVfs":4', '"numVfs":8')));
  expect(more.status).toBe(3);
  expect(more.out).toMatch(/numVfs goes from 4 to 8/);
  expect(more.out).toMatch(/default\/sriov-test-pod +drain/);
  expect(more.out).toMatch(/1 at a time: \d rounds?/);
  const gone = await plan('--delete', 'policy-intel-nic', '-o', 'json');
  expect(JSON.parse(gone.out)).toMatchObject({ nodes: expect.arrayContaining([expect.objectContaining({ preview: expect.objectContaining({ pods: ['default/sriov-test-pod'], affectedVfs: 4 }) })]) });
});

test.each([
  ['too many VFs', ['"numVfs":4', '"numVfs":4000'], 1, /refused: policy policy-intel-nic: .*can have \d+ VFs, not 4000/],
  ['a node that nobody has', ['network-sriov.capable', 'nothing.capable'], 1, /no node has the labels/],
] as const)('%s: refused, as the webhook would', async (_, [from, to], status, says) => {
  const answer = await plan('-f', changed('refused', (text) => text.replace(from, to)));
  expect(answer).toMatchObject({ status, out: expect.stringMatching(says) });
});

test.each([
  ['nothing', [], /nothing to plan/],
  ['a policy that is not there', ['--delete', 'other'], /there is no policy other/],
  ['a manifest without policies', ['-f', join(examples, 'sriov-operator-article/pod.yaml')], /holds no SriovNetworkNodePolicy/],
  ['a field of the wrong type', ['-f', changed('type', (text) => text.replace('"numVfs":4', '"numVfs":"four"'))], /spec\.numVfs must be an integer/],
] as const)('%s: a sentence and status 1', async (_, words, says) => {
  expect(await plan(...words)).toMatchObject({ status: 1, err: expect.stringMatching(says) });
});
