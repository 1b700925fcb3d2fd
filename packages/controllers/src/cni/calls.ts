import type { AttachFailure, Files, Hardware, Log, Result } from '@vfleet/core';
import { ok, parsePciAddress } from '@vfleet/core';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { AnsweredCalls } from './answered-calls.ts';
import type { CniReply } from './answered-calls.ts';
import { cniCodes, failure, invalidConfig } from './failure.ts';
import type { CniCall, RawCall } from './spec/call.ts';
import { emptyResult, formatResult, mergedResult, parseResult } from './spec/result.ts';
import type { SpecResult } from './spec/result.ts';
import { CNI_VERSIONS } from './spec/versions.ts';
import type { CniVersion } from './spec/versions.ts';
import type { SriovCni } from './sriov-cni.ts';
import type { SriovResult } from './vf-record.ts';

export { errorAnswer } from './answered-calls.ts';
export type { CniAnswer, CniReply } from './answered-calls.ts';

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
  readonly #answered: AnsweredCalls;

  constructor(ports: CniCallsPorts, settings: CniCallsSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#answered = new AnsweredCalls(ports.log, { carryOut: (call) => this.#carryOut(call), takeBack: ({ containerId, ifname }) => ports.cni.detach({ containerId, ifname }) });
  }

  handle(raw: RawCall): Promise<CniReply> {
    return this.#answered.handle(raw);
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
        return nothing(await this.status());
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
    const own = previous.value.interfaces.find((one) => field(one, 'name') === ifname && field(one, 'sandbox') === netns);
    if (own === undefined) return failure(cniCodes.notAsSetUp, `the result of ADD has no interface ${ifname} in ${netns}`, 'Delete the pod, so that it is set up anew.');
    const mac = field(own, 'mac');
    return this.#ports.cni.check({ containerId, ifname }, typeof mac === 'string' && mac !== '' ? mac.toLowerCase() : undefined);
  }

  /** Whether ADD could be served now: the NICs can be read, and so can the journals. */
  async status(): Answer<void> {
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
}

function nothing(done: Result<void, AttachFailure>): Result<undefined, AttachFailure> {
  return done.ok ? ok(undefined) : done;
}

/** The result of the chain before, or of the ADD that a later call is about. */
export function previousOf(config: JsonObject, version: CniVersion): Result<SpecResult | undefined, AttachFailure> {
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
