import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** An npm package of which something is in the image. */
export interface NpmPackage {
  /** Where it is installed, below the repository. */
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, as the package states it. */
  readonly licence: string;
  /** Subresource integrity of its archive, from the lock file. */
  readonly integrity?: string;
  /** Texts of its licence files. */
  readonly licenceTexts: readonly string[];
}

const LICENCE_FILE = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i;

/** Reads what packages say of themselves, and what the lock file says of their archives. */
export async function readNpmPackages(root: string, folders: readonly string[]): Promise<readonly NpmPackage[]> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as { readonly packages: Readonly<Record<string, { readonly integrity?: string }>> };
  return Promise.all([...new Set(folders)].toSorted().map(async (folder): Promise<NpmPackage> => {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8')) as { readonly name?: string; readonly version?: string; readonly license?: string | { readonly type?: string } };
    if (name === undefined || version === undefined) throw new Error(`${folder}/package.json has no name or no version.`);
    const files = (await readdir(join(root, folder))).filter((file) => LICENCE_FILE.test(file)).toSorted();
    const integrity = Object.hasOwn(lock.packages, folder) ? lock.packages[folder]?.integrity : undefined;
    return {
      folder, name, version, licence: (typeof license === 'string' ? license : license?.type) ?? 'NOASSERTION', ...(integrity === undefined ? {} : { integrity }),
      licenceTexts: await Promise.all(files.map((file) => readFile(join(root, folder, file), 'utf8'))),
    };
  }));
}
