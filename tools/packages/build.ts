import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { emittedDeclaration, emittedJavaScript, emittedSourceMap, usesNodeTypes } from './emitted.ts';
import type { WorkspaceManifest } from './manifest.ts';
import { publishedManifest, readme } from './manifest.ts';

const root = join(import.meta.dirname, '../..');

/** What a package takes from the checkout beside its sources, by where it goes: what `vfleet up` reads. */
const DATA: Readonly<Record<string, readonly string[]>> = {
  '@vfleet/cli': ['examples/demo', 'examples/sriov-operator-article', 'examples/chelsio-paper', 'examples/open-vswitch'],
};

/** In the order of the folders' names. */
export function workspaces(): readonly { readonly folder: string; readonly manifest: WorkspaceManifest }[] {
  return readdirSync(join(root, 'packages')).sort().map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as WorkspaceManifest }));
}

/** Compiles all packages, with their declarations, into `output/PACKAGE/src`. Throws with what the compiler says. */
export function compile(output: string, ...words: readonly string[]): void {
  const done = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(import.meta.dirname, 'tsconfig.json'), '--outDir', output, '--singleThreaded', '--pretty', 'false', ...words], { encoding: 'utf8', cwd: root });
  if (done.status !== 0) throw new Error(`the packages do not compile:\n${done.stdout}${done.stderr}`);
}

/** Writes every package as it is published into `output/PACKAGE`. */
export function stage(output: string): readonly string[] {
  const emitted = mkdtempSync(join(tmpdir(), 'vfleet-emitted-'));
  try {
    compile(emitted);
    return workspaces().map(({ folder, manifest }) => stageOne(join(emitted, folder, 'src'), join(root, 'packages', folder, 'src'), join(output, folder), manifest));
  } finally {
    rmSync(emitted, { recursive: true });
  }
}

function stageOne(emitted: string, sources: string, target: string, manifest: WorkspaceManifest): string {
  let hasNodeTypes = false;
  // The compiler (7.0.2) emits imported JSON in one run and leaves it out in the next.
  for (const path of filesIn(sources).filter((one) => one.endsWith('.json'))) write(join(target, 'dist', path), readFileSync(join(sources, path), 'utf8'));
  for (const path of filesIn(emitted).filter((one) => !one.endsWith('.json'))) {
    const text = readFileSync(join(emitted, path), 'utf8');
    if (path.endsWith('.d.ts')) hasNodeTypes ||= usesNodeTypes(text);
    write(join(target, 'dist', path), built(path, text));
  }
  const data = DATA[manifest.name] ?? [];
  for (const folder of data) for (const path of filesIn(join(root, folder))) write(join(target, folder, path), readFileSync(join(root, folder, path), 'utf8'));
  write(join(target, 'package.json'), `${JSON.stringify(publishedManifest(manifest, ['dist', ...(data.length === 0 ? [] : ['examples'])], hasNodeTypes), null, 2)}\n`);
  write(join(target, 'README.md'), readme(manifest));
  write(join(target, 'LICENSE'), readFileSync(join(root, 'LICENSE'), 'utf8'));
  return target;
}

function built(path: string, text: string): string {
  if (path.endsWith('.d.ts')) return emittedDeclaration(text);
  return path.endsWith('.js') ? emittedJavaScript(path, text) : emittedSourceMap(text, path);
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  // Modes are in the tarball: they are not this user's choice.
  chmodSync(path, 0o644);
}
