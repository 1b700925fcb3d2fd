import type { DeviceSelectors, NamedPolicy, SupportedNic } from '@vfleet/core';
import { hasLabels, rangeOfGroup, renderDevicePluginConfig, renderNodeState } from '@vfleet/core';
import type { Node, SriovNetworkNodeState, SriovOperatorConfig } from '@vfleet/kube';

/** A resource of a node of which kubelet has another number than our device plugin would offer. */
export interface OfferChange {
  readonly node: string;
  readonly resource: string;
  readonly now: number;
  readonly then: number;
}

export interface OfferInput {
  readonly policies: readonly NamedPolicy[];
  readonly supportedNics: readonly SupportedNic[];
  readonly config?: SriovOperatorConfig;
  readonly resourcePrefix: string;
}

/**
 * What becomes of the resources of a node. Where several resources of the Go operator match one VF, the first has it, whatever the node state
 * grants; ours offers what the node state grants. Nothing is said of nodes whose kubelet has no such resource: nobody offers there.
 */
export function offerChanges(input: OfferInput, node: Node, state: SriovNetworkNodeState | undefined): readonly OfferChange[] {
  const prefix = `${input.resourcePrefix}/`;
  const capacity = new Map(Object.entries(node.status?.capacity ?? {}).flatMap(([name, count]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), Number(count)] as const] : [])));
  const interfaces = state?.status?.interfaces ?? [];
  if (capacity.size === 0 || interfaces.length === 0) return [];
  const labels = node.metadata.labels ?? {};
  const policies = input.policies.filter(({ spec }) => hasLabels(spec.nodeSelector, labels));
  const { spec } = renderNodeState({ policies, interfaces, gates: input.config?.spec.featureGates ?? {} });
  const { resourceList } = renderDevicePluginConfig({ policies, interfaces, supportedNics: input.supportedNics, ...(spec === undefined ? {} : { spec }) });
  const granted = new Map<string, number>();
  for (const group of (spec?.interfaces ?? []).flatMap(({ vfGroups = [] }) => vfGroups)) {
    const range = rangeOfGroup(group);
    if (range !== undefined && group.resourceName !== undefined) granted.set(group.resourceName, (granted.get(group.resourceName) ?? 0) + range.last - range.first + 1);
  }
  const offered = new Map(resourceList.map(({ resourceName, selectors = [] }) => {
    // On virtual platforms PFs themselves are offered.
    const addresses = [selectors].flat().flatMap(({ pciAddresses = [] }: DeviceSelectors) => pciAddresses);
    return [resourceName, addresses.length > 0 ? addresses.length : (granted.get(resourceName) ?? 0)] as const;
  }));
  return [...new Set([...capacity.keys(), ...offered.keys()])].toSorted().flatMap((name) => {
    const [now, then] = [capacity.get(name) ?? 0, offered.get(name) ?? 0];
    return now === then ? [] : [{ node: node.metadata.name, resource: `${prefix}${name}`, now, then }];
  });
}
