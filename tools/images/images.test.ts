// Goal: the same inputs give the same image, and what is said of it is what is in it. Method: layers of folders that differ in what must not matter;
// bills of materials of drawn packages; the sources' own words for what they start.
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { daemonSets, namespaces } from '@vfleet/kube';
import type { DaemonSet } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { parseAllDocuments } from 'yaml';
import { ENTRIES, bundle, packageFolder, startedBeside } from './bundle.ts';
import { licenceReport } from './licences.ts';
import type { NpmPackage } from './npm-packages.ts';
import { imageOf, layerOf, writeArchive } from './oci.ts';
import { provenanceOf } from './provenance.ts';
import { sbomOf } from './sbom.ts';

const ROOT = join(import.meta.dirname, '../..');
const EPOCH = 1_700_000_000;
const folders: string[] = [];
const temporary = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vfleet-images-test-'));
  folders.push(folder);
  return folder;
};
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** The same tree, made in the order of the names that are given, each time at another time. */
async function tree(names: readonly string[], ageSeconds: number, program = 'echo\n'): Promise<string> {
  const folder = await temporary();
  await mkdir(join(folder, 'bin'));
  for (const name of names) await writeFile(join(folder, 'bin', name), program, { mode: 0o755 });
  await symlink('bin', join(folder, 'link'));
  for (const name of names) {
    await chmod(join(folder, 'bin', name), 0o755);
    await utimes(join(folder, 'bin', name), ageSeconds, ageSeconds);
  }
  for (const path of ['bin', '.']) await chmod(join(folder, path), 0o755);
  return folder;
}

