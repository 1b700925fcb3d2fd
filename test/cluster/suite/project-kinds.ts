// The project's own kinds, as the definitions in packages/kube make them: what people and controllers write, and mistakes in it.
import type { JsonValue } from '@vfleet/core';
import { customResourceDefinitions, networkAttachmentDefinitionCrd } from '@vfleet/kube';
import { apply, clusterGroup, create, get, group, mergePatch, prepare, remove, sendBack } from '../case.ts';
import type { Case, RequestStep, Step, Theme } from '../case.ts';

type Fields = { readonly [key: string]: JsonValue };
const definitions = clusterGroup('apiextensions.k8s.io/v1', 'customresourcedefinitions');
const all = [...customResourceDefinitions(), networkAttachmentDefinitionCrd()];
const groupVersion = 'sriovnetwork.openshift.io/v1';
const one = (name: string, ...steps: readonly Step[]): Case => ({ name, steps });
const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly spec: Fields;
  /** Specs that are wrong, or at the edge, by what they are. */
  readonly edges: Readonly<Record<string, Fields>>;
  readonly change: Fields;
  readonly status?: Fields;
}

const condition = { type: 'Ready', status: 'True', reason: 'Rendered', message: 'm', lastTransitionTime: '2024-01-02T03:04:05Z', observedGeneration: 1 };
const kinds: readonly Kind[] = [
  {
    kind: 'SriovNetworkNodePolicy', plural: 'sriovnetworknodepolicies',
    spec: { resourceName: 'intelnics', nodeSelector: { 'feature.node.kubernetes.io/network-sriov.capable': 'true' }, priority: 99, numVfs: 4, mtu: 9000, nicSelector: { vendor: '8086', deviceID: '1592', pfNames: ['ens801f0#0-3'] } },
    edges: {
      'nothing': {}, 'no selector': { resourceName: 'a', numVfs: 1 }, 'a negative number of VFs': { resourceName: 'a', nodeSelector: {}, nicSelector: {}, numVfs: -1 }, 'a priority of 100': { resourceName: 'a', nodeSelector: {}, nicSelector: {}, numVfs: 1, priority: 100 },
      'an unknown device type': { resourceName: 'a', nodeSelector: {}, nicSelector: {}, numVfs: 1, deviceType: 'magic' }, 'an unknown link type': { resourceName: 'a', nodeSelector: {}, nicSelector: {}, numVfs: 1, linkType: 'fc', eSwitchMode: 'x', vdpaType: 'y' },
      'texts for numbers': { resourceName: 'a', nodeSelector: {}, nicSelector: {}, numVfs: '4', mtu: '9000' }, 'a map for a list': { resourceName: 'a', nodeSelector: {}, nicSelector: { pfNames: {} }, numVfs: 1 }, 'numbers in a map of texts': { resourceName: 'a', nodeSelector: { a: 1 }, nicSelector: {}, numVfs: 1 },
      'a bridge': { resourceName: 'a', nodeSelector: {}, nicSelector: {}, numVfs: 1, bridge: { ovs: { bridge: { datapathType: 'netdev', otherConfig: { a: 'b' }, failMode: 'secure' }, uplink: { interface: { type: 'dpdk', mtuRequest: 9000 } } } } },
      'unknown fields': { resourceName: 'a', nodeSelector: {}, nicSelector: { colour: 'red' }, numVfs: 1, colour: 'red' },
    },
    change: { numVfs: 8 }, status: { matchedNodes: 1, matchedInterfaces: 2, conditions: [condition] },
  },
  {
    kind: 'SriovNetwork', plural: 'sriovnetworks', spec: { resourceName: 'intelnics', networkNamespace: 'default', vlan: 100, vlanQoS: 1, vlanProto: '802.1q', spoofChk: 'on', trust: 'off', linkState: 'auto', minTxRate: 0, maxTxRate: 100, ipam: '{"type":"host-local"}', capabilities: '{"mac":true}', metaPlugins: '{"type":"tuning"}' },
    edges: { nothing: {}, 'a VLAN of 4095': { resourceName: 'a', vlan: 4095 }, 'a priority of 8': { resourceName: 'a', vlanQoS: 8 }, 'an unknown protocol': { resourceName: 'a', vlanProto: '802.3' }, 'a boolean for on': { resourceName: 'a', spoofChk: true }, 'the log level is filled in': { resourceName: 'a' }, 'an empty log level': { resourceName: 'a', logLevel: '' }, 'an object for text': { resourceName: 'a', ipam: { type: 'host-local' } } },
    change: { vlan: null, trust: 'on' }, status: { conditions: [condition] },
  },
  { kind: 'SriovIBNetwork', plural: 'sriovibnetworks', spec: { resourceName: 'ib', linkState: 'enable', ipam: '{}' }, edges: { nothing: {}, 'an unknown link state': { resourceName: 'a', linkState: 'down' }, 'a VLAN': { resourceName: 'a', vlan: 1 } }, change: { linkState: 'disable' }, status: { conditions: [condition] } },
  { kind: 'OVSNetwork', plural: 'ovsnetworks', spec: { resourceName: 'ovs', bridge: 'br0', vlan: 5, mtu: 1500, trunk: [{ minID: 1, maxID: 5 }, { id: 7 }], interfaceType: 'dpdk' }, edges: { nothing: {}, 'a trunk of 4096': { resourceName: 'a', trunk: [{ id: 4096 }] }, 'a trunk of texts': { resourceName: 'a', trunk: ['1'] } }, change: { trunk: [] }, status: { conditions: [condition] } },
  {
    kind: 'SriovNetworkPoolConfig', plural: 'sriovnetworkpoolconfigs', spec: { maxUnavailable: '50%', nodeSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }], matchLabels: { c: 'd' } }, rdmaMode: 'exclusive', ovsHardwareOffloadConfig: { name: 'n' } },
    edges: { nothing: {}, 'a number': { maxUnavailable: 2 }, 'a fraction': { maxUnavailable: 1.5 }, 'an unknown RDMA mode': { rdmaMode: 'x' }, 'an expression without a key': { nodeSelector: { matchExpressions: [{ operator: 'In' }] } } }, change: { maxUnavailable: 1 }, status: { conditions: [condition] },
  },
  {
    kind: 'SriovOperatorConfig', plural: 'sriovoperatorconfigs', spec: { enableInjector: true, enableOperatorWebhook: true, logLevel: 2, disableDrain: false, configurationMode: 'daemon', featureGates: { parallelNicConfig: true }, configDaemonNodeSelector: { a: 'b' } },
    edges: { nothing: {}, 'a log level of 3': { logLevel: 3 }, 'a gate that is text': { featureGates: { a: 'true' } }, 'an unknown plugin': { disablePlugins: ['intel'] }, 'an unknown mode': { configurationMode: 'x' } }, change: { featureGates: { parallelNicConfig: false, metricsExporter: true } }, status: { injector: 'a', operatorWebhook: 'b', conditions: [condition] },
  },
  {
    kind: 'SriovNetworkNodeState', plural: 'sriovnetworknodestates', spec: { interfaces: [{ pciAddress: '0000:3b:00.0', numVfs: 4, name: 'ens1f0', vfGroups: [{ deviceType: 'netdevice', resourceName: 'intelnics', vfRange: '0-3', policyName: 'p' }] }] },
    edges: { nothing: {}, 'an interface without an address': { interfaces: [{ numVfs: 1 }] }, 'interfaces that are no list': { interfaces: {} } }, change: { interfaces: [] },
    status: { syncStatus: 'Succeeded', interfaces: [{ pciAddress: '0000:3b:00.0', deviceID: '1592', vendor: '8086', driver: 'ice', name: 'ens1f0', numVfs: 4, totalvfs: 64 }] },
  },
];

