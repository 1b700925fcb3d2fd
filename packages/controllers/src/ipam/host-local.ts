import { fail, ok } from '@vfleet/core';
import type { Files, FilesError, Result } from '@vfleet/core';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { optionalText, parseResolvConf, parseRoutes } from './config.ts';
import { formatIp, parseIp, parsePrefix, sameIp } from './ip.ts';
import type { IpAddress } from './ip.ts';
import { invalidIpam } from './ipam.ts';
import type { AssignedIp, DnsSettings, Ipam, IpamError, IpamOwner, IpamRequest, IpamResult, IpRoute } from './ipam.ts';
import { candidates, formatRange, parseRangeSet, rangeFor, rangesOverlap } from './ranges.ts';
import type { Candidate, RangeSet, RangeText } from './ranges.ts';

/** Where the host-local plugin of the CNI project keeps reservations unless its configuration says otherwise. */
export const HOST_LOCAL_DATA_FOLDER = '/var/lib/cni/networks';

export interface HostLocalConfig {
  readonly sets: readonly RangeSet[];
  readonly routes: readonly IpRoute[];
  readonly dataFolder: string;
  readonly resolvConf?: string;
}

/** Reads a host-local `ipam` section: `ranges[][]`, or the older `subnet`, `rangeStart`, `rangeEnd`, `gateway`, which comes first. */
export function parseHostLocal(config: JsonObject): Result<HostLocalConfig, string> {
  const texts = rangeTexts(config);
  if (!texts.ok) return texts;
  if (texts.value.length === 0) return fail('host-local: neither "ranges" nor "subnet" is given');
  const sets: RangeSet[] = [];
  for (const [index, list] of texts.value.entries()) {
    const set = parseRangeSet(list);
    if (!set.ok) return fail(`host-local: range set ${index}: ${set.error}`);
    const clash = sets.findIndex((other) => other.some((range) => set.value.some((own) => rangesOverlap(range, own))));
    if (clash >= 0) return fail(`host-local: range set ${index} overlaps with range set ${clash}`);
    sets.push(set.value);
  }
  const routes = parseRoutes(config);
  if (!routes.ok) return fail(`host-local: ${routes.error}`);
  const dataFolder = optionalText(config, 'dataDir');
  if (!dataFolder.ok) return fail(`host-local: ${dataFolder.error}`);
  const resolvConf = optionalText(config, 'resolvConf');
  if (!resolvConf.ok) return fail(`host-local: ${resolvConf.error}`);
  return ok({
    sets,
    routes: routes.value,
    dataFolder: dataFolder.value ?? HOST_LOCAL_DATA_FOLDER,
    ...(resolvConf.value === undefined ? {} : { resolvConf: resolvConf.value }),
  });
}

function rangeTexts(config: JsonObject): Result<readonly (readonly RangeText[])[], string> {
  const sets: RangeText[][] = [];
  if (field(config, 'subnet') !== undefined) {
    const flat = rangeText(config);
    if (!flat.ok) return fail(`host-local: ${flat.error}`);
    sets.push([flat.value]);
  }
  const ranges = field(config, 'ranges');
  if (ranges === undefined || ranges === null) return ok(sets);
  if (!isJsonArray(ranges)) return fail('host-local: ranges must be a list of lists of {"subnet": …}');
  for (const [index, list] of ranges.entries()) {
    if (!isJsonArray(list)) return fail(`host-local: ranges[${index}] must be a list of {"subnet": …}`);
    const set: RangeText[] = [];
    for (const [position, item] of list.entries()) {
      const object = asObject(item);
      const text = object === undefined ? fail('must be an object with "subnet"') : rangeText(object);
      if (!text.ok) return fail(`host-local: ranges[${index}][${position}]: ${text.error}`);
      set.push(text.value);
    }
    sets.push(set);
  }
  return ok(sets);
}

function rangeText(item: JsonObject): Result<RangeText, string> {
  const subnet = optionalText(item, 'subnet');
  if (!subnet.ok) return subnet;
  if (subnet.value === undefined) return fail('"subnet" is missing');
  const range: Record<string, string> = {};
  for (const name of ['rangeStart', 'rangeEnd', 'gateway']) {
    const text = optionalText(item, name);
    if (!text.ok) return text;
    if (text.value !== undefined) range[name] = text.value;
  }
  return ok({ subnet: subnet.value, ...range });
}

/** What a reservation file holds: container id and interface, separated by CRLF (host-local, backend/disk). */
function reservationText(owner: IpamOwner): string {
  return `${owner.containerId.trim()}\r\n${owner.ifname}`;
}

