// Goal: generated files are those that the types say, and the generator changes no more than it must. Method: a tree in memory
// with files that are missing, different and left over; then the YAML read back as an old and a new reader would.
import { customResourceDefinitions, networkAttachmentDefinitionCrd } from '@vfleet/kube';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Generator, Tree } from './generator.ts';
import { differences, generate } from './generator.ts';
import { generators } from './generators.ts';

function memory(files: Record<string, string>) {
  const written: string[] = [];
  const tree: Tree = {
    read: (path) => files[path],
    list: (folder) => Object.keys(files).filter((path) => path.slice(0, path.lastIndexOf('/')) === folder),
    write: (path, text) => {
      files[path] = text;
      written.push(path);
    },
    remove: (path) => {
      delete files[path];
    },
  };
  return { tree, written, files };
}

describe('generating', () => {
  const generator: Generator = { name: 'test', folders: ['out'], outputs: () => new Map([['out/a', 'A'], ['out/b', 'B'], ['other/c', 'C']]) };

  test('writes what is missing or different, removes what is left over, and leaves the rest alone', () => {
    const { tree, written, files } = memory({ 'out/a': 'A', 'out/b': 'old', 'out/x': 'X', 'other/y': 'Y' });
    expect(differences(generator, tree)).toEqual([{ path: 'out/b', kind: 'different' }, { path: 'other/c', kind: 'missing' }, { path: 'out/x', kind: 'left over' }]);
    generate(generator, tree);
    expect(written).toEqual(['out/b', 'other/c']);
    expect(files).toEqual({ 'out/a': 'A', 'out/b': 'B', 'other/c': 'C', 'other/y': 'Y' });
    expect(differences(generator, tree)).toEqual([]);
  });

  test('no two generators write the same file, and each is a function of the source', () => {
    const paths = generators.flatMap((one) => [...one.outputs().keys()]);
    expect(new Set(paths).size).toBe(paths.length);
    for (const one of generators) expect([...one.outputs()]).toEqual([...one.outputs()]);
  });
});

describe('manifests', () => {
  const manifests = generators[0]!.outputs();

  test.each(['1.1', '1.2'] as const)('read back by a YAML %s reader they are the definitions', (version) => {
    const read = [...manifests.values()].map((text) => parse(text, { version }) as unknown);
    expect(read).toEqual([...customResourceDefinitions(), networkAttachmentDefinitionCrd()]);
  });

  test('the one that others may own is not among those applied together', () => {
    expect([...manifests.keys()].filter((path) => path.includes('network-attachment'))).toEqual(['deploy/crds/optional/k8s.cni.cncf.io_network-attachment-definitions.yaml']);
  });
});

test('the reference names every field of every kind once', () => {
  const text = generators[1]!.outputs().get('docs/reference/crds.md')!;
  expect(text).toContain('| `spec.nicSelector.pfNames` | list of strings |');
  expect(text).toContain('| `spec.bridge.ovs.bridge.externalIDs` | map of strings |');
  expect(text).toContain('| `status.interfaces[].Vfs[].vfID` | integer | yes |');
  expect(text).toContain('| `spec.maxUnavailable` | integer or string |');
  expect(text).toContain('default `"netdevice"`');
  for (const { spec } of customResourceDefinitions()) expect(text.split(`\n## ${spec.names.kind}\n`)).toHaveLength(2);
});
