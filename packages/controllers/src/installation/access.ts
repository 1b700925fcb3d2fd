import type { Resource } from '@vfleet/core';
import { configMaps, webhookNames } from '@vfleet/core';
import {
  configMapResource, events, leases, mutatingWebhookConfigurations, namespaces, networkAttachmentDefinitions, nodePolicies, nodeStates, nodes, operatorConfigs, ovsNetworks,
  podDisruptionBudgets, pods, poolConfigs, secrets, sriovIbNetworks, sriovNetworks, validatingWebhookConfigurations,
} from '@vfleet/kube';
import { AUTHORITY_SECRET, SERVING_SECRET } from '../admission/certificates/keeper.ts';
import { LEASE_NAME } from '../operator/operator.ts';
import { nodeSlicePools } from '../ipam/node-slices.ts';
import { ipPools, ipReservations } from '../ipam/whereabouts.ts';

/** Verbs as the API server's authorizer asks for them (kubernetes.io/docs/reference/access-authn-authz/authorization). */
export type AccessVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** What a component may do to one resource. */
export interface Grant {
  readonly resource: Resource;
  readonly subresource?: 'status' | 'eviction';
  readonly verbs: readonly AccessVerb[];
  /** Only objects of these names. RBAC cannot restrict `create` so, except for apply, which names what it creates. */
  readonly names?: readonly string[];
  /** Where: `own` is the operator's namespace. Everywhere, for resources of the cluster and where it cannot be known before. */
  readonly in: 'own' | 'kube-system' | 'everywhere';
  /** What for, in one line. */
  readonly why: string;
}

export type Component = 'operator' | 'node';

const follow: readonly AccessVerb[] = ['list', 'watch'];
const networkKinds: readonly Resource[] = [sriovNetworks, sriovIbNetworks, ovsNetworks];

/** What the operator needs, with admission: nothing else, which a test shows by comparing it with what is asked for. */
const operatorAccess: readonly Grant[] = [
  { resource: leases, verbs: ['create'], in: 'own', why: 'the first replica makes the Lease by which they elect one' },
  { resource: leases, verbs: ['get', 'update'], names: [LEASE_NAME], in: 'own', why: 'leader election' },
  { resource: nodes, verbs: [...follow, 'patch'], in: 'everywhere', why: 'nodes are selected by labels, cordoned for a drain, and labelled for the device plugin' },
  { resource: nodeStates, verbs: [...follow, 'create', 'patch', 'delete'], in: 'own', why: 'node states are rendered, and cleaned up after their nodes' },
  { resource: nodeStates, subresource: 'status', verbs: ['patch'], in: 'own', why: 'conditions that say why a drain waits' },
  { resource: nodePolicies, verbs: follow, in: 'own', why: 'policies are rendered into node states' },
  { resource: nodePolicies, subresource: 'status', verbs: ['patch'], in: 'own', why: 'conditions of policies' },
  { resource: poolConfigs, verbs: [...follow, 'patch'], in: 'own', why: 'pools limit drains; the patch is the finalizer' },
  { resource: poolConfigs, subresource: 'status', verbs: ['patch'], in: 'own', why: 'conditions of pools' },
  { resource: operatorConfigs, verbs: [...follow, 'create', 'patch'], in: 'own', why: 'the default configuration is made once; the patch is the finalizer' },
  { resource: operatorConfigs, subresource: 'status', verbs: ['patch'], in: 'own', why: 'conditions of the configuration' },
  { resource: configMapResource, verbs: [...follow, 'create'], in: 'own', why: 'supported NICs and switches of the injector are read; the configuration of device plugins is made' },
  { resource: configMapResource, verbs: ['patch'], names: [configMaps.devicePluginConfig], in: 'own', why: 'the configuration of device plugins' },
  ...networkKinds.flatMap((resource): readonly Grant[] => [
    { resource, verbs: ['get', ...follow, 'patch'], in: 'everywhere', why: 'networks are rendered; admission looks one up that is not rendered yet; the patch is the finalizer' },
    { resource, subresource: 'status', verbs: ['patch'], in: 'everywhere', why: 'conditions of networks' },
  ]),
  { resource: networkAttachmentDefinitions, verbs: ['get', ...follow, 'create', 'patch', 'delete'], in: 'everywhere', why: 'networks are rendered to where they are wanted; the injector looks them up' },
  { resource: namespaces, verbs: follow, in: 'everywhere', why: 'a network waits for the namespace that it is wanted in' },
  { resource: pods, verbs: ['get', ...follow], in: 'everywhere', why: 'a drain follows the pods of its node; addresses go back of pods that are gone' },
  { resource: ipPools, verbs: ['list', 'update'], in: 'kube-system', why: 'addresses of pods that are gone' },
  { resource: ipReservations, verbs: ['list', 'delete'], in: 'kube-system', why: 'the same' },
  { resource: pods, subresource: 'eviction', verbs: ['create'], in: 'everywhere', why: 'a drain evicts' },
  { resource: podDisruptionBudgets, verbs: ['list'], in: 'everywhere', why: 'a drain names the budget that blocks it' },
  { resource: events, verbs: ['create', 'patch'], in: 'everywhere', why: 'Events are beside what they are about; repeats are counted on the first' },
  { resource: secrets, verbs: ['create'], in: 'own', why: 'certificates of the webhooks are issued' },
  { resource: secrets, verbs: ['get', ...follow, 'update'], names: [AUTHORITY_SECRET, SERVING_SECRET], in: 'own', why: 'certificates of the webhooks are shared by replicas and renewed' },
  { resource: mutatingWebhookConfigurations, verbs: ['create', 'patch', 'delete'], names: [webhookNames.operatorConfiguration, webhookNames.injectorConfiguration], in: 'everywhere', why: 'webhooks are applied with the authority that is trusted, and switched off' },
  { resource: validatingWebhookConfigurations, verbs: ['create', 'patch', 'delete'], names: [webhookNames.operatorConfiguration], in: 'everywhere', why: 'the same' },
];

