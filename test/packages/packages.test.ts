// Goal: what is published works where there is no checkout. Method: the packages are built and packed; a registry on loopback serves the
// project's own scope, as the public one will; projects outside of the checkout install from it, compile against the declarations and run.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tarball } from '../../tools/packages/pack.ts';
import { packAll } from '../../tools/packages/pack.ts';
import { Project } from './project.ts';
import { startRegistry } from './registry.ts';

const root = join(import.meta.dirname, '../..');
const outside = mkdtempSync(join(tmpdir(), 'vfleet-outside-'));
let tarballs: readonly Tarball[];
let registry: Awaited<ReturnType<typeof startRegistry>> | undefined;

beforeAll(async () => {
  tarballs = packAll(join(outside, 'packed'));
  registry = await startRegistry(tarballs);
});

afterAll(async () => {
  await registry?.close();
  rmSync(outside, { recursive: true });
});

const succeeded = { status: 0 };

/** A copy of a project of the checkout, with what it depends on installed. */
async function installed(path: string): Promise<Project> {
  const project = new Project(join(outside, basename(path)), { from: join(root, path), registry: registry!.url });
  await project.install();
  return project;
}

test('built twice, the tarballs are the same', () => {
  const again = packAll(join(outside, 'again'));
  expect(again.map(({ name, integrity }) => [name, integrity])).toEqual(tarballs.map(({ name, integrity }) => [name, integrity]));
});

describe('embed-scenario', () => {
  let project: Project;
  beforeAll(async () => {
    project = await installed('examples/embed-scenario');
  });

  test('compiles, the packages\' declarations included', async () => {
    expect(await project.npm('run', '--silent', 'check')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('runs the loop and a search', async () => {
    const { status, stdout, stderr } = await project.npm('run', '--silent', 'start');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^20 of 20 nodes have 16 VFs\nens3f0np0 16 VFs, first at 0000:03:00\.2\nseed 1: \d+ faults in /);
    expect(stdout).toMatch(/^attached-is-allocated at t=/m);
    expect(stdout).toMatch(/\nneeds 0 of \d+ faults\n$/);
  });
});

describe('embed-hardware', () => {
  let project: Project;
  beforeAll(async () => {
    project = await installed('examples/embed-hardware');
  });

  test('compiles, the packages\' declarations included', async () => {
    expect(await project.npm('run', '--silent', 'check')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('uses the Hardware port on simulated hosts, and the Linux backend on a view of one', async () => {
    const { status, stdout, stderr } = await project.npm('run', '--silent', 'start');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^host-a: 8 VFs, 0000:03:00\.2 trusted\nhost-b: refused at setNumVfs: .+ — .+\n99 VFs: ERANGE\n4 VFs\n(?:VF \d at \S+, igbvf\n){4}$/);
  });
});

describe('embed-kubernetes', () => {
  let project: Project;
  beforeAll(async () => {
    project = await installed('examples/embed-kubernetes');
  });

  test('compiles, the packages\' declarations included', async () => {
    expect(await project.npm('run', '--silent', 'check')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('tests a controller of its own on the embedded Kubernetes', async () => {
    expect(await project.npm('run', '--silent', 'test', '--', '--reporter=json', '--outputFile=results.json')).toMatchObject(succeeded);
    expect(JSON.parse(readFileSync(join(project.folder, 'results.json'), 'utf8'))).toMatchObject({ success: true, numPassedTests: 6, numTotalTests: 6 });
  });
});

describe('the command, from tarballs alone', () => {
  let project: Project;
  beforeAll(async () => {
    project = new Project(join(outside, 'command'), { manifest: { name: 'command', private: true, type: 'module' } });
    await project.install(...tarballs.map(({ path }) => path));
  });

  test('npx vfleet --help, --version', async () => {
    const help = await project.npm('exec', '--offline', '--', 'vfleet', '--help');
    expect(help).toMatchObject(succeeded);
    expect(help.stdout).toMatch(/^Usage: vfleet /);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
    expect(await project.bin('vfleet', '--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('the demo, with the manifests that it brings', async () => {
    const { status, stdout, stderr } = await project.bin('vfleet', 'up', '--exit', '--port', '0');
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('$ kubectl apply -f node_modules/@vfleet/cli/examples/sriov-operator-article/pod.yaml\n');
    expect(stdout).toMatch(/^default\/sriov-test-pod +node-a +net1 +ens801f0#0 /m);
  });

  test('a search in worker processes', async () => {
    const done = await project.bin('vfleet', 'sim', 'search', 'single-node', '--seeds', '4', '--workers', '2', '-o', 'json');
    expect(done).toMatchObject(succeeded);
    expect(JSON.parse(done.stdout)).toMatchObject({ failures: [] });
  });

  test.runIf(process.platform === 'linux')('the NICs of this machine, by the native library that comes with the install', async () => {
    const done = await project.bin('vfleet', 'host', 'discover', '-o', 'json');
    expect(done).toMatchObject(succeeded);
    expect(JSON.parse(done.stdout)).toHaveProperty('pfs');
  });
});

describe('every package, in the same place', () => {
  let project: Project;
  beforeAll(async () => {
    project = new Project(join(outside, 'command'), { from: join(import.meta.dirname, 'types') });
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly devDependencies: Readonly<Record<string, string>> };
    await project.install(...['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`));
  });

  test('every public entry point has its declarations, and what is invalid does not compile', async () => {
    expect(await project.bin('tsc', '-p', '.')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('every public entry point loads', async () => {
    const specifiers = tarballs.flatMap(({ name, manifest }) => Object.keys(manifest['exports'] as object).filter((path) => !/\.(?:ts|json)$/.test(path)).map((path) => `${name}${path.slice(1)}`));
    expect(specifiers.length).toBeGreaterThan(tarballs.length);
    const source = `for (const specifier of ${JSON.stringify(specifiers)}) await import(specifier);`;
    expect(await project.run(process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', source)).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('a package brings what it is said to bring, and no sources', () => {
    for (const { name } of tarballs) {
      const folder = join(project.folder, 'node_modules', name);
      expect(readdirSync(folder).filter((file) => file !== 'examples').sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
      const files = readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' });
      expect(files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
      const data = readdirSync(join(root, 'packages', name.replace('@vfleet/', ''), 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
      expect(files.filter((file) => file.endsWith('.json')).sort()).toEqual(data.sort());
      expect(files.filter((file) => file.endsWith('.js')).filter((file) => !files.includes(file.replace(/\.js$/, '.d.ts')) || !files.includes(`${file}.map`))).toEqual([]);
    }
  });
});
