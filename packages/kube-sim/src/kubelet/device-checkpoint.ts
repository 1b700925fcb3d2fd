import type { ContainerAllocation, Files, Log } from '@vfleet/core';

/** Where kubelet keeps it (cm/devicemanager, kubeletDeviceManagerCheckpoint). */
export const CHECKPOINT_PATH = '/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint';

/** Devices of one resource held by one container, with the plugin's answer. */
export interface DeviceHold {
  readonly podUid: string;
  readonly namespace: string;
  readonly podName: string;
  readonly container: string;
  readonly resourceName: string;
  readonly ids: readonly string[];
  readonly allocation: ContainerAllocation;
}

export interface DeviceState {
  readonly holds: readonly DeviceHold[];
  /** Device ids by resource, as last listed. */
  readonly registered: Readonly<Record<string, readonly string[]>>;
}

const CHECKSUM_BASIS = 0x811c9dc5;

/** FNV-1a over the data's JSON: tells a torn or edited file, nothing more. Goes on from the checksum of what comes before. */
function checksum(text: string, before = CHECKSUM_BASIS): number {
  let hash = before;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** One hold as it stands in the file. Made once and kept, since the file is written anew with every allocation. */
export function holdText(hold: DeviceHold): string {
  return JSON.stringify({
    PodUID: hold.podUid, PodNamespace: hold.namespace, PodName: hold.podName, ContainerName: hold.container, ResourceName: hold.resourceName,
    DeviceIDs: { '-1': hold.ids }, AllocResp: hold.allocation,
  });
}

/** Holds as they stand in the file, one after the other, with the checksum up to there: a hold more costs no more than itself. */
export interface WrittenHolds {
  readonly text: string;
  readonly checksum: number;
}

export const noHolds: WrittenHolds = { text: '', checksum: checksum('{"PodDeviceEntries":[') };

export function withHold(before: WrittenHolds, hold: string): WrittenHolds {
  const more = before.text === '' ? hold : `,${hold}`;
  return { text: before.text + more, checksum: checksum(more, before.checksum) };
}

/**
 * The outer form is kubelet's (Data, Checksum; PodDeviceEntries with PodUID, ContainerName, ResourceName, DeviceIDs, AllocResp); the
 * plugin's answer is JSON instead of a protocol buffer, and the pod's name is added. `registered` is JSON of {@link DeviceState.registered}.
 */
export function checkpointText(holds: WrittenHolds, registered: string): string {
  const rest = `],"RegisteredDevices":${registered}}`;
  return `{"Data":{"PodDeviceEntries":[${holds.text}${rest},"Checksum":${checksum(rest, holds.checksum)}}`;
}

type CheckpointEntry = {
  readonly PodUID: string; readonly PodNamespace: string; readonly PodName: string; readonly ContainerName: string; readonly ResourceName: string;
  readonly DeviceIDs: Readonly<Record<string, readonly string[]>>; readonly AllocResp: ContainerAllocation;
};

/** Undefined when the text is torn or was changed by hand. */
export function parseCheckpoint(text: string): DeviceState | undefined {
  try {
    const [, data, sum] = /^\{"Data":(.*),"Checksum":(\d+)\}$/s.exec(text) ?? [];
    if (data === undefined || checksum(data) !== Number(sum)) return undefined;
    const Data = JSON.parse(data) as { readonly PodDeviceEntries: readonly CheckpointEntry[]; readonly RegisteredDevices: DeviceState['registered'] };
    const holds = Data.PodDeviceEntries.map((entry) => ({
      podUid: entry.PodUID, namespace: entry.PodNamespace, podName: entry.PodName, container: entry.ContainerName, resourceName: entry.ResourceName,
      ids: Object.values(entry.DeviceIDs).flat(), allocation: entry.AllocResp,
    }));
    return { holds, registered: Data.RegisteredDevices };
  } catch {
    return undefined;
  }
}

export async function readCheckpoint(files: Files, log: Log): Promise<DeviceState> {
  const empty = { holds: [], registered: {} };
  const text = await files.read(CHECKPOINT_PATH);
  if (!text.ok) {
    if (text.error.code !== 'notFound') log.error('The device checkpoint cannot be read; allocations made before are unknown.', { cause: text.error.cause });
    return empty;
  }
  const state = parseCheckpoint(text.value);
  if (state === undefined) log.error('The device checkpoint is damaged; allocations made before are unknown.', { path: CHECKPOINT_PATH });
  return state ?? empty;
}

/** Answers the cause when it could not be written: then nothing may be handed out that a restart would forget. */
export async function writeCheckpoint(files: Files, text: string): Promise<string | undefined> {
  const written = await files.replace(CHECKPOINT_PATH, text);
  return written.ok ? undefined : written.error.cause;
}
