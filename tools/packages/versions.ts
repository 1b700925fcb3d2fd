import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SEMANTIC = /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?$/;

interface Versioned {
  readonly name: string;
  readonly version?: string;
  readonly [part: string]: unknown;
}

const PARTS = ['dependencies', 'devDependencies'] as const;

/** The manifest with `version` for the package itself, where it has one, and for the project's packages that it depends on. */
export function withVersion<Manifest extends Versioned>(manifest: Manifest, version: string): Manifest {
  const parts = PARTS.flatMap((part) => {
    const listed = manifest[part] as Readonly<Record<string, string>> | undefined;
    if (listed === undefined) return [];
    return [[part, Object.fromEntries(Object.entries(listed).map(([name, wanted]) => [name, name.startsWith('@vfleet/') ? version : wanted]))] as const];
  });
  return { ...manifest, ...(manifest.version === undefined ? {} : { version }), ...Object.fromEntries(parts) };
}

/** The manifests that carry the version: the checkout's own, which is the one that counts, the packages' and the embedding examples'. */
export function versionedManifests(root: string): readonly string[] {
  const packages = readdirSync(join(root, 'packages')).sort().map((folder) => `packages/${folder}/package.json`);
  const examples = readdirSync(join(root, 'examples')).filter((folder) => folder.startsWith('embed-')).sort().map((folder) => `examples/${folder}/package.json`);
  return ['package.json', ...packages, ...examples];
}

export function readManifest(root: string, path: string): Versioned {
  return JSON.parse(readFileSync(join(root, path), 'utf8')) as Versioned;
}

/** Gives everything the version and says which files changed. Throws when it is not a semantic version. */
export function setVersion(root: string, version: string): readonly string[] {
  if (!SEMANTIC.test(version)) throw new Error(`${version} is not a semantic version such as 0.2.0 or 0.2.0-rc.1`);
  return versionedManifests(root).filter((path) => {
    const before = readFileSync(join(root, path), 'utf8');
    const after = `${JSON.stringify(withVersion(readManifest(root, path), version), null, 2)}\n`;
    if (after === before) return false;
    writeFileSync(join(root, path), after);
    return true;
  });
}
