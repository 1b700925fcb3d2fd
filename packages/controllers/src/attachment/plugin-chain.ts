import { fail, ok, parseJson } from '@vfleet/core';
import type { JsonValue, Result } from '@vfleet/core';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import type { NetworkSelection } from './selection.ts';

/** One plugin of a network, with everything the runtime adds for one interface of one pod. */
export interface PluginStep {
  readonly type: string;
  readonly config: JsonObject;
}

/** A network's configuration as one list of plugins (CNI specification 1.1.0 §1). */
export interface PluginChain {
  readonly name: string;
  readonly cniVersion: string;
  /** At least one. */
  readonly plugins: readonly JsonObject[];
}

/** CNI_VERSION of configurations that name none (CNI specification, "cniVersion"). */
const OLDEST_VERSION = '0.1.0';

/** Reads `spec.config` of a NetworkAttachmentDefinition; `fallbackName` serves configurations without a name, as with Multus. */
export function parseChain(config: string, fallbackName: string): Result<PluginChain, string> {
  const parsed = parseJson(config);
  if (!parsed.ok) return fail(`its config is not JSON: line ${parsed.error.line}, column ${parsed.error.column}: ${parsed.error.cause}`);
  const object = asObject(parsed.value);
  return object === undefined ? fail('its config is no JSON object') : chainOf(object, fallbackName);
}

/** One plugin, or a list of them (CNI specification 1.1.0 §1). */
export function chainOf(object: JsonObject, fallbackName: string): Result<PluginChain, string> {
  const name = field(object, 'name') ?? fallbackName;
  if (typeof name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) return fail(`the name ${JSON.stringify(name)} in its config is not allowed: letters, digits, "_", "." and "-" only`);
  const cniVersion = field(object, 'cniVersion') ?? OLDEST_VERSION;
  if (typeof cniVersion !== 'string') return fail('"cniVersion" in its config must be a string');
  const list = field(object, 'plugins');
  if (list === undefined || list === null) return typeOf(object) === undefined ? fail('its config has neither "type" nor "plugins"') : ok({ name, cniVersion, plugins: [object] });
  if (!isJsonArray(list) || list.length === 0) return fail('"plugins" in its config must be a list with at least one plugin');
  const plugins: JsonObject[] = [];
  for (const [index, item] of list.entries()) {
    const plugin = asObject(item);
    if (plugin === undefined || typeOf(plugin) === undefined) return fail(`plugins[${index}] in its config has no "type"`);
    plugins.push(plugin);
  }
  return ok({ name, cniVersion, plugins });
}

export function typeOf(plugin: JsonObject): string | undefined {
  const type = field(plugin, 'type');
  return typeof type === 'string' && type !== '' ? type : undefined;
}

/**
 * The chain's plugins for one selection: name and version of the network, the device in every plugin, the pod's `cni-args`, and
 * under `runtimeConfig` those wishes for which the plugin declares a capability. `unheard` are wishes that no plugin takes.
 */
export function stepsOf(chain: PluginChain, selection: NetworkSelection, deviceId: string | undefined): { readonly steps: readonly PluginStep[]; readonly unheard: readonly string[] } {
  const wishes = wishesOf(selection, deviceId);
  const heard = new Set<string>(['deviceID']);
  const steps = chain.plugins.map((plugin) => {
    const capabilities = asObject(field(plugin, 'capabilities')) ?? {};
    const granted = wishes.filter(([name]) => capabilities[name] === true);
    for (const [name] of granted) heard.add(name);
    const config: JsonObject = {
      ...plugin,
      name: chain.name,
      cniVersion: chain.cniVersion,
      ...(deviceId === undefined ? {} : { deviceID: deviceId, pciBusID: deviceId }),
      ...(selection.cniArgs === undefined ? {} : { args: withCniArgs(plugin, selection.cniArgs) }),
      ...(granted.length === 0 ? {} : { runtimeConfig: Object.fromEntries(granted) }),
    };
    return { type: typeOf(plugin)!, config };
  });
  return { steps, unheard: wishes.map(([name]) => name).filter((name) => !heard.has(name)) };
}

/** By the names of the CNI conventions ("Dynamic Plugin specific fields"). */
function wishesOf(selection: NetworkSelection, deviceId: string | undefined): readonly (readonly [string, JsonValue])[] {
  const wishes: readonly (readonly [string, JsonValue | undefined])[] = [
    ['ips', selection.ips], ['mac', selection.mac], ['infinibandGUID', selection.infinibandGuid], ['portMappings', selection.portMappings], ['bandwidth', selection.bandwidth], ['deviceID', deviceId],
  ];
  return wishes.flatMap(([name, value]) => (value === undefined || (isJsonArray(value) && value.length === 0) ? [] : [[name, value] as const]));
}

function withCniArgs(plugin: JsonObject, cniArgs: JsonObject): JsonObject {
  const args = asObject(field(plugin, 'args')) ?? {};
  return { ...args, cni: { ...asObject(field(args, 'cni')), ...cniArgs } };
}
