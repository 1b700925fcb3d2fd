import type { ContainerAllocation, DevicePluginDeviceType, Files, FilesError, Result } from '@vfleet/core';
import { isJsonObject, ok, parseJson } from '@vfleet/core';
import { asObject, isJsonArray } from '../json/fields.ts';
import { allocateContainer, handoutOf } from './allocation.ts';
import type { ResourceConfig } from './config.ts';
import type { PoolMember } from './pools.ts';

/** Where container runtimes look for specifications that come and go with the node (CDI specification, "Directories"). */
export const CDI_FOLDER = '/var/run/cdi';
/** Names of files that the SR-IOV network device plugin wrote begin so, and so do ours: either cleans up after the other. */
const FILE_PREFIX = 'sriov-dp-';
const ANNOTATION_PREFIX = 'cdi.k8s.io/';

const CLASSES: Readonly<Record<DevicePluginDeviceType, string>> = { netDevice: 'net-pci', accelerator: 'net-accel', auxNetDevice: 'net-sf' };

interface CdiDevice {
  readonly name: string;
  readonly containerEdits: { readonly deviceNodes: readonly { readonly path: string; readonly hostPath?: string; readonly permissions: string }[] };
}

/** `<prefix>/net-pci` and the like; undefined for a prefix that CDI takes for no vendor, whose devices go the plain way. */
export function cdiKind({ prefix, deviceType }: Pick<ResourceConfig, 'prefix' | 'deviceType'>): string | undefined {
  const name = `${prefix}_${CLASSES[deviceType]}`;
  // A vendor begins with a letter (CDI specification, "kind"); an annotation's name has 63 characters at most.
  return /^[a-z]/.test(prefix) && name.length <= 63 ? `${prefix}/${CLASSES[deviceType]}` : undefined;
}

/** Devices without a file of their own are left out: a CDI device that changes nothing is invalid, and would take the pod down. */
function cdiDevice(resource: ResourceConfig, member: PoolMember): CdiDevice | undefined {
  const { specs } = handoutOf(resource, member);
  if (specs.length === 0) return undefined;
  const deviceNodes = specs.map(({ containerPath, hostPath, permissions }) => ({ path: containerPath, ...(hostPath === containerPath ? {} : { hostPath }), permissions }));
  return { name: member.function.id, containerEdits: { deviceNodes } };
}

/** The annotation that hands devices over to the runtime; empty when none of them has anything to hand over. */
function cdiAnnotations(resource: ResourceConfig, kind: string, members: readonly PoolMember[]): Readonly<Record<string, string>> {
  const names = members.flatMap((member) => cdiDevice(resource, member)?.name ?? []);
  return names.length === 0 ? {} : { [`${ANNOTATION_PREFIX}${kind.replace('/', '_')}`]: names.map((name) => `${kind}=${name}`).join(',') };
}

/** What one container gets in CDI mode: the variables, and the names of its devices for the runtime to look up. */
export function allocateByCdi(resource: ResourceConfig, members: readonly PoolMember[]): ContainerAllocation {
  const plain = allocateContainer(resource, members);
  const kind = cdiKind(resource);
  return kind === undefined ? plain : { ...plain, devices: [], annotations: cdiAnnotations(resource, kind, members) };
}

/**
 * The specifications on disk, one file a kind: a device that goes from one resource to another is never in two files, which
 * a runtime would take for a conflict. Devices that pods hold stay, also when no resource lists them any more: containers that restart are
 * looked up again.
 */
export class CdiSpecs {
  readonly #files: Files;
  readonly #folder: string;
  readonly #written = new Map<string, string>();
  #queue: Promise<Result<void, FilesError>> = Promise.resolve(ok(undefined));
  #loaded = false;

  constructor(files: Files, folder: string = CDI_FOLDER) {
    this.#files = files;
    this.#folder = folder;
  }

  /** Brings the files in line; resolves when they are. Calls are carried out one after the other. */
  update(pools: readonly { readonly resource: ResourceConfig; readonly members: readonly PoolMember[] }[], isHeld: (id: string) => boolean): Promise<Result<void, FilesError>> {
    this.#queue = this.#queue.then(() => this.#update(pools, isHeld));
    return this.#queue;
  }

  /** The outcome of the update that was asked for last. */
  settled(): Promise<Result<void, FilesError>> {
    return this.#queue;
  }

  async #update(pools: Parameters<CdiSpecs['update']>[0], isHeld: (id: string) => boolean): Promise<Result<void, FilesError>> {
    const foreign = await this.#load();
    if (!foreign.ok) return foreign;
    const listed = new Map<string, CdiDevice[]>([...this.#written.keys()].map((kind) => [kind, []]));
    for (const { resource, members } of pools) {
      const kind = cdiKind(resource);
      if (kind === undefined) continue;
      const devices = listed.get(kind) ?? [];
      listed.set(kind, devices);
      devices.push(...members.flatMap((member) => cdiDevice(resource, member) ?? []));
    }
    for (const [kind, devices] of listed) {
      const done = await this.#write(kind, withHeld(devices, this.#written.get(kind), isHeld));
      if (!done.ok) return done;
    }
    for (const name of foreign.value) {
      const removed = await this.#files.remove(`${this.#folder}/${name}`);
      if (!removed.ok) return removed;
    }
    return ok(undefined);
  }

  /** Takes over what an earlier process wrote; the answer is files of the same name space that are not ours. */
  async #load(): Promise<Result<readonly string[], FilesError>> {
    if (this.#loaded) return ok([]);
    const names = await this.#files.list(this.#folder);
    if (!names.ok) return names;
    const foreign: string[] = [];
    for (const name of names.value.filter((one) => one.startsWith(FILE_PREFIX))) {
      const text = await this.#files.read(`${this.#folder}/${name}`);
      const parsed = text.ok ? parseJson(text.value) : undefined;
      const kind = parsed?.ok && isJsonObject(parsed.value) ? parsed.value['kind'] : undefined;
      if (text.ok && typeof kind === 'string' && fileName(kind) === name) this.#written.set(kind, text.value);
      else foreign.push(name);
    }
    this.#loaded = true;
    return ok(foreign);
  }

  async #write(kind: string, devices: readonly CdiDevice[]): Promise<Result<void, FilesError>> {
    const path = `${this.#folder}/${fileName(kind)}`;
    if (devices.length === 0) {
      const removed = this.#written.has(kind) ? await this.#files.remove(path) : ok(undefined);
      if (removed.ok) this.#written.delete(kind);
      return removed;
    }
    const text = JSON.stringify({ cdiVersion: '0.5.0', kind, devices });
    if (this.#written.get(kind) === text) return ok(undefined);
    const replaced = await this.#files.replace(path, text, { mode: 0o644, durable: false });
    if (replaced.ok) this.#written.set(kind, text);
    return replaced;
  }
}

function fileName(kind: string): string {
  return `${FILE_PREFIX}${kind.replace('/', '-')}.json`;
}

function withHeld(devices: readonly CdiDevice[], before: string | undefined, isHeld: (id: string) => boolean): readonly CdiDevice[] {
  const parsed = before === undefined ? undefined : parseJson(before);
  const list = parsed?.ok ? asObject(parsed.value)?.['devices'] : undefined;
  const names = new Set(devices.map(({ name }) => name));
  const held = (isJsonArray(list) ? list : []).filter((device) => {
    const name = asObject(device)?.['name'];
    return typeof name === 'string' && !names.has(name) && isHeld(name);
  });
  // What is read back is what this class wrote, or what is passed over unread.
  return [...devices, ...(held as unknown as readonly CdiDevice[])];
}
