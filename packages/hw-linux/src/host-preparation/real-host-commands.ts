import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { CommandFailure, HostCommand, HostCommands, HostProgram } from './host-commands.ts';

const FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];
/** rpm-ostree makes a deployment, grub-mkconfig looks at every disk. */
const LIMIT_MS = 300_000;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
/** Whatever the caller's own environment is, a program of the host gets this one. */
const ENVIRONMENT = { PATH: FOLDERS.join(':'), LC_ALL: 'C' };

/** Programs of this host, or of the host whose root file system a container sees under `root`. */
export class RealHostCommands implements HostCommands {
  readonly #root: string;

  constructor(root = '') {
    this.#root = root;
  }

  async find(program: HostProgram): Promise<string | undefined> {
    return FOLDERS.map((folder) => join(folder, program)).find((path) => isExecutable(this.#root + path));
  }

  async run(command: HostCommand): Promise<Result<string, CommandFailure>> {
    const path = await this.find(command.program);
    if (path === undefined) return fail({ command, says: `the host has no ${command.program}` });
    const [program, words] = this.#root === '' ? [path, command.words] : ['chroot', [this.#root, path, ...command.words]];
    return new Promise((resolve) => {
      execFile(program, [...words], { timeout: LIMIT_MS, maxBuffer: OUTPUT_BYTES_MAX, env: ENVIRONMENT, encoding: 'utf8' }, (error, stdout, stderr) => {
        resolve(error === null ? ok(stdout) : fail({ command, says: lastLines(stderr) || error.message }));
      });
    });
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join('; ').slice(0, 500);
}
