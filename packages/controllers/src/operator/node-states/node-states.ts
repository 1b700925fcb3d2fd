import type { NodeStateSpec, RenderedNodeState } from '@vfleet/core';
import { GROUP, VERSION, areEquivalentSpecs, devicePluginLabel, formatDevicePluginConfig, holdBrokenInterfaces, nodeLabels, nodeStateAnnotations, parseRfc3339, renderDevicePluginConfig, renderNodeState, rfc3339 } from '@vfleet/core';
import type { Node, ReconcileResult, SriovNetworkNodeState, SriovOperatorConfig } from '@vfleet/kube';
import { equalJson, mergePatchOf, nodeStates, nodes, ownerReferenceTo } from '@vfleet/kube';
import type { OperatorContext } from '../context.ts';
import { writeKey } from '../context.ts';
import type { DevicePluginLedger } from '../device-plugin/device-plugin-ledger.ts';
import type { PolicyLedger } from '../policies/policy-ledger.ts';
import { isNodeSelected } from '../node-selection.ts';
import { nodeOutcome } from './node-outcome.ts';

const OWNS = { controller: true, blockOwnerDeletion: true };

/**
 * Keeps one SriovNetworkNodeState for every selected node, with the spec that the policies make of the node's NICs, and the label
 * that lets a device plugin run there. The key is the node's name. Writes only what differs.
 */
export class NodeStates {
  readonly #context: OperatorContext;
  readonly #policies: PolicyLedger;
  readonly #devicePlugin: DevicePluginLedger;

  constructor(context: OperatorContext, policies: PolicyLedger, devicePlugin: DevicePluginLedger) {
    this.#context = context;
    this.#policies = policies;
    this.#devicePlugin = devicePlugin;
  }

  async reconcile(name: string): Promise<ReconcileResult> {
    const { informers, settings, fleet, writes } = this.#context;
    const node = informers.nodes.get(name);
    const state = informers.nodeStates.get({ namespace: settings.namespace, name });
    const behindMs = Math.max(writes.behindMs(writeKey(nodeStates, settings.namespace, name), state), writes.behindMs(writeKey(nodes, undefined, name), node));
    if (behindMs > 0) return { requeueAfterMs: behindMs };
    const { config } = fleet;
    if (config === undefined || state?.metadata.deletionTimestamp !== undefined) return;
    if (node === undefined || !isNodeSelected(config.spec, node)) return this.#retire(name, node, state);
    const rendered = holdBrokenInterfaces(this.#render(node, state), state?.spec);
    const { spec } = rendered;
    this.#renderDevicePlugin(node, state, spec);
    const written = state === undefined ? await this.#create(node, config, spec) : await this.#update(state, config, spec, rendered);
    this.#policies.report(name, rendered, written !== undefined || state === undefined ? { kind: state?.status?.interfaces?.length ? 'inProgress' : 'undiscovered' } : nodeOutcome(state));
    await this.#label(node);
  }

  #render(node: Node, state: SriovNetworkNodeState | undefined): RenderedNodeState {
    const { fleet, pools } = this.#context;
    const membership = pools.membership(node.metadata.name);
    const ownPools = membership.kind === 'pool' ? [membership.pool] : membership.kind === 'conflict' ? membership.pools : [];
    return renderNodeState({
      policies: fleet.policiesFor(node.metadata.labels ?? {}),
      interfaces: state?.status?.interfaces ?? [],
      pools: ownPools,
      gates: fleet.config?.spec.featureGates ?? {},
    });
  }

