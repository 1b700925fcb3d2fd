import { fail, isJsonObject, ok, parseJson } from '@vfleet/core';
import type { JsonValue, Result } from '@vfleet/core';
import { parseIp, parsePrefix } from '../ipam/index.ts';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';

/** One network that a pod asks for (multi-net specification v1.3 §4.1, Network Attachment Selection Annotation). */
export interface NetworkSelection {
  readonly name: string;
  readonly namespace: string;
  /** Name of the interface in the pod; by position when absent. */
  readonly interface?: string;
  readonly ips?: readonly string[];
  readonly mac?: string;
  readonly infinibandGuid?: string;
  /** Present, also when empty: this interface shall have the pod's default route. */
  readonly defaultRoute?: readonly string[];
  readonly portMappings?: JsonValue;
  readonly bandwidth?: JsonValue;
  readonly cniArgs?: JsonObject;
  /** Asked for by hand; one that kubelet allocated wins. */
  readonly deviceId?: string;
}

// Names of Kubernetes objects; Multus itself takes no dots in the short form, where they harm nobody.
const OBJECT_NAME = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

/**
 * Reads the annotation in its two forms: `[namespace/]name[@interface]`, separated by commas, or a JSON list of objects. Names
 * without namespace are in `defaultNamespace`. The failure is a sentence.
 */
