import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuiltImage } from '../../../tools/images/build.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** What an earlier commit delivers. */
export interface Delivered {
  /** The OCI layout, as one file. */
  readonly archive: string;
  /** Its folder `deploy`, with our name for its image. */
  readonly deploy: string;
}

/** What goes into the image and runs there. */
const RUNS = ['packages', 'tools/images', 'tools/build-shim.ts', 'package-lock.json', ':(exclude)*.test.ts', ':(exclude)packages/*/test', ':(exclude)*.md'] as const;

/**
 * Builds the image of the newest commit of which what runs differs from what is here, by its own means, in a checkout below this one; or of the commit that is named by
 * VFLEET_PREVIOUS. Says on standard output which it was. Where there is none, or none that delivers an image, in a shallow clone for example, it says so, and what is
 * here takes its place. `image` is the name that its manifests are to have, `epoch` the age of `current`.
 */
export async function previousDelivered(image: string, current: BuiltImage, epoch: number): Promise<Delivered> {
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  const commit = previousCommit();
  if (commit === undefined) {
    say(`There is no commit before this one with other code${isShallow() ? ' in this shallow clone' : ''}: this one takes its place.`);
    return { archive: current.archive, deploy: await deployOf(ROOT, image) };
  }
  const folder = join(ROOT, '.vfleet/previous');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // Links, for speed; those of our own packages are relative, and lead to the sources beside them.
  const made = spawnSync('sh', ['-c', 'git archive "$1" | tar -x -C "$0" && cp -al node_modules "$0/node_modules" && test -f "$0/deploy/demo.yaml"', folder, commit], { cwd: ROOT, encoding: 'utf8' });
  try {
    const output = join(tmpdir(), 'image-before');
    const built = made.status === 0 ? spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(folder, 'tools/images/main.ts'), '--output', output], { cwd: folder, encoding: 'utf8', env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) } }) : made;
    const file = built.status === 0 ? (await readdir(output)).find((name) => name.endsWith('.tar')) : undefined;
    if (file === undefined) {
      say(`${described(commit)} delivers nothing here, this one takes its place: ${(built.stderr ?? '').trim().slice(0, 300)}`);
      return { archive: current.archive, deploy: await deployOf(ROOT, image) };
    }
    const archive = join(output, file);
    const isSame = layersOf(archive).includes(current.image.layers.at(-1)?.digest ?? '');
    say(`Before this one: ${described(commit)}${isSame ? ', which differs from it in nothing that runs' : ''}.`);
    return { archive, deploy: await deployOf(folder, image) };
  } finally {
    // Nobody is to find these sources a second time.
    await rm(folder, { recursive: true, force: true });
  }
}

async function deployOf(sources: string, image: string): Promise<string> {
  const deploy = join(tmpdir(), 'deploy-before');
  await cp(join(sources, 'deploy'), deploy, { recursive: true });
  const demo = join(deploy, 'demo.yaml');
  await writeFile(demo, withImage(await readFile(demo, 'utf8'), image));
  return deploy;
}

/** A manifest with another image. */
function withImage(manifest: string, image: string): string {
  return manifest.replaceAll(/^(\s*(?:- )?image: )vfleet:\S+$/gm, `$1${image}`);
}

function previousCommit(): string | undefined {
  const named = process.env['VFLEET_PREVIOUS'];
  if (named !== undefined) return git('rev-parse', '--verify', `${named}^{commit}`);
  if (git('diff', '--quiet', 'HEAD', '--', ...RUNS) === undefined) return git('rev-parse', 'HEAD');
  const changed = git('log', '--max-count=1', '--format=%H', '--', ...RUNS);
  // In a shallow clone its last commit has changed everything, and none is before it.
  return changed === undefined ? undefined : git('rev-parse', '--verify', '--quiet', `${changed}~1`);
}

function described(commit: string): string {
  return git('log', '--max-count=1', '--format=%h (%cs, %s)', commit) ?? commit;
}

function isShallow(): boolean {
  return git('rev-parse', '--is-shallow-repository') === 'true';
}

/** Digests of the layers of an archive that `docker load` can read too. */
function layersOf(archive: string): readonly string[] {
  const [{ Layers } = { Layers: [] }] = JSON.parse(spawnSync('tar', ['-xOf', archive, './manifest.json'], { encoding: 'utf8' }).stdout) as readonly { readonly Layers: readonly string[] }[];
  return Layers.map((path) => path.replace(/^blobs\/sha256\//, 'sha256:'));
}

/** What git says; undefined where it has failed, or found a difference, or there is no repository. */
function git(...words: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('git', words, { cwd: ROOT, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
