/**
 * Writes kubernetes.json, kubernetes-descriptions.json and kubernetes-tables.json in packages/kube-sim/src/schemas from what a real API server of the
 * pinned version publishes under /openapi/v3, and from the Go sources that its build has put into the module cache:
 * `node tools/generate-openapi/main.ts`. Needs a Go toolchain; its output is committed, so that nothing else does.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { startRealApiServer } from '../rigs/real-cluster.ts';
import type { RealApiServer } from '../rigs/real-cluster.ts';
import { compactDefinition, fieldsOf, goFolderOf } from './compact.ts';
import type { CompactDefinition } from './compact.ts';
import { closure } from './document.ts';
import type { OpenApiDocument, OpenApiSchema } from './document.ts';
import { readGoPackage } from './go-types.ts';
import type { GoPackage } from './go-types.ts';
import { SERVED_KINDS } from './served-kinds.ts';

const OUTPUT = join(import.meta.dirname, '../../packages/kube-sim/src/schemas');

async function main(): Promise<void> {
  await using server = await startRealApiServer();
  const groups = [...new Set(SERVED_KINDS.map(({ group, version }) => (group === '' ? `api/${version}` : `apis/${group}/${version}`)))];
  const schemas: Record<string, OpenApiSchema> = {};
  for (const path of groups) Object.assign(schemas, ((await get(server, `/openapi/v3/${path}`)) as OpenApiDocument).components.schemas);
  const start = Object.keys(schemas).filter((name) => schemas[name]!['x-kubernetes-group-version-kind']?.some(isServed) === true);
  const names = closure(schemas, start);
  const go = readGoPackages(names, server.kubernetesVersion);
  const definitions: Record<string, CompactDefinition> = {};
  const descriptions: Record<string, readonly [string, Readonly<Record<string, string>>]> = {};
  for (const name of names) {
    const schema = schemas[name]!;
    const place = goFolderOf(name);
    definitions[name] = compactDefinition(withServedKinds(schema), fieldsOf([...go.values()], place === undefined ? undefined : go.get(`${place.module}/${place.path}`), place?.name ?? ''));
    descriptions[name] = [schema.description ?? '', Object.fromEntries(Object.entries(schema.properties ?? {}).flatMap(([field, { description }]) => (description === undefined ? [] : [[field, description]])))];
  }
  const header = {
    source: `kube-apiserver ${server.kubernetesVersion}, /openapi/v3 (${groups.join(', ')}), and the Go types of k8s.io/api, k8s.io/apimachinery and k8s.io/apiextensions-apiserver of that release`,
    licence: 'Apache-2.0, Copyright The Kubernetes Authors',
    version: server.kubernetesVersion,
  };
  write('kubernetes.json', { ...header, definitions });
  write('kubernetes-descriptions.json', { ...header, descriptions });
  write('kubernetes-tables.json', { ...header, source: `kube-apiserver ${server.kubernetesVersion}, the columns of its server-side tables`, tables: await tables(server, groups) });
}

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

/** The columns with which the server shows each served kind. */
async function tables(server: RealApiServer, groups: readonly string[]): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const found: Record<string, readonly unknown[]> = {};
  for (const path of groups) {
    const { resources } = (await get(server, `/${path}`)) as { readonly resources: readonly { readonly name: string; readonly kind: string; readonly verbs: readonly string[] }[] };
    const [group, version] = path.startsWith('api/') ? ['', path.slice(4)] : (path.slice(5).split('/') as [string, string]);
    for (const { name, kind, verbs } of resources) {
      if (name.includes('/') || !verbs.includes('list') || !isServed({ group, version: version!, kind })) continue;
      const table = (await get(server, `/${path}/${name}`, TABLE)) as { readonly columnDefinitions: readonly unknown[] };
      found[`${group}/${version}/${kind}`] = table.columnDefinitions;
    }
  }
  return { ...found, 'autoscaling/v1/Scale': await scaleColumns(server) };
}

/** A Scale is no kind of its own that could be listed: it is shown of something that scales. */
async function scaleColumns(server: RealApiServer): Promise<readonly unknown[]> {
  const [path, labels] = ['/apis/apps/v1/namespaces/default/deployments', { app: 'scaled' }];
  const spec = { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } } };
  await send(server, path, { method: 'POST', status: 201, body: { metadata: { name: 'scaled' }, spec } });
  return ((await get(server, `${path}/scaled/scale`, TABLE)) as { readonly columnDefinitions: readonly unknown[] }).columnDefinitions;
}

function isServed(kind: { readonly group: string; readonly version: string; readonly kind: string }): boolean {
  return SERVED_KINDS.some((served) => served.group === kind.group && served.version === kind.version && (served.kind === kind.kind || `${served.kind}List` === kind.kind));
}

/** Types such as DeleteOptions belong to every group; only the served ones are kept. */
function withServedKinds(schema: OpenApiSchema): OpenApiSchema {
  const kinds = schema['x-kubernetes-group-version-kind'];
  return kinds === undefined ? schema : { ...schema, 'x-kubernetes-group-version-kind': kinds.length === 1 ? kinds : kinds.filter(isServed) };
}

function readGoPackages(names: readonly string[], kubernetesVersion: string): ReadonlyMap<string, GoPackage> {
  const cache = execFileSync('go', ['env', 'GOMODCACHE'], { encoding: 'utf8' }).trim();
  const moduleVersion = `v0.${kubernetesVersion.slice(2)}`;
  const packages = new Map<string, GoPackage>();
  for (const place of names.map(goFolderOf)) {
    if (place === undefined) continue;
    const key = `${place.module}/${place.path}`;
    const folder = join(cache, 'k8s.io', `${place.module}@${moduleVersion}`, place.path);
    if (!packages.has(key) && existsSync(folder)) packages.set(key, readGoPackage(folder));
  }
  return packages;
}

function write(name: string, value: object): void {
  const { source, licence, version, ...rest } = value as Record<string, object>;
  const header = { source, licence, version };
  const [[key, entries]] = Object.entries(rest) as [[string, object]];
  const body = Object.entries(entries).map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(',\n');
  writeFileSync(join(OUTPUT, name), `${JSON.stringify(header).slice(0, -1)},\n"${key}":{\n${body}\n}}\n`);
}

function get(server: RealApiServer, path: string, accept = 'application/json'): Promise<unknown> {
  return send(server, path, { method: 'GET', status: 200, accept });
}

function send(server: RealApiServer, path: string, { method, status, accept = 'application/json', body: sent }: { readonly method: string; readonly status: number; readonly accept?: string; readonly body?: object }): Promise<unknown> {
  const ca = readFileSync(server.caFile);
  return new Promise((resolve, reject) => {
    request(`${server.url}${path}`, { method, ca, headers: { authorization: `Bearer ${server.token}`, accept, 'content-type': 'application/json' } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.once('end', () => (response.statusCode === status ? resolve(JSON.parse(body)) : reject(new Error(`${path}: ${response.statusCode}`))));
    }).once('error', reject).end(sent === undefined ? undefined : JSON.stringify(sent));
  });
}

await main();
