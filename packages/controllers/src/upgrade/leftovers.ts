import type { Clock, Kube, KubeObject, Resource } from '@vfleet/core';
import { webhookNames } from '@vfleet/core';
import { daemonSets, deployments, leases, mutatingWebhookConfigurations, pods, secrets, serviceAccounts, services, validatingWebhookConfigurations } from '@vfleet/kube';
import { FIELD_MANAGER } from '../admission/webhook-installer.ts';
import type { Removal } from '../uninstall/removal.ts';
import { listEvery } from '../uninstall/requests.ts';
import { takeDrainsOver } from './drains.ts';

/**
 * `blocks`: ours of the same name cannot be applied over it. `disturbs`: it works against ours, or can. `idle`: it does nothing any more.
 */
export type LeftoverEffect = 'blocks' | 'disturbs' | 'idle';

/** Something of the Go operator that is not taken over. */
export interface Leftover {
  readonly resource: Resource;
  readonly key: { readonly namespace?: string; readonly name: string };
  readonly effect: LeftoverEffect;
  readonly why: string;
}

/** Labels of the pods of the Go operator itself (its deploy/operator.yaml, and its Helm chart). */
const OPERATOR_PODS = { name: 'sriov-network-operator' } as const;

/** Its DaemonSets, by the label `app` of their pods (its bindata/manifests). */
const DAEMONS: Readonly<Record<string, readonly [effect: LeftoverEffect, why: string]>> = {
  'sriov-network-config-daemon': ['blocks', 'a DaemonSet\'s selector cannot change, and it would configure the same NICs'],
  'sriov-device-plugin': ['disturbs', 'it offers the same VFs to kubelets under the same names'],
  'sriov-cni': ['idle', 'it installed the CNI plugin of earlier versions'],
  'operator-webhook': ['idle', 'nobody asks it any more'],
  'network-resources-injector': ['idle', 'nobody asks it any more'],
  'sriov-network-metrics-exporter': ['idle', 'the daemon has the statistics of VFs itself'],
};

const RBAC = 'rbac.authorization.k8s.io';
const rbac = (plural: string, kind: string, namespaced: boolean): Resource => ({ group: RBAC, version: 'v1', plural, kind, namespaced });
const networkPolicies: Resource = { group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies', kind: 'NetworkPolicy', namespaced: true };

const UNUSED = 'nobody uses it any more';
/** What is known by its name alone: nothing of ours has it. */
const NAMED: readonly (readonly [resource: Resource, names: readonly string[], why: string])[] = [
  [leases, ['a56def2a.openshift.io', 'config-daemon-draining-lock'], 'leader election and drain lock of earlier versions'],
  [serviceAccounts, ['operator-webhook-sa', 'network-resources-injector-sa', 'sriov-device-plugin', 'sriov-cni', 'metrics-exporter-sa'], UNUSED],
  [rbac('clusterrolebindings', 'ClusterRoleBinding', false), ['operator-webhook-role-binding', 'network-resources-injector-role-binding', 'sriov-metrics-kube-rbac-rolebinding'], UNUSED],
  [rbac('clusterroles', 'ClusterRole', false), ['operator-webhook', 'network-resources-injector', 'sriov-metrics-kube-rbac-role'], UNUSED],
  [rbac('rolebindings', 'RoleBinding', true), ['operator-webhook-sa', 'sriov-device-plugin', 'sriov-device-plugin-pod-access', 'metrics-exporter-rb'], UNUSED],
  [rbac('roles', 'Role', true), ['operator-webhook-sa', 'sriov-plugin', 'sriov-device-plugin-pod-access', 'metrics-exporter-role'], UNUSED],
  [networkPolicies, ['operator-webhook-allow-traffic-api-server', 'network-resources-injector-allow-traffic-api-server'], UNUSED],
];

/** What the chart of the Go operator names after its release, with its rights, unless the release has the operator's own name: then it is as ours, and taken over. */
const OF_RELEASE: readonly Resource[] = [rbac('clusterrolebindings', 'ClusterRoleBinding', false), rbac('clusterroles', 'ClusterRole', false), rbac('rolebindings', 'RoleBinding', true), rbac('roles', 'Role', true), serviceAccounts];

const WEBHOOKS: readonly Resource[] = [mutatingWebhookConfigurations, validatingWebhookConfigurations];
/** The last one is of versions of long ago. */
const WEBHOOK_NAMES: readonly string[] = [webhookNames.operatorConfiguration, webhookNames.injectorConfiguration, 'operator-webhook-config'];

type WithSelector = KubeObject & { readonly spec?: { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } } };

