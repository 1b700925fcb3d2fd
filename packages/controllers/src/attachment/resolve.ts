import { isKubeError, networkAttachmentAnnotations, ok, podAnnotations } from '@vfleet/core';
import type { AttachFailure, Files, Kube, PodSandbox, Result } from '@vfleet/core';
import type { NetworkAttachmentDefinition } from '@vfleet/kube';
import { networkAttachmentDefinitions } from '@vfleet/kube';
import { cniCodes, failure } from '../cni/failure.ts';
import { familyOf, ownRouting } from '../cni/routing.ts';
import type { Routing } from '../cni/routing.ts';
import { field } from '../json/fields.ts';
import type { ChainedPlugins } from './chained-plugins.ts';
import { DeviceShares } from './device-shares.ts';
import { NODE_NETWORKS_FOLDER, nodeNetworkConfig } from './node-networks.ts';
import { parseChain, stepsOf } from './plugin-chain.ts';
import type { PluginStep } from './plugin-chain.ts';
import type { Delegate } from './pod-record.ts';
import { interfaceNames, parseNetworks } from './selection.ts';
import type { NetworkSelection } from './selection.ts';

/** A delegate ready to be called, and what only its ADD needs. */
export interface Resolved {
  readonly delegate: Delegate;
  readonly routing: Routing;
  /** Wishes of the pod that no plugin of the network takes, by their names in runtimeConfig. */
  readonly unheard: readonly string[];
}

export interface ResolveContext {
  readonly kube: Kube;
  readonly plugins: ChainedPlugins;
  /** The node's, which may hold networks. */
  readonly files: Pick<Files, 'list' | 'read'>;
  /** Where names in `v1.multus-cni.io/default-network` are looked up that give no namespace. */
  readonly multusNamespace: string;
}

type Answer<Value> = Promise<Result<Value, AttachFailure>>;
interface Wanted {
  readonly selection: NetworkSelection;
  readonly ifname: string;
  readonly isDefault: boolean;
}

export const BUILT_IN_PLUGINS: readonly string[] = ['sriov', 'ib-sriov', 'tuning'];
/** Interfaces that every pod has. */
const RESERVED = ['lo', 'eth0'];

/** Reads what a pod asks for and finds everything that is needed for it. Nothing is changed, so a mistake anywhere costs nothing. */
export async function resolveNetworks(context: ResolveContext, sandbox: PodSandbox): Answer<readonly Resolved[]> {
  const wanted = wantedNetworks(context, sandbox);
  if (!wanted.ok) return wanted;
  const routings = routingsOf(wanted.value.map(({ selection }) => selection));
  if (!routings.ok) return routings;
  const shares = new DeviceShares(sandbox.devices);
  const definitions = new Map<string, NetworkAttachmentDefinition>();
  const resolved: Resolved[] = [];
  for (const [index, want] of wanted.value.entries()) {
    const definition = await definitionOf(context.kube, definitions, want.selection);
    if (!definition.ok) return definition;
    const config = await configOf(context, definition.value);
    if (!config.ok) return config;
    const one = resolveOne(context, want, { definition: definition.value, config: config.value }, shares, routings.value[index]!);
    if (!one.ok) return one;
    resolved.push(one.value);
  }
  return ok(resolved);
}

/** The default network first, as the runtime sets it up. */
function wantedNetworks({ multusNamespace }: ResolveContext, { annotations, namespace }: PodSandbox): Result<readonly Wanted[], AttachFailure> {
  const networks = parseNetworks(annotations[podAnnotations.networks] ?? '', namespace);
  if (!networks.ok) return badAnnotation(podAnnotations.networks, networks.error);
  const names = interfaceNames(networks.value, RESERVED);
  if (!names.ok) return badAnnotation(podAnnotations.networks, names.error);
  const ofDefault = parseNetworks(annotations[podAnnotations.defaultNetwork] ?? '', multusNamespace);
  if (!ofDefault.ok) return badAnnotation(podAnnotations.defaultNetwork, ofDefault.error);
  if (ofDefault.value.length > 1) return badAnnotation(podAnnotations.defaultNetwork, `it names ${ofDefault.value.length} networks; a pod has one default network`);
  return ok([
    ...ofDefault.value.map((selection) => ({ selection, ifname: 'eth0', isDefault: true })),
    ...networks.value.map((selection, index) => ({ selection, ifname: names.value[index]!, isDefault: false })),
  ]);
}

function badAnnotation(annotation: string, cause: string): { readonly ok: false; readonly error: AttachFailure } {
  return failure(cniCodes.invalidConfig, `the pod's annotation ${annotation} cannot be understood: ${cause}`, 'Correct the annotation; a running pod has to be created anew.');
}

