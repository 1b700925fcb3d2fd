import type { EswitchMode, Files, FilesError, NodeStateInterface, Result } from '@vfleet/core';
import { fail, isJsonObject, ok, parseJson, parsePciAddress } from '@vfleet/core';
import type { PfRecord } from './ownership.ts';

/**
 * What the Go operator's config daemon saw when it began on this boot: a whole SriovNetworkNodeState, in the host's `/tmp` unless DEST_DIR said
 * otherwise (its pkg/consts, CheckpointFileName; pkg/vars, Destdir).
 */
export const CHECKPOINT_FILE = '/tmp/sno-initial-node-state.json';
/** MTUs that the Go operator gives PFs back with when it has no checkpoint (its pkg/host/internal/sriov, ResetSriovDevice). */
const RESET_MTU = { ETH: 1500, IB: 2048 } as const;

/** What PFs were like before the Go operator changed them, by address. */
export type Checkpoint = ReadonlyMap<string, { readonly mtu?: number; readonly eswitchMode: EswitchMode }>;

/** The Go operator's files of PFs have the address for a name, and nothing behind it. */
export function isPredecessorFile(name: string): boolean {
  return parsePciAddress(name).ok && !name.endsWith('.json');
}

/** Empty when there is none, or when it cannot be understood: it is a help, and nothing depends on it. */
export async function readCheckpoint(files: Files): Promise<Result<Checkpoint, FilesError>> {
  const text = await files.read(CHECKPOINT_FILE);
  if (!text.ok) return text.error.code === 'notFound' ? ok(new Map()) : text;
  return ok(parseCheckpoint(text.value));
}

export function parseCheckpoint(text: string): Checkpoint {
  const seen = new Map<string, { readonly mtu?: number; readonly eswitchMode: EswitchMode }>();
  const parsed = parseJson(text);
  const status = parsed.ok && isJsonObject(parsed.value) ? parsed.value['status'] : undefined;
  const interfaces = status !== undefined && isJsonObject(status) ? status['interfaces'] : undefined;
  for (const entry of Array.isArray(interfaces) ? interfaces : []) {
    if (!isJsonObject(entry)) continue;
    const { pciAddress, mtu, eSwitchMode } = entry;
    const address = typeof pciAddress === 'string' ? parsePciAddress(pciAddress) : undefined;
    if (address?.ok !== true) continue;
    seen.set(address.value, { ...(isMtu(mtu) ? { mtu } : {}), eswitchMode: eSwitchMode === 'switchdev' ? 'switchdev' : 'legacy' });
  }
  return seen;
}

/**
 * A PF that the Go operator configured: its file has the element of `spec.interfaces` that was applied last, and nothing of what was before
 * that. Without a checkpoint the PF is given back as the Go operator would do it.
 */
export function parsePredecessorFile(name: string, text: string, checkpoint: Checkpoint): Result<PfRecord, string> {
  const address = parsePciAddress(name);
  if (!address.ok) return address;
  const parsed = parseJson(text);
  if (!parsed.ok) return fail(`line ${parsed.error.line}: ${parsed.error.cause}`);
  if (!isJsonObject(parsed.value)) return fail('it is no object');
  const { pciAddress, name: netdev, mtu, linkType, externallyManaged } = parsed.value;
  if (typeof pciAddress !== 'string' || pciAddress.toLowerCase() !== address.value) return fail(`it is of ${typeof pciAddress === 'string' ? pciAddress : 'no PF'}`);
  const before = checkpoint.get(address.value);
  const raised = isMtu(mtu) ? RESET_MTU[typeof linkType === 'string' && linkType.toUpperCase() === 'IB' ? 'IB' : 'ETH'] : undefined;
  const firstMtu = before === undefined ? raised : before.mtu;
  return ok({
    pciAddress: address.value,
    ...(typeof netdev === 'string' && netdev !== '' ? { name: netdev } : {}),
    ...(firstMtu === undefined ? {} : { firstMtu }),
    firstEswitchMode: before?.eswitchMode ?? 'legacy',
    externallyManaged: externallyManaged === true,
    // Only compared with the spec, so any shape does.
    applied: parsed.value as unknown as NodeStateInterface,
  });
}

function isMtu(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}