/** Network names become folder names, so only those that the CNI specification allows (§1 "name") are used. */
function folderOf(config: HostLocalConfig, network: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(network) ? `${config.dataFolder}/${network}` : undefined;
}

function badNetworkName(network: string): { readonly ok: false; readonly error: IpamError } {
  return fail({ code: 'invalidConfig', cause: `the network name ${JSON.stringify(network)} is not allowed`, remedy: 'Name the network in the CNI configuration with letters, digits, "_", "." and "-" only.' });
}

function storage(error: FilesError): { readonly ok: false; readonly error: IpamError } {
  return fail({ code: 'storage', cause: `host-local: ${error.cause}`, remedy: 'Make room on, or repair, the file system that holds the reservations, then retry.' });
}

/**
 * Addresses reserved in files of this node, the same files as the host-local plugin of the CNI project writes, so that either
 * can take over from the other: `<dataDir>/<network>/<ip>`, `last_reserved_ip.<set>`. Allocation goes round the range. A
 * repeated request of one owner gets the address it holds.
 */
export class HostLocal implements Ipam {
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  async allocate(request: IpamRequest): Promise<Result<IpamResult, IpamError>> {
    const config = parseHostLocal(request.config);
    if (!config.ok) return invalidIpam(config.error);
    const requested = parseRequested(request.requestedIps, config.value.sets);
    if (!requested.ok) return requested;
    const dns = await this.#resolvConf(config.value.resolvConf);
    if (!dns.ok) return dns;
    const folder = folderOf(config.value, request.network);
    if (folder === undefined) return badNetworkName(request.network);
    return this.#locked(folder, async () => {
      const taken = await this.#files.list(folder);
      if (!taken.ok) return storage(taken.error);
      const ips: AssignedIp[] = [];
      for (const [index, set] of config.value.sets.entries()) {
        const reserved = await this.#reserve(folder, request, set, index, requested.value[index], new Set(taken.value));
        if (!reserved.ok) {
          const released = await this.#releaseAll(folder, request);
          return released.ok ? reserved : released;
        }
        ips.push(assigned(reserved.value));
      }
      return ok({ ips, routes: config.value.routes, dns: dns.value });
    });
  }

  async release(request: Omit<IpamRequest, 'requestedIps'>): Promise<Result<void, IpamError>> {
    const config = parseHostLocal(request.config);
    if (!config.ok) return invalidIpam(config.error);
    const folder = folderOf(config.value, request.network);
    if (folder === undefined) return badNetworkName(request.network);
    return this.#locked(folder, () => this.#releaseAll(folder, request));
  }

  async check(request: Omit<IpamRequest, 'requestedIps'>): Promise<Result<void, IpamError>> {
    const config = parseHostLocal(request.config);
    if (!config.ok) return invalidIpam(config.error);
    const folder = folderOf(config.value, request.network);
    if (folder === undefined) return badNetworkName(request.network);
    const held = await this.#held(folder, request);
    if (!held.ok) return held;
    if (held.value.length > 0) return ok(undefined);
    return fail({ code: 'notReserved', cause: `no address of ${folder} is reserved for ${request.ifname} of ${request.containerId}`, remedy: 'Delete the pod, so that it is attached anew.' });
  }

  // The Go plugin locks a file named `lock` with flock(2), which stays behind when nobody holds it. Our lock is the file's
  // existence, so it needs a name of its own; between the two programs the exclusive creation of each address file decides.
  #locked<Value>(folder: string, work: () => Promise<Value>): Promise<Value> {
    return this.#files.withLock(`${folder}/lock.vfleet`, work);
  }

  async #reserve(folder: string, owner: IpamOwner, set: RangeSet, index: number, requested: IpAddress | undefined, taken: ReadonlySet<string>): Promise<Result<Candidate, IpamError>> {
    const held = await this.#heldIn(folder, owner, set, taken);
    if (!held.ok) return held;
    if (held.value !== undefined && (requested === undefined || sameIp(requested, held.value.address))) return ok(held.value);
    if (requested !== undefined) return this.#reserveRequested(folder, owner, set, index, requested);
    const last = await this.#files.read(`${folder}/last_reserved_ip.${index}`);
    const lastIp = last.ok ? parseIp(last.value.trim()) : undefined;
    for (const candidate of candidates(set, lastIp?.ok ? lastIp.value : undefined, (address) => taken.has(formatIp(address)))) {
      const created = await this.#create(folder, owner, index, candidate.address);
      if (!created.ok) return created;
      if (created.value) return ok(candidate);
    }
    return fail({
      code: 'exhausted',
      cause: `no address is left in ${set.map(formatRange).join(', ')} (${folder})`,
      remedy: 'Widen the range in the ipam section, or delete pods that use this network on this node.',
    });
  }

  async #reserveRequested(folder: string, owner: IpamOwner, set: RangeSet, index: number, address: IpAddress): Promise<Result<Candidate, IpamError>> {
    const range = rangeFor(set, address)!;
    if (sameIp(address, range.gateway)) return notAvailable(formatIp(address), 'is the gateway of its subnet');
    const created = await this.#create(folder, owner, index, address);
    if (!created.ok) return created;
    return created.value ? ok({ address, range }) : notAvailable(formatIp(address), 'is reserved for another pod on this node');
  }

  /** False when the address is taken. */
  async #create(folder: string, owner: IpamOwner, index: number, address: IpAddress): Promise<Result<boolean, IpamError>> {
    const text = formatIp(address);
    const created = await this.#files.create(`${folder}/${text}`, reservationText(owner), { mode: 0o600 });
    if (!created.ok) return created.error.code === 'exists' ? ok(false) : storage(created.error);
    // Where the round goes on; lost with the power, it begins anew.
    const noted = await this.#files.replace(`${folder}/last_reserved_ip.${index}`, text, { mode: 0o600, durable: false });
    return noted.ok ? ok(true) : storage(noted.error);
  }

  async #heldIn(folder: string, owner: IpamOwner, set: RangeSet, taken: ReadonlySet<string>): Promise<Result<Candidate | undefined, IpamError>> {
    for (const name of taken) {
      const address = parseIp(name);
      const range = address.ok ? rangeFor(set, address.value) : undefined;
      if (!address.ok || range === undefined) continue;
      const text = await this.#files.read(`${folder}/${name}`);
      if (!text.ok && text.error.code !== 'notFound') return storage(text.error);
      if (text.ok && text.value.trim() === reservationText(owner)) return ok({ address: address.value, range });
    }
    return ok(undefined);
  }

  async #held(folder: string, owner: IpamOwner): Promise<Result<readonly string[], IpamError>> {
    const names = await this.#files.list(folder);
    if (!names.ok) return storage(names.error);
    const current = reservationText(owner);
    const held: string[] = [];
    const heldByIdOnly: string[] = [];
    for (const name of names.value) {
      if (!parseIp(name).ok) continue;
      const text = await this.#files.read(`${folder}/${name}`);
      if (!text.ok && text.error.code !== 'notFound') return storage(text.error);
      if (text.ok && text.value.trim() === current) held.push(name);
      // Versions before CNI plugins 0.7 wrote the container id alone.
      else if (text.ok && text.value.trim() === owner.containerId.trim()) heldByIdOnly.push(name);
    }
    return ok(held.length > 0 ? held : heldByIdOnly);
  }

  async #releaseAll(folder: string, owner: IpamOwner): Promise<Result<void, IpamError>> {
    const held = await this.#held(folder, owner);
    if (!held.ok) return held;
    for (const name of held.value) {
      const removed = await this.#files.remove(`${folder}/${name}`);
      if (!removed.ok) return storage(removed.error);
    }
    return ok(undefined);
  }

  async #resolvConf(path: string | undefined): Promise<Result<DnsSettings, IpamError>> {
    if (path === undefined) return ok({});
    const text = await this.#files.read(path);
    return text.ok ? ok(parseResolvConf(text.value)) : storage(text.error);
  }
}

