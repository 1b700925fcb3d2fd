import { once } from '../values/once.ts';
import { badRequestError, UndecodableError } from '../errors/status.ts';
import type { StatusError } from '../errors/status.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { defineResource } from '../registry/define.ts';
import { keepingStatus, plainStrategy, withoutStatus, withStatusOf } from '../registry/strategies.ts';
import type { Strategy } from '../registry/strategy.ts';
import { typeMetaProblem } from '../registry/type-meta.ts';
import { GoDecodeError, goDecode } from '../schema/go-decode.ts';
import type { GoStruct } from '../schema/go-type.ts';
import { publishedTypes } from '../schemas/published.ts';
import { applyDefaults } from '../schema/default.ts';
import { prune } from '../schema/prune.ts';
import type { SchemaNode } from '../schema/structural.ts';
import { EMPTY_OBJECT, equalJson, frozen, getOwn, isObject, jsonTypeName, withFields, withMeta } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import { compareVersions } from '../discovery/discovery.ts';
import { customSchemaName } from '../discovery/custom-openapi.ts';
import type { CrdSpec, CrdVersion } from './crd-types.ts';
import { scaleSubresource } from './crd-types.ts';
import { customTable } from './columns.ts';
import { customProblems, customRules, customStatusProblems, customWarnings } from './custom-validation.ts';
import type { CustomRules } from './custom-validation.ts';
import { emptyParts, schemaOf, storedVersions } from './stored-versions.ts';
import { selectableFields } from './selectable-fields.ts';
import { customMergeSchema } from './structural-merge-schema.ts';

/** In the order in which their discovery lists them. */
const CUSTOM_VERBS: readonly string[] = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

/** One served version of a custom resource as a resource of this server. */
export function customResource(spec: CrdSpec, version: CrdVersion): ResourceDefinition {
  const { group, names } = spec;
  const node = schemaOf(version);
  const hasStatus = version.subresources?.status !== undefined;
  const apiVersion = `${group}/${version.name}`;
  const { read, write } = storedVersions(spec, version, node);
  const said = customRules(names.kind, node, version.subresources?.scale);
  const strategy = customStrategy(said, hasStatus);
  return defineResource({
    group,
    version: version.name,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: spec.scope === 'Namespaced',
    storageVersion: spec.versions.find((candidate) => candidate.storage)!.name,
    custom: true,
    schemaName: customSchemaName(group, version.name, names.kind),
    ...(version.schema?.openAPIV3Schema === undefined ? {} : { customSchema: version.schema.openAPIV3Schema }),
    strategy,
    decode: customDecoder(apiVersion, names.kind, node),
    decodeApplied: customDecoder(apiVersion, names.kind, node, true),
    fromStored: read,
    toStored: write,
    verbs: CUSTOM_VERBS,
    subresources: scaleSubresource(version),
    ...customScale(version, strategy),
    table: customTable(version),
    ...selectableFields(spec, version),
    mergeSchema: customMergeSchema(node),
    ...deprecation(group, version, spec),
    ...(hasStatus ? { status: customStatusStrategy(strategy, said) } : {}),
  });
}

/** What every answer in a deprecated version says: its own sentence, or one that names the version to use. */
function deprecation(group: string, { name, deprecated, deprecationWarning }: CrdVersion, { names: { kind }, versions }: CrdSpec): Pick<ResourceDefinition, 'deprecationWarning'> {
  if (deprecated !== true) return {};
  const better = versions.filter((version) => version.served && version.deprecated !== true).map((version) => version.name).sort(compareVersions)[0];
  const hint = better !== undefined && compareVersions(better, name) < 0 ? `; use ${group}/${better} ${kind}` : '';
  return { deprecationWarning: deprecationWarning ?? `${group}/${name} ${kind} is deprecated${hint}` };
}

/** The scale subresource of a definition: paths of plain fields, as its validation has it. */
function customScale({ subresources }: CrdVersion, strategy: Strategy): Pick<ResourceDefinition, 'scale' | 'subresourceStrategies'> | undefined {
  const said = subresources?.scale;
  if (said === undefined) return undefined;
  const steps = (path: string) => path.replace(/^\./, '').split('.');
  const selectorPath = said.labelSelectorPath === undefined ? [] : steps(said.labelSelectorPath);
  const selector = (object: ApiObject) => (selectorPath.length === 0 ? '' : selectorPath.reduce<unknown>((at, step) => (isObject(at) ? getOwn(at, step) : undefined), object));
  return {
    scale: { specPath: steps(said.specReplicasPath), statusPath: steps(said.statusReplicasPath), selector: (object) => String(selector(object) ?? '') },
    subresourceStrategies: { scale: strategy },
  };
}

