import { GROUP, networkAttachmentAnnotations } from '../api/names.ts';
import type { OvsNetworkSpec, SriovIbNetworkSpec, SriovNetworkSpec } from '../api/networks.ts';
import { isJsonObject, parseJson } from '../json.ts';
import type { JsonValue } from '../json.ts';
import { fail, ok } from '../result.ts';
import type { Result } from '../result.ts';

/** The three kinds of network object, by name. */
export type NetworkObject =
  | { readonly kind: 'SriovNetwork'; readonly namespace: string; readonly name: string; readonly spec: SriovNetworkSpec }
  | { readonly kind: 'SriovIBNetwork'; readonly namespace: string; readonly name: string; readonly spec: SriovIbNetworkSpec }
  | { readonly kind: 'OVSNetwork'; readonly namespace: string; readonly name: string; readonly spec: OvsNetworkSpec };

export type NetworkKind = NetworkObject['kind'];

/** A NetworkAttachmentDefinition as it shall be. */
export interface RenderedAttachment {
  readonly namespace: string;
  readonly name: string;
  /** CNI configuration, JSON in one line. */
  readonly config: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface OfField {
  readonly cause: string;
  readonly remedy: string;
}

/** Why a network cannot be rendered. */
export type NetworkRenderError =
  /** The field is not JSON; line and column count from 1 within the field. */
  | (OfField & { readonly kind: 'invalidJson'; readonly field: JsonField; readonly line: number; readonly column: number })
  /** The field is JSON of another shape than CNI takes. */
  | (OfField & { readonly kind: 'wrongShape'; readonly field: JsonField })
  /** A network outside the operator's namespace may serve its own namespace only. */
  | (OfField & { readonly kind: 'networkNamespaceNotAllowed'; readonly field: 'networkNamespace' })
  | (OfField & { readonly kind: 'resourceNameMissing'; readonly field: 'resourceName' });

type JsonField = 'ipam' | 'capabilities' | 'metaPlugins';
type JsonObject = { readonly [key: string]: JsonValue };

/** Version of the CNI specification that the configurations are written in. */
export const CNI_VERSION = '1.0.0';

/** `Kind.group/namespace/name`: what the annotation `owner-ref` of a NetworkAttachmentDefinition says. */
export function networkOwnerRef(network: Pick<NetworkObject, 'kind' | 'namespace' | 'name'>): string {
  return `${network.kind}.${GROUP}/${network.namespace}/${network.name}`;
}

/** The network that an `owner-ref` annotation names; undefined for anything else. */
export function parseNetworkOwnerRef(text: string): Pick<NetworkObject, 'kind' | 'namespace' | 'name'> | undefined {
  const [kindAndGroup, namespace, name, ...rest] = text.split('/');
  if (!kindAndGroup || !namespace || !name || rest.length > 0) return undefined;
  for (const kind of ['SriovNetwork', 'SriovIBNetwork', 'OVSNetwork'] as const) {
    if (kindAndGroup === `${kind}.${GROUP}`) return { kind, namespace, name };
  }
  return undefined;
}

/** The namespace that a network serves. */
export function networkNamespaceOf(network: Pick<NetworkObject, 'namespace' | 'spec'>): string {
  return network.spec.networkNamespace || network.namespace;
}

/** Builds the NetworkAttachmentDefinition of a network (NPWG multi-net specification v1.3 §3; CNI specification §1). */
export function renderNetworkAttachment(
  network: NetworkObject, settings: { readonly operatorNamespace: string; readonly resourcePrefix: string },
): Result<RenderedAttachment, NetworkRenderError> {
  const { spec } = network;
  if (spec.networkNamespace && network.namespace !== settings.operatorNamespace) {
    return fail({
      kind: 'networkNamespaceNotAllowed',
      field: 'networkNamespace',
      cause: `networkNamespace is ${spec.networkNamespace}, but a network outside the namespace ${settings.operatorNamespace} serves its own namespace only`,
      remedy: `remove networkNamespace, or create the network in ${settings.operatorNamespace}`,
    });
  }
  if (!spec.resourceName) {
    return fail({ kind: 'resourceNameMissing', field: 'resourceName', cause: 'resourceName is empty', remedy: 'set resourceName to that of a SriovNetworkNodePolicy' });
  }
  const capabilities = jsonObjectField('capabilities', spec.capabilities);
  if (!capabilities.ok) return capabilities;
  const notBoolean = Object.entries(capabilities.value ?? {}).find(([, value]) => typeof value !== 'boolean');
  if (notBoolean !== undefined) {
    return fail(wrongShape('capabilities', `capabilities.${notBoolean[0]} is ${JSON.stringify(notBoolean[1])}, not true or false`, 'write an object such as {"mac": true, "ips": true}'));
  }
  const ipam = jsonObjectField('ipam', spec.ipam);
  if (!ipam.ok) return ipam;
  const chained = metaPlugins(spec.metaPlugins);
  if (!chained.ok) return chained;
  const plugin = { ...pluginOf(network), ...(capabilities.value === undefined ? {} : { capabilities: capabilities.value }), ipam: ipam.value ?? {} };
  const head = { cniVersion: CNI_VERSION, name: network.name };
  const config = chained.value.length === 0 ? { ...head, ...plugin } : { ...head, plugins: [plugin, ...chained.value] };
  return ok({
    namespace: networkNamespaceOf(network),
    name: network.name,
    config: JSON.stringify(config),
    annotations: {
      [networkAttachmentAnnotations.resourceName]: `${settings.resourcePrefix}/${spec.resourceName}`,
      [networkAttachmentAnnotations.ownerRef]: networkOwnerRef(network),
    },
  });
}

function pluginOf(network: NetworkObject): JsonObject {
  switch (network.kind) {
    case 'SriovNetwork':
      return sriovPlugin(network.spec);
    case 'SriovIBNetwork':
      return { type: 'ib-sriov', ...(network.spec.linkState ? { link_state: network.spec.linkState } : {}) };
    case 'OVSNetwork':
      return ovsPlugin(network.spec);
  }
}

function sriovPlugin(spec: SriovNetworkSpec): JsonObject {
  return {
    type: 'sriov',
    vlan: spec.vlan ?? 0,
    vlanQoS: spec.vlanQoS ?? 0,
    // The plugin's values are in lower case.
    ...(spec.vlanProto ? { vlanProto: spec.vlanProto.toLowerCase() } : {}),
    ...(spec.spoofChk ? { spoofchk: spec.spoofChk } : {}),
    ...(spec.trust ? { trust: spec.trust } : {}),
    ...(spec.linkState ? { link_state: spec.linkState } : {}),
    ...(spec.minTxRate === undefined ? {} : { min_tx_rate: spec.minTxRate }),
    ...(spec.maxTxRate === undefined ? {} : { max_tx_rate: spec.maxTxRate }),
    ...(spec.logLevel ? { logLevel: spec.logLevel } : {}),
    ...(spec.logFile ? { logFile: spec.logFile } : {}),
  };
}

function ovsPlugin(spec: OvsNetworkSpec): JsonObject {
  return {
    type: 'ovs',
    ...(spec.bridge ? { bridge: spec.bridge } : {}),
    ...(spec.vlan ? { vlan: spec.vlan } : {}),
    ...(spec.mtu ? { mtu: spec.mtu } : {}),
    ...(spec.trunk?.length ? { trunk: spec.trunk.map(trunkEntry) } : {}),
    ...(spec.interfaceType ? { interface_type: spec.interfaceType } : {}),
  };
}

function trunkEntry({ minID, maxID, id }: NonNullable<OvsNetworkSpec['trunk']>[number]): JsonObject {
  return { ...(minID === undefined ? {} : { minID }), ...(maxID === undefined ? {} : { maxID }), ...(id === undefined ? {} : { id }) };
}

function jsonObjectField(field: 'ipam' | 'capabilities', text: string | undefined): Result<JsonObject | undefined, NetworkRenderError> {
  if (text === undefined || text.trim() === '') return ok(undefined);
  const parsed = parseJson(text);
  if (!parsed.ok) {
    const { line, column, cause } = parsed.error;
    return fail({
      kind: 'invalidJson', field, line, column,
      cause: `${field} is not JSON: line ${line}, column ${column}: ${cause}`,
      remedy: `correct ${field}; it takes one JSON object`,
    });
  }
  return isJsonObject(parsed.value) ? ok(parsed.value) : fail(wrongShape(field, `${field} is ${shapeOf(parsed.value)}, not an object`, 'write one JSON object, in braces'));
}

/** `{…}, {…}` without the brackets of a list. */
function metaPlugins(text: string | undefined): Result<readonly JsonObject[], NetworkRenderError> {
  if (text === undefined || text.trim() === '') return ok([]);
  const remedy = 'write the chained plugins as JSON objects separated by commas, without square brackets: {"type": "tuning"}, {"type": "bandwidth"}';
  const parsed = parseJson(`[${text}\n]`);
  if (!parsed.ok) {
    const { line, column, cause } = parsed.error;
    // The bracket put before the text moved its first line by one, and the line put after it is not the user's.
    const lines = text.split('\n');
    const beyond = line > lines.length;
    const at = beyond ? { line: lines.length, column: lines.at(-1)!.length + 1 } : { line, column: line === 1 ? Math.max(1, column - 1) : column };
    return fail({ kind: 'invalidJson', field: 'metaPlugins', ...at, cause: `metaPlugins is not a list of JSON objects: line ${at.line}, column ${at.column}: ${cause}`, remedy });
  }
  const plugins: JsonObject[] = [];
  for (const [index, plugin] of (parsed.value as readonly JsonValue[]).entries()) {
    if (!isJsonObject(plugin)) return fail(wrongShape('metaPlugins', `element ${index + 1} of metaPlugins is ${shapeOf(plugin)}, not an object`, remedy));
    if (typeof plugin['type'] !== 'string' || plugin['type'] === '') {
      return fail(wrongShape('metaPlugins', `element ${index + 1} of metaPlugins has no "type"`, 'name the CNI plugin in "type"'));
    }
    plugins.push(plugin);
  }
  return ok(plugins);
}

function wrongShape(field: JsonField, cause: string, remedy: string): NetworkRenderError {
  return { kind: 'wrongShape', field, cause, remedy };
}

function shapeOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