  #renderDevicePlugin(node: Node, state: SriovNetworkNodeState | undefined, spec: NodeStateSpec | undefined): void {
    const { fleet } = this.#context;
    const config = renderDevicePluginConfig({
      policies: fleet.policiesFor(node.metadata.labels ?? {}),
      interfaces: state?.status?.interfaces ?? [],
      supportedNics: fleet.supportedNics,
      useCdi: fleet.config?.spec.useCDI === true,
      ...(spec === undefined ? {} : { spec }),
    });
    this.#devicePlugin.set(node.metadata.name, { json: formatDevicePluginConfig(config), label: devicePluginLabel(config) });
  }

  async #create(node: Node, config: SriovOperatorConfig, spec: NodeStateSpec | undefined): Promise<SriovNetworkNodeState> {
    const { ports, settings, writes } = this.#context;
    const { name } = node.metadata;
    const state: SriovNetworkNodeState = {
      apiVersion: `${GROUP}/${VERSION}`,
      kind: 'SriovNetworkNodeState',
      metadata: {
        name,
        namespace: settings.namespace,
        annotations: { [nodeStateAnnotations.desiredState]: 'Idle', [nodeStateAnnotations.currentState]: 'Idle' },
        ownerReferences: [ownerReferenceTo(config, OWNS)],
      },
      spec: spec ?? {},
    };
    const created = await ports.kube.create(nodeStates, state);
    writes.wrote(writeKey(nodeStates, settings.namespace, name), created);
    ports.log.info('a node state is created', { node: name });
    return created;
  }

  /** Undefined when nothing had to be written. */
  async #update(state: SriovNetworkNodeState, config: SriovOperatorConfig, spec: NodeStateSpec | undefined, rendered: RenderedNodeState): Promise<SriovNetworkNodeState | undefined> {
    const { ports, settings, writes, events } = this.#context;
    const difference = spec === undefined ? undefined : mergePatchOf(state.spec, spec);
    const specPatch = difference !== undefined && areEquivalentSpecs(state.spec, spec!) ? undefined : difference;
    const metadata = this.#metadataPatch(state, config);
    if (specPatch === undefined && metadata === undefined) return undefined;
    const patch = { ...(metadata === undefined ? {} : { metadata }), ...(specPatch === undefined ? {} : { spec: specPatch }) };
    const { name } = state.metadata;
    const written = await ports.kube.patch(nodeStates, { namespace: settings.namespace, name }, { type: 'merge', patch });
    writes.wrote(writeKey(nodeStates, settings.namespace, name), written);
    if (specPatch === undefined) return undefined;
    events.record('Normal', state, 'SpecRendered', `${summary(spec ?? {})}, from ${rendered.matches.filter((match) => match.interfaces.length > 0).map((match) => match.policy).join(', ') || 'no policy'}`);
    return written;
  }

  #metadataPatch(state: SriovNetworkNodeState, config: SriovOperatorConfig): Readonly<Record<string, unknown>> | undefined {
    const owner = ownerReferenceTo(config, OWNS);
    const before = state.metadata.ownerReferences ?? [];
    // A configuration that was deleted and made again has another uid; the old reference would let the state be collected.
    const owners = [...before.filter((other) => !(other.kind === owner.kind && other.name === owner.name)), owner];
    const stale = state.metadata.annotations?.[nodeStateAnnotations.keepStateUntil] !== undefined;
    const ownersDiffer = !before.some((other) => equalJson(other, owner)) || owners.length !== before.length;
    if (!stale && !ownersDiffer) return undefined;
    return {
      ...(ownersDiffer ? { ownerReferences: owners, resourceVersion: state.metadata.resourceVersion } : {}),
      ...(stale ? { annotations: { [nodeStateAnnotations.keepStateUntil]: null } } : {}),
    };
  }

  /** After the ConfigMap has the node's configuration, which a device plugin started by the label reads at once. */
  async #label(node: Node): Promise<void> {
    const { name } = node.metadata;
    const label = this.#devicePlugin.labelToWrite(name);
    if (label === undefined || node.metadata.labels?.[nodeLabels.devicePlugin] === label) return;
    await this.#patchLabel(name, label);
  }

  async #patchLabel(name: string, label: 'Enabled' | 'Disabled' | null): Promise<void> {
    const { ports, writes } = this.#context;
    const patched = await ports.kube.patch(nodes, { name }, { type: 'merge', patch: { metadata: { labels: { [nodeLabels.devicePlugin]: label } } } });
    writes.wrote(writeKey(nodes, undefined, name), patched);
  }

  /** The node is gone or no longer selected: its label goes at once, its state after a while, in case the node comes back. */
  async #retire(name: string, node: Node | undefined, state: SriovNetworkNodeState | undefined): Promise<ReconcileResult> {
    const { ports, settings, writes } = this.#context;
    this.#policies.forget(name);
    this.#devicePlugin.forget(name);
    if (node?.metadata.labels?.[nodeLabels.devicePlugin] !== undefined) await this.#patchLabel(name, null);
    if (state === undefined) return;
    const key = { namespace: settings.namespace, name };
    const now = ports.clock.now();
    const until = parseRfc3339(state.metadata.annotations?.[nodeStateAnnotations.keepStateUntil] ?? '');
    if (settings.staleNodeStateDelayMs === 0 || (until !== undefined && until <= now)) {
      await ports.kube.delete(nodeStates, key, state.metadata.uid === undefined ? {} : { preconditions: { uid: state.metadata.uid } });
      writes.deleted(writeKey(nodeStates, settings.namespace, name), state);
      ports.log.info('a stale node state is deleted', { node: name });
      return;
    }
    if (until !== undefined) return { requeueAfterMs: until - now };
    const annotations = { [nodeStateAnnotations.keepStateUntil]: rfc3339(now + settings.staleNodeStateDelayMs) };
    const patched = await ports.kube.patch(nodeStates, key, { type: 'merge', patch: { metadata: { annotations } } });
    writes.wrote(writeKey(nodeStates, settings.namespace, name), patched);
    return { requeueAfterMs: settings.staleNodeStateDelayMs };
  }
}

function summary(spec: NodeStateSpec): string {
  const interfaces = spec.interfaces ?? [];
  if (interfaces.length === 0) return 'no VFs';
  const vfs = interfaces.reduce((sum, entry) => sum + (entry.numVfs ?? 0), 0);
  return `${vfs} VFs on ${interfaces.map((entry) => entry.name ?? entry.pciAddress).join(', ')}`;
}
