/**
 * Goal: `vfleet sim job` searches on a cluster what one machine would search, and `collect` says what came of it. Method: the printed
 * manifest is applied to the embedded cluster, whose Job controller runs it under virtual time; in its containers the real program
 * runs with the container's own words and environment; `collect` then reads over HTTPS as from any cluster.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject, Resource } from '@vfleet/core';
import { SeededRandom, SimClock } from '@vfleet/core';
import type { Job } from '@vfleet/kube';
import { jobs, pods } from '@vfleet/kube';
import type { Cluster, ProgramEnd, ProgramStart } from '@vfleet/kube-sim';
import { createCluster, instantTiming } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { run } from '../src/program.ts';

const configMaps: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const folder = mkdtempSync(join(tmpdir(), 'vfleet-sim-job-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function vfleet(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  let out = '';
  let err = '';
  const status = await run(words, { environment, terminal: { out: (text) => void (out += text), err: (text) => void (err += text), colours: false } });
  return { status, out, err };
}

/** Runs the container's program in this process, its files in a folder of its own. `killed` has no report. */
function programs(files: Readonly<Record<string, string>>, isKilled: (index: string) => boolean) {
  const running: Promise<ProgramEnd>[] = [];
  const start = ({ argv, environment }: ProgramStart): Promise<ProgramEnd> => {
    const home = mkdtempSync(join(folder, 'pod-'));
    const inside = (word: string) => (word === '/dev/termination-log' ? join(home, 'report') : word === '/tmp/replays' ? join(home, 'replays') : (files[word] ?? word));
    const end = isKilled(environment['JOB_COMPLETION_INDEX']!)
      ? Promise.resolve({ exitCode: 137 })
      : vfleet(argv.slice(1).map(inside), environment).then(({ status }) => ({ exitCode: status, terminationMessage: readFileSync(join(home, 'report'), 'utf8') }));
    running.push(end);
    return end;
  };
  return { start, settled: () => Promise.all(running) };
}

async function startCluster(program: ReturnType<typeof programs>): Promise<{ readonly cluster: Cluster; readonly clock: SimClock }> {
  const clock = new SimClock();
  const cluster = createCluster({ clock, random: new SeededRandom('job'), timing: instantTiming, nodes: [{ name: 'a', programs: program }, { name: 'b', programs: program }] });
  const started = cluster.start();
  await clock.run(1000);
  await started;
  return { cluster, clock };
}

