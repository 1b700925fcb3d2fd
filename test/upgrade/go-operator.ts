import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kube, KubeObject, NodeStateSpec, Resource } from '@vfleet/core';
import { GROUP, isKubeError } from '@vfleet/core';
import * as api from '@vfleet/kube';
import { NAMESPACE, nic } from '../operator/harness.ts';

/** By whom the Go operator's objects were written: field managers as client-go names them, after the executable. */
const [HELM, OPERATOR, DAEMON] = ['helm', 'sriov-network-operator', 'sriov-network-config-daemon'];
const GROUP_VERSION = `${GROUP}/v1`;

/**
 * Its CRDs as they differ from ours: written by controller-gen, policies without a status, node states without conditions, no rules in CEL
 * (upstream's config/crd/bases).
 */
export function goDefinitions(): readonly api.CustomResourceDefinition[] {
  return api.customResourceDefinitions().map((definition) => {
    const [version] = definition.spec.versions;
    const root = structuredClone(version!.schema.openAPIV3Schema) as { properties: Record<string, { properties?: Record<string, unknown>; [key: string]: unknown }> };
    if (['SriovNetworkNodePolicy', 'SriovNetworkNodeState', 'SriovNetworkPoolConfig'].includes(definition.spec.names.kind)) delete root.properties['status']?.properties?.['conditions'];
    delete root.properties['spec']!['x-kubernetes-validations'];
    return {
      ...definition, metadata: { ...definition.metadata, annotations: { 'controller-gen.kubebuilder.io/version': 'v0.21.0' } },
      spec: { ...definition.spec, versions: [{ ...version!, schema: { openAPIV3Schema: root as never } }] },
    };
  });
}

/** A PF with VFs, as its daemon reports it: without conditions. */
function configured(name: string, pciAddress: string, numVfs: number, pod?: string) {
  const Vfs = Array.from({ length: numVfs }, (_, vfID) => ({ vfID, pciAddress: pciAddress.replace(/0\.(\d)$/, `${2 + vfID}.$1`), name: `${name}v${vfID}`, driver: 'iavf', vendor: '8086', deviceID: '1889', mac: `02:00:00:00:00:0${vfID}`, mtu: 1500, ...(vfID === 0 && pod !== undefined ? { assigned: pod } : {}) }));
  return nic(name, pciAddress, { numVfs, linkSpeed: '25000 Mb/s', linkAdminState: 'up', mac: '02:00:00:00:00:ff', Vfs });
}

/** The spec in its writing: empty bridges and system are there, zeros are not, PFs come in the order of discovery. */
export const goSpec: NodeStateSpec = {
  bridges: {},
  interfaces: [
    { name: 'ens1f1', numVfs: 2, pciAddress: '0000:81:00.1', vfGroups: [{ deviceType: 'netdevice', policyName: 'fast', resourceName: 'fast', vfRange: '0-1' }] },
    { name: 'ens1f0', numVfs: 2, pciAddress: '0000:81:00.0', vfGroups: [{ deviceType: 'netdevice', policyName: 'fast', resourceName: 'fast', vfRange: '0-1' }] },
  ],
  system: {},
};

export const goNodes = ['w1', 'w2'] as const;

