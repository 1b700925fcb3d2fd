import { webhookStrategy } from '../admission/webhooks/validate-configuration.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { defineResource } from '../registry/define.ts';
import type { Definition } from '../registry/define.ts';
import { plainStrategy } from '../registry/strategies.ts';
import type { Strategy } from '../registry/strategy.ts';
import { builtinTable } from '../table/builtin/tables.ts';
import { goDecoder } from './decode.ts';
import type { FindKind } from './decode.ts';
import { publishedTypes } from '../schemas/published.ts';
import { goMergeSchema } from '../schema/go-merge-schema.ts';
import { storedForm } from '../schema/stored-form.ts';
import type { GoStruct } from '../schema/go-type.ts';
import { once } from '../values/once.ts';
import type { MergeSchema } from '../patch/merge-schema.ts';
import { newerEvent } from './newer-event.ts';
import { namespaceFinalizeStrategy, namespaceStatusStrategy, namespaceStrategy } from './namespace.ts';
import { nodeStatusStrategy, nodeStrategy } from './node.ts';
import type { ServiceAllocations } from './services/allocations.ts';
import { serviceStatusStrategy, serviceStrategy } from './services/strategy.ts';
import { budgetStatusStrategy, budgetStrategy, configMapStrategy, createOnUpdate, eventStrategy, leaseStrategy, roleBindingStrategy, roleStrategy, secretStrategy } from './config-strategies.ts';
import { daemonSetStrategy, deploymentStrategy, replicaSetStrategy, workloadStatusStrategy } from './workloads/strategies.ts';
import { jobStatusStrategy, jobStrategy } from './workloads/job.ts';
import { podStatusStrategy, podStrategy } from './pod.ts';
import { crdStatusStrategy, crdStrategy } from '../crd/crd-strategy.ts';
import { workloadScale } from '../subresources/scale.ts';

type Kind = Omit<Definition, 'decode'>;

const SERVICE_FIELDS: readonly string[] = ['metadata.name', 'metadata.namespace', 'spec.clusterIP', 'spec.type'];

function coreKinds(services: ServiceAllocations): readonly Kind[] {
  return [
    { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false, shortNames: ['ns'], strategy: namespaceStrategy, status: namespaceStatusStrategy, hasOwnSelectableFields: true, verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'], subresources: [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }], subresourceStrategies: { finalize: namespaceFinalizeStrategy } },
    { group: '', version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false, shortNames: ['no'], strategy: nodeStrategy, status: nodeStatusStrategy, hasOwnSelectableFields: true },
    { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true, shortNames: ['po'], categories: ['all'], strategy: podStrategy, status: podStatusStrategy, statusResets: [['metadata', 'deletionTimestamp'], ['metadata', 'ownerReferences']], hasOwnSelectableFields: true, indexedFields: ['spec.nodeName'], subresourceStrategies: { binding: plainStrategy, eviction: plainStrategy }, subresources: [{ name: 'binding', kind: 'Binding', verbs: ['create'] }, { name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] }, { name: 'log', kind: 'Pod', verbs: ['get'] }, { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] }, { name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] }, { name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] }] },
    { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true, shortNames: ['cm'], strategy: configMapStrategy },
    { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true, hasOwnSelectableFields: true, strategy: secretStrategy },
    { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true, shortNames: ['ev'], strategy: eventStrategy, hasOwnSelectableFields: true },
    { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true, shortNames: ['svc'], categories: ['all'], strategy: serviceStrategy(services), status: serviceStatusStrategy, hasOwnSelectableFields: true, isSelectableField: (field) => SERVICE_FIELDS.includes(field) },
    { group: '', version: 'v1', kind: 'Endpoints', plural: 'endpoints', singular: 'endpoints', listKind: 'EndpointsList', namespaced: true, shortNames: ['ep'], strategy: createOnUpdate },
    { group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true, shortNames: ['sa'], strategy: { ...plainStrategy, returnsDeletedObject: true } },
  ];
}

const rbac = (kind: string, plural: string, namespaced: boolean, strategy: Strategy): Kind => ({ group: 'rbac.authorization.k8s.io', version: 'v1', kind, plural, namespaced, strategy });
const workload = (kind: 'DaemonSet' | 'Deployment' | 'ReplicaSet', plural: string, shortNames: readonly string[], strategy: Strategy): Kind => ({ group: 'apps', version: 'v1', kind, plural, namespaced: true, shortNames, categories: ['all'], strategy, status: workloadStatusStrategy(kind) });
const webhook = (kind: string, plural: string): Kind => ({ group: 'admissionregistration.k8s.io', version: 'v1', kind, plural, namespaced: false, categories: ['api-extensions'], strategy: webhookStrategy });

