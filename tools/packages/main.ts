/**
 * `npm run packages [-- --out FOLDER]`: builds every package to JavaScript and declarations and packs them into FOLDER (default
 * .vfleet/packages). `--twice` builds once more and fails unless the tarballs are the same, byte by byte. `--set-version VERSION` builds
 * nothing: it gives all packages that version.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Tarball } from './pack.ts';
import { packAll } from './pack.ts';
import { setVersion } from './versions.ts';

const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, '.vfleet/packages') }, twice: { type: 'boolean', default: false }, 'set-version': { type: 'string' } } });

try {
  if (values['set-version'] === undefined) packages();
  else for (const path of setVersion(root, values['set-version'])) process.stdout.write(`${path}\n`);
} catch (error) {
  process.stderr.write(`packages: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function packages(): void {
  const tarballs = packAll(resolve(values.out));
  process.stdout.write(`${['package', 'packed', 'unpacked', 'files', 'tarball'].join('\t')}\n`);
  for (const { name, bytes, unpackedBytes, files, path, integrity } of tarballs) process.stdout.write(`${[name, kib(bytes), kib(unpackedBytes), files, relative(process.cwd(), path)].join('\t')}\n\t${integrity}\n`);
  process.stdout.write(`${tarballs.length} packages, ${kib(tarballs.reduce((sum, { bytes }) => sum + bytes, 0))} packed\n`);
  if (values.twice) compare(tarballs);
}

function compare(tarballs: readonly Tarball[]): void {
  const again = mkdtempSync(join(tmpdir(), 'vfleet-again-'));
  try {
    const second = new Map(packAll(again).map(({ name, integrity }) => [name, integrity]));
    const different = tarballs.filter(({ name, integrity }) => second.get(name) !== integrity).map(({ name }) => name);
    if (different.length > 0) throw new Error(`built twice, these differ: ${different.join(', ')}`);
    process.stdout.write('Built twice, the tarballs are the same.\n');
  } finally {
    rmSync(again, { recursive: true });
  }
}

function kib(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}
