import { drawCases, nic, node, policy, supportedNics } from './fleet.ts';
import type { Scenario } from './scenario.ts';

const CONFIG = { enableInjector: false, enableOperatorWebhook: false, logLevel: 2, disableDrain: false, configurationMode: 'daemon' } as const;
const OPERATOR = 'sriov-network-operator';
const empty = { supportedNics, namespaces: [], nodes: [], pools: [], policies: [], networks: [], attachments: [], changes: [] } as const;
const IPAM = '{ "type": "host-local", "subnet": "10.0.0.0/24", "routes": [{ "dst": "0.0.0.0/0" }] }';

/** Fields one by one, and the merging rules that the drawn cases seldom meet. */
const fields: Pick<Scenario, 'nodes' | 'policies' | 'pools'> = {
  nodes: [
    node('all', [nic(0, { netFilter: 'aws/NetworkID: subnet-1' }), nic(1)]), node('zero', [nic(0), nic(1)]), node('alt', [nic(0, { altNames: ['rail0'] }), nic(1, { altNames: ['rail1'] })]), node('ranges', [nic(0), nic(1)]), node('equal', [nic(0)]), node('lower', [nic(0)]),
    node('displaced', [nic(0)]), node('upper-case', [nic(0, { vendor: '15b3', deviceID: '101d' })]), node('filter', [nic(0, { netFilter: 'aws/NetworkID:subnet-1' }), nic(1, { netFilter: 'aws/NetworkID:subnet-2' })]), node('union', [nic(0), nic(1, { vendor: '15b3', deviceID: '101d' })]),
    node('undiscovered', []), node('nothing', [nic(0)]), node('two-pools', [nic(0)], { pool: 'one' }), node('vfio', [nic(0), nic(1)]), node('unlisted', [nic(0, { vendor: '1dd8', deviceID: '1003' })]), node('vdpa', [nic(0, { vendor: '15b3', deviceID: '101d', eSwitchMode: 'switchdev' })]), node('unsaid', [nic(0)]), node('infiniband', [nic(0, { vendor: '15b3', deviceID: '1017', linkType: 'IB' })]),
    { name: 'control', labels: { 'kubernetes.io/os': 'linux', case: 'control' }, interfaces: [] },
  ],
  policies: [
    policy('all', 'every-field', { priority: 7, mtu: 9000, deviceType: 'netdevice', isRdma: true, needVhostNet: true, linkType: 'eth', eSwitchMode: 'switchdev', vdpaType: 'virtio', excludeTopology: true, externallyManaged: true, nicSelector: { vendor: '8086', deviceID: '1592', rootDevices: ['0000:81:00.0'], pfNames: ['ens1f0#1-3'] } }),
    policy('all', 'default-values', { nicSelector: { pfNames: ['ens1f1'] } }),
    policy('zero', 'zero', { numVfs: 0 }), policy('zero', 'some', { numVfs: 2, nicSelector: { pfNames: ['ens1f1'] } }),
    policy('alt', 'alt-range', { nicSelector: { pfNames: ['rail0#2-3'] } }), policy('alt', 'alt-bare', { nicSelector: { pfNames: ['rail1'] } }),
    policy('ranges', 'a', { numVfs: 8, nicSelector: { pfNames: ['ens1f0#0-1'] } }), policy('ranges', 'b', { numVfs: 8, mtu: 9000, nicSelector: { pfNames: ['ens1f0#2-3'] } }), policy('ranges', 'c', { numVfs: 4, priority: 10, nicSelector: { pfNames: ['ens1f0#1-2'] } }), policy('ranges', 'twice', { numVfs: 8, nicSelector: { pfNames: ['ens1f1#0-1', 'ens1f1#4-5'] } }),
    policy('equal', 'a', { numVfs: 8, mtu: 9000 }), policy('equal', 'b', { numVfs: 4 }),
    policy('lower', 'a', { numVfs: 8, mtu: 9000, eSwitchMode: 'switchdev' }), policy('lower', 'b', { numVfs: 4, priority: 10 }),
    policy('displaced', 'a', { numVfs: 8, nicSelector: { pfNames: ['ens1f0#4-7'] } }), policy('displaced', 'b', { numVfs: 4, priority: 10, nicSelector: { pfNames: ['ens1f0'] } }), policy('displaced', 'c', { numVfs: 4, priority: 50 }),
    policy('upper-case', 'a', { nicSelector: { vendor: '15B3', deviceID: '101D' } }), policy('filter', 'a', { numVfs: 1, nicSelector: { netFilter: 'aws/NetworkID: subnet-1' } }),
    policy('union', 'a', { resourceName: 'both', linkType: 'eth' }), policy('union', 'b', { resourceName: 'both', isRdma: true, nicSelector: { vendor: '15b3', deviceID: '101d', pfNames: ['ens1f1'] } }),
    policy('undiscovered', 'a', {}), policy('nothing', 'a', { nicSelector: { vendor: '15b3' } }), policy('nothing', 'b', { nicSelector: {} }),
    policy('vfio', 'a', { deviceType: 'vfio-pci', linkType: 'eth', needVhostNet: true, nicSelector: { pfNames: ['ens1f0'] } }), policy('vfio', 'b', { resourceName: 'a', nicSelector: { pfNames: ['ens1f1'] } }), policy('unlisted', 'a', { nicSelector: { vendor: '1dd8', deviceID: '1003' } }), policy('vdpa', 'a', { vdpaType: 'vhost', eSwitchMode: 'switchdev', nicSelector: { vendor: '15b3' } }),
    policy('infiniband', 'a', { linkType: 'ib', isRdma: true, nicSelector: { vendor: '15b3' } }),
    policy('unsaid', 'a', { priority: 50 }), { name: 'unsaid-b', spec: { resourceName: 'b', nodeSelector: { case: 'unsaid' }, numVfs: 2, nicSelector: { vendor: '8086' } } },
    { ...policy('all', 'ignored', { numVfs: 1, priority: 0 }), name: 'default' },
    // What the schemas refuse.
    policy('all', 'priority', { priority: 100 }), policy('all', 'mtu', { mtu: 0 }), policy('all', 'vfs', { numVfs: -1 }), policy('all', 'mode', { eSwitchMode: 'other' as 'legacy' }),
  ],
  pools: [
    { name: 'one', spec: { nodeSelector: { matchLabels: { pool: 'one' } }, rdmaMode: 'exclusive' } }, { name: 'other', spec: { nodeSelector: { matchLabels: { case: 'two-pools' } } } }, { name: 'offload', spec: { ovsHardwareOffloadConfig: { name: 'mcp' } } },
    { name: 'not-in', spec: { maxUnavailable: '25%', rdmaMode: 'shared', nodeSelector: { matchExpressions: [{ key: 'case', operator: 'In', values: ['all', 'zero'] }, { key: 'pool', operator: 'DoesNotExist' }] } } },
  ],
};

