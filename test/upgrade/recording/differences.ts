import type { InterfaceStatus, NodePolicySpec, NodeStateSpec } from '@vfleet/core';
import { areEquivalentSpecs, hasLabels } from '@vfleet/core';
import { isDeepStrictEqual } from 'node:util';
import type { Answers, Scenario } from './scenario.ts';

/** The differences that docs/upgrade.md tells of, and why each is there. */
export const KNOWN = {
  idleAnnotation: 'the Go operator writes that nothing is asked of a node; here an absent annotation says so',
  unlabelledWorker: 'without configDaemonNodeSelector, nodes without the label of workers are workers too, unless they are of the control plane',
  poolFinalizer: 'every pool is held until its nodes count elsewhere',
  pfNamedTwice: 'all entries of pfNames that name a PF count, not the first alone',
  altNameRange: 'a range counts where the PF is named by its altname, too',
  upperCase: 'PCI ids are compared without regard to case',
  noPriority: 'a policy without a priority has 99 even where no webhook writes it; the Go operator takes it for 0',
  granted: 'a resource offers the VFs that the node state grants it: no others, and not none',
  emptySelector: 'a policy whose nicSelector is empty, or is a netFilter of no PF, offers nothing; with the Go operator its resource is everything that is left',
  unlistedModel: 'VFs of PFs that are not in supported-nic-ids are found by their PF',
  vfioDriver: 'resources of vfio-pci alone offer VFs that are bound to it',
  cdi: 'the device plugin reads from its configuration whether to use CDI',
  userJson: 'what is no JSON is said in a condition',
  noResource: 'a network without a resourceName is refused',
  spaces: 'spaces within texts of ipam survive',
  vlanProto: 'the protocol of VLANs is in lower case, as the plugin reads it',
  logLevel: 'a logLevel that is set to nothing stays so',
  lastNamespace: 'the namespace that a network serves is noted before its definition is made',
  foreignAnnotations: 'what users wrote on a definition that is adopted stays',
  orphan: 'a definition whose network does not exist is deleted, and its name is free',
  attachmentOwner: 'in the operator\'s namespace a finalizer alone holds the definition',
} as const;

export type Known = keyof typeof KNOWN;

/** What differs without a reason, in words; and the reasons that were needed. */
export interface Comparison {
  readonly unexplained: readonly string[];
  readonly needed: ReadonlySet<Known>;
}

/** Compares what two operators made of a scenario. */
export function compare(scenario: Scenario, go: Answers, ours: Answers): Comparison {
  const comparison = { unexplained: [] as string[], needed: new Set<Known>() };
  const differs = (what: string, a: unknown, b: unknown, reason?: Known | false) => {
    if (isDeepStrictEqual(a, b)) return;
    if (reason === undefined || reason === false) comparison.unexplained.push(`${what}: ${JSON.stringify(a)}, here ${JSON.stringify(b)}`);
    else comparison.needed.add(reason);
  };
  differs('refused', go.refused, ours.refused);
  differs('config', go.config, ours.config);
  for (const name of names(go.pools, ours.pools)) differs(`pool ${name}`, go.pools[name], ours.pools[name], ours.pools[name]?.finalizers.length === 1 && 'poolFinalizer');
  for (const { name } of scenario.nodes) if (go.nodes[name] !== undefined || ours.nodes[name] !== undefined) compareNode(scenario, name, go.nodes[name], ours.nodes[name], differs);
  compareNetworks(scenario, go, ours, differs);
  return comparison;
}

type Differs = (what: string, a: unknown, b: unknown, reason?: Known | false) => void;
type NodeAnswer = Answers['nodes'][string];

function compareNode(scenario: Scenario, name: string, go: NodeAnswer | undefined, ours: NodeAnswer | undefined, differs: Differs): void {
  if (go === undefined || ours === undefined) return differs(`node ${name}`, go, ours);
  const node = scenario.nodes.find((one) => one.name === name)!;
  differs(`annotations of node ${name}`, go.annotations, ours.annotations, go.annotations['sriovnetwork.openshift.io/state'] === 'Idle' && 'idleAnnotation');
  if (go.state === null && ours.state !== null) return differs(`node ${name} is selected`, false, true, node.labels['node-role.kubernetes.io/worker'] === undefined && scenario.config['configDaemonNodeSelector'] === undefined && 'unlabelledWorker');
  if (go.state === null || ours.state === null) return differs(`node ${name}`, [go.label, go.state, go.devicePlugin], [ours.label, ours.state, ours.devicePlugin]);
  differs(`annotations of node state ${name}`, go.stateAnnotations, ours.stateAnnotations);
  differs(`owners of node state ${name}`, go.owners, ours.owners);
  const policies = scenario.policies.filter((policy) => policy.name !== 'default' && hasLabels(policy.spec.nodeSelector, node.labels)).map(({ spec }) => spec);
  const [stateOfGo, stateOfOurs] = [(go.state ?? {}) as NodeStateSpec, (ours.state ?? {}) as NodeStateSpec];
  const wasRendered = stateOfGo.interfaces !== undefined || stateOfOurs.interfaces !== undefined;
  if (wasRendered && !areEquivalentSpecs({ interfaces: [], ...stateOfGo }, { interfaces: [], ...stateOfOurs })) differs(`node state ${name}`, stateOfGo, stateOfOurs, whyOther(policies, node.interfaces));
  compareDevicePlugin(`resources of node ${name}`, node.interfaces, policies, go, ours, differs);
}

