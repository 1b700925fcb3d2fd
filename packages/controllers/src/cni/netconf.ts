import { ok, parsePciAddress } from '@vfleet/core';
import type { AttachFailure, PciAddress, Result, VfLinkState, VlanProtocol } from '@vfleet/core';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { cniCodes, failure, invalidConfig } from './failure.ts';

/** A configuration of the `sriov` or `ib-sriov` plugin, understood. Only what is present is set on the VF. Plain JSON data: it is kept in state files. */
export interface SriovConfig {
  readonly type: 'sriov' | 'ib-sriov';
  /** Name of the network. */
  readonly network: string;
  readonly device: PciAddress;
  readonly vlan?: { readonly id: number; readonly qos: number; readonly protocol: VlanProtocol };
  readonly mac?: string;
  /** Mb/s; 0 is no limit. */
  readonly minTxMbps?: number;
  readonly maxTxMbps?: number;
  readonly spoofCheck?: boolean;
  readonly trust?: boolean;
  readonly linkState?: VfLinkState;
  /** Bytes; not in the upstream plugin's documentation. */
  readonly mtu?: number;
  /** A bridge of the host that the VF's representor becomes a port of, in switchdev mode; not in the upstream plugin's documentation. */
  readonly bridge?: string;
  /**
   * The VF's RDMA devices go into the pod with it. As of the upstream plugin `ib-sriov`; with `sriov` upstream has the plugin `rdma` after it in
   * the chain, which finds them on the host only where this is not asked for.
   */
  readonly rdmaIsolation?: true;
  /** InfiniBand: node and port GUID, `xx:xx:xx:xx:xx:xx:xx:xx`. */
  readonly guid?: string;
  /** Absent when the network has no addresses. */
  readonly ipam?: JsonObject;
  readonly requestedIps: readonly string[];
}

type Parsed<Value> = Result<Value, AttachFailure>;

const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

/**
 * Reads a plugin configuration with what the runtime added to it: `deviceID`, `runtimeConfig` and `args`; `cniArgs` are the pairs of
 * the environment variable CNI_ARGS. A MAC in runtimeConfig wins over one in CNI_ARGS, that over one in the configuration.
 */
export function parseSriovConfig(config: JsonObject, cniArgs: Readonly<Record<string, string>> = {}): Parsed<SriovConfig> {
  const type = field(config, 'type');
  if (type !== 'sriov' && type !== 'ib-sriov') return invalidConfig(`the plugin type is ${JSON.stringify(type)}, not "sriov" or "ib-sriov"`);
  const network = text(config, 'name');
  if (!network.ok) return network;
  if (network.value === undefined) return invalidConfig('the configuration has no "name"');
  const version = checkVersion(config);
  if (!version.ok) return version;
  const device = deviceOf(config);
  if (!device.ok) return device;
  const vlan = vlanOf(config);
  if (!vlan.ok) return vlan;
  const settings = settingsOf(config);
  if (!settings.ok) return settings;
  const identity = type === 'sriov' ? macOf(config, cniArgs) : guidOf(config, cniArgs);
  if (!identity.ok) return identity;
  const ipam = ipamOf(config);
  if (!ipam.ok) return ipam;
  const requestedIps = requestedIpsOf(config, cniArgs);
  if (!requestedIps.ok) return requestedIps;
  const bridge = bridgeOf(config);
  if (!bridge.ok) return bridge;
  const rdma = rdmaIsolationOf(config);
  if (!rdma.ok) return rdma;
  return ok({ type, network: network.value, device: device.value, ...bridge.value, ...rdma.value, ...vlan.value, ...settings.value, ...identity.value, ...ipam.value, requestedIps: requestedIps.value });
}

function checkVersion(config: JsonObject): Parsed<void> {
  const version = text(config, 'cniVersion');
  if (!version.ok) return version;
  if (version.value === undefined || VERSIONS.includes(version.value)) return ok(undefined);
  return failure(cniCodes.incompatibleVersion, `CNI version ${version.value} is not supported`, `Set cniVersion in the network to one of ${VERSIONS.join(', ')}.`);
}

