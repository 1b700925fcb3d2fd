// Goal: packages say the truth about themselves before anything is built: versions, entry points, and what the compiler leaves as it is.
// Method: the manifests of this checkout, and texts as the compiler emits them.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { workspaces } from './build.ts';
import { emittedDeclaration, emittedJavaScript, emittedSourceMap, usesNodeTypes } from './emitted.ts';
import type { WorkspaceManifest } from './manifest.ts';
import { entryPoints, publishedManifest, readme } from './manifest.ts';
import { readManifest, versionedManifests, withVersion } from './versions.ts';

const root = join(import.meta.dirname, '../..');
const version = String(readManifest(root, 'package.json').version);

describe('versions', () => {
  test.each(versionedManifests(root))('%s has the version of the checkout', (path) => {
    const manifest = readManifest(root, path);
    expect(withVersion(manifest, version)).toEqual(manifest);
  });

  test('the lock file has it too, and the change log tells of it', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { readonly packages: Readonly<Record<string, { readonly version?: string; readonly dependencies?: Record<string, string> }>> };
    for (const path of ['', ...workspaces().map(({ folder }) => `packages/${folder}`)]) expect(lock.packages[path]?.version, path).toBe(version);
    expect(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')).toContain(`\n## ${version}`);
  });

  test('a new version goes to the package and to the project\'s own packages, and to nothing else', () => {
    const manifest = { name: '@vfleet/a', version: '0.1.0', dependencies: { '@vfleet/b': '0.1.0', yaml: '0.1.0' }, devDependencies: { '@vfleet/c': '0.1.0' } };
    expect(withVersion(manifest, '0.2.0')).toEqual({ name: '@vfleet/a', version: '0.2.0', dependencies: { '@vfleet/b': '0.2.0', yaml: '0.1.0' }, devDependencies: { '@vfleet/c': '0.2.0' } });
    expect(withVersion({ name: 'example', private: true }, '0.2.0')).toEqual({ name: 'example', private: true });
  });
});

describe('manifests', () => {
  test.each(workspaces().map((one) => [one.folder, one.manifest] as const))('%s: entry points are there and no two are one file', (folder, manifest) => {
    const points = entryPoints(manifest);
    for (const { source } of points) expect(existsSync(join(root, 'packages', folder, source)), source).toBe(true);
    expect(new Set(points.map(({ source }) => source)).size).toBe(points.length);
    expect(manifest.exports['./*.ts']).toBe('./src/*.ts');
    expect(readme(manifest)).toContain(manifest.description);
  });

  const manifest: WorkspaceManifest = {
    name: '@vfleet/a', version: '1.0.0', description: 'A', license: 'Apache-2.0', engines: { node: '>=24' },
    exports: { '.': './src/index.ts', './real': './src/io/real.ts', './*.ts': './src/*.ts' }, bin: { a: './src/main.ts' }, dependencies: { yaml: '1.0.0' },
  };

  test('what is published names built files', () => {
    expect(publishedManifest(manifest, ['dist'], true)).toMatchObject({
      exports: {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' }, './real': { types: './dist/io/real.d.ts', default: './dist/io/real.js' },
        './*.ts': { types: './dist/*.d.ts', default: './dist/*.js' }, './package.json': './package.json',
      },
      bin: { a: './dist/main.js' }, dependencies: { yaml: '1.0.0' }, peerDependenciesMeta: { '@types/node': { optional: true } },
    });
    expect(publishedManifest(manifest, ['dist'], false)).not.toHaveProperty('peerDependencies');
    expect(entryPoints(manifest)).toEqual([{ specifier: '@vfleet/a', source: './src/index.ts' }, { specifier: '@vfleet/a/real', source: './src/io/real.ts' }]);
  });

  test.each(['./lib/index.ts', './src/index.js', './src/', '../src/a.ts'])('%s is no source', (source) => {
    expect(() => publishedManifest({ ...manifest, exports: { '.': source } }, [], false)).toThrow('is not a source under ./src');
  });
});

describe('what the compiler emits', () => {
  test('files named by their URL are the built ones', () => {
    expect(emittedJavaScript('a.js', "new Worker(new URL('./worker.ts', import.meta.url)); import('@vfleet/core/real.ts');")).toBe("new Worker(new URL('./worker.js', import.meta.url)); import('@vfleet/core/real.ts');");
  });

  test.each(["join(import.meta.dirname, 'worker.ts')", 'fork("./worker.ts")', 'new URL(`./worker.ts`, base)'])('%s would not be found, and is refused', (text) => {
    expect(() => emittedJavaScript('a.js', text)).toThrow('a.js names the source');
  });

  test('declarations name declarations', () => {
    expect(emittedDeclaration("import type { A } from './a.ts';\nexport type B = import(\"../b.ts\").B; export * from '@vfleet/core/real.ts';")).toBe("import type { A } from './a.js';\nexport type B = import(\"../b.js\").B; export * from '@vfleet/core/real.ts';");
  });

  test('maps say where a source is in its package, whatever was the folder that it was built in', () => {
    fc.assert(fc.property(fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 5 }), fc.string(), (parts, sourceRoot) => {
      const { sources } = JSON.parse(emittedSourceMap(JSON.stringify({ sources: [sourceRoot] }), `${parts.join('/')}.js.map`)) as { readonly sources: readonly string[] };
      expect(new URL(sources[0]!, `file:///package/dist/${parts.join('/')}.js.map`).pathname).toBe(`/package/src/${parts.join('/')}.ts`);
    }));
  });

  test.each([["import type { Server } from 'node:http';", true], ['export declare const a: NodeJS.Timeout;', true], ['/** A Buffer. */ export declare const a: string;', false]])('%s: %j', (text, uses) => {
    expect(usesNodeTypes(text)).toBe(uses);
  });
});
