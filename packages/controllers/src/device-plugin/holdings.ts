import type { Clock, Files, FilesError, Log, PodResources, Result } from '@vfleet/core';
import { parseJson, parsePciAddress } from '@vfleet/core';
import { asObject } from '../json/fields.ts';

export const DEFAULT_CHECKPOINT = '/var/lib/vfleet/device-plugin/allocations.json';

interface Holding {
  readonly resource: string;
  /** Epoch milliseconds of the allocation, or of when it was first seen. */
  readonly atMs: number;
  /** Where the container's variable names it, among those that were handed out with it; absent where only the kubelet's list told of it. */
  readonly place?: number;
}

export interface HoldingsPorts {
  readonly files: Files;
  readonly podResources: PodResources;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/** Between Allocate and the pod's showing in the pod-resources API: admission of a pod with many devices takes seconds. */
const ADMISSION_MS = 60_000;

/**
 * Which devices pods hold, and as which resource. The device plugin API tells when devices are given out but never when they come back,
 * so what was given out is kept on disk and compared with the kubelet's own list, which wins.
 */
export class Holdings {
  readonly #ports: HoldingsPorts;
  readonly #path: string;
  #held = new Map<string, Holding>();
  #loaded = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(ports: HoldingsPorts, path: string = DEFAULT_CHECKPOINT) {
    this.#ports = ports;
    this.#path = path;
  }

  /** The resource as which a pod holds the device; undefined when none does, as far as is known. */
  resourceOf(id: string): string | undefined {
    return this.#held.get(id)?.resource;
  }

  /** Where the variable of its container names a device: 0 for the first. Undefined when this is not known. */
  placeOf(id: string): number | undefined {
    return this.#held.get(id)?.place;
  }

  /** Takes over what an earlier process wrote down. */
  load(): Promise<void> {
    return this.#inTurn(() => this.#load());
  }

  /** Writes down that devices are given out, before they are. */
  note(resource: string, ids: readonly string[]): Promise<Result<void, FilesError>> {
    return this.#inTurn(async () => {
      await this.#load();
      const atMs = this.#ports.clock.now();
      const next = new Map(this.#held);
      for (const [place, id] of ids.entries()) next.set(id, { resource, atMs, place });
      return this.#become(next);
    });
  }

  /** Compares with the kubelet's list; true when what is held has changed. A kubelet that does not answer changes nothing. */
  reconcile(): Promise<boolean> {
    return this.#inTurn(async () => {
      await this.#load();
      const listed = await this.#listed();
      if (listed === undefined) return false;
      const nowMs = this.#ports.clock.now();
      const next = new Map<string, Holding>();
      for (const [id, resource] of listed) next.set(id, this.#held.get(id)?.resource === resource ? this.#held.get(id)! : { resource, atMs: nowMs });
      // A clock that was set back makes ages negative: those count as old, since the kubelet does not know the pod.
      for (const [id, holding] of this.#held) {
        const ageMs = nowMs - holding.atMs;
        if (!listed.has(id) && ageMs >= 0 && ageMs < ADMISSION_MS) next.set(id, holding);
      }
      if (same(next, this.#held)) return false;
      const saved = await this.#become(next);
      if (!saved.ok) this.#ports.log.warn('What pods hold could not be written down.', { ...saved.error });
      return true;
    });
  }

  async #listed(): Promise<ReadonlyMap<string, string> | undefined> {
    try {
      const listed = new Map<string, string>();
      for (const pod of await this.#ports.podResources.list()) {
        for (const { devices } of pod.containers) {
          for (const { resourceName, ids } of devices) for (const id of ids) if (parsePciAddress(id).ok) listed.set(id, resourceName);
        }
      }
      return listed;
    } catch (error) {
      this.#ports.log.warn('The kubelet could not be asked which pods hold devices.', { error: String(error) });
      return undefined;
    }
  }

  async #become(next: Map<string, Holding>): Promise<Result<void, FilesError>> {
    this.#held = next;
    // After a loss of power no pod runs, and the kubelet's list says so.
    const held = Object.fromEntries([...next].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    return this.#ports.files.replace(this.#path, JSON.stringify({ version: 1, held }), { mode: 0o600, durable: false });
  }

  /** A file that cannot be read is as good as none: the kubelet's list fills in what runs. */
  async #load(): Promise<void> {
    if (this.#loaded) return;
    this.#loaded = true;
    const text = await this.#ports.files.read(this.#path);
    if (!text.ok) return;
    const parsed = parseJson(text.value);
    const document = parsed.ok ? asObject(parsed.value) : undefined;
    if (document?.['version'] !== 1) {
      this.#ports.log.warn('The record of what pods hold cannot be read and is begun anew.', { path: this.#path });
      return;
    }
    for (const [id, value] of Object.entries(asObject(document['held']) ?? {})) {
      const holding = asObject(value);
      const [resource, atMs, place] = [holding?.['resource'], holding?.['atMs'], holding?.['place']];
      if (!parsePciAddress(id).ok || typeof resource !== 'string' || typeof atMs !== 'number') continue;
      this.#held.set(id, { resource, atMs, ...(typeof place === 'number' ? { place } : {}) });
    }
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

function same(a: ReadonlyMap<string, Holding>, b: ReadonlyMap<string, Holding>): boolean {
  return a.size === b.size && [...a].every(([id, { resource }]) => b.get(id)?.resource === resource);
}