function deviceOf(config: JsonObject): Parsed<PciAddress> {
  const device = text(config, 'deviceID');
  if (!device.ok) return device;
  if (device.value === undefined) {
    return failure(cniCodes.invalidConfig, 'no device was given to the pod for this network', 'Request the network\'s resource in a container of the pod, or annotate the NetworkAttachmentDefinition with k8s.v1.cni.cncf.io/resourceName.');
  }
  const address = parsePciAddress(device.value);
  return address.ok ? ok(address.value) : invalidConfig(`deviceID: ${address.error}`);
}

function vlanOf(config: JsonObject): Parsed<Pick<SriovConfig, 'vlan'>> {
  const id = integer(config, 'vlan', 0, 4094);
  if (!id.ok) return id;
  const qos = integer(config, 'vlanQoS', 0, 7);
  if (!qos.ok) return qos;
  const proto = text(config, 'vlanProto');
  if (!proto.ok) return proto;
  const protocol = proto.value?.toLowerCase();
  if (protocol !== undefined && protocol !== '802.1q' && protocol !== '802.1ad') return invalidConfig(`vlanProto is "${proto.value}"; use 802.1q or 802.1ad`);
  if (id.value === undefined) {
    // The upstream plugin refuses a qos or protocol without a vlan; a qos of 0 says nothing and is let pass.
    return qos.value || protocol !== undefined ? invalidConfig('vlanQoS and vlanProto need a vlan') : ok({});
  }
  if (id.value === 0 && (qos.value ?? 0) !== 0) return invalidConfig(`vlanQoS ${qos.value} needs a vlan other than 0`);
  if (id.value === 0 && protocol === '802.1ad') return invalidConfig('vlanProto 802.1ad needs a vlan other than 0');
  return ok({ vlan: { id: id.value, qos: qos.value ?? 0, protocol: protocol ?? '802.1q' } });
}

type Settings = Pick<SriovConfig, 'minTxMbps' | 'maxTxMbps' | 'spoofCheck' | 'trust' | 'linkState' | 'mtu'>;

function settingsOf(config: JsonObject): Parsed<Settings> {
  const settings: { -readonly [K in keyof Settings]: Settings[K] } = {};
  const numbers = [['minTxMbps', 'min_tx_rate', 0], ['maxTxMbps', 'max_tx_rate', 0], ['mtu', 'mtu', 68]] as const;
  for (const [key, name, least] of numbers) {
    const value = integer(config, name, least, 0xffff_ffff);
    if (!value.ok) return value;
    if (value.value !== undefined) settings[key] = value.value;
  }
  const { minTxMbps = 0, maxTxMbps = 0 } = settings;
  if (maxTxMbps !== 0 && minTxMbps > maxTxMbps) return invalidConfig(`min_tx_rate ${minTxMbps} is above max_tx_rate ${maxTxMbps}`);
  for (const [key, name] of [['spoofCheck', 'spoofchk'], ['trust', 'trust']] as const) {
    const value = choice(config, name, ['on', 'off']);
    if (!value.ok) return value;
    if (value.value !== undefined) settings[key] = value.value === 'on';
  }
  const linkState = choice(config, 'link_state', ['auto', 'enable', 'disable']);
  if (!linkState.ok) return linkState;
  if (linkState.value !== undefined) settings.linkState = linkState.value;
  return ok(settings);
}

function bridgeOf(config: JsonObject): Parsed<Pick<SriovConfig, 'bridge'>> {
  const bridge = text(config, 'bridge');
  if (!bridge.ok) return bridge;
  if (bridge.value === undefined) return ok({});
  return bridge.value.length <= 15 && !/[/:\s]/.test(bridge.value) ? ok({ bridge: bridge.value }) : invalidConfig(`"bridge" is ${JSON.stringify(bridge.value)}, which is no interface name`);
}

function rdmaIsolationOf(config: JsonObject): Parsed<Pick<SriovConfig, 'rdmaIsolation'>> {
  const value = field(config, 'rdmaIsolation');
  if (value === undefined || value === null || value === false) return ok({});
  return value === true ? ok({ rdmaIsolation: true }) : invalidConfig(`"rdmaIsolation" is ${JSON.stringify(value)}; use true or false`);
}

