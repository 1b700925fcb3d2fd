import type { FeatureGate, Labels, NamedPolicy, SupportedNic } from '@vfleet/core';
import { configMaps, featureGateDefaults, hasLabels, orderPolicies, parseSupportedNics, policyAnnotations } from '@vfleet/core';
import type { SriovNetworkNodePolicy, SriovOperatorConfig } from '@vfleet/kube';
import type { OperatorInformers } from './informers.ts';
import { isNodeSelected } from './node-selection.ts';

/** The only operator configuration that counts. */
export const CONFIG_NAME = 'default';

/** Whether a policy says of itself that it is not to be applied. */
export function isDryRun({ metadata }: SriovNetworkNodePolicy): boolean {
  return metadata.annotations?.[policyAnnotations.dryRun] === 'true';
}

/** What policies and configuration say, read once a change and asked for every node. */
export class FleetModel {
  readonly #informers: OperatorInformers;
  readonly #namespace: string;
  #policies: readonly NamedPolicy[] | undefined;
  #nics: ReturnType<typeof parseSupportedNics> | undefined;

  constructor(informers: OperatorInformers, namespace: string) {
    this.#informers = informers;
    this.#namespace = namespace;
  }

  /** Call it when a policy has changed. */
  policiesChanged(): void {
    this.#policies = undefined;
  }

  /** Call it when the ConfigMap `supported-nic-ids` has changed. */
  supportedNicsChanged(): void {
    this.#nics = undefined;
  }

  /** In order of application. Policies that are being deleted no longer count. */
  get policies(): readonly NamedPolicy[] {
    this.#policies ??= orderPolicies(
      this.#informers.policies.list().filter((policy) => policy.metadata.deletionTimestamp === undefined).map((policy) => ({ name: policy.metadata.name, spec: policy.spec, ...(isDryRun(policy) ? { dryRun: true } : {}) })),
    );
    return this.#policies;
  }

  /** Those that select the labels, and dry runs, of which the node may hold something from before. */
  policiesFor(labels: Labels): readonly NamedPolicy[] {
    return this.policies.filter((policy) => policy.dryRun === true || hasLabels(policy.spec.nodeSelector, labels));
  }

  /** Undefined when there is none, or when it is being deleted: the operator then leaves everything as it is. */
  get config(): SriovOperatorConfig | undefined {
    const config = this.#informers.configs.get({ namespace: this.#namespace, name: CONFIG_NAME });
    return config?.metadata.deletionTimestamp === undefined ? config : undefined;
  }

  /** The labels of a node that gets a node state; undefined for any other. */
  selectedNodeLabels(name: string): Labels | undefined {
    const { config } = this;
    const node = this.#informers.nodes.get(name);
    if (config === undefined || node === undefined) return undefined;
    return isNodeSelected(config.spec, node) ? (node.metadata.labels ?? {}) : undefined;
  }

  gate(name: FeatureGate): boolean {
    return this.config?.spec.featureGates?.[name] ?? featureGateDefaults[name];
  }

  get supportedNics(): readonly SupportedNic[] {
    return this.#supported().nics;
  }

  /** Sentences about entries of `supported-nic-ids` that cannot be read. */
  get supportedNicProblems(): readonly string[] {
    return this.#supported().problems;
  }

  #supported(): ReturnType<typeof parseSupportedNics> {
    this.#nics ??= parseSupportedNics(this.#informers.configMaps.get({ namespace: this.#namespace, name: configMaps.supportedNicIds })?.data ?? {});
    return this.#nics;
  }
}
