/** How soon the kubelet has a new list of devices after the kernel's event, and what that costs. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlayedKubelet } from '../../packages/controllers/test/device-plugin/edge/played-kubelet.ts';
import type { PlayedConnection } from '../../packages/controllers/test/device-plugin/edge/played-kubelet.ts';

const SOCKET = 'intel.com_vfs.sock';

export interface ListUpdates {
  /** From the event to the list, ms. */
  readonly latenciesMs: readonly number[];
  /** User and system time of the device plugin for one update, ms. */
  readonly cpuMs: number;
}

/** Takes the driver from one of `devices` VFs and gives it back, over and over. */
export async function listUpdates(devices: number, rounds: number): Promise<ListUpdates> {
  const kubelet = await PlayedKubelet.create('plugins_registry', 'device-plugins');
  const child = fork(join(import.meta.dirname, 'device-plugin-child.ts'), [kubelet.folder, String(devices)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    while (!(await kubelet.sockets(kubelet.registry)).includes(SOCKET)) await sleep(5);
    const { connection } = await kubelet.meet(SOCKET);
    while (connection.devices?.length !== devices) await sleep(2);
    // Once for the compiler.
    for (let round = 0; round < 5; round++) await updates(child, connection);
    const beforeMs = await cpuOf(child);
    const latenciesMs: number[] = [];
    for (let round = 0; round < rounds; round++) latenciesMs.push(...(await updates(child, connection)));
    return { latenciesMs, cpuMs: ((await cpuOf(child)) - beforeMs) / latenciesMs.length };
  } finally {
    child.kill();
    await kubelet.end();
  }
}

async function updates(child: ChildProcess, connection: PlayedConnection): Promise<readonly number[]> {
  return [await update(child, connection, 'unbind', true), await update(child, connection, 'bind', false)];
}

async function update(child: ChildProcess, connection: PlayedConnection, word: 'unbind' | 'bind', isUnfit: boolean): Promise<number> {
  const told = once(child, 'message');
  child.send(word);
  const [{ eventMs }] = (await told) as [{ readonly eventMs: number }];
  while (connection.devices?.some((device) => device.startsWith('!')) !== isUnfit) await new Promise((resolve) => setImmediate(resolve));
  return performance.timeOrigin + performance.now() - eventMs;
}

async function cpuOf(child: ChildProcess): Promise<number> {
  const told = once(child, 'message');
  child.send('cpu');
  const [{ cpuMs }] = (await told) as [{ readonly cpuMs: number }];
  return cpuMs;
}
