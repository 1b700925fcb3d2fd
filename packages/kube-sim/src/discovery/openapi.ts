import { apiVersionOf } from '../registry/definition.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import type { Registry } from '../registry/registry.ts';
import { published } from '../schemas/published.ts';
import { customSchema } from './custom-openapi.ts';
import { definitionSchema, referencesOf } from './openapi-schema.ts';
import type { Descriptions, OpenApiObject } from './openapi-schema.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';
/** Definitions that operations name whatever their kind. */
const COMMON: readonly string[] = ['DeleteOptions', 'Status', 'WatchEvent'].map((name) => `io.k8s.apimachinery.pkg.apis.meta.v1.${name}`);

/** The documents there are: `api/v1`, `apis/apps/v1`. */
export function openApiPaths(registry: Registry): readonly string[] {
  return [...new Set(registry.all().map(({ group, version }) => (group === '' ? `api/${version}` : `apis/${group}/${version}`)))].sort();
}

/** The OpenAPI v3 document of one group and version: its schemas, and as much of its operations as kubectl asks for. */
export function openApiV3(registry: Registry, path: string, descriptions: Descriptions): OpenApiObject | undefined {
  const resources = registry.all().filter(({ group, version }) => path === (group === '' ? `api/${version}` : `apis/${group}/${version}`));
  if (resources.length === 0) return undefined;
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: published.version.split('.').slice(0, 2).join('.') },
    paths: Object.fromEntries(resources.flatMap((resource) => pathsOf(resource))),
    components: { schemas: schemasOf(resources, descriptions) },
  };
}

function schemasOf(resources: readonly ResourceDefinition[], descriptions: Descriptions): OpenApiObject {
  const custom: Record<string, OpenApiObject> = {};
  const wanted = [OBJECT_META, LIST_META, ...COMMON];
  for (const resource of resources) {
    if (resource.customSchema !== undefined) Object.assign(custom, customSchema(resource, resource.customSchema));
    else wanted.push(resource.schemaName, `${resource.schemaName}List`);
  }
  const found = new Set<string>();
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const definition = published.definitions[name];
    if (definition === undefined || found.has(name)) continue;
    found.add(name);
    wanted.push(...referencesOf(definition));
  }
  return { ...Object.fromEntries([...found].sort().map((name) => [name, definitionSchema(name, descriptions)])), ...custom };
}

type Action = 'list' | 'get' | 'post' | 'put' | 'patch' | 'delete' | 'deletecollection';

function pathsOf(resource: ResourceDefinition): readonly (readonly [string, OpenApiObject])[] {
  const { group, version, plural, namespaced } = resource;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`;
  const statusPath = resource.subresources.some(({ name }) => name === 'status') ? [[`${collection}/{name}/status`, operations(resource, ['get', 'put', 'patch'])] as const] : [];
  if (!resource.verbs.includes('get')) return [[collection, operations(resource, ['post'])]];
  return [
    [collection, operations(resource, ['list', 'post', 'deletecollection'])],
    [`${collection}/{name}`, operations(resource, ['get', 'put', 'patch', 'delete'])],
    ...statusPath,
    ...(namespaced ? [[`${root}/${plural}`, operations(resource, ['list'])] as const] : []),
  ];
}

const METHODS: Readonly<Record<Action, string>> = { list: 'get', get: 'get', post: 'post', put: 'put', patch: 'patch', delete: 'delete', deletecollection: 'delete' };
const VERBS: Readonly<Record<Action, string>> = { list: 'list', get: 'get', post: 'create', put: 'update', patch: 'patch', delete: 'delete', deletecollection: 'deletecollection' };
const WRITES: readonly Action[] = ['post', 'put', 'patch'];

function operations(resource: ResourceDefinition, actions: readonly Action[]): OpenApiObject {
  return Object.fromEntries(actions.filter((action) => resource.verbs.includes(VERBS[action])).map((action) => [METHODS[action], operation(resource, action)]));
}

function operation(resource: ResourceDefinition, action: Action): OpenApiObject {
  const { group, version, kind, schemaName } = resource;
  const reference = { $ref: `#/components/schemas/${action === 'list' ? `${schemaName}List` : schemaName}` };
  const parameters = WRITES.includes(action) ? ['dryRun', 'fieldManager', 'fieldValidation'] : action === 'delete' ? ['dryRun'] : [];
  return {
    tags: [apiVersionOf(resource).replace(/[./]/g, '_')],
    parameters: [...parameters.map(queryParameter), ...(action === 'patch' ? [{ name: 'force', in: 'query', schema: { type: 'boolean', uniqueItems: true } }] : [])],
    ...(action === 'patch' ? { requestBody: patchBody(resource.custom) } : {}),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema: reference } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  };
}

function queryParameter(name: string): OpenApiObject {
  return { name, in: 'query', schema: { type: 'string', uniqueItems: true } };
}

function patchBody(isCustom: boolean): OpenApiObject {
  const types = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json', ...(isCustom ? [] : ['application/strategic-merge-patch+json'])];
  return { content: Object.fromEntries(types.map((type) => [type, { schema: { type: 'object' } }])), required: true };
}
