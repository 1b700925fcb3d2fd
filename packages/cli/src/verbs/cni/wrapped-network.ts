import { fail, ok, parseJson } from '@vfleet/core';
import type { Result } from '@vfleet/core';

/** The plugin by which the network is called. */
const TYPE = 'vfleet';

/** Those of Multus, which gives pods the networks of their annotations itself, and whose daemon would take our configuration for the cluster's network in turn. */
const MULTUS: readonly unknown[] = ['multus', 'multus-shim'];

/**
 * The configuration list in which vfleet stands in front of a network, given as the text of its file: a list or a single plugin (CNI specification §1). It
 * keeps name and version, so that addresses and what the runtime remembers are still found, and asks the runtime for all that the network's plugins want.
 */
export function wrappedNetwork(text: string): Result<string, string> {
  const parsed = parseJson(text);
  const network: unknown = parsed.ok ? parsed.value : undefined;
  if (!isObject(network)) return fail('it is no JSON object');
  const { name, cniVersion } = network;
  if (typeof name !== 'string' || name === '') return fail('it has no name');
  if (cniVersion !== undefined && typeof cniVersion !== 'string') return fail('cniVersion is no text');
  const isList = Object.hasOwn(network, 'plugins');
  const plugins: unknown = isList ? network['plugins'] : [network];
  if (!Array.isArray(plugins) || plugins.length === 0 || !plugins.every((plugin) => isObject(plugin) && typeof plugin['type'] === 'string')) return fail('its plugins are no list of objects with a type');
  const objects = plugins as readonly Readonly<Record<string, unknown>>[];
  if (objects.some(({ type }) => type === TYPE)) return fail(`it is a network of ${TYPE} itself`);
  if (objects.some(({ type }) => MULTUS.includes(type))) return fail('it is Multus, which gives pods their networks itself');
  const wanted = new Set(objects.flatMap(({ capabilities }) => (isObject(capabilities) ? Object.keys(capabilities).filter((one) => capabilities[one] === true) : [])));
  const capabilities = Object.fromEntries([...wanted].toSorted().map((one) => [one, true]));
  const list = { ...(cniVersion === undefined ? {} : { cniVersion }), name, plugins: [{ type: TYPE, ...(wanted.size === 0 ? {} : { capabilities }), delegates: [isList ? network : { name, plugins: objects }] }] };
  return ok(`${JSON.stringify(list, null, 2)}\n`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
