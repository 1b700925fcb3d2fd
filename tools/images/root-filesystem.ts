/** The image's file system as folders on this machine: one for each layer. */
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, readdir, realpath, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildShim, compileStatic } from '../build-shim.ts';
import { runCommand } from '../rigs/command.ts';
import type { Architecture } from './architecture.ts';
import { BASE } from './base-packages.ts';
import type { BasePackage } from './base-packages.ts';
import { EXTERNAL } from './bundle.ts';
import type { Bundle } from './bundle.ts';
import { ImageError } from './image-error.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Where things are in the image. */
export const inImage = { node: '/usr/local/bin/node', main: '/opt/vfleet/lib/main.js', cni: '/opt/vfleet/cni/vfleet-cni', examples: '/opt/vfleet/examples', licences: '/usr/share/doc/vfleet/licences.txt' } as const;

/** Nobody in particular; the number is that of other images without a shell. */
export const USER = 65_532;

/** Folders that pods mount something on, which must be there where the file system is read-only. */
const MOUNT_POINTS = ['/host', '/etc/vfleet', '/run/vfleet', '/run/netns', '/var/run/netns', '/var/run/secrets/kubernetes.io/serviceaccount', '/var/lib/kubelet', '/dev', '/proc', '/sys'] as const;

/** Files of /etc: without a name service switch, glibc would ask DNS for `localhost`. */
const ETC = {
  passwd: `root:x:0:0:root:/:/sbin/nologin\nvfleet:x:${USER}:${USER}:vfleet:/tmp:/sbin/nologin\n`,
  group: `root:x:0:\nvfleet:x:${USER}:\n`,
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
} as const;

/** Libraries, the runtime and what has little reason to change: shared by all versions with the same runtime. */
export async function stageRuntime(stage: string, architecture: Architecture, packages: readonly BasePackage[]): Promise<void> {
  for (const folder of [...MOUNT_POINTS, '/tmp', '/root']) await mkdir(join(stage, folder), { recursive: true });
  for (const [name, text] of Object.entries(ETC)) await put(stage, `/etc/${name}`, text);
  const libraries = `/lib/${architecture.triplet}`;
  await mkdir(join(stage, libraries), { recursive: true });
  for (const { name, path } of packages) {
    const unpacked = await mkdtemp(join(tmpdir(), 'vfleet-deb-'));
    try {
      const { exitCode, stderr } = await runCommand('dpkg-deb', ['-x', path, unpacked], { timeoutMs: 120_000 });
      if (exitCode !== 0) throw new ImageError(`${path} cannot be unpacked: ${stderr.trim()}.`, 'It may be cut off: remove it, and build again.');
      for (const library of [...BASE[name].libraries, ...(name === 'libc6' ? [architecture.loader.split('/').at(-1)!] : [])]) {
        const from = [`/usr${libraries}`, libraries].map((folder) => join(unpacked, folder, library));
        await copyFile(await firstReal(from, `${name} has no ${library}.`), join(stage, libraries, library));
      }
      const copyright = join(unpacked, 'usr/share/doc', name, 'copyright');
      const text = await readFile(copyright, 'utf8').catch(() => undefined);
      if (text !== undefined) await put(stage, `/usr/share/doc/${name}/copyright`, text);
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  }
  await mkdir(join(stage, dirname(architecture.loader)), { recursive: true });
  await symlink(`${libraries}/${architecture.loader.split('/').at(-1)}`, join(stage, architecture.loader)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await mkdir(join(stage, dirname(inImage.node)), { recursive: true });
  await copyFile(runtimeFile(architecture, 'bin/node'), join(stage, inImage.node));
  await put(stage, '/usr/share/doc/nodejs/copyright', await readFile(runtimeFile(architecture, 'LICENSE'), 'utf8'));
  await compiled(join(stage, 'usr/sbin/chroot'), (output) => compileStatic(output, join(import.meta.dirname, 'chroot.c')));
  await settleModes(stage);
  await chmod(join(stage, 'tmp'), 0o1777);
}

/** What is ours, with the two packages that are not bundled. */
export async function stageProgram(stage: string, architecture: Architecture, { files }: Bundle, licences: string): Promise<void> {
  const library = dirname(inImage.main);
  for (const [name, text] of files) await put(stage, `${library}/${name}`, text);
  // They are modules, whatever folder they are in.
  await put(stage, `${library}/package.json`, '{ "type": "module" }\n');
  for (const name of [...EXTERNAL, koffiPackage(architecture)]) {
    await cp(join(ROOT, 'node_modules', name), join(stage, library, 'node_modules', name), { recursive: true, filter: (path) => isNeeded(path.slice(join(ROOT, 'node_modules', name).length)) });
  }
  await withoutEmptyFolders(join(stage, library, 'node_modules'));
  await cp(join(ROOT, 'examples'), join(stage, inImage.examples), { recursive: true, filter: (path) => !path.endsWith('.ts') });
  await put(stage, inImage.licences, licences);
  await mkdir(join(stage, dirname(inImage.cni)), { recursive: true });
  await compiled(join(stage, inImage.cni), buildShim);
  await settleModes(stage);
}

/** The package of koffi with what it was compiled to. */
export function koffiPackage({ node }: Architecture): string {
  return `@koromix/koffi-linux-${node}`;
}

/** Of packages that are not bundled: what runs, and the licence. No sources in C, documents or types; not what was built for another C library. */
function isNeeded(path: string): boolean {
  if (/^\/musl_[^/]+/.test(path)) return false;
  const name = path.split('/').at(-1) ?? '';
  return !name.includes('.') || /\.(?:[cm]?js|json|node)$|^licen[cs]e/i.test(name);
}

function runtimeFile({ node }: Architecture, path: string): string {
  return join(ROOT, `node_modules/node-linux-${node}`, path);
}

async function firstReal(paths: readonly string[], otherwise: string): Promise<string> {
  for (const path of paths) {
    const real = await realpath(path).catch(() => undefined);
    if (real !== undefined) return real;
  }
  throw new ImageError(otherwise, 'This build knows the packages of Debian 12.');
}

async function compiled(output: string, build: (output: string) => ReturnType<typeof buildShim>): Promise<void> {
  await mkdir(dirname(output), { recursive: true });
  const built = build(output);
  if (built.kind === 'noCompiler') throw new ImageError('There is no C compiler here, and the CNI executable is written in C.', 'Install one (on Debian: gcc and libc6-dev, or musl-tools).');
  if (built.kind === 'failed') throw new ImageError(`The C compiler has refused a source: ${built.output.trim()}`, 'See what it says.');
}

async function withoutEmptyFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) if (entry.isDirectory()) await withoutEmptyFolders(join(folder, entry.name));
  if ((await readdir(folder)).length === 0) await rmdir(folder);
}

async function put(stage: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(stage, path)), { recursive: true });
  await writeFile(join(stage, path), text);
}

/** Whatever the umask is, and whatever rights things had where they came from. */
async function settleModes(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await settleModes(path);
    else if (entry.isFile()) await chmod(path, /\/s?bin\/[^/]+$|\/vfleet-cni$|\/ld-linux[^/]*$/.test(path) ? 0o755 : 0o644);
  }
}
