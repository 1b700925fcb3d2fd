import type { InterfaceStatus, NamedPolicy, NodePolicySpec } from '../../src/index.ts';

/** An Intel E810 port that can have 64 VFs, unless told otherwise. */
export function nic(of: Partial<InterfaceStatus> & { readonly pciAddress: string }): InterfaceStatus {
  return { vendor: '8086', deviceID: '1592', driver: 'ice', linkType: 'ETH', mtu: 1500, totalvfs: 64, ...of };
}

/** A policy for Intel NICs; the resource has the policy's name. */
export function policy(name: string, of: Partial<NodePolicySpec>): NamedPolicy {
  return { name, spec: { resourceName: name, nodeSelector: {}, numVfs: 4, nicSelector: { vendor: '8086' }, ...of } };
}
