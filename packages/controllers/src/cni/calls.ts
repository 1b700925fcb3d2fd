import type { AttachFailure, Files, Hardware, Log, Result } from '@vfleet/core';
import { ok, parsePciAddress } from '@vfleet/core';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { cniCodes, failure, invalidConfig } from './failure.ts';
import { parseCall } from './spec/call.ts';
import type { CniCall, RawCall } from './spec/call.ts';
import { emptyResult, formatResult, mergedResult, parseResult } from './spec/result.ts';
import type { SpecResult } from './spec/result.ts';
import { CNI_VERSIONS, NEWEST_VERSION, isCniVersion } from './spec/versions.ts';
import type { CniVersion } from './spec/versions.ts';
import type { SriovCni } from './sriov-cni.ts';
import type { SriovResult } from './vf-record.ts';

/** What a plugin's process says: its exit status and what it prints. */
export interface CniAnswer {
  readonly status: 0 | 1;
  readonly output: string;
}

/** An answer, and how to take back what was done when nobody is there any more to hear it. */
export interface CniReply extends CniAnswer {
  readonly undo?: () => Promise<void>;
}

export interface CniCallsPorts {
  readonly cni: SriovCni;
  readonly hardware: Pick<Hardware, 'discover'>;
  readonly files: Pick<Files, 'list'>;
  readonly log: Log;
}

export interface CniCallsSettings {
  /** The folder of journals: STATUS looks whether it can be read. */
  readonly stateFolder: string;
}

type Answer<Value> = Promise<Result<Value, AttachFailure>>;
type Call<Command extends CniCall['command']> = Extract<CniCall, { command: Command }>;

/** The `sriov` plugin as the CNI specification has it: calls in, answers out. Who runs it, and over which wire, is not its business. */
export class CniCalls {
  readonly #ports: CniCallsPorts;
  readonly #settings: CniCallsSettings;
  /** The newest ADD of each owner: an older one that nobody waits for must not take back what the newer one has answered. */
  readonly #newest = new Map<string, { readonly call: RawCall; over: boolean }>();

