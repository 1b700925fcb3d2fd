import type { DevicePluginConfig, DevicePluginResource, DeviceSelectors } from '../api/device-plugin-config.ts';
import type { InterfaceStatus, NodeStateInterface, NodeStateSpec, VfGroup } from '../api/node-state.ts';
import { comparePciAddresses } from '../domain/pci.ts';
import { builtInNics, vfDeviceIdOf } from '../domain/supported-nics.ts';
import type { SupportedNic } from '../domain/supported-nics.ts';
import { isEmptyNicSelector, isNamed, pfNameWithoutRange, selectsNic } from './nic-selection.ts';
import { orderPolicies } from './policies.ts';
import type { NamedPolicy } from './policies.ts';
import { brokenRanges, rangeOfGroup } from './vf-groups.ts';
import { formatVfRange, parsePfName, rangesCover, rangesOverlap, uniteRanges } from './vf-range.ts';
import type { VfRange } from './vf-range.ts';

export interface DevicePluginInput {
  /** Those whose nodeSelector selects the node, in any order. */
  readonly policies: readonly NamedPolicy[];
  /** `status.interfaces` of the node's state. */
  readonly interfaces: readonly InterfaceStatus[];
  /** The rendered spec of the node's state; absent before discovery. */
  readonly spec?: NodeStateSpec;
  /** Entries of `supported-nic-ids`; they come before the built-in ones. */
  readonly supportedNics?: readonly SupportedNic[];
  /** `useCDI` of the operator's configuration. */
  readonly useCdi?: boolean;
}

/**
 * The node's `resourceList`, in order of policy application. Policies with one resourceName merge by union. What is advertised is
 * what the node state grants: where other policies took VFs that the selectors would match, the resource is narrowed to its own.
 */
export function renderDevicePluginConfig(input: DevicePluginInput): DevicePluginConfig {
  const byResource = new Map<string, NamedPolicy[]>();
  for (const policy of orderPolicies(input.policies).flatMap((one) => (one.dryRun === true ? heldByDryRun(one, input.spec) : [one]))) {
    const { spec } = policy;
    if (spec.numVfs === 0 || isEmptyNicSelector(spec.nicSelector)) continue;
    const sharing = byResource.get(spec.resourceName);
    if (sharing === undefined) byResource.set(spec.resourceName, [policy]);
    else sharing.push(policy);
  }
  const nics = input.interfaces.toSorted((a, b) => comparePciAddresses(a.pciAddress, b.pciAddress));
  const supported = [...(input.supportedNics ?? []), ...builtInNics];
  const resourceList: DevicePluginResource[] = [];
  for (const [resourceName, policies] of byResource) {
    const resource = renderResource(resourceName, policies, nics, supported, input.spec);
    if (resource !== undefined) resourceList.push(resource);
  }
  return { resourceList, ...(input.useCdi === true ? { useCdi: true } : {}) };
}

/** What is held for a policy under dry run is offered as it was rendered: its own spec says what would be. Its VFs are read off the node state, so that any selector but an empty one does. */
function heldByDryRun(policy: NamedPolicy, spec: NodeStateSpec | undefined): readonly NamedPolicy[] {
  const held = new Map<string, VfGroup>();
  for (const group of (spec?.interfaces ?? []).flatMap(({ vfGroups = [] }) => vfGroups)) if (group.policyName === policy.name && group.resourceName !== undefined) held.set(group.resourceName, group);
  return [...held].map(([resourceName, { deviceType, isRdma, vdpaType }]): NamedPolicy => {
    const { isRdma: _, vdpaType: __, ...rest } = policy.spec;
    const vdpa = vdpaType === 'virtio' ? { vdpaType: 'virtio' as const } : vdpaType === 'vhost' ? { vdpaType: 'vhost' as const } : {};
    return { ...policy, spec: { ...rest, resourceName, numVfs: Math.max(1, policy.spec.numVfs), nicSelector: { rootDevices: ['held'] }, deviceType: deviceType === 'vfio-pci' ? 'vfio-pci' : 'netdevice', ...(isRdma === true ? { isRdma } : {}), ...vdpa } };
  });
}

