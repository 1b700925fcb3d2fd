import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { RigProblem } from './rig-problem.ts';
import { has, run } from './run.ts';

/** An unpacked kernel package: never installed, only read. */
export interface KernelImage {
  /** As `uname -r` will say. */
  readonly version: string;
  readonly image: string;
  /** The folder that holds `<version>/`. */
  readonly modules: string;
}

/** The series that the suite's expectations were measured on, and its revision of choice; another revision of it serves too. */
const SERIES = '6.1.0';
const PREFERRED = `linux-image-${SERIES}-56-amd64`;
const NAME = new RegExp(`^linux-image-${SERIES.replaceAll('.', '\\.')}-\\d+-amd64$`);

export function cacheFolder(): string {
  return process.env['VFLEET_CACHE'] ?? join(homedir(), '.cache', 'vfleet');
}

/** The kernel from the cache; undefined when there is none yet. */
export function findKernel(): KernelImage | undefined {
  const cache = cacheFolder();
  const found = (existsSync(cache) ? readdirSync(cache) : []).filter((name) => name.startsWith(`kernel-${SERIES}-`)).sort();
  for (const name of found.reverse()) {
    const kernel = readKernel(join(cache, name));
    if (kernel !== undefined) return kernel;
  }
  return undefined;
}

export function missingKernelProblem(): RigProblem {
  return new RigProblem(
    `there is no Linux ${SERIES} kernel in ${cacheFolder()}`,
    '`npm run test:kernel -- --ensure` downloads Debian’s package (70 MB) and unpacks it there; it is not installed.',
  );
}

/** Downloads Debian's kernel package and unpacks it into the cache. */
export function downloadKernel(): KernelImage {
  const known = findKernel();
  if (known !== undefined) return known;
  for (const program of ['apt-get', 'dpkg-deb', 'depmod']) {
    if (!has(program)) throw new RigProblem(`there is no ${program} to get the kernel with`, `Unpack Debian's package ${PREFERRED} into ${join(cacheFolder(), `kernel-${SERIES}-56-amd64`)} by hand and run depmod on it.`);
  }
  mkdirSync(cacheFolder(), { recursive: true });
  // Another run may do the same at the same time: each works in a folder of its own.
  const work = mkdtempSync(join(cacheFolder(), 'new-kernel-'));
  try {
    return unpackKernel(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function unpackKernel(work: string): KernelImage {
  const name = downloadPackage(work);
  const archive = readdirSync(work).find((file) => file.endsWith('.deb'));
  if (archive === undefined) throw new RigProblem(`apt-get download ${name} left no package`, 'Run `apt-get update` and try again.');
  run('dpkg-deb', ['-x', archive, '.'], { cwd: work });
  rmSync(join(work, archive));
  const unpacked = readKernel(work, false);
  if (unpacked === undefined) throw new RigProblem(`${name} holds no kernel`, 'Report this: the package has another layout than expected.');
  run('depmod', ['-b', join(unpacked.modules, '../..'), unpacked.version]);
  // A folder of this name is whole: a run that was ended before this line leaves another name.
  const target = join(cacheFolder(), name.replace('linux-image', 'kernel'));
  const other = readKernel(target);
  if (other !== undefined) return other;
  rmSync(target, { recursive: true, force: true });
  renameSync(work, target);
  return readKernel(target)!;
}

/** Gives the package's name. What apt knows may be missing or old: it is asked to look again before that is an error. */
function downloadPackage(folder: string): string {
  const download = () => {
    const name = packageName();
    run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], { cwd: folder, shown: true });
    return name;
  };
  try {
    return download();
  } catch (error) {
    if (!(error instanceof RigProblem) || process.getuid?.() !== 0) throw error;
    run('apt-get', ['update', '-q'], { shown: true });
    return download();
  }
}

/** What an unpacked package holds; undefined when it is no kernel, or not a whole one. */
export function readKernel(root: string, whole = true): KernelImage | undefined {
  const modules = ['lib/modules', 'usr/lib/modules'].map((folder) => join(root, folder)).find((folder) => existsSync(folder));
  const version = modules === undefined ? undefined : readdirSync(modules)[0];
  if (modules === undefined || version === undefined) return undefined;
  const image = join(root, 'boot', `vmlinuz-${version}`);
  if (!existsSync(image) || (whole && !existsSync(join(modules, version, 'modules.dep')))) return undefined;
  return { version, image, modules };
}

function packageName(): string {
  const offered = run('apt-cache', ['search', '--names-only', `^linux-image-${SERIES.replaceAll('.', '\\.')}-[0-9]+-amd64$`])
    .split('\n').map((line) => line.split(' ')[0]!).filter((name) => NAME.test(name));
  if (offered.includes(PREFERRED)) return PREFERRED;
  const revision = (name: string) => Number(/-(\d+)-amd64$/.exec(name)![1]);
  const newest = offered.sort((a, b) => revision(a) - revision(b)).at(-1);
  if (newest === undefined) throw new RigProblem(`apt knows no package linux-image-${SERIES}-*-amd64`, 'Run `apt-get update`; on another release than Debian 12 add bookworm to the sources of apt.');
  return newest;
}