/** What the daemon of a node needs: config daemon, device plugin, CNI. RBAC cannot restrict it to the objects of its own node. */
const nodeAccess: readonly Grant[] = [
  { resource: nodeStates, verbs: ['get', ...follow], in: 'own', why: 'the state that this node is to have' },
  { resource: nodeStates, subresource: 'status', verbs: ['patch'], in: 'own', why: 'what the NICs are like is reported' },
  { resource: operatorConfigs, verbs: follow, names: ['default'], in: 'own', why: 'switches that concern nodes' },
  { resource: configMapResource, verbs: follow, names: [configMaps.devicePluginConfig], in: 'own', why: 'the resources that VFs are offered as' },
  { resource: configMapResource, verbs: follow, names: [configMaps.standaloneDevicePluginConfig], in: 'kube-system', why: 'the same, from users of the stand-alone device plugin' },
  { resource: nodes, verbs: ['get', 'patch'], in: 'everywhere', why: 'a drain is asked for, and taken back, by an annotation' },
  { resource: pods, verbs: ['get', ...follow], in: 'everywhere', why: 'CNI reads the networks of a pod; who holds a VF that a program drives is not seen otherwise' },
  { resource: pods, subresource: 'status', verbs: ['patch'], in: 'everywhere', why: 'the network status of a pod, an annotation, where there is no Multus' },
  { resource: networkAttachmentDefinitions, verbs: ['get'], in: 'everywhere', why: 'the networks that a pod names, where there is no Multus' },
  { resource: ipPools, verbs: ['get', 'create', 'update'], in: 'kube-system', why: 'addresses by whereabouts' },
  { resource: nodeSlicePools, verbs: ['get', 'create', 'update'], in: 'kube-system', why: 'the node\'s part of a range, with node_slice_size' },
  { resource: nodeSlicePools, subresource: 'status', verbs: ['update'], in: 'kube-system', why: 'a node without a part takes one; releases of whereabouts differ in whether the status is a subresource' },
  { resource: ipReservations, verbs: ['get', 'create', 'delete'], in: 'kube-system', why: 'addresses by whereabouts' },
  { resource: events, verbs: ['create', 'patch'], in: 'everywhere', why: 'Events are beside what they are about; repeats are counted on the first' },
];

/** Everything that a component may do in a cluster. */
export const access: Readonly<Record<Component, readonly Grant[]>> = { operator: operatorAccess, node: nodeAccess };

/** One verb of one grant, as a text that can be compared: `patch pods/status everywhere`, `get secrets own vfleet-webhook-ca`. */
export function grantedTexts(component: Component): ReadonlySet<string> {
  return new Set(access[component].flatMap((grant) => grant.verbs.flatMap((verb) => (grant.names ?? ['']).map((name) => accessText({ ...grant, verb, name })))));
}

export function accessText({ resource, subresource, verb, name, in: where }: { readonly resource: Pick<Resource, 'group' | 'plural'>; readonly subresource?: string; readonly verb: string; readonly name: string; readonly in: Grant['in'] }): string {
  const { group, plural } = resource;
  return `${verb} ${plural}${subresource === undefined || subresource === '' ? '' : `/${subresource}`}${group === '' ? '' : `.${group}`} ${where}${name === '' ? '' : ` ${name}`}`;
}

/** A request as an authorizer sees it. */
export interface AccessRequest {
  readonly verb: AccessVerb;
  readonly resource: Pick<Resource, 'group' | 'plural'>;
  readonly subresource: string;
  /** Absent for resources of the cluster, and for lists of all namespaces. */
  readonly namespace?: string;
  /** Absent for lists, and for `create` of what is no apply. */
  readonly name?: string;
}

/** The grant that allows a request, as the RBAC authorizer finds it (kubernetes plugin/pkg/auth/authorizer/rbac); undefined: 403. */
export function grantFor(component: Component, ownNamespace: string, request: AccessRequest): Grant | undefined {
  return access[component].find((grant) =>
    grant.resource.group === request.resource.group && grant.resource.plural === request.resource.plural && (grant.subresource ?? '') === request.subresource && grant.verbs.includes(request.verb) &&
    (grant.names === undefined || (request.name !== undefined && grant.names.includes(request.name))) &&
    (grant.in === 'everywhere' || request.namespace === (grant.in === 'own' ? ownNamespace : grant.in)));
}
