import * as s from '../schema.ts';
import { conditionsSchema } from './conditions.ts';
import type { Static } from '../schema.ts';

const otherConfig = () => s.optional(s.map(s.string(), { description: 'Key/value pairs as Open vSwitch takes them.' }));

export const ovsBridgeConfigSchema = s.object({
  datapathType: s.optional(s.string({ description: 'Datapath of the bridge, for example "netdev" or "system".' })),
  externalIDs: otherConfig(),
  otherConfig: otherConfig(),
  failMode: s.optional(s.oneOf(['secure', 'standalone'], { description: 'What the bridge does without a controller.' })),
});

export const ovsInterfaceConfigSchema = s.object({
  type: s.optional(s.string({ description: 'Interface type, for example "dpdk".' })),
  options: otherConfig(),
  externalIDs: otherConfig(),
  otherConfig: otherConfig(),
  mtuRequest: s.optional(s.integer({ description: 'MTU that Open vSwitch is asked to set, in bytes.' })),
});

export const nicSelectorSchema = s.object(
  {
    vendor: s.optional(s.string({ description: 'PCI vendor id, four hexadecimal digits: "8086".' })),
    deviceID: s.optional(s.string({ description: 'PCI device id of the PF, four hexadecimal digits: "1592".' })),
    rootDevices: s.optional(s.array(s.string(), { description: 'PCI addresses of PFs.' })),
    pfNames: s.optional(s.array(s.string(), { description: 'PF interface names or altnames; "ens1f0#2-5" takes VFs 2 to 5 only.' })),
    netFilter: s.optional(s.string({ description: 'Virtual platforms: "openstack/NetworkID:<uuid>" or "aws/NetworkID:<id>".' })),
  },
  { description: 'Which PFs; the selectors are ANDed, an empty one matches nothing.' },
);

export const nodePolicySpecSchema = s.object({
  resourceName: s.string({ description: 'Name under which the VFs are advertised, without the prefix.' }),
  nodeSelector: s.map(s.string(), { description: 'Labels a node must have. Empty: every node.' }),
  priority: s.optional(s.integer({ minimum: 0, maximum: 99, description: 'Which policy wins where several name one PF: the lower number.' })),
  mtu: s.optional(s.integer({ minimum: 1, description: 'MTU of the VFs in bytes. The PF is only ever raised.' })),
  numVfs: s.integer({ minimum: 0, description: 'Number of VFs on each selected PF.' }),
  nicSelector: nicSelectorSchema,
  deviceType: s.optional(s.oneOf(['netdevice', 'vfio-pci'], { default: 'netdevice', description: 'Driver of the VFs: the kernel network driver, or vfio-pci for DPDK.' })),
  isRdma: s.optional(s.boolean({ description: 'Hand out RDMA character devices with the VF.' })),
  needVhostNet: s.optional(s.boolean({ description: 'Hand out /dev/vhost-net and /dev/net/tun with the VF.' })),
  linkType: s.optional(s.oneOf(['eth', 'ETH', 'ib', 'IB'], { description: 'Link type of the PF.' })),
  eSwitchMode: s.optional(s.oneOf(['legacy', 'switchdev'], { description: 'Mode of the embedded switch.' })),
  vdpaType: s.optional(s.oneOf(['virtio', 'vhost'], { description: 'vDPA device made on each VF.' })),
  excludeTopology: s.optional(s.boolean({ description: 'Do not tell kubelet the NUMA node of the VFs.' })),
  externallyManaged: s.optional(s.boolean({ description: 'VFs are made by somebody else; never change the PF.' })),
  bridge: s.optional(
    s.object(
      { ovs: s.optional(s.object({ bridge: s.optional(ovsBridgeConfigSchema), uplink: s.optional(s.object({ interface: s.optional(ovsInterfaceConfigSchema) })) })) },
      { description: 'Software bridge with the PF as its uplink (feature gate manageSoftwareBridges).' },
    ),
  ),
});

/** Nodes that a preview lists; the numbers count all. */
export const PREVIEWED_NODES_MAX = 20;

export const policyPreviewSchema = s.object(
  {
    observedGeneration: s.integer({ format: 'int64', minimum: 0, description: 'metadata.generation that this was worked out for.' }),
    nodesChanged: s.integer({ description: 'Nodes whose NICs would change.' }),
    nodesUnchanged: s.integer({ description: 'Nodes whose NICs would not change.' }),
    nodesUndiscovered: s.integer({ description: 'Nodes whose NICs are not known yet.' }),
    vfsCut: s.integer({ description: 'VFs that would be destroyed or cut off.' }),
    podsEvicted: s.integer({ description: 'Pods that hold one of them.' }),
    drains: s.integer({ description: 'Nodes that would be drained.' }),
    reboots: s.integer({ description: 'Nodes that would be rebooted, perhaps among them.' }),
    rounds: s.optional(s.integer({ description: 'In how many turns the pools let nodes be drained; absent where one lets none go.' })),
    nodes: s.array(
      s.object({
        name: s.string(),
        changes: s.string({ description: 'What would change, PF by PF.' }),
        vfsCut: s.optional(s.integer({ description: 'VFs that would be destroyed or cut off.' })),
        pods: s.optional(s.array(s.string(), { description: 'Pods that hold one of them, namespace/name.' })),
        needs: s.optional(s.string({ description: 'drain, reboot, or both.' })),
      }),
      { maxItems: PREVIEWED_NODES_MAX, description: 'The first ones that would change, by name.' },
    ),
  },
  { description: 'What the policy would do, while it is annotated sriovnetwork.openshift.io/dry-run=true.' },
);

export const nodePolicyStatusSchema = s.object({
  matchedNodes: s.optional(s.integer({ description: 'Nodes that the nodeSelector matches and whose hardware is known.' })),
  matchedInterfaces: s.optional(s.integer({ description: 'PFs on those nodes that the nicSelector matches.' })),
  preview: s.optional(policyPreviewSchema),
  conditions: s.optional(conditionsSchema),
});

export type NicSelector = Static<typeof nicSelectorSchema>;
export type NodePolicySpec = Static<typeof nodePolicySpecSchema>;
export type OvsBridgeConfig = Static<typeof ovsBridgeConfigSchema>;
export type OvsInterfaceConfig = Static<typeof ovsInterfaceConfigSchema>;
export type PolicyPreview = Static<typeof policyPreviewSchema>;
export type NodePolicyStatus = Static<typeof nodePolicyStatusSchema>;
