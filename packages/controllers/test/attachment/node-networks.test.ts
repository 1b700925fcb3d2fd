// Goal: a definition without a configuration has the node's network of its name, as the files of the node say it. Method: files in memory; texts at random.
import fc from 'fast-check';
import { MemFiles, fail } from '@vfleet/core';
import { describe, expect, test } from 'vitest';
import { NODE_NETWORKS_FOLDER, nodeNetworkConfig } from '../../src/attachment/node-networks.ts';

const onload = JSON.stringify({ cniVersion: '0.3.0', type: 'macvlan', name: 'onload-network', master: 'sfc0' });

async function filesOf(content: Readonly<Record<string, string>>): Promise<MemFiles> {
  const files = new MemFiles();
  for (const [name, text] of Object.entries(content)) await files.replace(`${NODE_NETWORKS_FOLDER}/${name}`, text);
  return files;
}
const find = async (content: Readonly<Record<string, string>>, name = 'onload-network') => nodeNetworkConfig(await filesOf(content), name);

describe('nodeNetworkConfig', () => {
  test.each([['onload-network.conf'], ['10-any.json'], ['list.conflist']])('in %s', async (file) => {
    expect(await find({ [file]: onload })).toEqual({ ok: true, value: onload });
  });

  test('the name inside counts, not that of the file', async () => {
    expect(await find({ 'onload-network.conf': JSON.stringify({ name: 'other' }), 'other.conf': onload })).toEqual({ ok: true, value: onload });
  });

  test('of two the first by the name of the file', async () => {
    const second = onload.replace('sfc0', 'sfc1');
    expect(await find({ '20.conf': second, '10.conf': onload })).toEqual({ ok: true, value: onload });
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['no folder', {}], ['another network', { 'a.conf': '{"name":"x"}' }], ['another ending', { 'onload-network.yaml': onload, 'onload-network': onload }], ['no JSON', { 'a.conf': '{' }], ['no object', { 'a.conf': '[1]' }], ['no name', { 'a.conf': '{}' }],
  ])('none: %s', async (_name, content) => {
    expect(await find(content)).toEqual({ ok: true, value: undefined });
  });

  test('what another file says does not matter', async () => {
    await fc.assert(fc.asyncProperty(fc.string(), async (text) => {
      expect(await find({ 'z.conf': onload, 'a.conf': text })).toEqual({ ok: true, value: onload });
    }));
  });

  test('a file that cannot be read is told, as it may be the one', async () => {
    const files = await filesOf({ 'a.conf': onload });
    const read = async (path: string) => fail({ code: 'io' as const, path, cause: 'the disk is broken' });
    expect(await nodeNetworkConfig({ list: (folder) => files.list(folder), read }, 'onload-network')).toMatchObject({ ok: false, error: { cause: expect.stringContaining('the disk is broken') } });
  });
});
