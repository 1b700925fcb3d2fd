import { spawnSync } from 'node:child_process';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');

/** What the commit before this one delivers. */
export interface Delivered {
  readonly archive: string;
  /** Text of its deploy/demo.yaml. */
  readonly manifest: string;
}

/**
 * Builds the image of the commit before, by its own means, in a checkout below this one. Undefined, with the reason on standard output, where there is none, or
 * none that delivers an image: in a shallow clone, for example.
 */
export async function previousDelivered(): Promise<Delivered | undefined> {
  const folder = join(ROOT, '.vfleet/previous');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // Links, for speed; those of our own packages are relative, and lead to the sources beside them.
  const made = spawnSync('sh', ['-c', 'git archive HEAD~1 | tar -x -C "$0" && cp -al node_modules "$0/node_modules" && test -f "$0/deploy/demo.yaml"', folder], { cwd: ROOT, encoding: 'utf8' });
  try {
    const output = join(tmpdir(), 'image-before');
    const built = made.status === 0 ? spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(folder, 'tools/images/main.ts'), '--output', output], { cwd: folder, encoding: 'utf8', env: { ...process.env, SOURCE_DATE_EPOCH: '1600000000' } }) : made;
    const file = built.status === 0 ? (await readdir(output)).find((name) => name.endsWith('.tar')) : undefined;
    if (file !== undefined) return { archive: join(output, file), manifest: await readFile(join(folder, 'deploy/demo.yaml'), 'utf8') };
    process.stdout.write(`The commit before delivers nothing here, this one takes its place: ${(built.stderr ?? '').trim().slice(0, 300)}\n`);
    return undefined;
  } finally {
    // Nobody is to find these sources a second time.
    await rm(folder, { recursive: true, force: true });
  }
}

/** A manifest with another image. */
export function withImage(manifest: string, image: string): string {
  return manifest.replaceAll(/^(\s*(?:- )?image: )vfleet:\S+$/gm, `$1${image}`);
}
