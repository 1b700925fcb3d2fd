import * as s from '../schema.ts';
import type { Static } from '../schema.ts';
import { conditionsSchema } from './conditions.ts';
import { ovsBridgeConfigSchema, ovsInterfaceConfigSchema } from './node-policy.ts';

export const vfGroupSchema = s.object({
  resourceName: s.optional(s.string()),
  deviceType: s.optional(s.string({ description: 'netdevice or vfio-pci.' })),
  vfRange: s.optional(s.string({ description: 'First and last VF index, inclusive: "0-3".' })),
  policyName: s.optional(s.string()),
  mtu: s.optional(s.integer({ description: 'MTU of the VFs in bytes.' })),
  isRdma: s.optional(s.boolean()),
  vdpaType: s.optional(s.string()),
});

export const nodeStateInterfaceSchema = s.object({
  pciAddress: s.string({ description: 'PF.' }),
  numVfs: s.optional(s.integer({ description: 'VFs wanted.' })),
  mtu: s.optional(s.integer({ description: 'MTU of the PF in bytes.' })),
  name: s.optional(s.string({ description: 'PF interface name when the spec was rendered.' })),
  linkType: s.optional(s.string()),
  eSwitchMode: s.optional(s.string()),
  vfGroups: s.optional(s.array(vfGroupSchema)),
  externallyManaged: s.optional(s.boolean()),
});

const ovsUplinkSchema = s.object({
  pciAddress: s.string(),
  name: s.optional(s.string()),
  interface: s.optional(ovsInterfaceConfigSchema),
});

const bridgesSchema = s.object({
  ovs: s.optional(
    s.array(s.object({ name: s.string(), bridge: s.optional(ovsBridgeConfigSchema), uplinks: s.optional(s.array(ovsUplinkSchema)) })),
  ),
});

const systemSchema = s.object({ rdmaMode: s.optional(s.oneOf(['shared', 'exclusive'], { description: 'RDMA network namespace mode of the host.' })) });

export const nodeStateSpecSchema = s.object({
  interfaces: s.optional(s.array(nodeStateInterfaceSchema)),
  bridges: s.optional(bridgesSchema),
  system: s.optional(systemSchema),
});

export const vfStatusSchema = s.object({
  name: s.optional(s.string()),
  mac: s.optional(s.string()),
  assigned: s.optional(s.string({ description: 'Pod that holds the VF, namespace/name.' })),
  driver: s.optional(s.string()),
  pciAddress: s.string(),
  vendor: s.optional(s.string()),
  deviceID: s.optional(s.string()),
  Vlan: s.optional(s.integer()),
  mtu: s.optional(s.integer()),
  vfID: s.integer(),
  vdpaType: s.optional(s.string()),
  representorName: s.optional(s.string()),
  guid: s.optional(s.string()),
});

export const interfaceStatusSchema = s.object({
  name: s.optional(s.string()),
  mac: s.optional(s.string()),
  driver: s.optional(s.string()),
  pciAddress: s.string(),
  vendor: s.optional(s.string()),
  deviceID: s.optional(s.string()),
  netFilter: s.optional(s.string()),
  mtu: s.optional(s.integer()),
  numVfs: s.optional(s.integer()),
  linkSpeed: s.optional(s.string({ description: 'For example "25000 Mb/s".' })),
  linkType: s.optional(s.string({ description: 'ETH or IB.' })),
  linkAdminState: s.optional(s.string({ description: 'up or down.' })),
  eSwitchMode: s.optional(s.string()),
  externallyManaged: s.optional(s.boolean()),
  totalvfs: s.optional(s.integer({ description: 'Most VFs the PF can have.' })),
  Vfs: s.optional(s.array(vfStatusSchema)),
  altNames: s.optional(s.array(s.string())),
});

export const nodeStateStatusSchema = s.object({
  interfaces: s.optional(s.array(interfaceStatusSchema)),
  bridges: s.optional(bridgesSchema),
  system: s.optional(systemSchema),
  syncStatus: s.optional(s.string({ description: 'Succeeded, Failed or InProgress.' })),
  lastSyncError: s.optional(s.string()),
  conditions: s.optional(conditionsSchema),
});

export type VfGroup = Static<typeof vfGroupSchema>;
export type NodeStateInterface = Static<typeof nodeStateInterfaceSchema>;
export type NodeStateSpec = Static<typeof nodeStateSpecSchema>;
export type VfStatus = Static<typeof vfStatusSchema>;
export type InterfaceStatus = Static<typeof interfaceStatusSchema>;
export type NodeStateStatus = Static<typeof nodeStateStatusSchema>;
export type SyncStatus = 'Succeeded' | 'Failed' | 'InProgress';
