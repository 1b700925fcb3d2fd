import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import type { Tarball } from '../../tools/packages/pack.ts';

/**
 * A package registry on loopback for the project's own scope, as far as `npm install` asks: metadata by name, tarballs by file
 * (https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md). What is tried there is what will be published.
 */
export async function startRegistry(tarballs: readonly Tarball[]): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://registry').pathname).slice(1);
    const file = tarballs.find((one) => basename(one.path) === path);
    if (file !== undefined) return void response.setHeader('content-type', 'application/octet-stream').end(readFileSync(file.path));
    const found = tarballs.find(({ name }) => name === path);
    if (found === undefined) return void response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    return void response.setHeader('content-type', 'application/json').end(JSON.stringify(metadata(found, `http://${request.headers.host}`)));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function metadata({ name, version, path, integrity, manifest }: Tarball, base: string): unknown {
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist: { integrity, tarball: `${base}/${basename(path)}` } } } };
}