/** The value of the node's key in the ConfigMap `device-plugin-config`. */
export function formatDevicePluginConfig(config: DevicePluginConfig): string {
  return JSON.stringify(config);
}

/** Value of the node label `sriovnetwork.openshift.io/device-plugin`. */
export function devicePluginLabel(config: DevicePluginConfig): 'Enabled' | 'Disabled' {
  return config.resourceList.length === 0 ? 'Disabled' : 'Enabled';
}

function renderResource(
  resourceName: string, policies: readonly NamedPolicy[], nics: readonly InterfaceStatus[], supported: readonly SupportedNic[], spec: NodeStateSpec | undefined,
): DevicePluginResource | undefined {
  const intact = policies.filter((policy) => policy.dryRun !== true && brokenRanges(policy).length === 0);
  const parts = intact.flatMap((policy) => {
    const selectors = selectorsOfPolicy(policy, nics, supported);
    return selectors === undefined ? [] : [selectors];
  });
  const merged = parts.length === 0 ? undefined : mergeSelectors(parts);
  // The VFs of a broken policy may be held as they were: its own selectors cannot be read, what the node state grants can.
  const readable = intact.length === policies.length ? merged : undefined;
  const selectors = spec === undefined ? merged : selectGranted(resourceName, readable, nics, supported, spec);
  if (selectors === undefined) return undefined;
  const first = policies[0]!.spec;
  return {
    resourceName,
    selectors: {
      ...selectors,
      ...(policies.every((policy) => policy.spec.deviceType === 'vfio-pci') ? { drivers: ['vfio-pci'] } : {}),
      ...(first.isRdma ? { isRdma: true } : {}),
      ...(first.needVhostNet ? { needVhostNet: true } : {}),
      ...(first.vdpaType ? { vdpaType: first.vdpaType } : {}),
    },
    // Of the policy on top, as with the Go operator; all else is the first one's.
    ...(policies.at(-1)!.spec.excludeTopology ? { excludeTopology: true } : {}),
  };
}

/** Undefined when the policy selects by what this node does not have (yet): without a selector everything would be advertised. */
function selectorsOfPolicy({ spec }: NamedPolicy, nics: readonly InterfaceStatus[], supported: readonly SupportedNic[]): DeviceSelectors | undefined {
  const { vendor, deviceID, pfNames = [], rootDevices = [], netFilter } = spec.nicSelector;
  const matching = nics.filter((nic) => selectsNic(spec.nicSelector, nic)).map((nic) => nic.pciAddress);
  const vfDeviceId = deviceID ? vfDeviceIdOf(supported, deviceID, vendor || undefined) : undefined;
  const selectors: { -readonly [K in keyof DeviceSelectors]: DeviceSelectors[K] } = {};
  if (vendor) selectors.vendors = [vendor.toLowerCase()];
  if (vfDeviceId !== undefined) selectors.devices = [vfDeviceId];
  if (pfNames.length > 0) selectors.pfNames = pfNames.map((entry) => withCurrentName(entry, nics));
  if (rootDevices.length > 0) selectors.rootDevices = rootDevices.map((address) => address.toLowerCase());
  if (deviceID && vfDeviceId === undefined) {
    // The list does not say which id the VFs of this NIC have, so they are selected by their PF.
    if (matching.length === 0) return undefined;
    selectors.rootDevices = matching;
  }
  if (netFilter) {
    if (matching.length === 0) return undefined;
    selectors.pciAddresses = matching;
  }
  // A VF bound to vfio-pci has no netdev that could tell its link type.
  if (spec.linkType && spec.deviceType !== 'vfio-pci') selectors.linkTypes = [spec.linkType.toLowerCase() === 'ib' ? 'infiniband' : 'ether'];
  return selectors;
}

/** The plugin compares with interface names only, so an altname is replaced by the name of the interface that has it. */
function withCurrentName(entry: string, nics: readonly InterfaceStatus[]): string {
  const name = pfNameWithoutRange(entry);
  if (nics.some((nic) => nic.name === name)) return entry;
  const current = nics.find((nic) => isNamed(nic, name))?.name;
  return current === undefined ? entry : current + entry.slice(name.length);
}

