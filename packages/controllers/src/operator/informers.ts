import type { InterfaceStatus, KubeObject, ObjectMeta, Resource } from '@vfleet/core';
import { GROUP, networkAttachmentAnnotations } from '@vfleet/core';
import type { Indexers, Informer, InformerOptions, Namespace, NetworkAttachmentDefinition, Node, ReflectorPorts, SriovNetworkNodeState } from '@vfleet/kube';
import {
  Informer as NewInformer, configMapResource, namespaces, networkAttachmentDefinitions, nodePolicies, nodeStates, nodes, operatorConfigs, ovsNetworks, poolConfigs,
  sriovIbNetworks, sriovNetworks, withoutManagedFields,
} from '@vfleet/kube';
import { roleTaints } from './node-selection.ts';

/**
 * Everything the operator watches, each resource once. What it never reads is dropped before it is kept: objects of these caches
 * are for reading and patching, never for writing back as a whole.
 */
export class OperatorInformers {
  readonly nodes: Informer<Node>;
  readonly nodeStates: Informer<SriovNetworkNodeState>;
  readonly policies;
  readonly pools;
  readonly configs;
  readonly configMaps;
  readonly networks;
  readonly attachments;
  readonly namespaces: Informer<Namespace>;

  constructor(ports: ReflectorPorts, namespace: string) {
    const informer = <Type extends KubeObject>(resource: Resource<Type>, options: InformerOptions<Type> = {}) => new NewInformer(ports, resource, options);
    this.nodes = informer(nodes, { transform: slimNode });
    this.nodeStates = informer(nodeStates, { namespace, transform: slimNodeState });
    this.policies = informer(nodePolicies, { namespace });
    this.pools = informer(poolConfigs, { namespace });
    this.configs = informer(operatorConfigs, { namespace });
    this.configMaps = informer(configMapResource, { namespace });
    this.networks = {
      SriovNetwork: informer(sriovNetworks, { indexers: networkIndexers() }),
      SriovIBNetwork: informer(sriovIbNetworks, { indexers: networkIndexers() }),
      OVSNetwork: informer(ovsNetworks, { indexers: networkIndexers() }),
    };
    this.attachments = informer(networkAttachmentDefinitions, { indexers: { owner: attachmentOwners } });
    this.namespaces = informer(namespaces, { transform: slimNamespace });
  }

  /** What the fleet side needs: nodes, policies, pools. */
  get fleet(): readonly Following[] {
    return [this.nodes, this.nodeStates, this.policies, this.pools, this.configs, this.configMaps];
  }

  /** What the network side needs. NetworkAttachmentDefinitions may be missing in a cluster without Multus; the fleet goes on. */
  get attachment(): readonly Following[] {
    return [...Object.values(this.networks), this.attachments, this.namespaces];
  }

  start(): void {
    for (const informer of [...this.fleet, ...this.attachment]) informer.start();
  }

  stop(): void {
    for (const informer of [...this.fleet, ...this.attachment]) informer.stop();
  }
}

/** Index names of network caches. */
export const networkIndex = {
  /** `namespace/name` of the NetworkAttachmentDefinition that a network wants. */
  attachment: 'attachment',
  /** The namespace of it. */
  target: 'target',
} as const;

type AnyNetwork = KubeObject & { readonly spec: { readonly networkNamespace?: string } };

function networkIndexers(): Indexers<AnyNetwork> {
  return {
    [networkIndex.attachment]: (network) => [`${targetNamespace(network)}/${network.metadata.name}`],
    [networkIndex.target]: (network) => [targetNamespace(network)],
  };
}

function targetNamespace(network: AnyNetwork): string {
  return network.spec.networkNamespace || (network.metadata.namespace ?? '');
}

function attachmentOwners(attachment: NetworkAttachmentDefinition): readonly string[] {
  const owner = attachment.metadata.annotations?.[networkAttachmentAnnotations.ownerRef];
  return owner ? [owner] : [];
}

/** What starting, stopping and waiting need of an informer, whatever its type. */
export interface Following {
  start(): void;
  stop(): void;
  readonly synced: Promise<void>;
  readonly hasSynced: boolean;
  readonly resource: Resource;
}

function identity(metadata: ObjectMeta): ObjectMeta {
  const { managedFields: _, annotations, ...kept } = metadata;
  const own = Object.entries(annotations ?? {}).filter(([name]) => name.startsWith(`${GROUP}/`));
  return Object.freeze({ ...kept, ...(own.length === 0 ? {} : { annotations: Object.freeze(Object.fromEntries(own)) }) });
}

/** Images, addresses and conditions make up most of a Node, and heartbeats change them all the time. */
export function slimNode(node: Node): Node {
  const unschedulable = node.spec?.unschedulable;
  const taints = roleTaints(node);
  return Object.freeze({ apiVersion: node.apiVersion, kind: node.kind, metadata: identity(node.metadata), spec: { ...(unschedulable === undefined ? {} : { unschedulable }), ...(taints.length === 0 ? {} : { taints }) } });
}

/** The VFs of a node state are by far its greatest part, and rendering looks at PFs only. */
export function slimNodeState(state: SriovNetworkNodeState): SriovNetworkNodeState {
  const slim = withoutManagedFields(state);
  if (slim.status?.interfaces === undefined) return slim;
  const interfaces = slim.status.interfaces.map(({ Vfs: _, ...nic }): InterfaceStatus => nic);
  return Object.freeze({ ...slim, status: { ...slim.status, interfaces } });
}

function slimNamespace(namespace: Namespace): Namespace {
  const phase = namespace.status?.phase;
  return Object.freeze({ apiVersion: namespace.apiVersion, kind: namespace.kind, metadata: identity(namespace.metadata), ...(phase === undefined ? {} : { status: { phase } }) });
}