const scalable = (strategy: Strategy): Partial<Kind> => ({ scale: workloadScale, subresourceStrategies: { scale: strategy }, subresources: [{ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] }] });

const GROUPS: readonly Kind[] = [
  workload('DaemonSet', 'daemonsets', ['ds'], daemonSetStrategy),
  { ...workload('Deployment', 'deployments', ['deploy'], deploymentStrategy), ...scalable(deploymentStrategy), statusResets: [['metadata', 'labels']] },
  { ...workload('ReplicaSet', 'replicasets', ['rs'], replicaSetStrategy), ...scalable(replicaSetStrategy) },
  { group: 'batch', version: 'v1', kind: 'Job', plural: 'jobs', namespaced: true, categories: ['all'], strategy: jobStrategy, status: jobStatusStrategy, hasOwnSelectableFields: true },
  { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true, strategy: leaseStrategy },
  newerEvent,
  { group: 'policy', version: 'v1', kind: 'PodDisruptionBudget', plural: 'poddisruptionbudgets', namespaced: true, shortNames: ['pdb'], strategy: budgetStrategy, status: budgetStatusStrategy },
  rbac('Role', 'roles', true, roleStrategy),
  rbac('ClusterRole', 'clusterroles', false, roleStrategy),
  rbac('RoleBinding', 'rolebindings', true, roleBindingStrategy),
  rbac('ClusterRoleBinding', 'clusterrolebindings', false, roleBindingStrategy),
  { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false, storageVersion: 'v1beta1', shortNames: ['crd', 'crds'], categories: ['api-extensions'], strategy: crdStrategy, schemaName: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition', status: crdStatusStrategy, statusResets: [['metadata']] },
  webhook('MutatingWebhookConfiguration', 'mutatingwebhookconfigurations'),
  webhook('ValidatingWebhookConfiguration', 'validatingwebhookconfigurations'),
];

/** What is only posted, and answered at once. */
const REQUESTS: readonly Kind[] = [
  { group: '', version: 'v1', kind: 'Binding', plural: 'bindings', namespaced: true, verbs: ['create'] },
  ...['SelfSubjectReview', 'TokenReview'].map((kind): Kind => ({ group: 'authentication.k8s.io', version: 'v1', kind, plural: `${kind.toLowerCase()}s`, namespaced: false, verbs: ['create'] })),
  ...['SelfSubjectAccessReview', 'SelfSubjectRulesReview', 'SubjectAccessReview'].map((kind): Kind => ({ group: 'authorization.k8s.io', version: 'v1', kind, plural: `${kind.toLowerCase()}s`, namespaced: false, verbs: ['create'] })),
  { group: 'authorization.k8s.io', version: 'v1', kind: 'LocalSubjectAccessReview', plural: 'localsubjectaccessreviews', namespaced: true, verbs: ['create'] },
];

/** The kinds this server has without any CustomResourceDefinition. */
export function builtinResources(findKind: FindKind, services: ServiceAllocations): readonly ResourceDefinition[] {
  return [...coreKinds(services), ...GROUPS, ...REQUESTS].map((kind) => {
    const { group, version } = kind;
    // Compiled when the kind is first used: most servers use few of them.
    let type: GoStruct | undefined;
    const typeOf = () => (type ??= publishedTypes().ofKind(group, version, kind.kind));
    let decode: ResourceDefinition['decode'] | undefined;
    return defineResource({
      ...kind,
      decode: (value, normal) => (decode ??= goDecoder(group, version, kind.kind, typeOf(), findKind))(value, normal),
      mergeSchema: lazyMergeSchema(typeOf),
      goType: typeOf,
      // Definitions of custom resources are stored as JSON.
      ...(group === 'apiextensions.k8s.io' || kind.toStored !== undefined ? {} : { toStored: (object) => storedForm(object, typeOf()) }),
      emptyObject: once(() => Object.freeze(Object.fromEntries(typeOf().always))),
      table: builtinTable(group, version, kind.kind),
    });
  });
}

function lazyMergeSchema(typeOf: () => GoStruct): MergeSchema {
  return { field: (name) => goMergeSchema(typeOf()).field(name), patchStrategy: [], listMapKeys: [], type: 'object' };
}