const meta = '{"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}}';
const network = (name: string, spec: object, namespace = OPERATOR, kind: Scenario['networks'][number]['kind'] = 'SriovNetwork'): Scenario['networks'][number] => ({ kind, namespace, name, spec: { resourceName: 'fast', ...spec } });
const networks: Scenario['networks'] = [
  network('plain', {}), network('elsewhere', { networkNamespace: 'apps', vlan: 100, vlanQoS: 3, vlanProto: '802.1ad', ipam: IPAM }), network('upper-proto', { vlan: 7, vlanProto: '802.1AD' }), network('all-fields', { networkNamespace: 'apps', capabilities: '{"mac": true, "ips": true}', ipam: IPAM, vlan: 4094, vlanQoS: 7, vlanProto: '802.1q', spoofChk: 'off', trust: 'on', linkState: 'enable', minTxRate: 0, maxTxRate: 1000, logLevel: 'debug', logFile: '/var/log/sriov.log' }),
  network('meta', { networkNamespace: 'apps', ipam: IPAM, metaPlugins: meta }), network('two-meta', { metaPlugins: `${meta}, {"type": "bandwidth"}` }), network('own', { vlan: 5 }, 'apps'), network('not-allowed', { networkNamespace: 'default' }, 'apps'), network('missing', { networkNamespace: 'nowhere' }), network('no-level', { logLevel: '' }),
  network('taken', { networkNamespace: 'apps' }), network('adopted', { networkNamespace: 'apps' }), network('broken-ipam', { ipam: '{"type": ' }), network('space-in-ipam', { ipam: '{"type": "static", "note": "a b"}' }), network('no-resource', { resourceName: '' }),
  network('ib', { linkState: 'disable', ipam: IPAM, capabilities: '{"infinibandGUID": true}' }, OPERATOR, 'SriovIBNetwork'), network('ib-plain', {}, 'apps', 'SriovIBNetwork'), network('ib-meta', { networkNamespace: 'apps', metaPlugins: meta }, OPERATOR, 'SriovIBNetwork'), network('ib-auto', { linkState: 'auto' }, OPERATOR, 'SriovIBNetwork'),
  network('ovs', { bridge: 'br-1', vlan: 10, mtu: 9000, trunk: [{ id: 5 }, { minID: 10, maxID: 20 }], interfaceType: 'dpdk', ipam: IPAM, capabilities: '{"mac": true}' }, OPERATOR, 'OVSNetwork'), network('ovs-plain', { networkNamespace: 'apps' }, OPERATOR, 'OVSNetwork'), network('ovs-meta', { bridge: 'br-2', metaPlugins: meta }, 'apps', 'OVSNetwork'),
  // What the schemas refuse.
  network('bad-vlan', { vlan: 4095 }), network('bad-qos', { vlanQoS: 8 }), network('bad-trust', { trust: 'yes' }), network('bad-rate', { minTxRate: -1 }), network('bad-trunk', { trunk: [{ id: 4096 }] }, OPERATOR, 'OVSNetwork'),
];

