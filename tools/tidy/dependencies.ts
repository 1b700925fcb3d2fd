import { packageOf } from './rules.ts';
import type { SourceFile } from './source.ts';

export interface ListedDependencies {
  /** The package's folder. */
  readonly folder: string;
  /** Version by name, as its package.json lists them. */
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * What a package imports without listing it, or lists without importing it. Imports of types count: declarations speak of them. Versions are
 * exact, so that what was tested is what is installed.
 */
export function dependencyMistakes(files: readonly SourceFile[], packages: readonly ListedDependencies[]): readonly string[] {
  return packages.flatMap(({ folder, dependencies }) => {
    const imported = new Set(files.filter(({ path }) => packageOf(path) === folder).flatMap((file) => file.imports.flatMap(({ specifier }) => packageName(specifier) ?? [])));
    return [
      ...[...imported].filter((name) => !Object.hasOwn(dependencies, name)).map((name) => `${folder} imports ${name} without listing it`),
      ...Object.keys(dependencies).filter((name) => !imported.has(name)).map((name) => `${folder} lists ${name} without importing it`),
      ...Object.entries(dependencies).filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)).map(([name, version]) => `${folder} lists ${name} ${version}, which is no exact version`),
    ];
  });
}

/** The package that a specifier names; undefined for files and for what comes with Node. */
function packageName(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
