import type { Result } from '@vfleet/core';
import type { JsonObject } from '../json/fields.ts';

/** An address for the pod's interface (CNI spec 1.1.0 §"ADD success", `ips`). */
export interface AssignedIp {
  /** With prefix length: `10.10.10.100/24`. */
  readonly address: string;
  readonly gateway?: string;
}

export interface IpRoute {
  /** CIDR; `0.0.0.0/0` or `::/0` is the default route. */
  readonly dst: string;
  /** Next hop; absent: the gateway of the first address of the same family, or on-link when it has none. */
  readonly gw?: string;
}

/** Name resolution settings (CNI spec §"DNS"); nothing in the pod is changed by them, they are reported. */
export interface DnsSettings {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

export interface IpamResult {
  readonly ips: readonly AssignedIp[];
  readonly routes: readonly IpRoute[];
  readonly dns: DnsSettings;
}

export type IpamErrorCode =
  | 'invalidConfig' // the ipam section cannot be understood
  | 'unknownType' // no such IPAM plugin is built in
  | 'exhausted' // every address of a range is taken
  | 'notAvailable' // a requested address is taken, is the gateway, or lies in no range
  | 'storage' // a reservation could not be read or written
  | 'notReserved' // a check found no reservation
  | 'delegate' // a plugin that was executed failed, or gave an answer of no use
  | 'tryAgain'; // a plugin that was executed says that a later try may succeed

export interface IpamError {
  readonly code: IpamErrorCode;
  /** What happened, in one sentence. */
  readonly cause: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** Who holds addresses: one interface of one sandbox. */
export interface IpamOwner {
  readonly containerId: string;
  readonly ifname: string;
  /** For plugins that are executed: the sandbox, and the pod as far as it is known. */
  readonly netns?: string;
  readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string };
}

export interface IpamRequest extends IpamOwner {
  /** Name of the network: reservations are kept per network. */
  readonly network: string;
  /** The `ipam` section as it stands in the CNI configuration. */
  readonly config: JsonObject;
  /** Addresses asked for (runtimeConfig.ips, args.cni.ips, CNI_ARGS IP), with or without prefix length. */
  readonly requestedIps: readonly string[];
  /** For checks: the addresses that were given. */
  readonly held?: readonly AssignedIp[];
}

/** One IPAM plugin. `release` succeeds when nothing is held; all three may be repeated after a crash. */
export interface Ipam {
  allocate(request: IpamRequest): Promise<Result<IpamResult, IpamError>>;
  release(request: Omit<IpamRequest, 'requestedIps'>): Promise<Result<void, IpamError>>;
  check(request: Omit<IpamRequest, 'requestedIps'>): Promise<Result<void, IpamError>>;
}

export const EDIT_IPAM = 'Correct the ipam section of the network (spec.ipam of the SriovNetwork, or spec.config of the NetworkAttachmentDefinition).';

export function invalidIpam(cause: string): { readonly ok: false; readonly error: IpamError } {
  return { ok: false, error: { code: 'invalidConfig', cause, remedy: EDIT_IPAM } };
}
