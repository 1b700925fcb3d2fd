import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { cpioArchive } from './cpio.ts';
import type { ArchiveEntry } from './cpio.ts';
import type { KernelImage } from './kernel-image.ts';
import { run } from './run.ts';

/** Modules that must be there before the host's root is. */
const EARLY_MODULES = ['9p', '9pnet_virtio', 'virtio_pci', 'overlay'];
const FOLDERS = ['bin', 'sbin', 'dev', 'proc', 'sys', 'lower', 'layers', 'newroot', 'tmp', 'modules'];
/** The kernel asks for modules in the first root; they are in the second one. */
const MODPROBE = '#!/bin/sh\nexec /bin/busybox chroot /newroot /sbin/modprobe "$@"\n';

/** The first root of the emulated machine: busybox, a few modules, and the script that mounts the rest. */
export function buildInitramfs(kernel: KernelImage): Buffer {
  const modules = earlyModules(kernel);
  const entries: ArchiveEntry[] = [
    ...FOLDERS.map((path): ArchiveEntry => ({ path, kind: 'directory' })),
    { path: 'bin/busybox', kind: 'file', data: readFileSync(run('sh', ['-c', 'command -v busybox']).trim()) },
    { path: 'bin/sh', kind: 'link', mode: 0o777, data: Buffer.from('busybox') },
    { path: 'sbin/modprobe', kind: 'file', data: Buffer.from(MODPROBE) },
    { path: 'init', kind: 'file', data: readFileSync(join(import.meta.dirname, 'guest-init.sh')) },
    ...modules.map(({ name, data }): ArchiveEntry => ({ path: `modules/${name}`, kind: 'file', mode: 0o644, data })),
    { path: 'modules.load', kind: 'file', mode: 0o644, data: Buffer.from(modules.map(({ name }) => `/modules/${name}\n`).join('')) },
  ];
  return gzipSync(cpioArchive(entries), { level: 1 });
}

function earlyModules(kernel: KernelImage): readonly { readonly name: string; readonly data: Buffer }[] {
  const paths = new Set<string>();
  for (const module of EARLY_MODULES) {
    const lines = run('modprobe', ['-d', join(kernel.modules, '../..'), '-S', kernel.version, '--show-depends', module]).split('\n');
    for (const line of lines) if (line.startsWith('insmod ')) paths.add(line.split(' ')[1]!);
  }
  return [...paths].map((path) => ({ name: basename(path).replace(/\.(xz|zst)$/, ''), data: readModule(path) }));
}

function readModule(path: string): Buffer {
  const tool = path.endsWith('.xz') ? 'xz' : path.endsWith('.zst') ? 'zstd' : undefined;
  return tool === undefined ? readFileSync(path) : spawnSync(tool, ['-dc', path], { maxBuffer: 1 << 26 }).stdout;
}
