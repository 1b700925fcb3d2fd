import { Draw } from './draw.ts';
import { NAMES, TARGETS, widgetDefinition } from './objects.ts';
import type { Target } from './objects.ts';
import { anyValue, mutated, TEXTS } from './values.ts';

/** One request as bytes on a connection. */
export interface FuzzRequest {
  readonly bytes: Buffer;
  readonly method: string;
  readonly target: string;
  /** The connection is in order after the answer; of the rest not even an answer can be asked. */
  readonly isWellFormed: boolean;
  /** The answer has no end of its own. */
  readonly isWatch: boolean;
}

const METHODS: readonly string[] = ['GET', 'POST', 'POST', 'PUT', 'PATCH', 'PATCH', 'DELETE'];
const RARE_METHODS: readonly string[] = ['HEAD', 'OPTIONS', 'TRACE', 'QUERY'];
const QUERIES: Readonly<Record<string, readonly string[]>> = {
  labelSelector: ['a=b', 'a in (b)', '!a', 'a=b,c!=d', '=', 'a in (', ''],
  fieldSelector: ['metadata.name=a', 'spec.nodeName=a', 'status.phase!=Running', 'spec.text=x', 'nope=1', '=', 'a'],
  limit: ['1', '0', '-1', 'x', '99999999999'], continue: ['', 'x', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhXHUwMDAwIn0', '%00'],
  resourceVersion: ['0', '1', '99999999999', 'x', ''], resourceVersionMatch: ['Exact', 'NotOlderThan', 'x'], sendInitialEvents: ['true', 'false', 'x'], allowWatchBookmarks: ['true'], timeoutSeconds: ['1', '0', '-5', 'x'],
  dryRun: ['All', 'x', ''], fieldManager: ['m', 'y'.repeat(200), '\n', ''], fieldValidation: ['Strict', 'Warn', 'Ignore', 'x'], force: ['true', 'x'], pretty: ['true', '1'],
  gracePeriodSeconds: ['0', '-1', '5', 'x'], propagationPolicy: ['Foreground', 'Background', 'Orphan', 'x'], orphanDependents: ['true', 'x'], container: ['main'], command: ['ip', 'sh'], stdout: ['true'], follow: ['true', 'x'], tailLines: ['1', 'x'],
};
const CONTENT_TYPES: readonly string[] = [
  'application/json', 'application/json', 'application/json', 'application/json;charset=utf-8', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'text/plain', '', 'application/merge-patch+json', 'application/json-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml',
];
const PATCH_TYPES = CONTENT_TYPES.slice(-4);
const ACCEPTS: readonly string[] = [
  'application/json', '*/*', 'application/yaml', 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json', 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/vnd.kubernetes.protobuf,application/json', 'application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io', 'text/html', 'application/json;q=x;;=,', '', ';',
];
const OTHER_PATHS: readonly string[] = ['/', '/api', '/api/v1', '/apis', '/apis/apps', '/apis/apps/v1', '/apis/nope/v1/x', '/openapi/v2', '/openapi/v3', '/openapi/v3/api/v1', '/version', '/healthz', '/readyz?verbose', '/metrics', '/api/v1/watch/pods', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', '/apis/authentication.k8s.io/v1/selfsubjectreviews', '//', '/..', '/%', '*', '/api/v1/namespaces//pods', '/apis/fuzz.example.com'];

/** The request with a number of a run: always the same one. */
export function fuzzRequest(seed: string, index: number, token: string): FuzzRequest {
  const draw = new Draw(`${seed}/${index}`);
  if (index % 5_000 === 1) return plain('DELETE', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', token);
  if (index % 1_000 === 2) return plain('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', token, JSON.stringify(widgetDefinition));
  const target = draw.from(TARGETS);
  const method = draw.from(draw.once(30) ? RARE_METHODS : METHODS);
  const path = pathOf(draw, method, target);
  const query = draw.some(Object.keys(QUERIES), draw.once(2) ? 3 : 0).map((name) => `${name}=${encodeURIComponent(draw.from(draw.once(6) ? TEXTS.filter((text) => text !== '\ud800') : QUERIES[name]!))}`);
  const isWatch = method === 'GET' && draw.once(12);
  if (isWatch) query.push('watch=true');
  const url = `${path}${query.length === 0 ? '' : `${path.includes('?') ? '&' : '?'}${query.join('&')}`}`;
  const hasBody = ['POST', 'PUT', 'PATCH'].includes(method) || (method === 'DELETE' && draw.once(2)) || draw.once(20);
  const type = method === 'PATCH' ? draw.from(PATCH_TYPES) : draw.from(draw.once(5) ? CONTENT_TYPES : CONTENT_TYPES.slice(0, 3));
  const body = hasBody ? bodyOf(draw, method, target, type) : undefined;
  const headers = headersOf(draw, token, body, type);
  const text = `${method} ${url} HTTP/1.1\r\n${headers.lines.join('\r\n')}\r\n\r\n`;
  const bytes = Buffer.concat([Buffer.from(text, 'utf8'), headers.body]);
  // Line breaks, spaces and letters beyond ASCII in the request line are no HTTP.
  const isWellFormed = headers.isWellFormed && /^[\x21-\x7e]+$/.test(url);
  if (!draw.once(40)) return { bytes, method, target: url, isWellFormed, isWatch: mayStream(url, method) };
  return { bytes: flipped(draw, bytes), method, target: url, isWellFormed: false, isWatch: false };
}

function plain(method: string, target: string, token: string, body = ''): FuzzRequest {
  const text = `${method} ${target} HTTP/1.1\r\nhost: fuzz\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  return { bytes: Buffer.from(text), method, target, isWellFormed: true, isWatch: false };
}

function mayStream(url: string, method: string): boolean {
  return method === 'GET' && (/[?&](?:watch|follow)=/.test(url) || url.includes('/watch/'));
}

function pathOf(draw: Draw, method: string, target: Target): string {
  if (draw.once(20)) return draw.from(OTHER_PATHS);
  const base = target.group === '' ? `/api/${target.version}` : `/apis/${target.group}/${target.version}`;
  const name = () => (draw.once(15) ? encodeURIComponent(draw.from(TEXTS.filter((text) => text !== '\ud800'))) : draw.from(NAMES));
  const namespace = target.namespaced && !draw.once(10) ? `/namespaces/${draw.once(8) ? name() : 'default'}` : '';
  const collection = `${base}${namespace}/${target.plural}`;
  const isOfCollection = method === 'POST' ? !draw.once(5) : draw.once(method === 'GET' ? 3 : 30);
  if (isOfCollection) return collection;
  const subresource = draw.once(6) ? `/${draw.once(8) ? draw.from(TEXTS.filter((text) => /^[\w.-]*$/.test(text))) : draw.from([...target.subresources, 'status', 'scale'])}` : '';
  return `${collection}/${name()}${subresource}`;
}

function bodyOf(draw: Draw, method: string, target: Target, type: string): Buffer {
  if (draw.once(30)) return Buffer.from(draw.from(['', '{', '[', '"', 'null', '{"a":', '\u0000', 'a: &a [*a,*a]', '{"a":1,"a":2}', '{}{}', '[1e999]', '{"kind":5}', 'k8s\u0000\u0001\u0002']));
  const value = method === 'DELETE' ? deletion(draw) : type === 'application/json-patch+json' ? jsonPatch(draw) : whole(draw, target);
  let changed: unknown = value;
  for (let times = draw.once(3) ? 0 : draw.integer(3); times > 0; times--) changed = mutated(draw, changed);
  const bytes = Buffer.from(JSON.stringify(changed) ?? 'null');
  if (type === 'application/vnd.kubernetes.protobuf') return Buffer.concat([Buffer.from([0x6b, 0x38, 0x73, 0x00]), flipped(draw, bytes)]);
  return draw.once(12) ? flipped(draw, bytes) : bytes;
}

function whole(draw: Draw, target: Target): object {
  const metadata = {
    ...(draw.once(6) ? { generateName: draw.from(['g-', 'G_']) } : { name: draw.from(NAMES) }),
    ...(draw.once(3) ? { labels: { a: draw.from(['b', 'c']) } } : {}), ...(draw.once(8) ? { finalizers: ['fuzz.example.com/hold'] } : {}), ...(draw.once(10) ? { resourceVersion: draw.from(['1', '99', 'x']) } : {}),
    ...(draw.once(12) ? { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: draw.from(['x', '']) }] } : {}), ...(draw.once(12) ? { managedFields: anyValue(draw, 1) } : {}),
  };
  return { apiVersion: target.group === '' ? target.version : `${target.group}/${target.version}`, kind: target.kind, metadata, ...target.body(draw) };
}

function deletion(draw: Draw): object {
  return { kind: 'DeleteOptions', apiVersion: 'v1', ...(draw.once(2) ? { propagationPolicy: draw.from(['Foreground', 'Orphan', 'Background']) } : {}), ...(draw.once(3) ? { gracePeriodSeconds: draw.from([0, 1, -1]) } : {}), ...(draw.once(4) ? { preconditions: { uid: 'x' } } : {}), ...(draw.once(5) ? { dryRun: ['All'] } : {}) };
}

function jsonPatch(draw: Draw): readonly object[] {
  const pointer = () => draw.from(['', '/', '/metadata/labels', '/metadata/labels/a', '/data', '/data/x', '/spec/containers/0', '/spec/containers/-', '/spec', '/status', '/metadata/finalizers', '/metadata/name', '/__proto__/x', '/a~1b', '/~', '/spec/parts/99999999999']);
  return Array.from({ length: 1 + draw.integer(3) }, () => ({ op: draw.from(['add', 'remove', 'replace', 'move', 'copy', 'test', 'nope']), path: pointer(), from: pointer(), value: anyValue(draw, 2) }));
}

function headersOf(draw: Draw, token: string, body: Buffer | undefined, type: string): { readonly lines: readonly string[]; readonly body: Buffer; readonly isWellFormed: boolean } {
  const lines = ['host: 127.0.0.1'];
  if (!draw.once(40)) lines.push(`authorization: ${draw.once(50) ? draw.from(['Bearer', 'Bearer x', 'Basic YTpi', 'x'.repeat(1_000)]) : `Bearer ${token}`}`);
  if (draw.once(3)) lines.push(`accept: ${draw.from(draw.once(6) ? ACCEPTS : ACCEPTS.slice(0, 8))}`);
  if (draw.once(10)) lines.push(draw.from(['user-agent: curl/8', 'user-agent: kubectl/v1.32', 'impersonate-user: bob', 'accept-encoding: gzip', 'if-none-match: x', 'x-a: \u00e4', 'connection: keep-alive', 'cookie: a=b', 'expect: 200-maybe', 'upgrade: websocket\r\nconnection: upgrade']));
  if (body === undefined) return { lines, body: Buffer.alloc(0), isWellFormed: !lines.some((line) => /^(?:expect|upgrade):/.test(line)) };
  lines.push(`content-type: ${type}`);
  const isPlain = !lines.some((line) => /^(?:expect|upgrade):/.test(line));
  if (draw.once(30)) {
    lines.push('transfer-encoding: chunked');
    return { lines, body: Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]), isWellFormed: isPlain && body.length > 0 };
  }
  if (draw.once(60)) {
    lines.push(`content-length: ${draw.from([body.length + 5, Math.max(0, body.length - 1), -1, 99_999_999, 'x'])}`);
    return { lines, body, isWellFormed: false };
  }
  lines.push(`content-length: ${body.length}`);
  return { lines, body, isWellFormed: isPlain };
}

/** Some bytes changed, taken away or doubled. */
function flipped(draw: Draw, bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  for (let times = 1 + draw.integer(4); times > 0; times--) copy[draw.integer(copy.length)] = draw.integer(256);
  if (draw.once(3)) return copy.subarray(0, draw.integer(copy.length));
  return draw.once(4) ? Buffer.concat([copy, copy.subarray(draw.integer(copy.length))]) : copy;
}
