/**
 * The shared libraries that the runtime is linked to, out of the packages of Debian 12: apt verifies what it downloads by the archive's signatures. What was
 * fetched stays in the user's cache, so that the next build has the same; {@link BasePackage} says which it was.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../rigs/command.ts';
import { cacheFolder } from '../rigs/go-programs.ts';
import { ImageError } from './image-error.ts';
import type { Architecture } from './architecture.ts';

/** What is taken of each package, and under which terms it is (its own `copyright` file says so, and is in the image). */
export const BASE = {
  libc6: { licence: 'LGPL-2.1-or-later', libraries: ['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'libresolv.so.2', 'librt.so.1'] },
  'libgcc-s1': { licence: 'GPL-3.0-or-later WITH GCC-exception-3.1', libraries: ['libgcc_s.so.1'] },
  'libstdc++6': { licence: 'GPL-3.0-or-later WITH GCC-exception-3.1', libraries: ['libstdc++.so.6'] },
  // The copyright file of the two before.
  'gcc-12-base': { licence: 'GPL-3.0-or-later WITH GCC-exception-3.1', libraries: [] },
} as const satisfies Readonly<Record<string, { readonly licence: string; readonly libraries: readonly string[] }>>;
export type BaseName = keyof typeof BASE;
const NAMES = Object.keys(BASE) as readonly BaseName[];

export interface BasePackage {
  readonly name: BaseName;
  readonly version: string;
  /** Of the `.deb` file, in hexadecimal digits. */
  readonly sha256: string;
  readonly path: string;
}

/** The packages in a folder, or fetched into the cache once. Throws {@link ImageError}. */
export async function basePackages({ debian }: Architecture, folder?: string): Promise<readonly BasePackage[]> {
  if (folder !== undefined) return found(folder, debian);
  const cache = cacheFolder(`images-base-${debian}`);
  try {
    return await found(cache, debian);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
  }
  await fetchInto(cache, debian);
  return found(cache, debian);
}

/** Whether they were fetched before. */
export async function hasBasePackages({ debian }: Architecture): Promise<boolean> {
  return found(cacheFolder(`images-base-${debian}`), debian).then(() => true, () => false);
}

/** Throws {@link ImageError}. */
async function found(folder: string, debian: string): Promise<readonly BasePackage[]> {
  const files = await readdir(folder).catch(() => []);
  return Promise.all(NAMES.map(async (name): Promise<BasePackage> => {
    const [file, ...more] = files.filter((one) => one.startsWith(`${name}_`) && one.endsWith(`_${debian}.deb`));
    if (file === undefined || more.length > 0) throw new ImageError(`${folder} has ${more.length + (file === undefined ? 0 : 1)} files of the Debian package ${name} for ${debian}, and one is needed.`, 'Put one there, or leave out --base.');
    const path = join(folder, file);
    return { name, version: decodeURIComponent(file.split('_')[1] ?? ''), sha256: createHash('sha256').update(await readFile(path)).digest('hex'), path };
  }));
}

async function fetchInto(cache: string, debian: string): Promise<void> {
  const work = `${cache}-${process.pid}`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    const download = async () => (await runCommand('apt-get', ['download', '-q', ...NAMES.map((name) => `${name}:${debian}`)], { cwd: work, timeoutMs: 300_000 })).exitCode === 0;
    // The lists of packages may be missing, as in images of containers, or too old.
    const done = (await download()) || ((await runCommand('apt-get', ['update', '-q'], { timeoutMs: 300_000 })).exitCode === 0 && (await download()));
    if (!done) throw new Error('apt-get download has failed');
    await mkdir(cache, { recursive: true });
    for (const file of await readdir(cache)) await rm(join(cache, file), { force: true });
    for (const file of await readdir(work)) await copyFile(join(work, file), join(cache, file));
  } catch (error) {
    throw new ImageError(`The Debian packages ${NAMES.join(', ')} cannot be had: ${error instanceof Error ? error.message : String(error)}.`, 'It takes apt-get and a package mirror; or put the files into a folder and name it with --base.');
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
