import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
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

/** They ask every disk what is on it (grub-probe), and a container has no disk: the host's systemd starts them, where there is one. */
const NEEDS_DISKS: readonly HostProgram[] = ['update-grub', 'grub-mkconfig', 'grub2-mkconfig'];
/** systemd's own mark that it runs (sd_booted(3)), and where systemd-run(1) finds it. */
const SYSTEMD_RUNS = ['/run/systemd/system', '/run/dbus/system_bus_socket'];

/**
 * What is executed for a program at `path` of the host whose root file system is at `root`; empty: this process' own. `systemdRun` is where the host has
 * systemd-run(1), if it does and systemd is at work.
 */
export function commandLine(root: string, path: string, { program, words }: HostCommand, systemdRun: string | undefined): readonly [string, ...string[]] {
  if (root === '') return [path, ...words];
  const asUnit = NEEDS_DISKS.includes(program) && systemdRun !== undefined;
  // The unit is not a child of the client, and does not end with it.
  const unit = asUnit ? [systemdRun, '--quiet', '--wait', '--pipe', '--collect', `--property=RuntimeMaxSec=${LIMIT_MS / 1_000}`, ...Object.entries(ENVIRONMENT).map(([name, value]) => `--setenv=${name}=${value}`), '--'] : [];
  return ['chroot', root, ...unit, path, ...words];
}

/** Programs of this host, or of the host whose root file system a container sees under `root`. */
export class RealHostCommands implements HostCommands {
  readonly #root: string;

  constructor(root = '') {
    this.#root = root;
  }

  async find(program: HostProgram): Promise<string | undefined> {
    return this.#find(program);
  }

  async run(command: HostCommand): Promise<Result<string, CommandFailure>> {
    const path = await this.find(command.program);
    if (path === undefined) return fail({ command, says: `the host has no ${command.program}` });
    const [program, ...words] = commandLine(this.#root, path, command, SYSTEMD_RUNS.every((mark) => existsSync(this.#root + mark)) ? this.#find('systemd-run') : undefined);
    return new Promise((resolve) => {
      execFile(program, words, { timeout: LIMIT_MS, maxBuffer: OUTPUT_BYTES_MAX, env: ENVIRONMENT, encoding: 'utf8' }, (error, stdout, stderr) => {
        resolve(error === null ? ok(stdout) : fail({ command, says: lastLines(stderr) || error.message }));
      });
    });
  }

  #find(program: string): string | undefined {
    return FOLDERS.map((folder) => join(folder, program)).find((path) => isExecutable(this.#root + path));
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