/** Makes a cluster in which the Go operator has configured two nodes, one with a pod on a VF, and rendered three networks. Needs the CRDs. */
export async function leaveCustomResources(kube: Kube): Promise<void> {
  const make = <Type extends KubeObject>(resource: Resource<Type>, object: Type, fieldManager = OPERATOR) => kube.create(resource, object, { fieldManager: fieldManager! });
  const config = await make(api.operatorConfigs, {
    apiVersion: GROUP_VERSION, kind: 'SriovOperatorConfig', metadata: { namespace: NAMESPACE, name: 'default', finalizers: [`operatorconfig.finalizers.${GROUP}`] },
    spec: { enableInjector: true, enableOperatorWebhook: true, logLevel: 2, disableDrain: false, configDaemonNodeSelector: { 'node-role.kubernetes.io/worker': '' }, featureGates: {} },
  });
  const ownerReferences = [{ apiVersion: GROUP_VERSION, kind: 'SriovOperatorConfig', name: 'default', uid: config.metadata.uid!, controller: true, blockOwnerDeletion: true }];
  await make(api.nodePolicies, {
    apiVersion: GROUP_VERSION, kind: 'SriovNetworkNodePolicy', metadata: { namespace: NAMESPACE, name: 'fast' },
    spec: { resourceName: 'fast', nodeSelector: { rack: 'a' }, numVfs: 2, priority: 99, isRdma: false, nicSelector: { vendor: '8086' }, deviceType: 'netdevice' },
  }, 'kubectl-client-side-apply');
  await make(api.poolConfigs, { apiVersion: GROUP_VERSION, kind: 'SriovNetworkPoolConfig', metadata: { namespace: NAMESPACE, name: 'rack-a', finalizers: [`poolconfig.finalizers.${GROUP}`] }, spec: { maxUnavailable: 1, nodeSelector: { matchLabels: { rack: 'a' } } } });
  for (const name of goNodes) {
    await make(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { rack: 'a', 'node-role.kubernetes.io/worker': '', [`${GROUP}/device-plugin`]: 'Enabled' }, annotations: { [`${GROUP}/state`]: 'Idle' } } });
    // Made empty, rendered after the first discovery.
    await make(api.nodeStates, { apiVersion: GROUP_VERSION, kind: 'SriovNetworkNodeState', metadata: { namespace: NAMESPACE, name, ownerReferences, annotations: { [`${GROUP}/desired-state`]: 'Idle', [`${GROUP}/current-state`]: 'Idle' } }, spec: { bridges: {}, system: {} } });
    await kube.patch(api.nodeStates, { namespace: NAMESPACE, name }, { type: 'merge', patch: { spec: goSpec } }, { fieldManager: OPERATOR! });
    const interfaces = [configured('ens1f1', '0000:81:00.1', 2), configured('ens1f0', '0000:81:00.0', 2, name === 'w1' ? 'default/user' : undefined)];
    await kube.patch(api.nodeStates, { namespace: NAMESPACE, name }, { type: 'merge', patch: { status: { bridges: {}, system: { rdmaMode: 'shared' }, interfaces, syncStatus: 'Succeeded' } } }, { subresource: 'status', fieldManager: DAEMON! });
  }
  const resourceList = [{ resourceName: 'fast', selectors: { vendors: ['8086'], IsRdma: false, NeedVhostNet: false }, SelectorObj: null }];
  await make(api.configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: NAMESPACE, name: 'device-plugin-config', ownerReferences }, data: Object.fromEntries(goNodes.map((name) => [name, JSON.stringify({ resourceList })])) });
  await make(api.configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: NAMESPACE, name: 'supported-nic-ids' }, data: { Intel_ice_E810: '8086 1592 1889' } }, HELM!);
  await leaveNetworks(kube, make);
}

type Make = <Type extends KubeObject>(resource: Resource<Type>, object: Type, fieldManager?: string) => Promise<Type>;

/** In the operator's namespace one that serves another and one that serves its own, and one in a namespace of its users; definitions as it formats them. */
async function leaveNetworks(kube: Kube, make: Make): Promise<void> {
  for (const { namespace, name, spec } of [{ namespace: NAMESPACE, name: 'blue', spec: { networkNamespace: 'default', vlan: 100 } }, { namespace: NAMESPACE, name: 'here', spec: {} }, { namespace: 'default', name: 'green', spec: {} }]) {
    const served = spec.networkNamespace ?? namespace;
    const network = await make(api.sriovNetworks, {
      apiVersion: GROUP_VERSION, kind: 'SriovNetwork',
      metadata: { namespace, name, annotations: { [`operator.${GROUP}/last-network-namespace`]: served }, ...(namespace === NAMESPACE ? { finalizers: [`netattdef.finalizers.${GROUP}`] } : {}) },
      spec: { resourceName: 'fast', ipam: '{"type": "host-local", "subnet": "10.0.0.0/24"}', ...spec },
    });
    const config = { cniVersion: '1.0.0', name, type: 'sriov', vlan: spec.vlan ?? 0, vlanQoS: 0, logLevel: 'info', ipam: { type: 'host-local', subnet: '10.0.0.0/24' } };
    await make(api.networkAttachmentDefinitions, {
      apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition',
      metadata: {
        namespace: served, name, annotations: { 'k8s.v1.cni.cncf.io/resourceName': 'openshift.io/fast', [`${GROUP}/owner-ref`]: `SriovNetwork.${GROUP}/${namespace}/${name}` },
        ...(namespace === served ? { ownerReferences: [{ apiVersion: GROUP_VERSION, kind: 'SriovNetwork', name, uid: network.metadata.uid! }] } : {}),
      },
      spec: { config: JSON.stringify(config, undefined, 4) },
    });
    await kube.patch(api.sriovNetworks, { namespace, name }, { type: 'merge', patch: { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'NetworkReady', message: 'NetworkAttachmentDefinition is provisioned and ready', observedGeneration: 1, lastTransitionTime: '2026-08-01T00:00:00Z' }] } } }, { subresource: 'status', fieldManager: OPERATOR! });
  }
}

