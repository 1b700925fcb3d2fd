import type { Draw } from '../draw.ts';
import { TEXTS, anyValue, mutated } from '../values.ts';

const GROUP_VERSION = 'sriovnetwork.openshift.io/v1';
export const NAMESPACE = 'sriov-network-operator';

/** Parts of texts that the rules read: ranges, lists, selectors, JSON in texts. */
const TELLING: readonly string[] = [
  'ens1f0', 'ens1f0#0-3', 'ens1f0#3-0', 'ens1f0#a-b', 'ens1f0#0-9999999999', '#', '##', '8086', '15b3', '1592', '0000:81:00.0', 'openstack/NetworkID:', 'aws/NetworkID:x', '50%', '0%', '-1%', '1e3%', '{}', '[]', '{"type": "host-local"}', '{"a":',
  '{"__proto__": {"a": 1}}', 'default', NAMESPACE, 'on', 'off', 'auto', 'ib', 'ETH', 'vfio-pci', 'switchdev', 'virtio', '802.1Q', '"a": {}', '"plugins": 1', '[{"name": "a"}]', 'a,b,a', 'default/blue@net1', 'blue@', '/', 'a/b/c', '@', '[{"name":"blue","namespace":"default","interface":"net1","mac":"x","ips":["1"]}]',
];

const TEXT_POOL = [...TELLING, ...TEXTS];

/** Values of the right shape more often than not, so that rules behind the first check are met. */
function text(draw: Draw): string {
  return draw.from(TEXT_POOL);
}

function selector(draw: Draw): object {
  return {
    ...(draw.once(2) ? { vendor: draw.from(['8086', '15b3', text(draw)]) } : {}), ...(draw.once(4) ? { deviceID: draw.from(['1592', text(draw)]) } : {}),
    ...(draw.once(2) ? { pfNames: Array.from({ length: draw.integer(4) }, () => text(draw)) } : {}), ...(draw.once(4) ? { rootDevices: [text(draw)] } : {}), ...(draw.once(10) ? { netFilter: text(draw) } : {}),
  };
}

type Body = (draw: Draw) => object;

const policySpec: Body = (draw) => ({
  resourceName: draw.from(['fast', 'slow', text(draw)]), nodeSelector: draw.once(3) ? { rack: 'a' } : {}, numVfs: draw.from([0, 1, 2, 8, 64, 65, 1e9, -1]), nicSelector: selector(draw),
  ...(draw.once(3) ? { priority: draw.from([0, 5, 99, 100]) } : {}), ...(draw.once(4) ? { deviceType: draw.from(['netdevice', 'vfio-pci']) } : {}), ...(draw.once(6) ? { isRdma: draw.once(2) } : {}),
  ...(draw.once(6) ? { mtu: draw.from([0, 1, 1500, 9000, 2 ** 31]) } : {}), ...(draw.once(6) ? { eSwitchMode: draw.from(['legacy', 'switchdev']) } : {}), ...(draw.once(6) ? { linkType: draw.from(['eth', 'IB']) } : {}),
  ...(draw.once(8) ? { vdpaType: draw.from(['virtio', 'vhost']) } : {}), ...(draw.once(8) ? { externallyManaged: true } : {}), ...(draw.once(8) ? { excludeTopology: true } : {}), ...(draw.once(10) ? { bridge: { ovs: {} } } : {}),
});

const networkSpec: Body = (draw) => ({
  resourceName: draw.from(['fast', text(draw)]), ...(draw.once(2) ? { networkNamespace: draw.from(['default', 'nowhere', text(draw)]) } : {}), ...(draw.once(3) ? { ipam: text(draw) } : {}), ...(draw.once(4) ? { capabilities: text(draw) } : {}),
  ...(draw.once(4) ? { metaPlugins: text(draw) } : {}), ...(draw.once(3) ? { linkState: draw.from(['auto', 'enable']) } : {}),
});

const kinds: Readonly<Record<string, readonly [plural: string, spec: Body]>> = {
  SriovNetworkNodePolicy: ['sriovnetworknodepolicies', policySpec],
  SriovNetworkPoolConfig: ['sriovnetworkpoolconfigs', (draw) => ({ ...(draw.once(2) ? { maxUnavailable: draw.from([0, 1, -1, '50%', text(draw)]) } : {}), ...(draw.once(2) ? { nodeSelector: draw.once(2) ? { matchLabels: { rack: 'a' } } : { matchExpressions: [{ key: text(draw), operator: draw.from(['In', 'Exists', 'Gt']), values: [text(draw)] }] } } : {}), ...(draw.once(4) ? { rdmaMode: 'shared' } : {}), ...(draw.once(6) ? { ovsHardwareOffloadConfig: { name: text(draw) } } : {}) })],
  SriovNetwork: ['sriovnetworks', (draw) => ({ ...networkSpec(draw), ...(draw.once(2) ? { vlan: draw.from([0, 1, 4094, 4095]) } : {}), ...(draw.once(4) ? { vlanQoS: draw.from([0, 7, 8]) } : {}), ...(draw.once(4) ? { minTxRate: draw.from([0, 10]), maxTxRate: draw.from([0, 5]) } : {}) })],
  SriovIBNetwork: ['sriovibnetworks', networkSpec],
  OVSNetwork: ['ovsnetworks', (draw) => ({ resourceName: 'fast', ...(draw.once(2) ? { bridge: text(draw) } : {}), ...(draw.once(3) ? { trunk: [{ minID: draw.integer(5_000), maxID: draw.integer(5_000) }] } : {}), ...(draw.once(3) ? { networkNamespace: 'default' } : {}) })],
  SriovOperatorConfig: ['sriovoperatorconfigs', (draw) => ({ ...(draw.once(3) ? { disableDrain: draw.once(2) } : {}), ...(draw.once(3) ? { configDaemonNodeSelector: draw.once(2) ? { rack: 'a' } : { [text(draw)]: text(draw) } } : {}), ...(draw.once(3) ? { featureGates: { [draw.from(['manageSoftwareBridges', 'parallelNicConfig', text(draw)])]: draw.once(2) } } : {}), ...(draw.once(4) ? { logLevel: draw.integer(5) } : {}), ...(draw.once(4) ? { configurationMode: draw.from(['daemon', 'systemd']) } : {}) })],
};

