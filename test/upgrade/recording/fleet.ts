import type { InterfaceStatus, NodePolicySpec } from '@vfleet/core';
import { SeededRandom } from '@vfleet/core';
import type { Scenario } from './scenario.ts';

type Node = Scenario['nodes'][number];
type Policy = Scenario['policies'][number];

const WORKER = { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/os': 'linux' } as const;
const NETWORKS = ['openstack/NetworkID:0b7d0c2e-9b7f-4d0e-8b57-6a1f3c1d2e4f', 'aws/NetworkID:subnet-0abc'] as const;
/** Vendor, device and driver. The last one is not in {@link supportedNics}. */
const MODELS = [['8086', '1592', 'ice'], ['8086', '159b', 'ice'], ['15b3', '101d', 'mlx5_core'], ['15b3', '1017', 'mlx5_core'], ['14e4', '16d7', 'bnxt_en'], ['1dd8', '1003', 'ionic']] as const;
export const supportedNics = { Intel_E810_CQDA2: '8086 1592 1889', Intel_E810_XXV: '8086 159b 1889', Mellanox_CX6_Dx: '15b3 101d 101e', Mellanox_CX5: '15b3 1017 1018', Broadcom_BCM57414: '14e4 16d7 16dc' } as const;

/** Draws from lists and shares, the same for the same seed. */
class Draw {
  readonly #random: SeededRandom;
  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }
  one<Value>(values: readonly Value[]): Value {
    return values[this.#random.integer(values.length)]!;
  }
  upTo(bound: number): number {
    return this.#random.integer(bound);
  }
  /** The object in `share` of all cases. */
  maybe<Value extends object>(share: number, value: () => Value): Value | Record<never, never> {
    return this.#random.next() < share ? value() : {};
  }
}

/** A node of two to four PFs, in the order in which its daemon found them. */
function drawNode(draw: Draw, name: string, label: string): Node {
  const bus = draw.one(['3b', '81', 'af']);
  const interfaces = Array.from({ length: 2 + draw.upTo(3) }, (_, index): InterfaceStatus => {
    const [vendor, deviceID, driver] = draw.one(MODELS);
    return {
      name: `ens${draw.one([1, 2])}f${index}`, pciAddress: `0000:${bus}:00.${index}`, vendor, deviceID, driver, mtu: draw.one([1500, 9000]), totalvfs: 64, numVfs: 0, eSwitchMode: draw.one(['legacy', 'switchdev']), linkType: draw.one(['ETH', 'ETH', 'IB']), linkAdminState: 'up',
      ...draw.maybe(0.4, () => ({ altNames: [`enp${bus}s0f${index}`, `rail${index}`] })), ...draw.maybe(0.2, () => ({ netFilter: draw.one(NETWORKS) })),
    };
  });
  return { name, labels: { ...WORKER, case: label, ...draw.maybe(0.5, () => ({ rack: draw.one(['a', 'b']) })) }, interfaces: draw.upTo(2) === 0 ? interfaces : interfaces.toReversed() };
}

/** A policy for the nodes of one case. Its ranges are well-formed: the Go operator stops at one that is not, for all nodes. */
function drawPolicy(draw: Draw, name: string, label: string, { interfaces }: Node): Policy {
  const numVfs = draw.one([1, 2, 4, 8]);
  const nic = draw.one(interfaces);
  const named = (): string => {
    const which = draw.one(interfaces);
    const first = draw.upTo(numVfs);
    return `${draw.one([which.name!, which.name!, ...(which.altNames ?? [])])}${draw.one(['', `#${first}-${first + draw.upTo(numVfs - first)}`])}`;
  };
  const nicSelector = draw.one([
    { vendor: nic.vendor! }, { vendor: nic.vendor!, deviceID: nic.deviceID! }, { deviceID: nic.deviceID! }, { pfNames: [named()] }, { pfNames: [named(), named()] }, { vendor: nic.vendor!, pfNames: [named()] }, { rootDevices: [nic.pciAddress] },
    { rootDevices: [...new Set([nic.pciAddress, draw.one(interfaces).pciAddress])] }, { pfNames: [named()], rootDevices: [nic.pciAddress] }, { netFilter: nic.netFilter ?? NETWORKS[0] }, { vendor: 'ffff' }, {},
  ] satisfies readonly NodePolicySpec['nicSelector'][]);
  const spec: NodePolicySpec = {
    resourceName: draw.one(['fast', 'fast', 'slow', 'dpdk', 'rdma_a']), nodeSelector: { case: label, ...draw.maybe(0.15, () => ({ rack: 'a' })) }, numVfs, nicSelector,
    priority: draw.one([0, 10, 10, 50, 99]), ...draw.maybe(0.4, () => ({ mtu: draw.one([1500, 4000, 9000]) })), ...draw.maybe(0.7, () => ({ deviceType: draw.one(['netdevice', 'netdevice', 'vfio-pci'] as const) })),
    ...draw.maybe(0.3, () => ({ isRdma: draw.one([true, false]) })), ...draw.maybe(0.2, () => ({ needVhostNet: draw.one([true, false]) })), ...draw.maybe(0.4, () => ({ linkType: draw.one(['eth', 'ETH', 'ib', 'IB'] as const) })),
    ...draw.maybe(0.4, () => ({ eSwitchMode: draw.one(['legacy', 'switchdev'] as const) })), ...draw.maybe(0.15, () => ({ vdpaType: draw.one(['virtio', 'vhost'] as const) })), ...draw.maybe(0.2, () => ({ excludeTopology: draw.one([true, false]) })),
    ...draw.maybe(0.15, () => ({ externallyManaged: draw.one([true, false]) })),
  };
  return { name, spec };
}

/** One scenario of many independent cases: each has nodes of its own, which only its own policies select. */
export function drawCases(seed: number, count: number): Pick<Scenario, 'nodes' | 'policies' | 'pools'> {
  const draw = new Draw(seed);
  const [nodes, policies, pools]: [Node[], Policy[], Scenario['pools'][number][]] = [[], [], []];
  for (let index = 0; index < count; index++) {
    const label = `d${String(index).padStart(3, '0')}`;
    const own = Array.from({ length: 1 + draw.upTo(2) }, (_, node) => drawNode(draw, `${label}-n${node}`, label));
    nodes.push(...own);
    for (let policy = 0; policy <= draw.upTo(4); policy++) policies.push(drawPolicy(draw, `${label}-p${policy}`, label, draw.one(own)));
    if (draw.upTo(3) === 0) pools.push({ name: label, spec: { nodeSelector: { matchLabels: { case: label } }, ...draw.maybe(0.6, () => ({ maxUnavailable: draw.one([1, 0, '50%', '1%'] as const) })), ...draw.maybe(0.6, () => ({ rdmaMode: draw.one(['shared', 'exclusive'] as const) })) } });
    if (draw.upTo(12) === 0) pools.push({ name: `${label}-second`, spec: { nodeSelector: { matchExpressions: [{ key: 'case', operator: 'In', values: [label] }] }, rdmaMode: 'exclusive' } });
  }
  return { nodes, policies, pools };
}

/** A PF for cases that are written by hand. */
export function nic(index: number, more: Partial<InterfaceStatus> = {}): InterfaceStatus {
  return { name: `ens1f${index}`, pciAddress: `0000:81:00.${index}`, vendor: '8086', deviceID: '1592', driver: 'ice', linkType: 'ETH', mtu: 1500, totalvfs: 64, numVfs: 0, eSwitchMode: 'legacy', linkAdminState: 'up', ...more };
}

export function node(name: string, interfaces: readonly InterfaceStatus[], labels: Readonly<Record<string, string>> = {}): Node {
  return { name, labels: { ...WORKER, case: name, ...labels }, interfaces };
}

export function policy(of: string, name: string, spec: Partial<NodePolicySpec>): Policy {
  return { name: `${of}-${name}`, spec: { resourceName: name.replaceAll('-', '_'), nodeSelector: { case: of }, numVfs: 4, priority: 99, nicSelector: { vendor: '8086' }, ...spec } };
}
