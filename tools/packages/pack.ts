import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stage } from './build.ts';

/** One tarball. */
export interface Tarball {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  /** In the notation of lock files: `sha512-` and base64. */
  readonly integrity: string;
  readonly bytes: number;
  readonly unpackedBytes: number;
  readonly files: number;
  /** The package.json inside. */
  readonly manifest: Readonly<Record<string, unknown>>;
}

interface NpmPacked {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly unpackedSize: number;
  readonly entryCount: number;
}

/** The npm that runs this, else the one on PATH. */
export function npmCommand(): readonly string[] {
  const script = process.env['npm_execpath'];
  return script !== undefined && /npm-cli\.c?js$/.test(script) && existsSync(script) ? [process.execPath, script] : ['npm'];
}

/** Builds every package and packs it into `folder`. Throws with what the compiler or npm says. */
export function packAll(folder: string): readonly Tarball[] {
  const staged = mkdtempSync(join(tmpdir(), 'vfleet-packages-'));
  try {
    const targets = stage(staged);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const [program = 'npm', ...words] = npmCommand();
    const done = spawnSync(program, [...words, 'pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder, ...targets], { encoding: 'utf8', cwd: staged, maxBuffer: 64 * 1024 * 1024 });
    if (done.status !== 0) throw new Error(`npm pack failed: ${done.error?.message ?? `${done.stdout}${done.stderr}`}`);
    const packed = JSON.parse(done.stdout) as readonly NpmPacked[] | Readonly<Record<string, NpmPacked>>;
    const manifests = new Map(targets.map((target) => JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')) as Tarball['manifest']).map((manifest) => [manifest['name'], manifest]));
    return Object.values(packed).map(({ name, version, filename, unpackedSize, entryCount }): Tarball => {
      const path = join(folder, filename);
      const content = readFileSync(path);
      return {
        name, version, path, integrity: `sha512-${createHash('sha512').update(content).digest('base64')}`,
        bytes: content.length, unpackedBytes: unpackedSize, files: entryCount, manifest: manifests.get(name) ?? {},
      };
    });
  } finally {
    rmSync(staged, { recursive: true });
  }
}
