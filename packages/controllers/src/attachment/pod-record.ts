import { ok, parseJson } from '@vfleet/core';
import type { AttachFailure, Files, NetworkStatus, PodSandbox, Result } from '@vfleet/core';
import { cniCodes, failure, filesFailure } from '../cni/failure.ts';
import { asObject } from '../json/fields.ts';
import type { CniResult } from './chained-plugins.ts';
import type { PluginStep } from './plugin-chain.ts';

/** One interface of a pod as it was asked of the plugins: what DEL has to be called with. */
export interface Delegate {
  /** `namespace/name` of the NetworkAttachmentDefinition. */
  readonly network: string;
  readonly ifname: string;
  readonly steps: readonly PluginStep[];
  readonly resourceName?: string;
  readonly deviceId?: string;
  /** It takes the place of the cluster's own network. */
  readonly isDefault: boolean;
}

/** A pod's attachments. Written before the first plugin is called, and again with `statuses` when all have answered. */
export interface PodRecord {
  readonly version: 1;
  readonly pod: Pick<PodSandbox, 'namespace' | 'name' | 'uid' | 'containerId' | 'netns'>;
  /** What was asked: to tell a repeated ADD from a new one. */
  readonly asked: string;
  /** See Namespaces.identify; absent where it could not be told, and in records of versions before. */
  readonly netnsIdentity?: string;
  readonly delegates: readonly Delegate[];
  readonly statuses?: readonly NetworkStatus[];
  /** What each delegate's chain answered, in their order, for CHECK; with `statuses`, and absent in records of versions before. */
  readonly results?: readonly CniResult[];
}

type Answer<Value> = Promise<Result<Value, AttachFailure>>;

/** The records of a node's pods, one file a sandbox. */
export class PodRecords {
  readonly #files: Files;
  readonly #folder: string;

  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /** Container ids. */
  async ids(): Answer<readonly string[]> {
    const listed = await this.#files.list(this.#folder);
    return listed.ok ? ok(listed.value.flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : []))) : filesFailure(listed.error);
  }

  async read(containerId: string): Answer<PodRecord | undefined> {
    const path = this.#path(containerId);
    const text = await this.#files.read(path);
    if (!text.ok) return text.error.code === 'notFound' ? ok(undefined) : filesFailure(text.error);
    const parsed = parseJson(text.value);
    const record = parsed.ok ? asObject(parsed.value) : undefined;
    if (record?.['version'] !== 1 || asObject(record['pod']) === undefined || !Array.isArray(record['delegates'])) {
      return failure(cniCodes.undecodable, `${path} holds no state that this version wrote`, 'Remove the file; its VFs are taken back by their own records.');
    }
    // Only this class writes these files, whole and atomically, so the shape follows from the version.
    return ok(record as unknown as PodRecord);
  }

  async write(record: PodRecord): Answer<void> {
    const written = await this.#files.replace(this.#path(record.pod.containerId), JSON.stringify(record), { mode: 0o600 });
    return written.ok ? written : filesFailure(written.error);
  }

  async remove(containerId: string): Answer<void> {
    const removed = await this.#files.remove(this.#path(containerId));
    return removed.ok ? removed : filesFailure(removed.error);
  }

  #path(containerId: string): string {
    return `${this.#folder}/${containerId}.json`;
  }
}
