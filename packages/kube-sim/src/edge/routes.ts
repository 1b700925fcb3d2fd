import { createHash } from 'node:crypto';
import { KubeError } from '@vfleet/core';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions, groupsOf } from '../discovery/discovery.ts';
import { versionInfo } from '../discovery/version.ts';
import { internalError, StatusError, unknownPathError } from '../errors/status.ts';
import type { Core } from '../registry/core.ts';
import { notAcceptable, parseAccept } from './accept.ts';
import type { Exchange } from './exchange.ts';
import { serveOpenApi } from './openapi-routes.ts';
import { parseResourcePath } from './request-info.ts';
import { serveResource } from './resource-routes.ts';
import { serveReview } from './review-routes.ts';

const HEALTH: readonly string[] = ['healthz', 'livez', 'readyz'];

/** Serves one request. Whatever goes wrong becomes an answer; nothing is thrown. */
export async function serveExchange(core: Core, exchange: Exchange): Promise<void> {
  try {
    await route(core, exchange);
  } catch (error) {
    if (exchange.response.destroyed || isAbort(error)) return;
    exchange.status(statusErrorOf(core, error));
  }
}

/** The client went away while its body was read. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'ABORT_ERR');
}

function statusErrorOf(core: Core, error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof KubeError) return new StatusError(error.reason, error.code, error.message);
  core.log.error('A request failed on a mistake of this server.', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return internalError(error instanceof Error ? error.message : String(error));
}

async function route(core: Core, exchange: Exchange): Promise<void> {
  const [first, second, third] = exchange.segments;
  const path = parseResourcePath(exchange.segments);
  if (path !== undefined) return path.group === 'authorization.k8s.io' || path.group === 'authentication.k8s.io' ? serveReview(core, exchange, path) : serveResource(core, exchange, path);
  if (first === 'openapi') return serveOpenApi(core, exchange);
  if (first !== undefined && HEALTH.includes(first)) return exchange.text(200, 'ok', 'text/plain; charset=utf-8');
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') throw unknownPathError();
  if (first === 'api' && second === undefined) return serveDiscoveryRoot(core, exchange, true);
  if (first === 'apis' && second === undefined) return serveDiscoveryRoot(core, exchange, false);
  if (first === 'api') return sendKnown(exchange, apiResourceList(core.registry, '', second!, storageHash));
  if (first === 'apis' && third === undefined) return sendGroup(core, exchange, second!);
  if (first === 'apis') return sendKnown(exchange, apiResourceList(core.registry, second!, third!, storageHash));
  if (first === 'version' && second === undefined) return exchange.json(200, versionInfo());
  if (first === undefined) return exchange.json(200, { paths: rootPaths(core) });
  exchange.nothingHere();
}

/** What clients compare to see whether a resource's storage version has changed (apiserver discovery StorageVersionHash). */
function storageHash(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, 8).toString('base64');
}

function serveDiscoveryRoot(core: Core, exchange: Exchange, isCore: boolean): void {
  const accepted = parseAccept(exchange.header('accept'));
  if (accepted === undefined) throw notAcceptable('transformation');
  const vary = { vary: 'Accept' };
  if (accepted.as === 'APIGroupDiscoveryList') {
    return exchange.json(200, aggregatedDiscovery(core.registry, isCore), 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', vary);
  }
  exchange.json(200, isCore ? apiVersions(exchange.header('host') ?? '') : apiGroupList(core.registry), 'application/json', vary);
}

function sendKnown(exchange: Exchange, document: object | undefined): void {
  if (document === undefined) throw unknownPathError();
  exchange.json(200, document);
}

function sendGroup(core: Core, exchange: Exchange, name: string): void {
  const group = groupsOf(core.registry).find((candidate) => candidate.name === name);
  if (group === undefined) return exchange.nothingHere();
  exchange.json(200, apiGroup(group));
}

function rootPaths(core: Core): readonly string[] {
  const groups = groupsOf(core.registry).flatMap(({ name, versions }) => [`/apis/${name}`, ...versions.map((version) => `/apis/${name}/${version}`)]);
  return ['/api', '/api/v1', '/apis', ...groups, '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz', '/version'].sort();
}