function macOf(config: JsonObject, cniArgs: Readonly<Record<string, string>>): Parsed<Pick<SriovConfig, 'mac'>> {
  const given = precedence(config, cniArgs, 'mac', 'MAC');
  if (!given.ok) return given;
  if (given.value === undefined) return ok({});
  const mac = given.value.toLowerCase().replaceAll('-', ':');
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(mac)) return invalidConfig(`"${given.value}" is no MAC address`);
  if (Number.parseInt(mac.slice(0, 2), 16) & 1) return invalidConfig(`${mac} is a multicast address; the second digit of a MAC must be even`);
  if (/^[0:]+$/.test(mac)) return invalidConfig('a MAC address of zeros cannot be used');
  return ok({ mac });
}

function guidOf(config: JsonObject, cniArgs: Readonly<Record<string, string>>): Parsed<Pick<SriovConfig, 'guid'>> {
  const given = precedence(config, cniArgs, 'infinibandGUID', 'guid');
  if (!given.ok) return given;
  if (given.value === undefined) return ok({});
  const guid = given.value.toLowerCase().replaceAll('-', ':');
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){7}$/.test(guid) || /^[0:]+$/.test(guid) || /^[f:]+$/.test(guid)) return invalidConfig(`"${given.value}" is no usable InfiniBand GUID`);
  return ok({ guid });
}

/** runtimeConfig, then CNI_ARGS, then the configuration; the first that is not empty. */
function precedence(config: JsonObject, cniArgs: Readonly<Record<string, string>>, runtimeName: string, argName: string): Parsed<string | undefined> {
  const runtime = text(asObject(field(config, 'runtimeConfig')) ?? {}, runtimeName);
  if (!runtime.ok || runtime.value !== undefined) return runtime;
  const args = Object.entries(cniArgs).find(([name, value]) => name.toLowerCase() === argName.toLowerCase() && value !== '');
  return args === undefined ? text(config, argName.toLowerCase()) : ok(args[1]);
}

function ipamOf(config: JsonObject): Parsed<Pick<SriovConfig, 'ipam'>> {
  const value = field(config, 'ipam');
  if (value === undefined || value === null) return ok({});
  const ipam = asObject(value);
  if (ipam === undefined) return invalidConfig('"ipam" must be an object');
  // The operator renders {} for networks without addresses.
  return ok(field(ipam, 'type') === undefined ? {} : { ipam });
}

function requestedIpsOf(config: JsonObject, cniArgs: Readonly<Record<string, string>>): Parsed<readonly string[]> {
  const cni = asObject(field(asObject(field(config, 'args')) ?? {}, 'cni'));
  const lists = [field(asObject(field(config, 'runtimeConfig')) ?? {}, 'ips'), field(cni ?? {}, 'ips')];
  const ips = (cniArgs['IP'] ?? '').split(',').map((item) => item.trim()).filter((item) => item !== '');
  for (const list of lists) {
    if (list === undefined || list === null) continue;
    const texts = isJsonArray(list) ? list.filter((item) => typeof item === 'string') : undefined;
    if (texts === undefined || !isJsonArray(list) || texts.length !== list.length) return invalidConfig('"ips" must be a list of strings');
    ips.push(...texts);
  }
  return ok([...new Set(ips)]);
}

function text(object: JsonObject, name: string): Parsed<string | undefined> {
  const value = field(object, name);
  if (value === undefined || value === null || value === '') return ok(undefined);
  return typeof value === 'string' ? ok(value) : invalidConfig(`"${name}" must be a string, not ${JSON.stringify(value)}`);
}

function integer(object: JsonObject, name: string, least: number, most: number): Parsed<number | undefined> {
  const value = field(object, name);
  if (value === undefined || value === null) return ok(undefined);
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return ok(value);
  return invalidConfig(`"${name}" is ${JSON.stringify(value)}; it must be a whole number from ${least} to ${most}`);
}

function choice<const Values extends readonly string[]>(object: JsonObject, name: string, values: Values): Parsed<Values[number] | undefined> {
  const value = text(object, name);
  if (!value.ok) return value;
  const known = values.find((one) => one === value.value);
  return value.value === undefined || known !== undefined ? ok(known) : invalidConfig(`"${name}" is "${value.value}"; use ${values.join(', ')}`);
}