const ovs = (mode: object = {}) => ({ ovs: { bridge: { datapathType: 'netdev', externalIDs: { owner: 'net' }, otherConfig: { 'hw-offload': 'true' }, ...mode }, uplink: { interface: { type: 'dpdk', options: { 'n-rxq': '2' }, externalIDs: { rail: '' } } } } });

/** What is recorded. Each runs on a cluster of its own. */
export const scenarios: readonly Scenario[] = [
  { ...empty, ...fields, name: 'fields', config: CONFIG },
  { ...empty, ...drawCases(20_261_121, 40), name: 'drawn', config: CONFIG },
  {
    ...empty, name: 'networks', config: CONFIG, namespaces: ['apps'], networks,
    attachments: [
      { namespace: 'apps', name: 'taken', annotations: { 'sriovnetwork.openshift.io/owner-ref': `OVSNetwork.sriovnetwork.openshift.io/${OPERATOR}/other` }, config: '{"type": "theirs"}' },
      { namespace: 'apps', name: 'adopted', annotations: { 'example.com/note': 'mine' }, config: '{"type": "old"}' },
    ],
  },
  {
    ...empty, name: 'bridges', config: { ...CONFIG, featureGates: { manageSoftwareBridges: true }, useCDI: true, configDaemonNodeSelector: { sriov: 'yes' } },
    nodes: [node('both', [nic(0, { eSwitchMode: 'switchdev' }), nic(1, { eSwitchMode: 'switchdev' })], { sriov: 'yes' }), node('winner', [nic(0), nic(1)], { sriov: 'yes' }), node('not-selected', [])],
    policies: [
      policy('both', 'bridged', { eSwitchMode: 'switchdev', mtu: 9000, bridge: ovs() }), policy('winner', 'bridged', { eSwitchMode: 'switchdev', bridge: ovs({ failMode: 'secure' }) }), policy('winner', 'without', { eSwitchMode: 'switchdev', priority: 10, nicSelector: { pfNames: ['ens1f1'] } }),
      policy('both', 'empty', { eSwitchMode: 'switchdev', resourceName: 'bridged', nicSelector: { vendor: '15b3' }, bridge: { ovs: {} } }), policy('not-selected', 'a', {}),
    ],
  },
  {
    ...empty, name: 'changes', config: { ...CONFIG, configDaemonNodeSelector: { sriov: 'yes' } }, namespaces: ['apps', 'more'],
    nodes: ['one', 'two', 'three'].map((name) => node(name, [nic(0)], { sriov: 'yes' })), policies: ['one', 'two', 'three'].map((name) => policy(name, 'a', {})),
    networks: [...['moves', 'goes', 'edited', 'deleted'].map((name) => network(name, { networkNamespace: 'apps' })), network('waits', { networkNamespace: 'later' }), network('users', {}, 'apps')],
    changes: [
      [
        { verb: 'patch', kind: 'Node', name: 'one', content: { metadata: { labels: { sriov: null } } } }, { verb: 'delete', kind: 'SriovNetworkNodePolicy', namespace: OPERATOR, name: 'two-a' },
        { verb: 'create', kind: 'SriovNetworkNodePolicy', namespace: OPERATOR, name: 'three-b', content: { spec: policy('three', 'b', { priority: 10, numVfs: 2 }).spec } },
      ],
      [
        { verb: 'patch', kind: 'SriovNetwork', namespace: OPERATOR, name: 'moves', content: { spec: { networkNamespace: 'more' } } }, { verb: 'delete', kind: 'SriovNetwork', namespace: OPERATOR, name: 'goes' },
        { verb: 'patch', kind: 'NetworkAttachmentDefinition', namespace: 'apps', name: 'edited', content: { spec: { config: '{}' }, metadata: { annotations: { 'k8s.v1.cni.cncf.io/resourceName': 'x/y' } } } },
        { verb: 'delete', kind: 'NetworkAttachmentDefinition', namespace: 'apps', name: 'deleted' }, { verb: 'create', kind: 'Namespace', name: 'later', content: {} }, { verb: 'patch', kind: 'SriovNetwork', namespace: 'apps', name: 'users', content: { spec: { vlan: 9 } } },
      ],
      [{ verb: 'patch', kind: 'Node', name: 'one', content: { metadata: { labels: { sriov: 'yes' } } } }, { verb: 'delete', kind: 'Node', name: 'two' }, { verb: 'patch', kind: 'SriovNetworkNodePolicy', namespace: OPERATOR, name: 'one-a', content: { spec: { numVfs: 2, mtu: 9000 } } }],
    ],
  },
];
