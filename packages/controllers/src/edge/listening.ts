import type { Server } from 'node:net';

/** Resolves when the server listens at `host` and `port` (0: one that is free); rejects with what kept it from that. */
export function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