describe.skipIf(process.platform !== 'linux')('layers and archives', () => {
  test('depend on content alone: not on order, age or place', async () => {
    const [one, other] = [await layerOf(await tree(['a', 'b', 'c'], 1), EPOCH, 'test'), await layerOf(await tree(['c', 'a', 'b'], 99_999), EPOCH, 'test')];
    expect(other).toEqual(one);
    expect((await layerOf(await tree(['a', 'b', 'c'], 1, 'other\n'), EPOCH, 'test')).digest).not.toBe(one.digest);
    const image = imageOf({ architecture: 'amd64', epoch: EPOCH, labels: { a: 'b' }, entrypoint: ['/bin/a'], user: '1:1', environment: [] }, [one]);
    const paths = [join(await temporary(), 'x.tar'), join(await temporary(), 'y.tar')];
    const digests = await Promise.all(paths.map((path) => writeArchive(path, image, 'docker.io/library/vfleet:1', EPOCH)));
    expect(digests[1]).toBe(digests[0]);
    expect(await readFile(paths[1]!)).toEqual(await readFile(paths[0]!));
  });

  test('an archive is an OCI layout and a docker archive, whose digests are right', async () => {
    const layer = await layerOf(await tree(['a'], 1), EPOCH, 'test');
    const image = imageOf({ architecture: 'arm64', epoch: EPOCH, labels: {}, entrypoint: ['/bin/a'], user: '1:1', environment: ['A=b'] }, [layer]);
    const folder = await temporary();
    await writeArchive(join(folder, 'image.tar'), image, 'docker.io/library/vfleet:1', EPOCH);
    expect(spawnSync('tar', ['-xf', join(folder, 'image.tar'), '-C', folder]).status).toBe(0);
    const json = async (path: string) => JSON.parse(await readFile(join(folder, path), 'utf8')) as never;
    const blob = (digest: string) => `blobs/${digest.replace(':', '/')}`;
    for (const { digest, bytes } of [image.manifest, image.config, ...image.layers]) expect((await readFile(join(folder, blob(digest)))).equals(bytes)).toBe(true);
    expect(await json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(await json('index.json')).toMatchObject({ manifests: [{ digest: image.manifest.digest, size: image.manifest.bytes.length, annotations: { 'io.containerd.image.name': 'docker.io/library/vfleet:1' } }] });
    expect(await json('manifest.json')).toEqual([{ Config: blob(image.config.digest), RepoTags: ['vfleet:1'], Layers: [blob(layer.digest)] }]);
    expect(await json(blob(image.config.digest))).toMatchObject({ created: '2023-11-14T22:13:20Z', architecture: 'arm64', config: { User: '1:1', Env: ['A=b'] }, rootfs: { diff_ids: [layer.diffId] } });
  });

  test('a folder that is not there is an error with a remedy', async () => {
    await expect(layerOf(join(await temporary(), 'no'), EPOCH, 'test')).rejects.toMatchObject({ name: 'ImageError', remedy: expect.any(String) });
  });
});

describe('the bundle', () => {
  test('is not made without what a source asks for', async () => {
    const entry = join(await temporary(), 'entry.ts');
    await writeFile(entry, 'process.exitCode = 3;\n');
    expect([...(await bundle({ entry })).files]).toEqual([['entry.js', expect.stringContaining('process.exitCode=3')]]);
    await writeFile(entry, 'import \'not-there-at-all\';\n');
    await expect(bundle({ entry })).rejects.toThrow(/not there: .*not-there-at-all/);
  });

  test('knows every file that a source starts by its name', async () => {
    const sources = (await readdir(join(ROOT, 'packages'), { recursive: true })).filter((path) => /^[^/]+\/src\/.*\.ts$/.test(path));
    const started = new Set<string>();
    for (const path of sources) {
      const code = await readFile(join(ROOT, 'packages', path), 'utf8');
      for (const [, name] of code.matchAll(/'(?:\.{0,2}\/)*([a-z-]+)\.ts', import\.meta\.url|import\.meta\.dirname, '([a-z-]+)\.ts'/g)) started.add(name!);
      expect([path, startedBeside(code).match(/import\.meta\.(?:url|dirname)[^\n]*\.ts'|\.ts', import\.meta/)]).toEqual([path, null]);
    }
    expect([...started].toSorted()).toEqual(Object.keys(ENTRIES).toSorted());
  });

  test.each([
    ["new URL('./request-worker.ts', import.meta.url)", "new URL('./request-worker.js', import.meta.url)"],
    ["new URL('../main.ts', import.meta.url)", "new URL('./main.js', import.meta.url)"],
    ["join(import.meta.dirname, 'worker.ts')", "join(import.meta.dirname, './worker.js')"],
    ["import { run } from './program.ts';", "import { run } from './program.ts';"],
  ])('%s', (source, expected) => expect(startedBeside(source)).toBe(expected));

  test.each([
    ['/r/node_modules/a/lib/x.js', 'node_modules/a'],
    ['/r/node_modules/@s/a/x.js', 'node_modules/@s/a'],
    ['/r/node_modules/@s/a/node_modules/b/x.js', 'node_modules/@s/a/node_modules/b'],
    ['/r/packages/core/src/index.ts', undefined],
    ['\0virtual/node_modules/a/x.js', undefined],
  ])('%s is of the package %s', (id, folder) => expect(packageFolder(id, '/r')).toBe(folder));
});

const manifest = async (file: string) => parseAllDocuments(await readFile(join(ROOT, 'deploy', file), 'utf8')).map((document) => document.toJS() as { readonly kind: string; readonly metadata: { readonly name: string } });

test('deploy/demo.yaml is deploy/install.yaml with additions to its DaemonSet, and a fleet', async () => {
  const [installed, demo] = [await manifest('install.yaml'), await manifest('demo.yaml')];
  const isChanged = ({ kind, metadata: { name } }: { readonly kind: string; readonly metadata: { readonly name: string } }) => kind === 'DaemonSet' || name === 'vfleet-simulated-fleet';
  expect(demo.filter((object) => !isChanged(object))).toEqual(installed.filter((object) => !isChanged(object)));
  const lines = (objects: readonly object[]) => JSON.stringify(objects.filter((object) => 'kind' in object && object.kind === 'DaemonSet'), null, 1).split('\n').map((line) => line.trim().replace(/,$/, ''));
  const added = lines(demo);
  for (const line of lines(installed)) expect(added.splice(added.indexOf(line), 1)).toEqual([line]);
  expect(added.filter((line) => line.startsWith('"--'))).toEqual(['"--cluster-network=wrap"', '"--fleet=/etc/vfleet/simulated/fleet.yaml"', '"--stand-ins"']);
});

test('deploy/patches and deploy/simulated-fleet.yaml make of the installation what the demo is, once or twice', async () => {
  const server = createApiServer({ clock: new RealClock(), random: new SystemRandom(), log: silentLog });
  try {
    const kube = server.client();
    const made = async (file: string, patches: readonly string[]) => {
      const daemonSet = (await manifest(file)).find(({ kind }) => kind === 'DaemonSet') as DaemonSet | undefined;
      await kube.create(daemonSets, daemonSet!);
      const key = { namespace: 'sriov-network-operator', name: daemonSet!.metadata.name };
      for (const patch of patches) await kube.patch(daemonSets, key, { type: 'strategic', patch: JSON.parse(await readFile(join(ROOT, 'deploy/patches', patch), 'utf8')) as Readonly<Record<string, unknown>> });
      const { spec } = await kube.get(daemonSets, key);
      await kube.delete(daemonSets, key, { propagationPolicy: 'Background' });
      return spec;
    };
    await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'sriov-network-operator' } });
    const [demo, one, other] = [await made('demo.yaml', []), 'without-multus.json', 'simulated.json'];
    expect((await readdir(join(ROOT, 'deploy/patches'))).toSorted()).toEqual([other, one]);
    expect(await made('install.yaml', [one, other])).toEqual(demo);
    expect(await made('install.yaml', [one, one, other, other])).toEqual(demo);
    for (const alone of [one, other]) expect(await made('install.yaml', [alone])).not.toEqual(demo);
  } finally {
    server.stop();
  }
  expect(await manifest('simulated-fleet.yaml')).toEqual((await manifest('demo.yaml')).filter(({ kind }) => kind === 'ConfigMap'));
});

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);
const version = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)).map((parts) => parts.join('.'));
const npmPackage: fc.Arbitrary<NpmPackage> = fc.record({
  folder: word, name: fc.oneof(word, fc.tuple(word, word).map(([scope, name]) => `@${scope}/${name}`)), version, licence: fc.constantFrom('MIT', 'Apache-2.0', '(MIT OR Apache-2.0)', 'SEE LICENSE IN x', 'NOASSERTION'),
  integrity: fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => `sha512-${Buffer.from(bytes).toString('base64')}`), licenceTexts: fc.array(fc.string(), { maxLength: 2 }),
});
const npmPackages = fc.uniqueArray(npmPackage, { selector: ({ name, version: of }) => `${name}@${of}`, maxLength: 8 });
const base = [{ name: 'libc6', version: '2.36-9+deb12u14', sha256: 'ab'.repeat(32), path: '/libc6.deb' }] as const;
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('what is said of an image', () => {
  test('the bill of materials has every package once, by references that are there', () => {
    fc.assert(fc.property(npmPackages, (npm) => {
      const bom = sbomOf({ name: 'vfleet', version: '1.0.0', digest, epoch: EPOCH, npm, base }) as {
        readonly serialNumber: string; readonly components: readonly { readonly 'bom-ref': string; readonly name: string; readonly licenses: readonly object[]; readonly hashes: readonly { readonly content: string }[] }[]; readonly dependencies: readonly { readonly dependsOn: readonly string[] }[];
      };
      expect(bom.components.map(({ name }) => name)).toEqual([...npm.map(({ name }) => name), 'libc6']);
      expect(new Set(bom.components.map((component) => component['bom-ref'])).size).toBe(bom.components.length);
      expect(bom.dependencies[0]!.dependsOn).toEqual(bom.components.map((component) => component['bom-ref']));
      for (const { licenses, hashes } of bom.components) {
        expect(licenses).toHaveLength(1);
        expect(hashes[0]!.content).toMatch(/^(?:[0-9a-f]{64}|[0-9a-f]{128})$/);
      }
      // CycloneDX 1.6: RFC 4122 as a URN.
      expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    }));
  });

  test('the licence report names every package, and has the texts', () => {
    fc.assert(fc.property(npmPackages, (npm) => {
      const report = licenceReport('OWN TERMS', npm, base);
      for (const one of npm) expect(report).toContain(`${one.name}  `);
      for (const text of npm.flatMap(({ licenceTexts }) => licenceTexts)) expect(report).toContain(text.trim());
      expect(report).toContain('/usr/share/doc/libc6/copyright');
      expect(report.trim().endsWith('OWN TERMS')).toBe(true);
    }));
  });

  test('provenance names what was built and of what, and no commit where files differ from it', () => {
    const inputs = { epoch: EPOCH, lockSha256: 'cd'.repeat(32), base, compiler: 'cc 12', node: 'v24.0.0' };
    expect(provenanceOf([{ name: 'vfleet:1', digest }], { ...inputs, commit: 'c'.repeat(40) })).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1', subject: [{ name: 'vfleet:1', digest: { sha256: digest.slice(7) } }],
      predicate: { buildDefinition: { resolvedDependencies: [{ digest: { gitCommit: 'c'.repeat(40) } }, { name: 'package-lock.json' }, { name: 'libc6', digest: { sha256: 'ab'.repeat(32) } }] } },
    });
    expect(JSON.stringify(provenanceOf([], inputs))).not.toContain('gitCommit');
  });
});
