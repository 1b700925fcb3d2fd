import { spawn } from 'node:child_process';
import { accessSync, constants, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@vfleet/core';
import type { PluginExecution, PluginOutcome, PluginRunner } from '../plugin-runner.ts';

/** Where runtimes look for plugins, in order. */
export const CNI_FOLDERS: readonly string[] = ['/opt/cni/bin', '/usr/libexec/cni', '/usr/lib/cni'];

/** A plugin that takes longer hangs: the dhcp plugin, the slowest there is, gives up after some ten seconds. */
const RUN_TIMEOUT_MS = 60_000;
const OUTPUT_BYTES_MAX = 1 << 20;

/**
 * Plugins as executables in the folders of this host. Where its root file system is mounted elsewhere, as `/host` in a container, they run in there
 * (chroot(8), which must be on the PATH): they need the host's own iptables, modules and sockets.
 */
export function createPluginRunner({ clock }: { readonly clock: Clock }, folders: readonly string[] = CNI_FOLDERS, timeoutMs: number = RUN_TIMEOUT_MS, root: string = ''): PluginRunner {
  const find = (type: string): string | undefined => {
    // A type is a file name: nothing in a network's configuration may lead out of these folders.
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(type)) return undefined;
    return folders.map((folder) => join(folder, type)).find((path) => isExecutable(root, path));
  };
  return {
    has: (type) => find(type) !== undefined,
    run(execution) {
      const path = find(execution.type);
      if (path === undefined) return Promise.resolve({ kind: 'failed', cause: `the plugin "${execution.type}" is in none of ${folders.join(', ')}` });
      return execute(clock, root === '' ? [path] : ['chroot', root, path], { ...execution.environment, CNI_PATH: folders.join(':') }, execution, timeoutMs);
    },
  };
}

function isExecutable(root: string, path: string): boolean {
  try {
    // From out here a link of the host may lead nowhere.
    if (root !== '' && lstatSync(root + path).isSymbolicLink()) return true;
    accessSync(root + path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function execute(clock: Clock, [program, ...words]: readonly [string, ...string[]], variables: Readonly<Record<string, string>>, { type, input }: PluginExecution, timeoutMs: number): Promise<PluginOutcome> {
  return new Promise((resolve) => {
    // Some plugins call iptables and modprobe.
    const child = spawn(program, words, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...variables }, stdio: ['pipe', 'pipe', 'ignore'] });
    const pieces: Buffer[] = [];
    let bytes = 0;
    const give = (outcome: PluginOutcome) => {
      timer.cancel();
      child.kill('SIGKILL');
      resolve(outcome);
    };
    const timer = clock.setTimer(timeoutMs, () => give({ kind: 'failed', cause: `the plugin "${type}" did not end within ${timeoutMs / 1_000} s` }));
    child.on('error', (error) => give({ kind: 'failed', cause: `the plugin "${type}" cannot be run: ${error.message}` }));
    child.stdout.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > OUTPUT_BYTES_MAX) give({ kind: 'failed', cause: `the plugin "${type}" prints without end` });
      else pieces.push(piece);
    });
    child.on('close', (status) => give(status === null ? { kind: 'failed', cause: `the plugin "${type}" was killed` } : { kind: 'ended', status, output: Buffer.concat(pieces).toString('utf8') }));
    // A plugin may end without reading all of its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