async function definitionOf(kube: Kube, known: Map<string, NetworkAttachmentDefinition>, { namespace, name }: NetworkSelection): Answer<NetworkAttachmentDefinition> {
  const key = `${namespace}/${name}`;
  const before = known.get(key);
  if (before !== undefined) return ok(before);
  try {
    const definition = await kube.get(networkAttachmentDefinitions, { namespace, name });
    known.set(key, definition);
    return ok(definition);
  } catch (error) {
    if (isKubeError(error, 'NotFound')) {
      return failure(
        cniCodes.network,
        `there is no NetworkAttachmentDefinition ${name} in namespace ${namespace}`,
        `Create it, for example by a SriovNetwork ${name} with networkNamespace: ${namespace}, or correct the pod's annotation; the runtime tries again.`,
      );
    }
    if (!isKubeError(error)) throw error;
    return failure(cniCodes.tryAgain, `NetworkAttachmentDefinition ${key} could not be read: ${error.message}`, 'The API server did not answer as expected; the runtime tries again.');
  }
}

/** A definition's own, or the node's network of that name. */
async function configOf({ files }: ResolveContext, { metadata: { namespace, name }, spec }: NetworkAttachmentDefinition): Answer<string> {
  const own = spec?.config ?? '';
  if (own.trim() !== '') return ok(own);
  const ofNode = await nodeNetworkConfig(files, name);
  if (!ofNode.ok) return ofNode;
  return ofNode.value === undefined ? badNetwork(`${namespace}/${name}`, `it has no config, and no file in ${NODE_NETWORKS_FOLDER} of this node has a network "${name}"`) : ok(ofNode.value);
}

interface Found {
  readonly definition: NetworkAttachmentDefinition;
  readonly config: string;
}

function resolveOne(context: ResolveContext, want: Wanted, { definition, config }: Found, shares: DeviceShares, routing: Routing): Result<Resolved, AttachFailure> {
  const { selection, ifname, isDefault } = want;
  const network = `${selection.namespace}/${selection.name}`;
  const chain = parseChain(config, selection.name);
  if (!chain.ok) return badNetwork(network, chain.error);
  const resourceName = definition.metadata.annotations?.[networkAttachmentAnnotations.resourceName];
  const deviceId = (resourceName === undefined ? undefined : shares.next(resourceName)) ?? selection.deviceId;
  const { steps, unheard } = stepsOf(chain.value, selection, deviceId);
  const missing = steps.find(({ type }) => !BUILT_IN_PLUGINS.includes(type) && !context.plugins.has(type));
  if (missing !== undefined) return notInstalled(network, missing.type);
  if (needsDevice(steps) && deviceId === undefined && resourceName !== undefined) return noDeviceLeft(network, resourceName, shares.count(resourceName));
  if (routing !== ownRouting && !isSriov(steps[0]!)) {
    return failure(cniCodes.unsupportedField, `network ${network}: "default-route" cannot be kept for an interface of the plugin "${steps[0]!.type}"`, 'Remove "default-route" from the pod\'s annotation, and set the routes in the network.');
  }
  const delegate: Delegate = {
    network, ifname, steps, isDefault, ...(resourceName === undefined ? {} : { resourceName }), ...(deviceId === undefined ? {} : { deviceId }),
  };
  return ok({ delegate, routing, unheard });
}

function badNetwork(network: string, cause: string): { readonly ok: false; readonly error: AttachFailure } {
  return failure(cniCodes.invalidConfig, `NetworkAttachmentDefinition ${network} cannot be used: ${cause}`, 'Correct its spec.config, or the SriovNetwork that renders it; the runtime tries again.');
}

function notInstalled(network: string, type: string): { readonly ok: false; readonly error: AttachFailure } {
  return failure(
    cniCodes.io,
    `network ${network}: the plugin "${type}" is not installed on this node`,
    `Install it on the node${type === 'ovs' ? '' : `, or remove "${type}" from the network (metaPlugins of a SriovNetwork)`}; built in are ${BUILT_IN_PLUGINS.join(', ')}.`,
  );
}

function noDeviceLeft(network: string, resourceName: string, count: number): { readonly ok: false; readonly error: AttachFailure } {
  const cause = count === 0 ? `the pod has no device of ${resourceName}` : `the pod has ${count} of ${resourceName}, and all are with networks before it`;
  return failure(cniCodes.device, `network ${network}: ${cause}`, `Request one ${resourceName} for each network that uses it in the resources of the pod's containers.`);
}

function isSriov({ type }: PluginStep): boolean {
  return type === 'sriov' || type === 'ib-sriov';
}

function needsDevice(steps: readonly PluginStep[]): boolean {
  return steps.some((step) => isSriov(step) && field(step.config, 'deviceID') === undefined);
}

/** Who has the default route: the entry that asks for it; the others leave theirs out. */
function routingsOf(selections: readonly NetworkSelection[]): Result<readonly Routing[], AttachFailure> {
  const claims = selections.map(({ defaultRoute }) => (defaultRoute === undefined ? [] : defaultRoute.length === 0 ? ([4, 6] as const) : [...new Set(defaultRoute.map(familyOf))]));
  for (const family of [4, 6] as const) {
    if (claims.filter((families) => families.includes(family)).length > 1) return badAnnotation(podAnnotations.networks, `two entries ask for the default route of IPv${family}`);
  }
  return ok(selections.map((selection, index) => {
    const withoutDefault = claims.flatMap((families, other) => (other === index ? [] : families));
    const defaultGateways = selection.defaultRoute ?? [];
    return withoutDefault.length === 0 && defaultGateways.length === 0 ? ownRouting : { defaultGateways, withoutDefault };
  }));
}