const MERGED = ['vendors', 'devices', 'pfNames', 'rootDevices', 'linkTypes', 'pciAddresses'] as const;

function mergeSelectors(parts: readonly DeviceSelectors[]): DeviceSelectors {
  const merged: { -readonly [K in keyof DeviceSelectors]: DeviceSelectors[K] } = {};
  for (const field of MERGED) {
    const union = [...new Set(parts.flatMap((part) => part[field] ?? []))];
    if (union.length > 0) merged[field] = union;
  }
  return merged;
}

/**
 * `merged` as it is when it selects exactly the VFs that the node state grants the resource; else, and when there is no `merged`,
 * the granted VFs by their PFs, or undefined when there are none: policies that win took them.
 */
function selectGranted(
  resourceName: string, merged: DeviceSelectors | undefined, nics: readonly InterfaceStatus[], supported: readonly SupportedNic[], spec: NodeStateSpec,
): DeviceSelectors | undefined {
  // On virtual platforms the selected PF is itself what is handed out.
  if (merged?.pciAddresses !== undefined) return merged;
  const wanted = new Map((spec.interfaces ?? []).map((entry) => [entry.pciAddress, entry]));
  const rootDevices: string[] = [];
  let exact = merged !== undefined;
  for (const nic of nics) {
    const entry = wanted.get(nic.pciAddress);
    if (entry === undefined) continue;
    const granted = rangesOfResource(resourceName, entry);
    exact &&= merged !== undefined && isExact(granted, selectedRanges(merged, nic, entry, supported), entry);
    if (granted.length > 0) rootDevices.push(`${nic.pciAddress}#${granted.map(formatVfRange).join(',')}`);
  }
  if (exact) return merged;
  return rootDevices.length === 0 ? undefined : { rootDevices };
}

function rangesOfResource(resourceName: string, entry: NodeStateInterface): readonly VfRange[] {
  return rangesOfGroups(entry, (group) => group.resourceName === resourceName);
}

function rangesOfGroups(entry: NodeStateInterface, wanted: (group: VfGroup) => boolean): readonly VfRange[] {
  return uniteRanges((entry.vfGroups ?? []).filter(wanted).flatMap((group) => rangeOfGroup(group) ?? []));
}

/** Whether `selected` has all of `granted` and, beyond it, VFs of no group only: those are left alone and have no driver to be advertised by. */
function isExact(granted: readonly VfRange[], selected: readonly VfRange[], entry: NodeStateInterface): boolean {
  if (granted.length === 0) return selected.length === 0;
  const foreign = rangesOfGroups(entry, (group) => !granted.some((range) => rangesOverlap(range, rangeOfGroup(group) ?? range)));
  return granted.every((range) => rangesCover(selected, range)) && !foreign.some((range) => selected.some((other) => rangesOverlap(range, other)));
}

/** The VFs of a PF that selectors match, as the device plugin reads them; link types and drivers follow from the configuration. */
function selectedRanges(selectors: DeviceSelectors, nic: InterfaceStatus, entry: NodeStateInterface, supported: readonly SupportedNic[]): readonly VfRange[] {
  const { vendors, devices, pfNames, rootDevices } = selectors;
  if (vendors !== undefined && !vendors.includes(nic.vendor?.toLowerCase() ?? '')) return [];
  if (devices !== undefined && !devices.includes(vfDeviceIdOf(supported, nic.deviceID ?? '', nic.vendor) ?? '')) return [];
  if (rootDevices !== undefined && !rootDevices.includes(nic.pciAddress)) return [];
  const all = [{ first: 0, last: (entry.numVfs ?? 0) - 1 }];
  if (pfNames === undefined) return all;
  const named = pfNames.filter((text) => pfNameWithoutRange(text).toLowerCase() === nic.name?.toLowerCase());
  return uniteRanges(
    named.flatMap((text) => {
      const parsed = parsePfName(text);
      return parsed.ok && parsed.value.range !== undefined ? [parsed.value.range] : all;
    }),
  );
}