const body = (kind: Kind, spec: Fields | undefined, metadata: Fields = {}): JsonValue => ({ apiVersion: groupVersion, kind: kind.kind, metadata: { name: 'a', ...metadata }, ...(spec === undefined ? {} : { spec }) });

function casesOf(kind: Kind): readonly Case[] {
  const collection = group(groupVersion, kind.plural);
  const object = `${collection}/a`;
  return [
    one(`${kind.kind}: life`,
      create(collection, body(kind, kind.spec), { keep: { made: '' } }), get(collection), mergePatch(object, { spec: kind.change }), sendBack(object, 'made', { spec: kind.change }),
      ...(kind.status === undefined ? [] : [mergePatch(`${object}/status`, { status: kind.status }), get(object)]), get(collection, { headers: table }), remove(object)),
    one(`${kind.kind}: no spec`, create(collection, body(kind, undefined))),
    ...Object.entries(kind.edges).map(([what, spec]): Case => ({ ...one(`${kind.kind}: ${what}`, create(collection, body(kind, spec))), causesInAnyOrder: true })),
    one(`${kind.kind}: strictly`, create(collection, body(kind, { ...kind.spec, colour: 'red' }), { query: { fieldValidation: 'Strict' } })),
    one(`${kind.kind}: applied by two`, apply(object, 'person', body(kind, kind.spec)), apply(object, 'other', body(kind, undefined, { labels: { x: 'y' } })), apply(object, 'person', body(kind, { ...kind.spec }, { annotations: { a: 'b' } })), get(object)),
    ...(kind.status === undefined ? [] : [one(`${kind.kind}: the status is the controller's`, create(collection, { ...(body(kind, kind.spec) as Fields), status: kind.status }), apply(`${object}/status`, 'controller', { apiVersion: groupVersion, kind: kind.kind, metadata: { name: 'a' }, status: kind.status }))]),
  ];
}

