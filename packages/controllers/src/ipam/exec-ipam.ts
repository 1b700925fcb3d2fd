import { fail, ok } from '@vfleet/core';
import type { AttachFailure, Result } from '@vfleet/core';
import { delegate } from '../cni/delegate.ts';
import { cniCodes } from '../cni/failure.ts';
import type { PluginRunner } from '../cni/plugin-runner.ts';
import type { SpecResult } from '../cni/spec/result.ts';
import { field } from '../json/fields.ts';
import { parseDns, parseRoutes } from './config.ts';
import { formatPrefix, parsePrefix } from './ip.ts';
import type { AssignedIp, Ipam, IpamError, IpamRequest, IpamResult } from './ipam.ts';

/** Spoken to delegated plugins: every plugin of the CNI project since 2022 knows it. */
const DELEGATE_VERSION = '1.0.0';

/** Any IPAM plugin that is installed on the node (whereabouts, dhcp …), by execution (CNI specification §4). */
export class ExecIpam implements Ipam {
  readonly #runner: PluginRunner;

  constructor(runner: PluginRunner) {
    this.#runner = runner;
  }

  async allocate(request: IpamRequest): Promise<Result<IpamResult, IpamError>> {
    const added = await this.#call('ADD', request, request.requestedIps);
    if (!added.ok) return fail(ipamError(added.error));
    const result = resultOf(added.value);
    if (result.ok) return result;
    // What it gave cannot be used, and is given back at once.
    await this.release(request);
    return fail({ code: 'delegate', cause: `the answer of the plugin "${typeOf(request)}" cannot be used: ${result.error}`, remedy: 'Correct the ipam section of the network.' });
  }

  async release(request: Omit<IpamRequest, 'requestedIps'>): Promise<Result<void, IpamError>> {
    const deleted = await this.#call('DEL', request, []);
    return deleted.ok ? ok(undefined) : fail(ipamError(deleted.error));
  }

  async check(request: Omit<IpamRequest, 'requestedIps'>): Promise<Result<void, IpamError>> {
    const checked = await this.#call('CHECK', request, []);
    return checked.ok ? ok(undefined) : fail({ ...ipamError(checked.error), code: 'notReserved' });
  }

  #call(command: 'ADD' | 'DEL' | 'CHECK', request: Omit<IpamRequest, 'requestedIps'>, ips: readonly string[]): Promise<Result<SpecResult, AttachFailure>> {
    const { containerId, ifname, netns = '', pod, network, config } = request;
    const wishes = ips.length === 0 ? {} : { args: { cni: { ips } }, runtimeConfig: { ips } };
    const cniArgs = { IgnoreUnknown: '1', ...(pod === undefined ? {} : { K8S_POD_NAMESPACE: pod.namespace, K8S_POD_NAME: pod.name, K8S_POD_INFRA_CONTAINER_ID: containerId, K8S_POD_UID: pod.uid }) };
    // A plugin that is asked to check wants what came of its ADD.
    const previous = command === 'CHECK' ? { prevResult: { cniVersion: DELEGATE_VERSION, interfaces: [{ name: ifname, sandbox: netns }], ips: (request.held ?? []).map((ip) => ({ ...ip, interface: 0 })) } } : {};
    return delegate(this.#runner, {
      command, type: typeOf(request), containerId, ifname, netns, cniArgs, config: { cniVersion: DELEGATE_VERSION, name: network, type: 'sriov', ipam: config, ...wishes, ...previous },
    });
  }
}

function typeOf({ config }: Pick<IpamRequest, 'config'>): string {
  return String(field(config, 'type'));
}

function ipamError({ code, cause, remedy }: AttachFailure): IpamError {
  return { code: code === cniCodes.tryAgain ? 'tryAgain' : 'delegate', cause, remedy };
}

function resultOf(result: SpecResult): Result<IpamResult, string> {
  const ips: AssignedIp[] = [];
  for (const ip of result.ips) {
    const prefix = parsePrefix(String(field(ip, 'address')));
    if (!prefix.ok) return prefix;
    const gateway = field(ip, 'gateway');
    ips.push({ address: formatPrefix(prefix.value), ...(typeof gateway === 'string' ? { gateway } : {}) });
  }
  const routes = parseRoutes({ routes: result.routes });
  if (!routes.ok) return routes;
  const dns = parseDns({ dns: result.dns });
  return dns.ok ? ok({ ips, routes: routes.value, dns: dns.value }) : dns;
}
