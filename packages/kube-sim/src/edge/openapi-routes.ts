import { createHash } from 'node:crypto';
import { unknownPathError } from '../errors/status.ts';
import { openApiPaths, openApiV3 } from '../discovery/openapi.ts';
import { openApiV2 } from '../discovery/openapi-v2.ts';
import type { Descriptions } from '../discovery/openapi-schema.ts';
import type { Core } from '../registry/core.ts';
import type { Exchange } from './exchange.ts';
import { openApiProtobuf } from './openapi-protobuf.ts';

/** Four hundred kilobytes of sentences that nothing else needs: loaded when somebody asks. */
async function loadDescriptions(): Promise<Descriptions> {
  const { default: document } = await import('../schemas/kubernetes-descriptions.json', { with: { type: 'json' } });
  return document as unknown as Descriptions;
}

const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

async function serveV2(core: Core, exchange: Exchange): Promise<void> {
  const document = openApiV2(core.registry, await loadDescriptions());
  if (exchange.header('accept')?.includes(V2_PROTOBUF) !== true) return exchange.json(200, document);
  const bytes = openApiProtobuf(document);
  exchange.response.writeHead(200, { 'content-type': 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf', 'content-length': bytes.length });
  exchange.response.end(exchange.method === 'HEAD' ? undefined : bytes);
}

/** /openapi/v3, /openapi/v3/GROUPVERSION and /openapi/v2. */
export async function serveOpenApi(core: Core, exchange: Exchange): Promise<void> {
  const [, version, ...rest] = exchange.segments;
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') throw unknownPathError();
  if (version === 'v2' && rest.length === 0) return serveV2(core, exchange);
  if (version !== 'v3') throw unknownPathError();
  if (rest.length === 0) {
    const hash = createHash('sha512').update(String(core.registry.generation)).digest('hex').toUpperCase();
    const paths = openApiPaths(core.registry).map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const);
    return exchange.json(200, { paths: Object.fromEntries(paths) }, 'text/plain; charset=utf-8');
  }
  const document = openApiV3(core.registry, rest.join('/'), await loadDescriptions());
  if (document === undefined) return exchange.text(404, '', undefined);
  exchange.json(200, document);
}
