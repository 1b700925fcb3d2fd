import { networkAttachmentAnnotations, nodeStateAnnotations } from '@vfleet/core';
import type { NetworkAttachmentDefinition, Node, Pod, SriovNetworkNodeState } from '@vfleet/kube';
import { extraNetworks, vfAddressOf } from '../../fleet-view.ts';

/** One thing that happened in the loop, as a person follows it. */
export interface Happening {
  readonly stage: 'discovered' | 'rendered' | 'draining' | 'drained' | 'created' | 'advertised' | 'network' | 'attached' | 'evicted' | 'failed' | 'done';
  readonly where: string;
  readonly what: string;
}

/** What changed between two versions of a node state that a person wants to hear of. */
export function narrateNodeState(before: SriovNetworkNodeState | undefined, after: SriovNetworkNodeState): readonly Happening[] {
  const where = after.metadata.name;
  const happenings: Happening[] = [];
  const say = (stage: Happening['stage'], what: string) => happenings.push({ stage, where, what });
  const pfsBefore = before?.status?.interfaces?.length ?? 0;
  const interfaces = after.status?.interfaces ?? [];
  if (pfsBefore === 0 && interfaces.length > 0) say('discovered', `${interfaces.length} PFs: ${interfaces.map((pf) => `${pf.name ?? pf.pciAddress} (${pf.driver}, up to ${pf.totalvfs ?? 0} VFs)`).join(', ')}`);
  const wantedBefore = wanted(before);
  for (const [pf, want] of wanted(after)) if (wantedBefore.get(pf) !== want) say('rendered', `${pf}: ${want}`);
  const progressBefore = before?.metadata.annotations?.[nodeStateAnnotations.currentState] ?? 'Idle';
  const progress = after.metadata.annotations?.[nodeStateAnnotations.currentState] ?? 'Idle';
  if (progress !== progressBefore && progress === 'Draining') say('draining', `VFs in use must go first (${after.metadata.annotations?.[nodeStateAnnotations.desiredState] ?? 'Drain_Required'})`);
  if (progress !== progressBefore && progress === 'DrainComplete') say('drained', 'no pod uses the VFs any more');
  const vfsBefore = new Map((before?.status?.interfaces ?? []).map((pf) => [pf.pciAddress, pf.numVfs ?? 0]));
  for (const pf of interfaces) {
    const count = pf.numVfs ?? 0;
    if (before?.status !== undefined && count !== (vfsBefore.get(pf.pciAddress) ?? 0)) say('created', `${pf.name ?? pf.pciAddress}: ${vfsBefore.get(pf.pciAddress) ?? 0} → ${count} VFs`);
  }
  const sync = after.status?.syncStatus;
  const error = after.status?.lastSyncError;
  if (sync === 'Failed' && (before?.status?.syncStatus !== 'Failed' || before.status.lastSyncError !== error)) say('failed', error ?? 'no reason given');
  if (sync === 'Succeeded' && before?.status?.syncStatus === 'InProgress' && (after.spec.interfaces?.length ?? 0) > 0) say('done', 'hardware is as the policies say');
  return happenings;
}

function wanted(state: SriovNetworkNodeState | undefined): ReadonlyMap<string, string> {
  return new Map(
    (state?.spec?.interfaces ?? []).map((pf) => {
      const groups = (pf.vfGroups ?? []).map((group) => `${group.resourceName} VFs ${group.vfRange} as ${group.deviceType ?? 'netdevice'} (${group.policyName})`);
      return [pf.name ?? pf.pciAddress, [`${pf.numVfs ?? 0} VFs`, ...groups].join(', ')];
    }),
  );
}

export function narrateNode(before: Node | undefined, after: Node): readonly Happening[] {
  return Object.entries(after.status?.allocatable ?? {})
    .filter(([name, quantity]) => name.includes('/') && before?.status?.allocatable?.[name] !== quantity)
    .map(([name, quantity]) => ({ stage: 'advertised', where: after.metadata.name, what: `${name}: ${String(before?.status?.allocatable?.[name] ?? 0)} → ${String(quantity)}` }));
}

export function narrateNetwork(before: NetworkAttachmentDefinition | undefined, after: NetworkAttachmentDefinition): readonly Happening[] {
  if (before !== undefined) return [];
  const resource = after.metadata.annotations?.[networkAttachmentAnnotations.resourceName];
  return [{ stage: 'network', where: `${after.metadata.namespace}/${after.metadata.name}`, what: `attachment definition made${resource === undefined ? '' : ` for ${resource}`}` }];
}

export function narratePod(before: Pod | undefined, after: Pod): readonly Happening[] {
  const where = `${after.metadata.namespace}/${after.metadata.name}`;
  const knownBefore = new Set((before === undefined ? [] : extraNetworks(before)).map((status) => status.interface));
  const attached: readonly Happening[] = extraNetworks(after)
    .filter((status) => !knownBefore.has(status.interface))
    .map((status) => ({
      stage: 'attached', where, what: `${status.interface ?? 'device'} on ${after.spec?.nodeName}: ${[vfAddressOf(status) === undefined ? undefined : `VF ${vfAddressOf(status)}`, status.mac, ...(status.ips ?? [])].filter((part) => part !== undefined).join(', ')}`,
    }));
  const disrupted = after.status?.conditions?.find((condition) => condition.type === 'DisruptionTarget' && condition.status === 'True');
  const wasDisrupted = before?.status?.conditions?.some((condition) => condition.type === 'DisruptionTarget' && condition.status === 'True') === true;
  const evicted: readonly Happening[] = disrupted !== undefined && !wasDisrupted ? [{ stage: 'evicted', where, what: disrupted.message ?? 'by the drain' }] : [];
  const failed: readonly Happening[] = after.status?.phase === 'Failed' && after.metadata.deletionTimestamp === undefined && before?.status?.phase !== 'Failed' ? [{ stage: 'failed', where, what: after.status.message ?? after.status.reason ?? 'no reason given' }] : [];
  return [...attached, ...evicted, ...failed];
}