const install = all.flatMap(({ metadata: { name }, ...definition }): readonly RequestStep[] => {
  const { group: ofGroup, names, versions } = definition.spec;
  const base = `/apis/${ofGroup}/${versions[0]?.name ?? ''}`;
  return [
    // Definitions are plain JSON; their type says more than JsonValue can.
    create(definitions, JSON.parse(JSON.stringify({ ...definition, metadata: { name } })) as JsonValue),
    { ...get(`${definitions}/${name}`), until: { path: 'status.conditions[type=Established].status', is: 'True' } },
    { ...get(base), until: { path: `resources[name=${names.plural}].name`, is: names.plural } },
    { ...get(`${base}/namespaces/default/${names.plural}`), until: { status: 200 } },
  ];
});

const attachments = group('k8s.cni.cncf.io/v1', 'network-attachment-definitions');
const attachment = (fields: Fields): JsonValue => ({ apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { name: 'n', annotations: { 'k8s.v1.cni.cncf.io/resourceName': 'openshift.io/intelnics' } }, ...fields });

export const projectKinds: Theme = {
  name: 'project',
  setup: install,
  cases: [
    ...all.map(({ metadata: { name } }): Case => one(`definition of ${name}`, { ...get(`${definitions}/${name}`), unordered: ['status.conditions'] })),
    one('discovery', get(`/apis/${groupVersion}`, { unordered: ['resources'] }), get('/apis/k8s.cni.cncf.io/v1')),
    ...kinds.flatMap(casesOf),
    one('NetworkAttachmentDefinition: life', create(attachments, attachment({ spec: { config: '{"cniVersion":"0.3.1","type":"sriov"}' } })), get(attachments), mergePatch(`${attachments}/n`, { spec: { config: '{}' } }), get(attachments, { headers: table }), remove(`${attachments}/n`)),
    one('NetworkAttachmentDefinition: no spec', create(attachments, attachment({}))),
    one('NetworkAttachmentDefinition: a configuration that is no text', create(attachments, attachment({ spec: { config: {} } }))),
    one('a pod that asks for a network and VFs', prepare(create('/api/v1/namespaces/{{ns}}/serviceaccounts', { metadata: { name: 'default' } })), create('/api/v1/namespaces/{{ns}}/pods', {
      apiVersion: 'v1', kind: 'Pod', metadata: { name: 'sriov-test-pod', annotations: { 'k8s.v1.cni.cncf.io/networks': 'sriov-net-1' } },
      spec: { containers: [{ name: 'test-app', image: 'centos/tools', command: ['/bin/bash', '-c', 'ip a && sleep infinity'], resources: { requests: { 'openshift.io/intel-sriov-netdevice': '1' }, limits: { 'openshift.io/intel-sriov-netdevice': '1' } } }] },
    })),
  ],
};
