import { fail } from '@vfleet/core';
import type { Files, Result } from '@vfleet/core';
import { field } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import type { PluginRunner } from '../cni/plugin-runner.ts';
import { ExecIpam } from './exec-ipam.ts';
import { HostLocal } from './host-local.ts';
import { invalidIpam } from './ipam.ts';
import type { Ipam, IpamError } from './ipam.ts';
import { StaticIpam } from './static.ts';
import { Whereabouts } from './whereabouts.ts';
import type { WhereaboutsPorts } from './whereabouts.ts';

export * from './ip.ts';
export * from './ipam.ts';
export * from './ranges.ts';
export { HOST_LOCAL_DATA_FOLDER, HostLocal, parseHostLocal } from './host-local.ts';
export type { HostLocalConfig } from './host-local.ts';
export { StaticIpam } from './static.ts';

/** IPAM plugins that need no executable on the node. */
export const BUILT_IN_IPAM_TYPES: readonly string[] = ['host-local', 'static'];

/**
 * Hands each request to the plugin that the configuration's `type` names: built in, or else installed on the node, where `runner` can
 * execute it. `whereabouts` is built in where there is a `cluster`. One that is neither is refused with the names there are.
 */
export function createIpam(files: Files, runner?: PluginRunner, cluster?: WhereaboutsPorts): Ipam {
  const plugins: Readonly<Record<string, Ipam>> = { 'host-local': new HostLocal(files), static: new StaticIpam(), ...(cluster === undefined ? {} : { whereabouts: new Whereabouts(cluster) }) };
  const executed = runner === undefined ? undefined : new ExecIpam(runner);
  const pluginFor = (config: JsonObject): Result<Ipam, IpamError> => {
    const type = field(config, 'type');
    if (typeof type !== 'string' || type === '') return invalidIpam('the ipam section names no "type"');
    const plugin = Object.hasOwn(plugins, type) ? plugins[type] : undefined;
    if (plugin !== undefined) return { ok: true, value: plugin };
    return executed !== undefined && runner?.has(type) === true ? { ok: true, value: executed } : unknownType(type);
  };
  return {
    async allocate(request) {
      const plugin = pluginFor(request.config);
      return plugin.ok ? plugin.value.allocate(request) : plugin;
    },
    async release(request) {
      const plugin = pluginFor(request.config);
      return plugin.ok ? plugin.value.release(request) : plugin;
    },
    async check(request) {
      const plugin = pluginFor(request.config);
      return plugin.ok ? plugin.value.check(request) : plugin;
    },
  };
}

function unknownType(type: string): { readonly ok: false; readonly error: IpamError } {
  return fail({
    code: 'unknownType',
    cause: `the IPAM plugin "${type}" is not built in, and not installed on the node`,
    remedy: `Use one of ${BUILT_IN_IPAM_TYPES.join(', ')} in the network's ipam section, or install the plugin in /opt/cni/bin.`,
  });
}
