// Goal: a cluster that is kept goes on after its process has ended: objects, versions and watches are there, and pods come back on the VFs
// they had. Method: two worlds, one after the other, on one storage and the same disks under simulated time; and the executable itself,
// ended and started again on one data file.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemFiles, SeededRandom, SimClock, silentLog } from '@vfleet/core';
import { pods } from '@vfleet/kube';
import { MemStorage } from '@vfleet/kube-sim';
import { openDataFile } from '@vfleet/kube-sim/adapters/sqlite/data-file.ts';
import { createWorld } from '@vfleet/sim';
import type { World } from '@vfleet/sim';
import { create, exampleFleet, manifest, networkStatusOf } from './harness.ts';

const KEY = { namespace: 'default', name: 'sriov-test-pod' };

test('pods of a world that is gone run in the next one, on the same VFs, and a watch from before resumes', async () => {
  const clock = new SimClock();
  const storage = new MemStorage();
  const disks = new Map<string, MemFiles>();
  const disk = (name: string) => disks.get(name) ?? disks.set(name, new MemFiles()).get(name)!;
  const begin = async (seed: string): Promise<World> => {
    const world = createWorld({ clock, random: new SeededRandom(seed), log: silentLog }, exampleFleet('sriov-operator-article/fleet.yaml'), { storage, disk });
    let isStarted = false;
    void world.start().then(() => (isStarted = true));
    for (let passedMs = 0; !isStarted && passedMs < 60_000; passedMs += 100) await clock.run(100);
    expect(isStarted).toBe(true);
    return world;
  };
  const pod = (world: World) => world.kube.get(pods, KEY);
  const deviceOf = async (world: World) => networkStatusOf(await pod(world)).find((one) => one.interface === 'net1')?.['device-info'];

  const first = await begin('first');
  for (const file of ['policy', 'network', 'pod']) await create(first.kube, ...manifest(`sriov-operator-article/${file}.yaml`));
  for (let passedMs = 0; (await pod(first)).status?.phase !== 'Running' && passedMs < 60_000; passedMs += 100) await clock.run(100);
  const before = await pod(first);
  const device = await deviceOf(first);
  expect(device).toBeDefined();
  // No goodbye: what it was about to do, it does not do.
  await first.stop();

  const second = await begin('second');
  const versions: string[] = [];
  second.kube.watch(pods, { namespace: 'default', resourceVersion: before.metadata.resourceVersion! }, {
    event: (event) => void (event.type !== 'BOOKMARK' && versions.push(`${event.type} ${event.object.status?.containerStatuses?.[0]?.restartCount}`)),
    end: () => void versions.push('ended'),
  });
  for (let passedMs = 0; (await pod(second)).status?.containerStatuses?.[0]?.restartCount !== 1 && passedMs < 120_000; passedMs += 100) await clock.run(100);
  const after = await pod(second);
  expect(after.metadata.uid).toBe(before.metadata.uid);
  expect(after.status?.phase).toBe('Running');
  expect(after.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1, ready: true });
  expect(await deviceOf(second)).toEqual(device);
  expect(versions.at(-1)).toBe('MODIFIED 1');
  expect(versions).not.toContain('ended');
  // Nothing is left of the sandbox of before: one attachment record a pod.
  const records = [...disks.values()].flatMap((files) => files.paths()).filter((path) => path.startsWith('/var/lib/cni/vfleet/pods/'));
  expect(records).toHaveLength(1);
  await second.stop();
});

interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function vfleet(home: string, words: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../packages/cli/src/main.ts'), ...words], { env: { ...process.env, VFLEET_HOME: home }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status: status ?? -1, out, err }));
  });
}

test('vfleet up --data goes on where it ended; files in use or of somebody else are refused in words', async () => {
  const home = mkdtempSync(join(tmpdir(), 'vfleet-kept-'));
  const data = join(home, 'data');
  try {
    const up = () => vfleet(home, ['up', '--exit', '--port', '0', '--data', data, '--timeout', '250']);
    const first = await up();
    expect(first, first.err).toMatchObject({ status: 0 });
    const second = await up();
    expect(second, second.err).toMatchObject({ status: 0 });
    expect(second.out).toMatch(/default\/sriov-test-pod +node-a +net1 +ens801f0#0/);
    expect(second.err).not.toMatch(/failed|evicted/);

    const holder = openDataFile(data);
    const locked = await up();
    expect([locked.status, locked.err]).toEqual([1, expect.stringMatching(/data is in use by another process\n.*End that process/s)]);
    holder.close();
    writeFileSync(join(home, 'notes'), 'somebody\'s notes, which are no database at all, however long they get over the years');
    const foreign = await vfleet(home, ['up', '--exit', '--port', '0', '--data', join(home, 'notes')]);
    expect([foreign.status, foreign.err]).toEqual([1, expect.stringContaining('notes is no data file of vfleet')]);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