function notAvailable(address: string, why: string): { readonly ok: false; readonly error: IpamError } {
  return fail({ code: 'notAvailable', cause: `the requested address ${address} ${why}`, remedy: 'Ask for another address in the pod\'s networks annotation, or for none.' });
}

function assigned(candidate: Candidate): AssignedIp {
  return { address: `${formatIp(candidate.address)}/${candidate.range.subnet.length}`, gateway: formatIp(candidate.range.gateway) };
}

/** Which set each requested address belongs to; at most one address a set. */
function parseRequested(texts: readonly string[], sets: readonly RangeSet[]): Result<readonly (IpAddress | undefined)[], IpamError> {
  const requested: (IpAddress | undefined)[] = sets.map(() => undefined);
  for (const text of texts) {
    const prefix = text.includes('/') ? parsePrefix(text) : undefined;
    const address = prefix === undefined ? parseIp(text) : prefix.ok ? ok(prefix.value.address) : prefix;
    if (!address.ok) return fail({ code: 'invalidConfig', cause: `a requested address is wrong: ${address.error}`, remedy: 'Correct "ips" in the pod\'s networks annotation.' });
    const index = sets.findIndex((set, position) => requested[position] === undefined && rangeFor(set, address.value) !== undefined);
    if (index < 0) return notAvailable(text, 'lies in no (further) range of this network');
    requested[index] = address.value;
  }
  return ok(requested);
}
