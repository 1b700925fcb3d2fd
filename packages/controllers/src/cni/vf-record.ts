import { ok, parseJson, parsePciAddress } from '@vfleet/core';
import type { AttachFailure, Files, PciAddress, Result, VfMachineState, VfSettings } from '@vfleet/core';
import type { HostPort } from '@vfleet/core/ports/pod-links.ts';
import type { AssignedIp, DnsSettings, IpRoute } from '../ipam/index.ts';
import { asObject } from '../json/fields.ts';
import { cniCodes, failure, filesFailure } from './failure.ts';
import type { SriovConfig } from './netconf.ts';

/** Who has a VF: one interface of one pod sandbox. */
export interface VfOwner {
  readonly containerId: string;
  readonly ifname: string;
}

/** What an attachment gave the pod (CNI specification §"ADD success"). */
export interface SriovResult {
  readonly interface: string;
  /** Absent for a function in user space whose PF sets none. */
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly ips: readonly AssignedIp[];
  readonly routes: readonly IpRoute[];
  /** Next hops of the default routes. */
  readonly gateway: readonly string[];
  readonly dns: DnsSettings;
}

/** The VF as it was before, and as it shall be again. */
export interface OriginalVf {
  readonly pf: PciAddress;
  readonly index: number;
  readonly driver: string;
  readonly settings: VfSettings;
  /** Absent for a function in user space. */
  readonly netdev?: { readonly name: string; readonly mac: string; readonly mtu: number; readonly up: boolean; readonly altNames?: readonly string[] };
  /** RDMA devices that go into the pod with it, where the configuration asks for that. */
  readonly rdmaDevices?: readonly string[];
  /** The VF's port on the embedded switch, in switchdev mode. */
  readonly representor?: HostPort & { readonly name: string };
}

/**
 * One attachment of one VF: the journal of what is done to it. Written before the first change, so that whoever finds it can take
 * everything back; removed when the VF is as it was.
 */
export interface VfRecord {
  readonly version: 1;
  readonly owner: VfOwner & { readonly netns: string };
  readonly config: SriovConfig;
  readonly original: OriginalVf;
  readonly machine: VfMachineState;
  /** See Namespaces.identify; absent where it could not be told, and in records of versions before. */
  readonly netnsIdentity?: string;
  /** Present once attached. */
  readonly result?: SriovResult;
}

/** A name in the folder of records: the device and its owner. */
export interface RecordName extends VfOwner {
  readonly device: PciAddress;
}

type Answer<Value> = Promise<Result<Value, AttachFailure>>;

/** The records of a node, one file each, named so that one listing finds them by device as well as by owner. */
export class VfRecords {
  readonly #files: Files;
  readonly #folder: string;

  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  async names(): Answer<readonly RecordName[]> {
    const listed = await this.#files.list(this.#folder);
    if (!listed.ok) return filesFailure(listed.error);
    return ok(listed.value.flatMap((name) => parseName(name) ?? []));
  }

  /** Undefined when there is none (any more). */
  async read(name: RecordName): Answer<VfRecord | undefined> {
    const path = this.#path(name);
    const text = await this.#files.read(path);
    if (!text.ok) return text.error.code === 'notFound' ? ok(undefined) : filesFailure(text.error);
    const parsed = parseJson(text.value);
    const record = parsed.ok ? asObject(parsed.value) : undefined;
    if (record?.['version'] !== 1 || !['owner', 'config', 'original', 'machine'].every((key) => asObject(record[key]) !== undefined)) {
      return failure(cniCodes.undecodable, `${path} holds no state that this version wrote`, `Reset VF ${name.device} by hand (driver unbind and bind), then remove the file.`);
    }
    // Only this class writes these files, whole and atomically, so the shape follows from the version.
    return ok(record as unknown as VfRecord);
  }

  async create(record: VfRecord): Answer<void> {
    const created = await this.#files.create(this.#path(nameOf(record)), JSON.stringify(record), { mode: 0o600 });
    return created.ok ? created : filesFailure(created.error);
  }

  async replace(record: VfRecord): Answer<void> {
    const replaced = await this.#files.replace(this.#path(nameOf(record)), JSON.stringify(record), { mode: 0o600 });
    return replaced.ok ? replaced : filesFailure(replaced.error);
  }

  async remove(name: RecordName): Answer<void> {
    const removed = await this.#files.remove(this.#path(name));
    return removed.ok ? removed : filesFailure(removed.error);
  }

  #path({ device, containerId, ifname }: RecordName): string {
    return `${this.#folder}/${device},${containerId},${ifname}.json`;
  }
}

export function nameOf({ owner, config }: VfRecord): RecordName {
  return { device: config.device, containerId: owner.containerId, ifname: owner.ifname };
}

export function sameOwner(a: VfOwner, b: VfOwner): boolean {
  return a.containerId === b.containerId && a.ifname === b.ifname;
}

/** Neither a PCI address nor a container id has a comma; an interface name may. */
function parseName(name: string): RecordName | undefined {
  const match = /^([^,]+),([^,]+),(.+)\.json$/.exec(name);
  const device = parsePciAddress(match?.[1] ?? '');
  return match === null || !device.ok ? undefined : { device: device.value, containerId: match[2]!, ifname: match[3]! };
}

/** Why an owner cannot be one (CNI specification §"Parameters"; interface names: net/core/dev.c, dev_valid_name). */
export function checkOwner({ containerId, ifname }: VfOwner): Result<void, AttachFailure> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(containerId)) return failure(cniCodes.invalidEnvironment, `${JSON.stringify(containerId)} is no container id`, 'This is a mistake of the container runtime: report it.');
  if (ifname.length === 0 || ifname.length > 15 || ifname === '.' || ifname === '..' || /[/:\s]/.test(ifname)) {
    return failure(cniCodes.invalidEnvironment, `${JSON.stringify(ifname)} is no interface name`, 'Use up to 15 characters without "/", ":" and spaces.');
  }
  return ok(undefined);
}