  constructor(ports: CniCallsPorts, settings: CniCallsSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  async handle(raw: RawCall): Promise<CniReply> {
    const call = parseCall(raw);
    if (!call.ok) return errorAnswer(call.error, versionIn(raw.input));
    const { version } = call.value;
    const key = 'containerId' in call.value ? `${call.value.containerId}/${call.value.ifname}` : '';
    const add = call.value.command === 'ADD' ? { call: raw, over: false } : undefined;
    if (add !== undefined) this.#newest.set(key, add);
    const done = await this.#carryOut(call.value);
    if (add !== undefined) add.over = true;
    // A DEL that overtakes an ADD has found nothing yet: that ADD is still to be taken back when it is done.
    const forgotten = call.value.command === 'DEL' ? this.#newest.get(key)?.over === true : add !== undefined && !done.ok && this.#newest.get(key) === add;
    if (forgotten) this.#newest.delete(key);
    if (!done.ok) {
      this.#ports.log.warn('A CNI call failed.', { command: call.value.command, ...done.error });
      return errorAnswer(done.error, version);
    }
    const reply: CniReply = { status: 0, output: done.value === undefined ? '' : JSON.stringify(done.value) };
    if (call.value.command !== 'ADD') return reply;
    const { containerId, ifname } = call.value;
    return { ...reply, undo: async () => (this.#newest.get(key) === add ? this.#takeBack({ containerId, ifname }) : undefined) };
  }

  async #carryOut(call: CniCall): Answer<JsonObject | undefined> {
    switch (call.command) {
      case 'VERSION':
        return ok({ cniVersion: call.version, supportedVersions: CNI_VERSIONS });
      case 'ADD':
        return this.#add(call);
      case 'CHECK':
        return nothing(await this.#check(call));
      case 'DEL':
        return nothing(await this.#ports.cni.detach(call));
      case 'STATUS':
        return nothing(await this.#status());
      case 'GC':
        return nothing(await this.#collectGarbage(call));
    }
  }

  async #add({ version, config, containerId, ifname, netns, cniArgs }: Call<'ADD'>): Answer<JsonObject> {
    const previous = previousOf(config, version);
    if (!previous.ok) return previous;
    const pod = { namespace: cniArgs['K8S_POD_NAMESPACE'] ?? '', name: cniArgs['K8S_POD_NAME'] ?? '', uid: cniArgs['K8S_POD_UID'] ?? '', containerId, netns };
    const { prevResult: _, ...own } = config;
    const attached = await this.#ports.cni.attach({ pod, ifname, config: own, cniArgs });
    if (!attached.ok) return attached;
    return ok(formatResult(mergedResult(previous.value ?? emptyResult, specResult(attached.value, netns, deviceOf(config))), version));
  }

  /** The runtime gives back what ADD answered; both that and the hardware must still be so. */
  async #check({ version, config, containerId, ifname, netns }: Call<'CHECK'>): Answer<void> {
    const previous = previousOf(config, version);
    if (!previous.ok) return previous;
    if (previous.value === undefined) return invalidConfig('CHECK needs the result of ADD as "prevResult"');
    const own = previous.value.interfaces.some((one) => field(one, 'name') === ifname && field(one, 'sandbox') === netns);
    if (!own) return failure(cniCodes.notAsSetUp, `the result of ADD has no interface ${ifname} in ${netns}`, 'Delete the pod, so that it is set up anew.');
    return this.#ports.cni.check({ containerId, ifname });
  }

  /** Whether ADD could be served now: the NICs can be read, and so can the journals. */
  async #status(): Answer<void> {
    const inventory = await this.#ports.hardware.discover();
    if (!inventory.ok) return failure(cniCodes.notAvailable, `the NICs cannot be read: ${inventory.error.cause}`, inventory.error.remedy);
    const journals = await this.#ports.files.list(`${this.#settings.stateFolder}/vfs`);
    // Pods that run now are cut off from DEL as long as their journals cannot be read.
    return journals.ok ? ok(undefined) : failure(cniCodes.limitedConnectivity, journals.error.cause, 'Repair the file system that holds the state of attachments.');
  }

  async #collectGarbage({ name, config }: Call<'GC'>): Answer<void> {
    const list = field(config, 'cni.dev/valid-attachments') ?? field(config, 'cni.dev/attachments');
    if (!isJsonArray(list)) return invalidConfig('GC needs the list "cni.dev/valid-attachments"; without it everything would go');
    const kept = new Set<string>();
    for (const item of list) {
      const attachment = asObject(item);
      const [containerId, ifname] = attachment === undefined ? [] : [field(attachment, 'containerID'), field(attachment, 'ifname')];
      if (typeof containerId !== 'string' || typeof ifname !== 'string') return invalidConfig('"cni.dev/valid-attachments" must be a list of {"containerID", "ifname"}');
      kept.add(`${containerId}/${ifname}`);
    }
    return this.#ports.cni.collectGarbage((owner) => kept.has(`${owner.containerId}/${owner.ifname}`), name);
  }

  async #takeBack(owner: { readonly containerId: string; readonly ifname: string }): Promise<void> {
    this.#ports.log.warn('Nobody waits for the answer of an attachment any more: it is taken back.', owner);
    const undone = await this.#ports.cni.detach(owner);
    if (!undone.ok) this.#ports.log.warn('It could not be taken back yet.', { ...owner, ...undone.error });
  }
}

function nothing(done: Result<void, AttachFailure>): Result<undefined, AttachFailure> {
  return done.ok ? ok(undefined) : done;
}

/** The answer to a call that failed (CNI specification §"Error"). */
export function errorAnswer({ code, cause, remedy }: AttachFailure, version: CniVersion = NEWEST_VERSION): CniAnswer {
  return { status: 1, output: JSON.stringify({ cniVersion: version, code, msg: cause, details: remedy }) };
}

/** The version in which an error can be told although the call could not be read as a whole. */
function versionIn(input: string): CniVersion {
  const version = /"cniVersion"\s*:\s*"([0-9.]{1,10})"/.exec(input.slice(0, 65_536))?.[1];
  return version !== undefined && isCniVersion(version) ? version : NEWEST_VERSION;
}

function previousOf(config: JsonObject, version: CniVersion): Result<SpecResult | undefined, AttachFailure> {
  const value = field(config, 'prevResult');
  if (value === undefined || value === null) return ok(undefined);
  const parsed = parseResult(value, version);
  return parsed.ok ? parsed : invalidConfig(`"prevResult" cannot be understood: ${parsed.error}`);
}

function deviceOf(config: JsonObject): string | undefined {
  const device = field(config, 'deviceID');
  const address = typeof device === 'string' ? parsePciAddress(device) : undefined;
  return address?.ok ? address.value : undefined;
}

function specResult({ interface: name, mac, mtu, ips, routes, dns }: SriovResult, sandbox: string, pciId: string | undefined): SpecResult {
  const own = { name, ...(mac === undefined ? {} : { mac }), ...(mtu === undefined ? {} : { mtu }), sandbox, ...(pciId === undefined ? {} : { pciID: pciId }) };
  return {
    interfaces: [own],
    ips: ips.map(({ address, gateway }) => ({ interface: 0, address, ...(gateway === undefined ? {} : { gateway }) })),
    routes: routes.map(({ dst, gw }) => ({ dst, ...(gw === undefined ? {} : { gw }) })),
    dns: Object.fromEntries(Object.entries(dns)),
  };
}
