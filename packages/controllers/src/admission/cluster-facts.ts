import type { AdmissionNode, Clock, Kube, KubeObject, Log, NamedPolicy, NetworkObject, Random, Resource, SupportedNic } from '@vfleet/core';
import { configMaps, isKubeError, networkNamespaceOf, parseSupportedNics, renderNetworkAttachment } from '@vfleet/core';
import type { ConfigMap, Informer, InformerOptions, NetworkAttachmentDefinition, Node, SriovNetworkNodePolicy, SriovNetworkNodeState } from '@vfleet/kube';
import { Informer as NewInformer, configMapResource, networkAttachmentDefinitions, nodePolicies, nodeStates, nodes, ovsNetworks, sriovIbNetworks, sriovNetworks } from '@vfleet/kube';
import { slimNode, slimNodeState } from '../operator/informers.ts';
import type { FleetFacts } from './custom-resources.ts';
import type { AttachmentAnnotations } from './injector/injection.ts';
import type { InjectorSwitches } from './injector/switches.ts';
import { parseSwitches } from './injector/switches.ts';

export interface AdmissionPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What admission knows of the cluster, from caches that follow it. */
export class ClusterFacts implements FleetFacts {
  readonly operatorNamespace: string;
  readonly devMode: boolean;
  readonly #ports: AdmissionPorts;
  readonly #resourcePrefix: string;
  readonly #nodes: Informer<Node>;
  readonly #nodeStates: Informer<SriovNetworkNodeState>;
  readonly #policies: Informer<SriovNetworkNodePolicy>;
  readonly #configMaps: Informer<ConfigMap>;
  readonly #attachments: Informer<NetworkAttachmentDefinition>;
  #switches: InjectorSwitches | undefined;
  #supportedNics: readonly SupportedNic[] | undefined;

  constructor(ports: AdmissionPorts, operatorNamespace: string, resourcePrefix: string, devMode: boolean) {
    this.#ports = ports;
    this.#resourcePrefix = resourcePrefix;
    this.operatorNamespace = operatorNamespace;
    this.devMode = devMode;
    const informer = <Type extends KubeObject>(resource: Resource<Type>, options: InformerOptions<Type>) => new NewInformer(ports, resource, options);
    this.#nodes = informer(nodes, { transform: slimNode });
    this.#nodeStates = informer(nodeStates, { namespace: operatorNamespace, transform: slimNodeState });
    this.#policies = informer(nodePolicies, { namespace: operatorNamespace });
    this.#configMaps = informer(configMapResource, { namespace: operatorNamespace });
    this.#attachments = informer(networkAttachmentDefinitions, { transform: annotationsOnly });
    const forget = () => {
      this.#switches = undefined;
      this.#supportedNics = undefined;
    };
    this.#configMaps.subscribe({ added: forget, updated: forget, deleted: forget });
  }

  start(): void {
    for (const informer of this.#all) informer.start();
  }

  stop(): void {
    for (const informer of this.#all) informer.stop();
  }

  /** All that reviews of our own kinds look at has been listed. Networks are looked up one by one until theirs is. */
  get isReady(): boolean {
    return [this.#nodes, this.#nodeStates, this.#policies, this.#configMaps].every((informer) => informer.hasSynced);
  }

  nodes(): readonly AdmissionNode[] {
    return this.#nodes.list().map(({ metadata: { name, labels = {} } }) => {
      const interfaces = this.#nodeStates.get({ namespace: this.operatorNamespace, name })?.status?.interfaces;
      return { name, labels, ...(interfaces === undefined ? {} : { interfaces }) };
    });
  }

  policies(): readonly NamedPolicy[] {
    return this.#policies.list().filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata, spec }) => ({ name: metadata.name, spec }));
  }

  supportedNics(): readonly SupportedNic[] {
    this.#supportedNics ??= parseSupportedNics(this.#configMap(configMaps.supportedNicIds)).nics;
    return this.#supportedNics;
  }

  nodesInProgress(): readonly string[] {
    return this.#nodeStates.list().filter(({ status }) => status?.syncStatus === 'InProgress').map(({ metadata }) => metadata.name);
  }

  switches(): InjectorSwitches {
    if (this.#switches === undefined) {
      const { switches, problems } = parseSwitches(this.#configMap(configMaps.injectorSwitches)['config.json']);
      for (const problem of problems) this.#ports.log.warn('part of the ConfigMap with the switches of the injector cannot be read', { configMap: configMaps.injectorSwitches, problem });
      this.#switches = switches;
    }
    return this.#switches;
  }

  /**
   * A network may be younger than the cache, when one manifest has it and the pod: what is not cached is asked for. Where the operator
   * has yet to render it, the object that it is rendered from says the same.
   */
  async attachment(namespace: string, name: string): Promise<AttachmentAnnotations> {
    const cached = this.#attachments.get({ namespace, name }) ?? (await this.#find(networkAttachmentDefinitions, namespace, name));
    if (cached !== undefined) return cached.metadata.annotations ?? {};
    const places = [...new Set([this.operatorNamespace, namespace])];
    const rendered = await Promise.all(places.flatMap((place) => [
      this.#find(sriovNetworks, place, name).then((found) => found && this.#rendered({ kind: 'SriovNetwork', namespace: place, name, spec: found.spec }, namespace)),
      this.#find(sriovIbNetworks, place, name).then((found) => found && this.#rendered({ kind: 'SriovIBNetwork', namespace: place, name, spec: found.spec }, namespace)),
      this.#find(ovsNetworks, place, name).then((found) => found && this.#rendered({ kind: 'OVSNetwork', namespace: place, name, spec: found.spec }, namespace)),
    ]));
    return rendered.find((annotations) => annotations !== undefined);
  }

  #rendered(network: NetworkObject, namespace: string): AttachmentAnnotations {
    if (networkNamespaceOf(network) !== namespace) return undefined;
    const attachment = renderNetworkAttachment(network, { operatorNamespace: this.operatorNamespace, resourcePrefix: this.#resourcePrefix });
    return attachment.ok ? attachment.value.annotations : undefined;
  }

  async #find<Type extends KubeObject>(resource: Resource<Type>, namespace: string, name: string): Promise<Type | undefined> {
    try {
      return await this.#ports.kube.get(resource, { namespace, name });
    } catch (error) {
      if (isKubeError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  get #all(): readonly { start(): void; stop(): void }[] {
    return [this.#nodes, this.#nodeStates, this.#policies, this.#configMaps, this.#attachments];
  }

  #configMap(name: string): Readonly<Record<string, string>> {
    return this.#configMaps.get({ namespace: this.operatorNamespace, name })?.data ?? {};
  }
}

/** Configurations are by far the greatest part of networks, and admission reads none. */
function annotationsOnly({ apiVersion, kind, metadata: { name, namespace, uid, resourceVersion, annotations } }: NetworkAttachmentDefinition): NetworkAttachmentDefinition {
  return Object.freeze({
    apiVersion, kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }), ...(annotations === undefined ? {} : { annotations }) },
  });
}
