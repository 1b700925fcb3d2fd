import type { InterfaceStatus } from '../api/node-state.ts';
import type { OvsBridge } from '../ports/software-bridges.ts';
import type { NamedPolicy } from './policies.ts';
import type { RenderProblem } from './problems.ts';

/** The name of the bridge over a PF: `br-0000_81_00.0`. */
export function bridgeName(pciAddress: string): string {
  return `br-${pciAddress.replaceAll(':', '_')}`;
}

/** Why a policy's bridge cannot be had; undefined when it can, or when the policy asks for none. */
export function bridgeProblem(policy: NamedPolicy, gateOn: boolean): RenderProblem | undefined {
  const { spec, name } = policy;
  if (spec.bridge?.ovs === undefined) return undefined;
  const told = (why: Extract<RenderProblem, { kind: 'bridgeNotPossible' }>['why'], cause: string, remedy: string): RenderProblem => ({
    kind: 'bridgeNotPossible', policy: name, why, cause: `the bridge of policy ${name} cannot be made: ${cause}`, remedy,
  });
  if (!gateOn) {
    return told('gateOff', 'the feature gate manageSoftwareBridges is off', 'set spec.featureGates.manageSoftwareBridges to true in the SriovOperatorConfig, or remove spec.bridge');
  }
  if (spec.eSwitchMode !== 'switchdev') return told('notSwitchdev', 'it needs eSwitchMode switchdev', 'set eSwitchMode to switchdev, or remove spec.bridge');
  if (spec.linkType !== undefined && spec.linkType.toLowerCase() !== 'eth') {
    return told('notEthernet', `it needs an Ethernet link, not ${spec.linkType}`, 'set linkType to eth, or remove spec.bridge');
  }
  if (spec.externallyManaged) return told('externallyManaged', 'the PF is externally managed', 'remove externallyManaged or spec.bridge');
  return undefined;
}

/** The bridge that a policy wants over a PF; undefined when it asks for none. */
export function bridgeOfPolicy(policy: NamedPolicy, nic: InterfaceStatus): OvsBridge | undefined {
  const ovs = policy.spec.bridge?.ovs;
  if (ovs === undefined) return undefined;
  const uplink = { ...ovs.uplink?.interface, ...(policy.spec.mtu ? { mtuRequest: policy.spec.mtu } : {}) };
  return {
    name: bridgeName(nic.pciAddress),
    ...(ovs.bridge === undefined ? {} : { bridge: ovs.bridge }),
    uplinks: [
      {
        pciAddress: nic.pciAddress,
        ...(nic.name === undefined ? {} : { name: nic.name }),
        ...(Object.keys(uplink).length === 0 ? {} : { interface: uplink }),
      },
    ],
  };
}