/** Until the Job has ended; virtual time only passes while no program runs. */
async function finish({ cluster, clock }: { readonly cluster: Cluster; readonly clock: SimClock }, program: ReturnType<typeof programs>, name: string): Promise<Job> {
  for (let look = 0; look < 100; look++) {
    await clock.run(5000);
    await program.settled();
    const job = await cluster.kube.get(jobs, { namespace: 'default', name });
    if (job.status?.conditions?.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True') === true) return job;
  }
  throw new Error('the Job does not end');
}

async function applied(cluster: Cluster, manifest: string): Promise<readonly KubeObject[]> {
  const objects = manifest.split('---\n').map((text) => parse(text) as KubeObject);
  for (const object of objects) await cluster.kube.create(object.kind === 'Job' ? jobs : configMaps, object as never);
  return objects;
}

describe('a search as an indexed Job', () => {
  test('searches every seed once, though a pod is killed, and adds up to what one machine finds', { timeout: 1_200_000 }, async () => {
    let kills = 1;
    const program = programs({}, (index) => index === '1' && kills-- > 0);
    const one = await startCluster(program);
    const manifest = await vfleet(['sim', 'job', 'first-rollout', '--seeds', '5', '--from', '7', '--parallelism', '2', '--indexes', '3', '--name', 'search']);
    expect(manifest.status).toBe(0);
    await applied(one.cluster, manifest.out);
    const job = await finish(one, program, 'search');
    expect(job.status).toMatchObject({ succeeded: 3, failed: 1, completedIndexes: '0-2' });

    const served = await serve(one.cluster.apiServer, { port: 0, host: '127.0.0.1', folder: join(folder, 'served') });
    const collect = ['sim', 'job', 'collect', 'search', '--kubeconfig', served.kubeconfigPath];
    try {
      const { status, out } = await vfleet([...collect, '--junit', join(folder, 'report.xml'), '-o', 'json']);
      const collection = JSON.parse(out) as { readonly marks: unknown; readonly virtualMs: number; readonly indexes: readonly { readonly range: unknown }[] };
      expect(collection).toMatchObject({ isComplete: true, runs: 5, failureCount: 0, warnings: [], outcomes: { searched: 3 } });
      expect(collection.indexes.map(({ range }) => range)).toEqual([{ from: 7, seeds: 1 }, { from: 8, seeds: 2 }, { from: 10, seeds: 2 }]);
      expect(status).toBe(0);
      expect(readFileSync(join(folder, 'report.xml'), 'utf8')).toContain('tests="3" failures="0" errors="0"');

      const alone = JSON.parse((await vfleet(['sim', 'search', 'first-rollout', '--seeds', '5', '--from', '7', '--replays', join(folder, 'none'), '-o', 'json'])).out) as { readonly marks: unknown; readonly virtualMs: number };
      expect([collection.marks, collection.virtualMs]).toEqual([alone.marks, alone.virtualMs]);

      const [first] = (await one.cluster.kube.list(pods, { labelSelector: 'batch.kubernetes.io/job-completion-index=0' })).items;
      await one.cluster.kube.delete(pods, { namespace: 'default', name: first!.metadata.name });
      await one.clock.run(60_000);
      const lost = await vfleet(collect);
      expect(lost.status).toBe(1);
      expect(lost.out).toMatch(/0 +7–7 +lost +0 +0 +its pod is gone/);
      expect(lost.out).toContain('incomplete: 1 of 3 parts are not searched to their end');
    } finally {
      await served.close();
      await one.cluster.stop();
    }
  });

  test('an own scenario travels along; an index that finds violations fails for good and names its seeds', async () => {
    const scenario = join(folder, 'too-much.yaml');
    writeFileSync(scenario, `
name: too-much
summary: More VFs are expected than anybody asked for.
fleet:
  nodes:
  - {name: node, count: 1, labels: {feature.node.kubernetes.io/network-sriov.capable: "true"}, pfs: [{personality: E810-CQDA2, pciAddress: "0000:81:00.0", name: ens801f0}]}
objects: []
faults: {forMs: 1000}
convergeWithinMs: 60000
quietMs: 1000
expectations: [{expect: vfs, pf: "0000:81:00.0", count: 9}]
`);
    const program = programs({ '/etc/vfleet/scenario/scenario.yaml': join(folder, 'mounted.yaml') }, () => false);
    const one = await startCluster(program);
    const manifest = await vfleet(['sim', 'job', scenario, '--seeds', '2', '--parallelism', '2']);
    expect(manifest.err).toBe('');
    const [configMap] = await applied(one.cluster, manifest.out);
    writeFileSync(join(folder, 'mounted.yaml'), (configMap as KubeObject & { readonly data: Record<string, string> }).data['scenario.yaml']!);
    const job = await finish(one, program, 'vfleet-search-too-much');
    expect(job.status).toMatchObject({ failed: 2, failedIndexes: '0,1' });

    const served = await serve(one.cluster.apiServer, { port: 0, host: '127.0.0.1', folder: join(folder, 'served-too') });
    try {
      const { status, out } = await vfleet(['sim', 'job', 'collect', 'vfleet-search-too-much', '--kubeconfig', served.kubeconfigPath]);
      expect(status).toBe(1);
      expect(out).toMatch(/violation too-much, seed 1: ends-as-told/);
      expect(out).toMatch(/violation too-much, seed 2: /);
      expect(out).not.toContain('incomplete');
    } finally {
      await served.close();
      await one.cluster.stop();
    }
  });
});

describe('bad input', () => {
  test.each([
    ['more indexes than seeds', ['sim', 'job', 'all', '--seeds', '3', '--parallelism', '1', '--indexes', '4'], 2, '4 indexes cannot share 3 seeds'],
    ['a name that is no label', ['sim', 'job', 'all', '--seeds', '3', '--parallelism', '1', '--name', 'Search'], 2, 'Search is no name for the Job'],
    ['a name too long for its pods', ['sim', 'job', 'all', '--seeds', '300', '--parallelism', '40', '--name', 'x'.repeat(60)], 2, 'at most 63'],
    ['an unknown scenario', ['sim', 'job', 'nothing', '--seeds', '3', '--parallelism', '1'], 2, 'there is no scenario nothing'],
    ['no seeds', ['sim', 'job', 'all', '--seeds', '0'], 2, 'whole number'],
    ['a part that is not said', ['sim', 'search', 'all', '--shards', '4'], 2, 'which of the 4 parts is not said'],
    ['a part beyond the last', ['sim', 'search', 'all', '--shards', '4', '--shard', '4'], 2, 'which of the 4 parts is not said'],
    ['parts of an endless search', ['sim', 'search', 'all', '--shards', '4', '--shard', '0', '--for', '9s'], 2, '--for and --shards do not go together'],
    ['no cluster to collect from', ['sim', 'job', 'collect', 'x', '--kubeconfig', join(folder, 'nowhere')], 1, 'there is no kubeconfig'],
  ])('%s', async (_, words, status, says) => {
    const answer = await vfleet(words);
    expect([answer.status, answer.err]).toEqual([status, expect.stringContaining(says)]);
  });
});
