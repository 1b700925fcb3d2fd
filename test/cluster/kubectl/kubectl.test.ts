// Goal: a person with kubectl cannot tell our API server from the real one. Method: the same kubectl carries out the same commands on both,
// and what it prints and how it ends is compared; only ages, times, uids and versions may differ.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { defaultAssetsDir } from '../../../tools/rigs/kubernetes.ts';
import { startOurServer } from '../our-server.ts';
import { realServerIsBuilt, startReal } from '../servers.ts';
import type { RunningServer } from '../servers.ts';
import { play } from './play.ts';
import type { Player } from './play.ts';
import { scripts } from './scripts.ts';

const isBuilt = await realServerIsBuilt();

describe.skipIf(!isBuilt)('kubectl on the real API server and on ours', { timeout: 600_000, concurrent: true }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-kubectl-'));
  const program = join(defaultAssetsDir(), 'kubectl');
  let servers: readonly RunningServer[] = [];
  let players: readonly Player[] = [];

  beforeAll(async () => {
    servers = await Promise.all([startReal(), startOurServer()]);
    players = servers.map(({ access }, index) => ({ program, folder: join(folder, index === 0 ? 'real' : 'ours'), access }));
  });

  afterAll(async () => {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const script of scripts) {
    test(`${script.name}`, async ({ expect: expectHere }) => {
      const [real, ours] = await Promise.all(players.map((player) => play(player, script)));
      expectHere(ours).toEqual(real);
      // Commands that all fail would agree about nothing.
      expectHere(real!.some(({ status, out }) => status === 0 && out !== '')).toBe(true);
    });
  }

});