/** Why two operators may read the same policies otherwise on these PFs. */
function whyOther(policies: readonly NodePolicySpec[], nics: readonly InterfaceStatus[]): Known | undefined {
  const entries = policies.flatMap(({ nicSelector: { pfNames = [] } }) => [pfNames.map((entry) => entry.split('#') as [string, string?])]);
  const named = (nic: InterfaceStatus, name: string) => nic.name === name || nic.altNames?.includes(name) === true;
  if (policies.some(({ nicSelector: { vendor = '', deviceID = '' } }) => /[A-Z]/.test(vendor + deviceID))) return 'upperCase';
  if (policies.some(({ priority }) => priority === undefined)) return 'noPriority';
  if (entries.some((own) => nics.some((nic) => own.filter(([name]) => named(nic, name)).length > 1))) return 'pfNamedTwice';
  return entries.some((own) => own.some(([name, range]) => range !== undefined && nics.some((nic) => nic.name !== name && named(nic, name)))) ? 'altNameRange' : undefined;
}

/** Why a resource of these policies may be put in other words. */
function whyOtherResource(policies: readonly NodePolicySpec[]): Known | undefined {
  if (policies.some(({ nicSelector: { deviceID } }) => deviceID !== undefined && VF_IDS[deviceID.toLowerCase()] === undefined)) return 'unlistedModel';
  if (policies.some(({ nicSelector }) => Object.keys(nicSelector).every((field) => field === 'netFilter'))) return 'emptySelector';
  return policies.some(({ nicSelector: { vendor = '', deviceID = '' } }) => /[A-Z]/.test(vendor + deviceID)) ? 'upperCase' : undefined;
}

interface Resource {
  readonly resourceName: string;
  readonly excludeTopology?: boolean;
  readonly selectors: Readonly<Record<string, unknown>>;
}

function compareDevicePlugin(what: string, nics: readonly InterfaceStatus[], policies: readonly NodePolicySpec[], go: NodeAnswer, ours: NodeAnswer, differs: Differs): void {
  const [theirs, own] = [resourcesOf(go.devicePlugin), resourcesOf(ours.devicePlugin)];
  for (const [label, resources] of [[go.label, theirs], [ours.label, own]] as const) if (label !== null || resources.size > 0) differs(`${what}: label`, label, resources.size > 0 ? 'Enabled' : 'Disabled');
  differs(`${what}: is offered`, go.label === null, ours.label === null);
  if ((ours.devicePlugin as { readonly useCdi?: boolean } | null)?.useCdi === true) differs(`${what}: useCdi`, undefined, true, 'cdi');
  for (const name of names(Object.fromEntries(theirs), Object.fromEntries(own))) {
    const [a, b] = [theirs.get(name), own.get(name)];
    const { drivers, ...selectors } = b?.selectors ?? {};
    if (drivers !== undefined) differs(`${what}: ${name}: drivers`, undefined, drivers, policies.filter(({ resourceName, numVfs, nicSelector }) => resourceName === name && numVfs > 0 && Object.keys(nicSelector).length > 0).every(({ deviceType }) => deviceType === 'vfio-pci') && 'vfioDriver');
    const same = b !== undefined && isDeepStrictEqual(a, { ...b, selectors });
    if (same) continue;
    // Something else is offered: then the node state must grant just that, and not what the Go operator's selectors match.
    const granted = grantedVfs(name, ours.state as NodeStateSpec);
    const [offeredByGo, offered] = [offeredVfs(a, nics, ours.state as NodeStateSpec), offeredVfs(b, nics, ours.state as NodeStateSpec)];
    differs(`${what}: ${name} offers`, granted, offered);
    differs(`${what}: ${name}`, a, b, (!isDeepStrictEqual(offeredByGo, granted) && 'granted') || whyOtherResource(policies.filter(({ resourceName }) => resourceName === name)));
  }
}

/** By name, with selectors as the device plugin compares them: sets, without zeros. */
function resourcesOf(config: unknown): ReadonlyMap<string, Resource> {
  const list = (config as { readonly resourceList?: readonly (Resource & { readonly selectors: Readonly<Record<string, unknown>> })[] | null } | null)?.resourceList ?? [];
  return new Map(list.map(({ resourceName, excludeTopology, selectors }) => {
    const said = Object.entries(selectors).filter(([, value]) => value !== false && value !== '' && value !== null);
    // Decoded without regard to case (encoding/json).
    const named = said.map(([name, value]) => [name === 'IsRdma' ? 'isRdma' : name === 'NeedVhostNet' ? 'needVhostNet' : name, Array.isArray(value) ? value.map((one) => String(one).toLowerCase()).toSorted() : value] as const);
    return [resourceName, { resourceName, ...(excludeTopology === true ? { excludeTopology } : {}), selectors: Object.fromEntries(named) }];
  }));
}

