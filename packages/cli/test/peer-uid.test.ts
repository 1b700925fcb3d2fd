// Goal: the daemon knows who calls. Method: real sockets, called by this user and, where the test runs as root, by another.
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPeerUid } from '../src/host-ports/peer-uid.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peer-'));
  await chmod(folder, 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function caller(uid: number | undefined): Promise<number | undefined> {
  const path = join(folder, `${uid}.sock`);
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const peerUid = createPeerUid();
  const server = createServer((socket: Socket) => {
    resolve(peerUid(socket));
    socket.destroy();
  });
  await new Promise<void>((done) => server.listen(path, done));
  await chmod(path, 0o777);
  // It becomes the other user by itself: that one may not be let into the folder where Node is.
  const become = uid === undefined ? '' : `process.setgid(${uid}); process.setuid(${uid});`;
  const child = spawn(process.execPath, ['-e', `${become} require('net').connect(${JSON.stringify(path)}).on('error', () => {})`], { stdio: 'ignore' });
  const seen = await promise;
  child.kill();
  server.close();
  return seen;
}

describe.runIf(process.platform === 'linux')('the user at the other end', () => {
  test('is this one', async () => {
    expect(await caller(undefined)).toBe(process.getuid!());
  });

  test.runIf(process.getuid?.() === 0)('is another one', async () => {
    expect(await caller(65_534)).toBe(65_534);
  });

  test('is unknown of a socket that is closed', () => {
    const socket = { _handle: null } as unknown as Socket;
    expect(createPeerUid()(socket)).toBeUndefined();
  });
});