interface Installation {
  readonly objects: readonly { readonly by: 'helm' | 'operator'; readonly object: KubeObject }[];
}

/** Its processes and what belongs to them, as its chart and its manager made them for a release `sriov` (recording/installation.json); and what versions before left. */
export async function leaveProcesses(kube: Kube): Promise<void> {
  const { objects } = JSON.parse(readFileSync(join(import.meta.dirname, 'recording/installation.json'), 'utf8')) as Installation;
  for (const { by, object } of objects) {
    await kube.create(resourceOf(object), object, { fieldManager: (by === 'helm' ? HELM : OPERATOR)! }).catch((error: unknown) => {
      // The embedded server has no such kind; and settings of the injector are users' own, which stay.
      const isExpected = (object.kind === 'NetworkPolicy' && isKubeError(error, 'NotFound')) || (object.kind === 'ConfigMap' && isKubeError(error, 'AlreadyExists'));
      if (!isExpected) throw error;
    });
  }
  await kube.create(api.leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace: NAMESPACE, name: 'a56def2a.openshift.io' }, spec: { holderIdentity: 'somebody' } }, { fieldManager: OPERATOR! });
}

/** The kinds of the installation have regular plurals. */
function resourceOf({ apiVersion, kind, metadata }: KubeObject): Resource {
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  return { group, version, kind, plural: kind.toLowerCase().replace(/y$/, 'ie').concat('s'), namespaced: metadata.namespace !== undefined };
}

/** Its webhook configurations: with cert-manager's annotation, and the injector's under another name than ours. */
export async function leaveWebhooks(kube: Kube): Promise<void> {
  const caBundle = Buffer.from(CA, 'utf8').toString('base64');
  const webhook = (name: string, service: string, path: string, more: object) => ({ name, sideEffects: 'None', admissionReviewVersions: ['v1', 'v1beta1'], failurePolicy: 'Fail', clientConfig: { service: { namespace: NAMESPACE, name: service, path }, caBundle }, ...more });
  const own = (resources: readonly string[]) => ({ rules: [{ operations: ['CREATE', 'UPDATE'], apiGroups: [GROUP], apiVersions: ['v1'], resources }] });
  const configuration = (resource: Resource, name: string, webhooks: readonly object[]) => kube.create(resource, { apiVersion: 'admissionregistration.k8s.io/v1', kind: resource.kind, metadata: { name, annotations: { 'cert-manager.io/inject-ca-from': `${NAMESPACE}/operator-webhook-service` } }, webhooks } as KubeObject, { fieldManager: OPERATOR! });
  await configuration(api.mutatingWebhookConfigurations, 'network-resources-injector-config', [webhook('network-resources-injector-config.k8s.io', 'network-resources-injector-service', '/mutate', {
    matchConditions: [{ name: 'include-networks-annotation', expression: 'has(object.metadata.annotations) && "k8s.v1.cni.cncf.io/networks" in object.metadata.annotations' }],
    rules: [{ operations: ['CREATE'], apiGroups: ['apps', ''], apiVersions: ['v1'], resources: ['pods'] }],
  })]);
  await configuration(api.mutatingWebhookConfigurations, 'sriov-operator-webhook-config', [webhook(`operator-webhook.${GROUP}`, 'operator-webhook-service', '/mutating-custom-resource', own(['sriovnetworknodepolicies']))]);
  await configuration(api.validatingWebhookConfigurations, 'sriov-operator-webhook-config', [webhook(`operator-webhook.${GROUP}`, 'operator-webhook-service', '/validating-custom-resource', own(['sriovnetworknodepolicies', 'sriovoperatorconfigs', 'sriovnetworkpoolconfigs', 'sriovnetworks', 'sriovibnetworks', 'ovsnetworks']))]);
}

/** A certificate of nobody's: API servers look at it only when they call. */
const CA = `-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIBATAKBggqhkjOPQQDAjAXMRUwEwYDVQQDDAxnby1vcGVy
YXRvcjAeFw0yNjAxMDEwMDAwMDBaFw0zNjAxMDEwMDAwMDBaMBcxFTATBgNVBAMM
-----END CERTIFICATE-----
`;
