import { ok } from '@vfleet/core';
import type { AttachFailure, Result } from '@vfleet/core';
import { delegate } from '../cni/delegate.ts';
import type { PluginRunner } from '../cni/plugin-runner.ts';
import { formatResult } from '../cni/spec/result.ts';
import type { SpecResult } from '../cni/spec/result.ts';
import { OLDEST_VERSION, isAtLeast, isCniVersion } from '../cni/spec/versions.ts';
import type { CniVersion } from '../cni/spec/versions.ts';
import { parseDns, parseRoutes } from '../ipam/config.ts';
import { field } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { cniCodes, failure } from '../cni/failure.ts';
import type { ChainedPlugins, CniResult, PluginCall } from './chained-plugins.ts';

/** The plugins of the node by execution (CNI specification §4): portmap, bandwidth, macvlan and whatever else is installed. */
export function installedPlugins(runner: PluginRunner): ChainedPlugins {
  return {
    has: (type) => runner.has(type),
    async add(call) {
      const added = await delegate(runner, { ...callOf(call), command: 'ADD' });
      return added.ok ? resultOf(call, added.value) : added;
    },
    async del(call) {
      const deleted = await delegate(runner, { ...callOf(call), command: 'DEL' });
      return deleted.ok ? ok(undefined) : deleted;
    },
    async check(call) {
      // Networks of older versions have no such command.
      if (!isAtLeast(versionOf(call.config), '0.4.0')) return ok(undefined);
      const checked = await delegate(runner, { ...callOf(call), command: 'CHECK' });
      return checked.ok ? ok(undefined) : checked;
    },
  };
}

function callOf({ type, config, previous, containerId, netns, ifname, cniArgs }: PluginCall): Omit<Parameters<typeof delegate>[1], 'command'> {
  const prevResult = previous === undefined ? {} : { prevResult: formatResult(specResult(previous, ifname), versionOf(config)) };
  return { type, containerId, netns, ifname, cniArgs, config: { ...config, ...prevResult } };
}

function versionOf(config: JsonObject): CniVersion {
  const version = field(config, 'cniVersion');
  return typeof version === 'string' && isCniVersion(version) ? version : OLDEST_VERSION;
}

/** Addresses belong to the interface of the pod that the chain is about; others in a result (a bridge, a veth's end on the host) have none. */
function specResult({ interfaces, ips, routes, dns }: CniResult, ifname: string): SpecResult {
  const own = interfaces.findIndex(({ name, sandbox }) => name === ifname && sandbox !== undefined && sandbox !== '');
  return {
    interfaces: interfaces.map((one) => ({ ...one })),
    ips: ips.map((ip) => ({ ...(own < 0 ? {} : { interface: own }), ...ip })),
    routes: routes.map((route) => ({ ...route })),
    dns: Object.fromEntries(Object.entries(dns)),
  };
}

function resultOf({ type }: PluginCall, result: SpecResult): Result<CniResult, AttachFailure> {
  const routes = parseRoutes({ routes: result.routes });
  const dns = parseDns({ dns: result.dns });
  const problem = !routes.ok ? routes.error : !dns.ok ? dns.error : undefined;
  if (problem !== undefined || !routes.ok || !dns.ok) return failure(cniCodes.undecodable, `the answer of the plugin "${type}" cannot be used: ${problem}`, 'Install a release of it that speaks the network\'s cniVersion.');
  const text = (object: JsonObject, name: string) => {
    const value = field(object, name);
    return typeof value === 'string' && value !== '' ? { [name]: value } : {};
  };
  return ok({
    interfaces: result.interfaces.map((one) => {
      const mtu = field(one, 'mtu');
      return { name: String(field(one, 'name') ?? ''), ...text(one, 'mac'), ...text(one, 'sandbox'), ...(typeof mtu === 'number' ? { mtu } : {}) };
    }),
    ips: result.ips.map((ip) => ({ address: String(field(ip, 'address')), ...text(ip, 'gateway') })),
    routes: routes.value,
    dns: dns.value,
  });
}
