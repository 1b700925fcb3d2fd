import * as s from '../schema.ts';
import type { Static } from '../schema.ts';
import { conditionsSchema } from './conditions.ts';

const common = {
  resourceName: s.string({ description: 'Resource of the policies whose VFs this network uses, without the prefix.' }),
  networkNamespace: s.optional(s.string({ description: 'Namespace of the NetworkAttachmentDefinition; the default is this object\'s own.' })),
  capabilities: s.optional(s.string({ description: 'CNI capabilities as a JSON object: {"mac": true, "ips": true}.' })),
  ipam: s.optional(s.string({ description: 'CNI IPAM configuration as a JSON object.' })),
  metaPlugins: s.optional(s.string({ description: 'Chained CNI plugins: JSON objects, separated by commas.' })),
};

export const sriovNetworkSpecSchema = s.object({
  ...common,
  vlan: s.optional(s.integer({ minimum: 0, maximum: 4094, description: 'VLAN id of the VF; 0 is none.' })),
  vlanQoS: s.optional(s.integer({ minimum: 0, maximum: 7, description: 'VLAN priority.' })),
  vlanProto: s.optional(s.oneOf(['802.1q', '802.1Q', '802.1ad', '802.1AD'])),
  spoofChk: s.optional(s.oneOf(['on', 'off'])),
  trust: s.optional(s.oneOf(['on', 'off'])),
  linkState: s.optional(s.oneOf(['auto', 'enable', 'disable'])),
  minTxRate: s.optional(s.integer({ minimum: 0, description: 'Mb/s; 0 is no limit, absent leaves the VF as it is.' })),
  maxTxRate: s.optional(s.integer({ minimum: 0, description: 'Mb/s; 0 is no limit, absent leaves the VF as it is.' })),
  logLevel: s.optional(s.oneOf(['panic', 'error', 'warning', 'info', 'debug', ''], { default: 'info' })),
  logFile: s.optional(s.string()),
});

export const sriovIbNetworkSpecSchema = s.object({
  ...common,
  linkState: s.optional(s.oneOf(['auto', 'enable', 'disable'])),
});

const vlanId = () => s.optional(s.integer({ minimum: 0, maximum: 4095 }));

export const ovsNetworkSpecSchema = s.object({
  ...common,
  bridge: s.optional(s.string({ description: 'Open vSwitch bridge; chosen by the VF\'s uplink when absent.' })),
  vlan: s.optional(s.integer({ minimum: 0, maximum: 4095 })),
  mtu: s.optional(s.integer()),
  trunk: s.optional(s.array(s.object({ minID: vlanId(), maxID: vlanId(), id: vlanId() }))),
  interfaceType: s.optional(s.string()),
});

export const networkStatusSchema = s.object({ conditions: s.optional(conditionsSchema) });

export type SriovNetworkSpec = Static<typeof sriovNetworkSpecSchema>;
export type SriovIbNetworkSpec = Static<typeof sriovIbNetworkSpecSchema>;
export type OvsNetworkSpec = Static<typeof ovsNetworkSpecSchema>;
export type NetworkObjectStatus = Static<typeof networkStatusSchema>;