export function parseNetworks(annotation: string, defaultNamespace: string): Result<readonly NetworkSelection[], string> {
  if (annotation.trim() === '') return ok([]);
  const items = /[[{"]/.test(annotation) ? parseJsonForm(annotation) : parseShortForm(annotation);
  if (!items.ok) return items;
  const selections: NetworkSelection[] = [];
  for (const [index, item] of items.value.entries()) {
    const selection = checked(item, defaultNamespace);
    if (!selection.ok) return fail(`entry ${index + 1}: ${selection.error}`);
    selections.push(selection.value);
  }
  return ok(selections);
}

type Draft = Omit<NetworkSelection, 'namespace'> & { readonly namespace?: string };

function parseShortForm(annotation: string): Result<readonly Draft[], string> {
  const drafts: Draft[] = [];
  for (const [index, item] of annotation.split(',').entries()) {
    const match = /^(?:([^/@]*)\/)?([^/@]*)(?:@([^/@]*))?$/.exec(item.trim());
    if (match === null) return fail(`entry ${index + 1}: "${item.trim()}" is not of the form [namespace/]name[@interface]`);
    const [namespace, name, ifname] = [match[1]?.trim(), match[2]!.trim(), match[3]?.trim()];
    drafts.push({ name, ...(namespace === undefined ? {} : { namespace }), ...(ifname === undefined ? {} : { interface: ifname }) });
  }
  return ok(drafts);
}

function parseJsonForm(annotation: string): Result<readonly Draft[], string> {
  const parsed = parseJson(annotation);
  if (!parsed.ok) return fail(`it is not JSON: line ${parsed.error.line}, column ${parsed.error.column}: ${parsed.error.cause}`);
  if (!isJsonArray(parsed.value)) return fail('the JSON form must be a list: [{"name": …}]');
  const drafts: Draft[] = [];
  for (const [index, item] of parsed.value.entries()) {
    const draft = isJsonObject(item) ? parseElement(item) : fail('it must be an object: {"name": …}');
    if (!draft.ok) return fail(`entry ${index + 1}: ${draft.error}`);
    drafts.push(draft.value);
  }
  return ok(drafts);
}

function parseElement(item: JsonObject): Result<Draft, string> {
  const texts: Record<string, string> = {};
  // `interfaceRequest` is what Multus read before version 3.2.
  const names = [['name', 'name'], ['namespace', 'namespace'], ['interfaceRequest', 'interface'], ['interface', 'interface'], ['mac', 'mac'], ['infiniband-guid', 'infinibandGuid'], ['deviceID', 'deviceId']] as const;
  for (const [key, property] of names) {
    const value = field(item, key);
    if (value === undefined || value === null || value === '') continue;
    if (typeof value !== 'string') return fail(`"${key}" must be a string`);
    texts[property] = value;
  }
  const ips = textList(item, 'ips');
  if (!ips.ok) return ips;
  const defaultRoute = textList(item, 'default-route');
  if (!defaultRoute.ok) return defaultRoute;
  const cniArgs = field(item, 'cni-args');
  const args = asObject(cniArgs);
  if (cniArgs !== undefined && cniArgs !== null && args === undefined) return fail('"cni-args" must be an object');
  const [portMappings, bandwidth] = [field(item, 'portMappings'), field(item, 'bandwidth')];
  return ok({
    ...texts,
    name: texts['name'] ?? '',
    ...(ips.value === undefined ? {} : { ips: ips.value }),
    ...(defaultRoute.value === undefined ? {} : { defaultRoute: defaultRoute.value }),
    ...(args === undefined ? {} : { cniArgs: args }),
    ...(portMappings === undefined || portMappings === null ? {} : { portMappings }),
    ...(bandwidth === undefined || bandwidth === null ? {} : { bandwidth }),
  });
}

function textList(item: JsonObject, key: string): Result<readonly string[] | undefined, string> {
  const value = field(item, key);
  if (value === undefined || value === null) return ok(undefined);
  const texts = isJsonArray(value) ? value.filter((one) => typeof one === 'string') : [];
  return isJsonArray(value) && texts.length === value.length ? ok(texts) : fail(`"${key}" must be a list of strings`);
}

function checked(draft: Draft, defaultNamespace: string): Result<NetworkSelection, string> {
  const namespace = draft.namespace === undefined || draft.namespace === '' ? defaultNamespace : draft.namespace;
  if (draft.name === '') return fail('it names no network');
  if (!OBJECT_NAME.test(draft.name)) return fail(`"${draft.name}" is no name of a network: lower-case letters, digits and hyphens only`);
  if (!OBJECT_NAME.test(namespace)) return fail(`"${namespace}" is no name of a namespace`);
  const ifname = draft.interface;
  if (ifname !== undefined && !isInterfaceName(ifname)) return fail(`"${ifname}" is no interface name: 1 to 15 characters without "/", ":" and spaces`);
  if (draft.mac !== undefined && !/^[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}$/.test(draft.mac)) return fail(`"${draft.mac}" is no MAC address`);
  if (draft.infinibandGuid !== undefined && !/^[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){7}$/.test(draft.infinibandGuid)) return fail(`"${draft.infinibandGuid}" is no InfiniBand GUID`);
  for (const ip of draft.ips ?? []) if (!(ip.includes('/') ? parsePrefix(ip) : parseIp(ip)).ok) return fail(`"${ip}" is no IP address`);
  for (const gateway of draft.defaultRoute ?? []) if (!parseIp(gateway).ok) return fail(`the gateway "${gateway}" is no IP address`);
  return ok({ ...draft, namespace });
}

function isInterfaceName(name: string): boolean {
  return name.length >= 1 && name.length <= 15 && name !== '.' && name !== '..' && !/[/:\s]/.test(name);
}

/** The short form of a selection; what it cannot say is left out. */
export function formatShort({ namespace, name, interface: ifname }: Pick<NetworkSelection, 'namespace' | 'name' | 'interface'>): string {
  return `${namespace}/${name}${ifname === undefined ? '' : `@${ifname}`}`;
}

/**
 * Interface names, by position: `net1`, `net2` … unless asked for otherwise. The failure names the two that collide.
 */
export function interfaceNames(selections: readonly NetworkSelection[], reserved: readonly string[]): Result<readonly string[], string> {
  const names = selections.map((selection, index) => selection.interface ?? `net${index + 1}`);
  for (const [index, name] of names.entries()) {
    if (reserved.includes(name)) return fail(`entry ${index + 1} asks for the interface name "${name}", which the pod has already`);
    const first = names.indexOf(name);
    if (first !== index) return fail(`entries ${first + 1} and ${index + 1} would both be the interface "${name}"; name one of them otherwise with @interface`);
  }
  return ok(names);
}