export const KINDS = Object.keys(kinds);

export interface DrawnObject {
  readonly plural: string;
  readonly object: { readonly apiVersion: string; readonly kind: string; readonly metadata: { readonly name: string; readonly namespace: string; readonly annotations?: Readonly<Record<string, string>> }; readonly spec: unknown };
}

/** A custom resource of ours: as a person writes it, or with something in its spec that nobody would. */
export function drawCustomResource(draw: Draw, mutations: number, kind = draw.from(KINDS)): DrawnObject {
  const [plural, body] = kinds[kind]!;
  let spec: unknown = body(draw);
  for (let count = draw.integer(mutations + 1); count > 0; count--) spec = mutated(draw, spec);
  const name = kind === 'SriovOperatorConfig' ? draw.from(['default', 'other']) : draw.from(['a', 'b', 'c', 'blue']);
  const annotations = draw.once(4) ? { annotations: drawAnnotations(draw) } : {};
  return { plural, object: { apiVersion: GROUP_VERSION, kind, metadata: { name, namespace: draw.once(6) ? 'default' : NAMESPACE, ...annotations }, spec } };
}

/** Annotations that somebody reads, with texts that nobody expects. */
export function drawAnnotations(draw: Draw): Readonly<Record<string, string>> {
  const names = [
    'k8s.v1.cni.cncf.io/networks', 'v1.multus-cni.io/default-network', 'k8s.v1.cni.cncf.io/resourceName', 'k8s.v1.cni.cncf.io/nodeSelector', 'sriovnetwork.openshift.io/state', 'sriovnetwork.openshift.io/desired-state', 'sriovnetwork.openshift.io/current-state',
    'sriovnetwork.openshift.io/keep-state-until', 'sriovnetwork.openshift.io/use-external-drainer', 'sriovnetwork.openshift.io/owner-ref', 'operator.sriovnetwork.openshift.io/last-network-namespace', 'sriovnetwork.openshift.io/resources-container', 'sriovnetwork.openshift.io/cordoned-for-drain',
  ];
  const values = [...TEXT_POOL, 'Idle', 'Drain_Required', 'Reboot_Required', 'Draining', 'DrainComplete', 'true', '2020-01-01T00:00:00Z', 'SriovNetwork.sriovnetwork.openshift.io/sriov-network-operator/blue'];
  const long = draw.once(50) ? Array.from({ length: 2_000 }, (_, index) => `n${index % 7}`).join(',') : undefined;
  return Object.fromEntries([...draw.some(names, 3).map((name) => [name, draw.from(values)]), ...(long === undefined ? [] : [['k8s.v1.cni.cncf.io/networks', long]])]);
}

/** A pod, with containers that are odd in every way that an injector meets. */
export function drawPod(draw: Draw): object {
  const container = () => ({
    name: draw.from(['a', 'b', text(draw)]), image: 'i',
    ...(draw.once(3) ? { resources: draw.once(4) ? anyValue(draw, 2) : { requests: { 'openshift.io/fast': draw.from(['1', '0', 'x']) }, limits: draw.once(2) ? { 'hugepages-1Gi': '1Gi' } : {} } } : {}),
    ...(draw.once(4) ? { volumeMounts: draw.once(3) ? anyValue(draw, 2) : [{ name: 'podnetinfo', mountPath: '/etc/podnetinfo' }] } : {}), ...(draw.once(5) ? { env: draw.once(3) ? anyValue(draw, 2) : [{ name: 'CONTAINER_NAME', value: 'x' }] } : {}),
  });
  const pod = {
    apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', annotations: drawAnnotations(draw), ...(draw.once(6) ? { labels: { [text(draw)]: text(draw) } } : {}) },
    spec: { containers: Array.from({ length: 1 + draw.integer(3) }, container), ...(draw.once(4) ? { nodeSelector: draw.once(2) ? { rack: 'a' } : anyValue(draw, 2) } : {}), ...(draw.once(5) ? { volumes: draw.once(2) ? [] : anyValue(draw, 2) } : {}) },
  };
  return draw.once(4) ? (mutated(draw, pod) as object) : pod;
}

/** Data of the ConfigMaps that are read. */
export function drawConfigMapData(draw: Draw): Readonly<Record<string, string>> {
  const values = [...TEXT_POOL, '8086 1592 1889', '15b3 101d 101e', 'a b', JSON.stringify({ features: { enableHugePageDownApi: true, enableHonorExistingResources: true } }), JSON.stringify({ features: anyValue(draw, 2) }), JSON.stringify({ 'user-defined-injections': { a: anyValue(draw, 2) } }), JSON.stringify({ networkResourceNameKeys: anyValue(draw, 2) }), JSON.stringify(anyValue(draw))];
  return Object.fromEntries(draw.some(['config.json', 'worker-0', 'Intel', 'a', 'b.c', 'x'], 4).map((key) => [key, draw.from(values).toWellFormed().replaceAll('\0', '')]));
}
