import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiAccess } from '../client.ts';
import { startOurServer } from '../our-server.ts';
import { startReal } from '../servers.ts';

/** A server for a run of churn. */
export interface ChurnServer extends AsyncDisposable {
  readonly access: ApiAccess;
  /** Makes it forget every version up to now. */
  compact(): Promise<void>;
  /** Ends it, with or without a chance to prepare, and starts it again on what it kept. */
  readonly restart?: (suddenly: boolean) => Promise<void>;
}

/** Ours, with its state in a data file. */
export async function ourChurnServer(): Promise<ChurnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'vfleet-churn-server-'));
  let server = await startOurServer({ kept: true, folder });
  const port = Number(new URL(server.access.url).port);
  return {
    access: server.access,
    compact: () => server.compact(),
    restart: async (suddenly) => {
      if (suddenly) await server.kill();
      else await server.stop();
      server = await startOurServer({ kept: true, folder, port });
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The real one, which says whether the run itself is right. */
export async function realChurnServer(): Promise<ChurnServer> {
  const server = await startReal();
  return { access: server.access, compact: () => server.compact(), [Symbol.asyncDispose]: () => server.stop() };
}
