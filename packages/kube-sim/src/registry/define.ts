import { fieldText, isSelectableField } from '@vfleet/kube/selectors/index.ts';
import { unknownMergeSchema } from '../patch/merge-schema.ts';
import { EMPTY_SET, setOfPath, union } from '../apply/field-set.ts';
import type { FieldSet } from '../apply/field-set.ts';
import { EMPTY_OBJECT } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import type { ResourceDefinition, Subresource } from './definition.ts';
import { plainStrategy, statusStrategy } from './strategies.ts';
import type { Strategy } from './strategy.ts';
import { plainTable } from '../table/plain.ts';

export const ALL_VERBS: readonly string[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const PARTIAL_VERBS: readonly string[] = ['get', 'patch', 'update'];

const STATUS = setOfPath(['f:status']);
const SPEC = setOfPath(['f:spec']);

/** What has to be said of a resource; the rest follows from it. */
export interface Definition extends Partial<Omit<ResourceDefinition, 'group' | 'version' | 'kind' | 'plural' | 'namespaced' | 'decode'>> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly decode: ResourceDefinition['decode'];
  /** A status subresource with PUT and PATCH; its strategy, or true for the ordinary one. */
  readonly status?: Strategy | true;
  /** Paths beyond `spec` that a status update leaves alone. */
  readonly statusResets?: readonly (readonly string[])[];
}

export function defineResource(definition: Definition): ResourceDefinition {
  const { status, statusResets = [], ...given } = definition;
  const resets: Readonly<Record<string, FieldSet>> = {
    '': status === undefined ? EMPTY_SET : STATUS,
    status: statusResets.map((path) => setOfPath(path.map((name) => `f:${name}`))).reduce(union, SPEC),
    finalize: STATUS,
  };
  const identity = (object: ApiObject) => object;
  const name = { group: given.group, plural: given.plural, namespaced: given.namespaced };
  const statusSubresource: readonly Subresource[] = status === undefined ? [] : [{ name: 'status', kind: given.kind, verbs: PARTIAL_VERBS }];
  return {
    listKind: `${given.kind}List`,
    singular: given.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    verbs: ALL_VERBS,
    storage: given.group === '' ? given.plural : `${given.plural}.${given.group}`,
    storageGroup: given.group,
    storageVersion: given.version,
    custom: false,
    schemaName: `io.k8s.api.${(given.group === '' ? 'core' : given.group.replace(/\.k8s\.io$/, '').split('.')[0])}.${given.version}.${given.kind}`,
    strategy: plainStrategy,
    fromStored: identity,
    toStored: identity,
    isSelectableField: (field) => isSelectableField(name, field),
    hasOwnSelectableFields: false,
    fieldText,
    resetFields: (subresource) => resets[subresource] ?? EMPTY_SET,
    emptyObject: () => EMPTY_OBJECT,
    indexedFields: [],
    table: plainTable,
    mergeSchema: unknownMergeSchema,
    ...given,
    subresources: [...statusSubresource, ...(given.subresources ?? [])],
    subresourceStrategies: {
      ...(status === undefined ? {} : { status: status === true ? statusStrategy : status }),
      ...given.subresourceStrategies,
    },
  };
}
