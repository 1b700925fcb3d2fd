import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PROGRAMS = ['bash', 'ip', 'devlink', 'rdma', 'vdpa', 'cat', 'readlink', 'basename', 'ls'];
const OTHERS = ['/etc/ld.so.cache', '/etc/iproute2', '/usr/share/iproute2', '/usr/lib/iproute2'];

/**
 * A root in the machine's own memory with what the shells need. The machine reads its other files from the host that emulates it, and while
 * it waits for one its clock runs on to the next timer: a busy host would be counted as the shell's work.
 */
export class ShellRoot {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    for (const folder of ['bin', 'sys', 'proc', 'dev', 'tmp']) mkdirSync(join(root, folder), { recursive: true });
    for (const folder of ['sys', 'proc', 'dev']) execFileSync('mount', ['--rbind', `/${folder}`, join(root, folder)]);
    for (const name of PROGRAMS) this.#addProgram(name);
    for (const path of OTHERS) this.#add(path, path);
    for (const script of ['inventory.sh', 'inventory-lean.sh']) this.#add(join(import.meta.dirname, script), `/${script}`);
    // Started from there too, by its own loader.
    this.#add('/bin/busybox', '/bin/busybox');
  }

  /** A script for bash, with what it reads. */
  run(script: string, input = ''): void {
    execFileSync(join(this.#root, 'bin/busybox'), ['chroot', this.#root, '/bin/bash', '-c', script], { input, stdio: ['pipe', 'pipe', 'ignore'], maxBuffer: 1 << 26, env: { PATH: '/bin' } });
  }

  #addProgram(name: string): void {
    const file = execFileSync('sh', ['-c', 'command -v "$0" || true', name], { encoding: 'utf8' }).trim();
    if (file === '') return;
    this.#add(file, `/bin/${name}`);
    const libraries = execFileSync('ldd', [file], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
    for (const library of libraries) this.#add(library, library);
  }

  #add(path: string, place: string): void {
    const target = join(this.#root, place);
    if (!existsSync(path) || existsSync(target)) return;
    mkdirSync(dirname(target), { recursive: true });
    cpSync(realpathSync(path), target, { recursive: true, dereference: true });
  }
}