/** What server-side apply has made keeps its nulls, to be refused, and the empty parts of its metadata. */
function customDecoder(apiVersion: string, kind: string, node: SchemaNode, isApplied = false): ResourceDefinition['decode'] {
  return (value, normal) => {
    if (!isObject(value)) throw badRequestError(`error decoding: json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value of type map[string]interface {}`);
    const problem = typeMetaProblem(value);
    if (problem !== undefined) throw badRequestError(`couldn't get version/kind; json parse error: ${problem}`);
    const said = { apiVersion: value['apiVersion'] ?? apiVersion, kind: value['kind'] ?? kind };
    if (said.apiVersion !== apiVersion) throw badRequestError(`the API version in the data (${String(said.apiVersion)}) does not match the expected API version (${apiVersion})`);
    const strictProblems: string[] = [];
    const metadata = decodeMetadata(value['metadata'], normal?.metadata, (path) => strictProblems.push(`unknown field "metadata.${path}"`), (why) => new UndecodableError({ kind, version: apiVersion.split('/')[1]! }, kind, why));
    const typed = withFields(value, { ...said, metadata: isApplied ? { ...emptyParts(value['metadata']), ...metadata } : metadata });
    const unknown: string[] = [];
    const pruned = prune(typed, node, '', { unknown: (path) => unknown.push(`unknown field "${path}"`), keepsNulls: isApplied }, true) as JsonObject;
    strictProblems.push(...unknown.sort());
    return { object: frozen(applyDefaults(pruned, node), normal) as ApiObject, strictProblems, fieldErrors: [] };
  };
}

/** Metadata is of one type, whatever the definition says of it. */
function decodeMetadata(value: unknown, normal: ApiObject['metadata'] | undefined, unknown: (path: string) => void, refusal: (why: string) => StatusError): JsonObject {
  if (value === undefined || value === null) return EMPTY_OBJECT;
  if (!isObject(value)) throw refusal(`json: cannot unmarshal ${jsonTypeName(value)} into Go value of type v1.ObjectMeta`);
  try {
    return goDecode(value, objectMeta(), { unknown, defaults: NO_DEFAULTS }, normal as JsonObject | undefined);
  } catch (error) {
    if (error instanceof GoDecodeError) throw refusal(error.message);
    throw error;
  }
}

const NO_DEFAULTS: ReadonlyMap<string, never> = new Map<string, never>([]);
// A struct by its definition: the generated schemas have nothing else under this name.
const objectMeta = once(() => publishedTypes().ofDefinition('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta') as GoStruct);

function customStrategy(said: CustomRules, hasStatus: boolean): Strategy {
  return {
    ...plainStrategy,
    metaChecksOnUpdate: ['change'],
    needsQualifiedFinalizers: false,
    hasGeneration: true,
    allowUnconditionalUpdate: false,
    prepareForCreate: (object) => (hasStatus ? withoutStatus(object) : object),
    validateCreate: (object) => customProblems(said, object, undefined),
    prepareForUpdate: (next, previous) => {
      const kept = hasStatus ? keepingStatus(next, previous) : next;
      return equalJson(generationContent(kept, hasStatus), generationContent(previous, hasStatus)) ? kept : withMeta(kept, { generation: (previous.metadata.generation ?? 0) + 1 });
    },
    validateUpdate: (next, previous) => customProblems(said, next, previous),
    warnings: (next, previous) => customWarnings(said, next, previous),
  };
}

/** What counts for metadata.generation: everything but metadata and, where it is a subresource, status. */
function generationContent(object: ApiObject, hasStatus: boolean): JsonObject {
  return withFields(object, { metadata: undefined, ...(hasStatus ? { status: undefined } : {}) });
}

/** A status update takes status, and managedFields, and nothing else. */
function customStatusStrategy(main: Strategy, said: CustomRules): Strategy {
  return {
    ...main,
    prepareForUpdate: (next, previous) => {
      const metadata = { ...previous.metadata, resourceVersion: next.metadata.resourceVersion, managedFields: next.metadata.managedFields };
      return withFields(withStatusOf(next, previous), { metadata: withFields(metadata as unknown as JsonObject, {}) });
    },
    validateUpdate: (next, previous) => customStatusProblems(said, next, previous),
  };
}