const VF_IDS: Readonly<Record<string, string>> = { '1592': '1889', '159b': '1889', '101d': '101e', '1017': '1018', '16d7': '16dc' };

/** `address/index` of the VFs of a node state that selectors match: an independent reading of the device plugin's documentation. */
function offeredVfs(resource: Resource | undefined, nics: readonly InterfaceStatus[], { interfaces = [] }: NodeStateSpec): readonly string[] {
  if (resource === undefined) return [];
  const texts = (name: string) => resource.selectors[name] as readonly string[] | undefined;
  const addresses = texts('pciAddresses');
  if (addresses !== undefined) return addresses.toSorted();
  const inRanges = (list: readonly string[] | undefined, key: string, index: number) => list === undefined || list.some((entry) => {
    const [name, ranges] = entry.split('#');
    return name === key && (ranges === undefined || ranges.split(',').some((range) => range.split('-').map(Number).every((bound, end) => (end === 0 ? bound <= index : index <= bound))));
  });
  return interfaces.flatMap(({ pciAddress, numVfs = 0 }) => {
    const nic = nics.find((one) => one.pciAddress === pciAddress)!;
    const isOf = (name: string, value: string | undefined) => texts(name)?.includes(value ?? '') ?? true;
    if (!isOf('vendors', nic.vendor) || !isOf('devices', VF_IDS[nic.deviceID!])) return [];
    return Array.from({ length: numVfs }, (_, index) => index).filter((index) => inRanges(texts('pfNames'), nic.name!, index) && inRanges(texts('rootDevices'), pciAddress, index)).map((index) => `${pciAddress}/${index}`);
  }).toSorted();
}

function grantedVfs(resource: string, { interfaces = [] }: NodeStateSpec): readonly string[] {
  return interfaces.flatMap(({ pciAddress, vfGroups = [] }) => vfGroups.filter(({ resourceName }) => resourceName === resource).flatMap(({ vfRange = '' }) => {
    const [first = 0, last = 0] = vfRange.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => `${pciAddress}/${first + index}`);
  })).toSorted();
}

function compareNetworks({ networks, attachments }: Scenario, go: Answers, ours: Answers, differs: Differs): void {
  const specOf = new Map(networks.map(({ kind, namespace, name, spec }) => [`${kind} ${namespace}/${name}`, spec]));
  const taken = new Set(attachments.filter(({ annotations }) => annotations['sriovnetwork.openshift.io/owner-ref'] !== undefined).map(({ name }) => name));
  for (const name of names(go.networks, ours.networks)) {
    const [a, b, spec] = [go.networks[name]!, ours.networks[name]!, specOf.get(name)!];
    const invalid = isJson(spec['ipam']) ? spec['resourceName'] === '' && 'noResource' : 'userJson';
    if (invalid) {
      differs(`network ${name} is invalid`, undefined, b.ready === 'False NetworkAttachmentDefinitionInvalid', invalid);
      continue;
    }
    differs(`network ${name}: finalizers`, a.finalizers, b.finalizers);
    differs(`network ${name}: annotations`, a.annotations, b.annotations, Object.keys(a.annotations).length === 0 && 'lastNamespace');
    differs(`network ${name}: ready`, a.ready, b.ready, taken.has(name.split('/')[1]!) && 'orphan');
  }
  for (const name of names(go.attachments, ours.attachments)) {
    const [a, b] = [go.attachments[name], ours.attachments[name]];
    const short = name.split('/')[1]!;
    const spec = networks.find((network) => network.name === short)?.spec ?? {};
    if (a === undefined || b === undefined) {
      differs(`definition ${name}`, a, b, b === undefined && spec['resourceName'] === '' && 'noResource');
      continue;
    }
    if (taken.has(short)) {
      differs(`definition ${name}`, a, b, 'orphan');
      continue;
    }
    for (const [annotation, value] of Object.entries(a.annotations)) differs(`definition ${name}: ${annotation}`, value, b.annotations[annotation]);
    differs(`definition ${name}: annotations`, a.annotations, b.annotations, 'foreignAnnotations');
    differs(`definition ${name}: owners`, a.owners, b.owners, name.startsWith('sriov-network-operator/') && b.owners.length === 0 && 'attachmentOwner');
    differs(`definition ${name}: config`, a.config, b.config, spec['logLevel'] === '' ? 'logLevel' : /AD$/.test(String(spec['vlanProto'])) ? 'vlanProto' : / [a-z]"/.test(String(spec['ipam'])) && 'spaces');
  }
}

function isJson(text: unknown): boolean {
  try {
    JSON.parse(text === undefined ? '{}' : String(text));
    return true;
  } catch {
    return false;
  }
}

function names(a: object, b: object): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted();
}
