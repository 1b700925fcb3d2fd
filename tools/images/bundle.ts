import { join, relative, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { rolldown } from 'rolldown';
import type { Plugin } from 'rolldown';
import { ImageError } from './image-error.ts';

const ROOT = join(import.meta.dirname, '../..');

/** What is started by its file's name: the executable, and the threads and helpers of its own. */
export const ENTRIES = {
  main: 'packages/cli/src/main.ts',
  worker: 'packages/cli/src/verbs/sim/worker.ts',
  'request-worker': 'packages/hw-linux/src/kernel-thread/request-worker.ts',
  'write-helper': 'packages/hw-linux/src/sysfs/write-helper.ts',
} as const;

/** Packages that are there as they were installed: one loads native code, the other is asked for by `require` when the first rule is compiled. */
export const EXTERNAL = ['koffi', '@marcbachmann/cel-js'] as const;

/** The code as it is shipped. */
export interface Bundle {
  /** Name of a file, all in one folder, and its text. */
  readonly files: ReadonlyMap<string, string>;
  /** Folders of npm packages of which something is in the files, below the repository; not of our own. */
  readonly packages: readonly string[];
}

/** One file for each entry and each verb, without types. The same sources give the same files. Throws {@link ImageError}. */
export async function bundle(entries: Readonly<Record<string, string>> = ENTRIES): Promise<Bundle> {
  const unresolved: string[] = [];
  const build = await rolldown({
    cwd: ROOT,
    input: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, resolve(ROOT, path)])),
    platform: 'node',
    external: [...EXTERNAL, ...EXTERNAL.map((name) => new RegExp(`^${name}/`))],
    plugins: [besideEachOther],
    onLog: (_, { code, message }) => void (code === 'UNRESOLVED_IMPORT' && unresolved.push(stripVTControlCharacters(message).split('\n')[0] ?? '')),
  });
  try {
    const { output } = await build.generate({ format: 'esm', minify: true, entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });
    // They would be left for the run, in an image that does not have them either.
    if (unresolved.length > 0) throw new ImageError(`The sources ask for what is not there: ${unresolved.join('; ')}.`, 'Run npm install, or mend the import.');
    const chunks = output.flatMap((one) => (one.type === 'chunk' ? [one] : []));
    const packages = new Set(chunks.flatMap(({ moduleIds }) => moduleIds).flatMap((id) => packageFolder(id) ?? []));
    return {
      files: new Map(output.map((one): [string, string] => [one.fileName, one.type === 'chunk' ? one.code : Buffer.from(one.source).toString('utf8')]).toSorted(([a], [b]) => (a < b ? -1 : 1))),
      packages: [...packages].toSorted(),
    };
  } finally {
    await build.close();
  }
}

/** Files that are named in the sources are in the bundle's own folder, and are JavaScript. */
const besideEachOther: Plugin = {
  name: 'beside-each-other',
  transform: (code, id) => (id.includes('/node_modules/') ? null : { code: startedBeside(code), map: null }),
};

const STARTED = /new URL\('(?:\.{1,2}\/)+([a-z-]+)\.ts', import\.meta\.url\)|join\(import\.meta\.dirname, '([a-z-]+)\.ts'\)/g;

/** Rewrites the paths by which a source starts another. */
export function startedBeside(code: string): string {
  return code.replaceAll(STARTED, (_, byUrl: string | undefined, byFolder: string | undefined) => (byUrl === undefined ? `join(import.meta.dirname, './${byFolder}.js')` : `new URL('./${byUrl}.js', import.meta.url)`));
}

/** The folder of the npm package that a module is part of, below the repository; undefined for our own sources and what the bundler adds. */
export function packageFolder(id: string, root: string = ROOT): string | undefined {
  const at = id.lastIndexOf('/node_modules/');
  if (at === -1 || id.startsWith('\0')) return undefined;
  const [scopeOrName = '', name = ''] = id.slice(at + '/node_modules/'.length).split('/');
  const folder = join(id.slice(0, at), 'node_modules', scopeOrName, scopeOrName.startsWith('@') ? name : '');
  return relative(root, folder).replace(/\/$/, '');
}
