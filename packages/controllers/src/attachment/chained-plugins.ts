import type { AttachFailure, Result } from '@vfleet/core';
import type { AssignedIp, DnsSettings, IpRoute } from '../ipam/index.ts';
import type { JsonObject } from '../json/fields.ts';

/** What a plugin answered, and what the next in the chain is given as `prevResult` (CNI specification 1.1.0 §5). */
export interface CniResult {
  readonly interfaces: readonly { readonly name: string; readonly mac?: string; readonly mtu?: number; readonly sandbox?: string }[];
  readonly ips: readonly AssignedIp[];
  readonly routes: readonly IpRoute[];
  readonly dns: DnsSettings;
}

/** One call of a plugin: the parameters of the CNI specification §"Parameters" as values. */
export interface PluginCall {
  readonly type: string;
  /** Complete: name, cniVersion, runtimeConfig; the result so far is passed beside it. */
  readonly config: JsonObject;
  readonly previous: CniResult | undefined;
  readonly containerId: string;
  readonly netns: string;
  readonly ifname: string;
  readonly cniArgs: Readonly<Record<string, string>>;
}

/** CNI plugins of the node that are not built in (portmap, bandwidth, rdma, macvlan …). */
export interface ChainedPlugins {
  has(type: string): boolean;
  add(call: PluginCall): Promise<Result<CniResult, AttachFailure>>;
  /** Succeeds when there is nothing to take back (CNI specification §"DEL"). */
  del(call: PluginCall): Promise<Result<void, AttachFailure>>;
  /** `previous` is what the whole chain answered to ADD (CNI specification §"CHECK"). */
  check(call: PluginCall): Promise<Result<void, AttachFailure>>;
}

/** A node without any. */
export const noChainedPlugins: ChainedPlugins = {
  has: () => false,
  add: async ({ type }) => Promise.reject(new Error(`the plugin ${type} was called on a node that has none`)),
  del: async ({ type }) => Promise.reject(new Error(`the plugin ${type} was called on a node that has none`)),
  check: async ({ type }) => Promise.reject(new Error(`the plugin ${type} was called on a node that has none`)),
};