/** What the Go operator left in a cluster beside what is taken over, in the order in which it has to go: who would make the rest again is first. */
export async function findLeftovers(kube: Kube, namespace: string): Promise<readonly Leftover[]> {
  const found: Leftover[] = [];
  const add = (resource: Resource, { metadata }: KubeObject, effect: LeftoverEffect, why: string) => void found.push({ resource, key: metadata.namespace === undefined ? { name: metadata.name } : { namespace: metadata.namespace, name: metadata.name }, effect, why });
  const label = (object: KubeObject, name: string) => (object as WithSelector).spec?.selector?.matchLabels?.[name];
  const releases = new Set<string>();
  for (const deployment of await listEvery(kube, deployments, { namespace })) {
    if (label(deployment, 'name') !== OPERATOR_PODS.name) continue;
    add(deployments, deployment, 'blocks', 'a Deployment\'s selector cannot change, and two operators would undo each other\'s work');
    const release = deployment.metadata.annotations?.['meta.helm.sh/release-name'];
    if (release !== undefined) releases.add(release);
  }
  for (const release of releases) {
    for (const record of await listEvery(kube, secrets, { namespace, labelSelector: `owner=helm,name=${release}` })) add(secrets, record, 'disturbs', `by it "helm uninstall ${release}" would delete the SriovOperatorConfig, and all node states with it`);
  }
  for (const resource of WEBHOOKS) {
    for (const configuration of await listEvery(kube, resource)) {
      if (WEBHOOK_NAMES.includes(configuration.metadata.name) && !isApplied(configuration)) add(resource, configuration, 'disturbs', 'it refuses objects once nobody answers for it; ours takes its place');
    }
  }
  for (const daemon of await listEvery(kube, daemonSets, { namespace })) {
    const app = label(daemon, 'app') ?? '';
    const known = Object.hasOwn(DAEMONS, app) ? DAEMONS[app] : undefined;
    if (known !== undefined) add(daemonSets, daemon, ...known);
  }
  for (const service of await listEvery(kube, services, { namespace })) {
    const app = service.spec?.selector?.['app'] ?? '';
    if (Object.hasOwn(DAEMONS, app)) add(services, service, 'disturbs', 'its selector leads to pods that are not ours');
  }
  for (const [resource, names, why] of NAMED) {
    for (const object of await listEvery(kube, resource, resource.namespaced ? { namespace } : {})) if (names.includes(object.metadata.name)) add(resource, object, 'idle', why);
  }
  for (const resource of OF_RELEASE) {
    for (const object of await listEvery(kube, resource, resource.namespaced ? { namespace } : {})) if (isOfRelease(object, namespace)) add(resource, object, 'idle', 'the rights of the Go operator, which nobody uses any more');
  }
  return found;
}

function isOfRelease({ metadata: { name, annotations = {} } }: KubeObject, namespace: string): boolean {
  return annotations['meta.helm.sh/release-namespace'] === namespace && name !== 'sriov-network-operator' && name === `${annotations['meta.helm.sh/release-name']}-sriov-network-operator`;
}

/** Whether we have applied a configuration: then it is ours. */
function isApplied({ metadata: { managedFields = [] } }: KubeObject): boolean {
  return managedFields.some(({ manager, operation }) => manager === FIELD_MANAGER && operation === 'Apply');
}

/** Removes leftovers in their order, and takes drains over that the Go operator has under way. While a pod of it is there nothing else goes: it would make it again. */
export async function removeLeftovers(removal: Removal, { kube }: { readonly kube: Kube; readonly clock: Clock }, namespace: string, leftovers: readonly Leftover[], waitMs: number): Promise<void> {
  const [operators, others] = [leftovers.filter(({ resource }) => resource === deployments), leftovers.filter(({ resource }) => resource !== deployments)];
  for (const { resource, key } of operators) await removal.remove(resource, key);
  const labelSelector = Object.entries(OPERATOR_PODS).map(([name, value]) => `${name}=${value}`).join(',');
  const left = await removal.awaitNothing(async () => {
    const { items } = await kube.list(pods, { namespace, labelSelector });
    return items.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed').map(({ metadata: { name } }) => `pod ${namespace}/${name} of the Go operator has not ended, and would make all else again`);
  }, waitMs);
  if (left.length > 0) return;
  // Only where the Go operator or its daemon was: a cordon in a cluster that is ours already is somebody's.
  if (leftovers.some(({ effect }) => effect === 'blocks')) await takeDrainsOver(removal, kube, namespace);
  for (const { resource, key } of others) await removal.remove(resource, key);
}
