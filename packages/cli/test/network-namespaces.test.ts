// Goal: a path that leads to no namespace is no evidence that one has gone. Method: the namespaces of this process, files beside them, and a boot id in a file of ours.
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HostNamespaces, RuntimeNamespaces } from '../src/host-ports/network-namespaces.ts';

describe.runIf(process.platform === 'linux')('network namespaces', () => {
  let folder: string;
  let own: string;
  let bootId: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vfleet-netns-'));
    [own, bootId] = [join(folder, 'own'), join(folder, 'boot_id')];
    await symlink('/proc/self/ns/net', own);
    await writeFile(bootId, 'boot-1\n');
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('one that is seen is present, and known again', async () => {
    const namespaces = new HostNamespaces(bootId);
    const identity = await namespaces.identify(own);
    expect(identity).toMatch(/^boot-1 \d+:\d+$/);
    for (const known of [identity, undefined]) expect(await namespaces.look(own, known)).toEqual({ kind: 'present' });
  });

  test('another one at its path is not it', async () => {
    const namespaces = new HostNamespaces(bootId);
    await symlink('/proc/self/ns/uts', join(folder, 'other'));
    expect(await namespaces.look(own, await namespaces.identify(join(folder, 'other')))).toEqual({ kind: 'gone', evidence: `another namespace is at ${own} now` });
  });

  test.each([['nothing', 'missing', /^there is nothing at /], ['a file without the mount', 'file', /and no namespace is mounted there$/], ['a path through a file', 'file/below', /^there is nothing at /]])('%s: unknown, with a remedy', async (_, name, cause) => {
    await writeFile(join(folder, 'file'), '');
    const namespaces = new HostNamespaces(bootId);
    const path = join(folder, name);
    expect(await namespaces.identify(path)).toBeUndefined();
    for (const identity of [undefined, await namespaces.identify(own)]) {
      expect(await namespaces.look(path, identity)).toEqual({ kind: 'unknown', cause: expect.stringMatching(cause), remedy: expect.stringContaining('mountPropagation: HostToContainer') });
    }
  });

  test('after a boot what is not seen has gone; without a boot id that cannot be said', async () => {
    const identity = await new HostNamespaces(bootId).identify(own);
    const missing = join(folder, 'missing');
    await writeFile(bootId, 'boot-2\n');
    expect(await new HostNamespaces(bootId).look(missing, identity)).toEqual({ kind: 'gone', evidence: 'the node has booted since' });
    expect((await new HostNamespaces(join(folder, 'none')).look(missing, identity)).kind).toBe('unknown');
    expect(await new HostNamespaces(join(folder, 'none')).identify(own)).toBeUndefined();
  });

  test('for a process of the container runtime, what it does not see is no pod\'s', async () => {
    await writeFile(join(folder, 'file'), '');
    const namespaces = new RuntimeNamespaces(bootId);
    for (const name of ['missing', 'file']) expect((await namespaces.look(join(folder, name), undefined)).kind).toBe('gone');
    expect((await namespaces.look(own, undefined)).kind).toBe('present');
    expect((await namespaces.look(`${folder}/${'long'.repeat(100)}`, undefined)).kind).toBe('unknown');
  });
});
