import type { JsonValue, Result } from '@vfleet/core';
import { fail, networkAttachmentAnnotations, ok, podAnnotations, podLabels } from '@vfleet/core';
import { addQuantities, formatQuantity, parseQuantity, quantityOf } from '@vfleet/kube';
import { formatShort, parseNetworks } from '../../attachment/selection.ts';
import type { NetworkSelection } from '../../attachment/selection.ts';
import { asObject } from '../../json/fields.ts';
import type { JsonObject } from '../../json/fields.ts';
import { objectsOf, own, textOf, textsOf } from '../../json/own.ts';
import type { JsonPatchOperation } from '../review.ts';
import { pointerStep } from '../review.ts';
import { downwardFiles } from './pod-info.ts';
import type { InjectorSwitches } from './switches.ts';

/** A pod on its way to the API server. Only what concerns networks is looked at, and none of it is trusted. */
export interface IncomingPod {
  readonly namespace: string;
  readonly object: JsonObject;
}

/** What a pod asks of networks. */
export interface NetworkDemand {
  readonly selections: readonly NetworkSelection[];
  /** What the cluster's own switches add to the pod's annotations. */
  readonly addedAnnotations: ReadonlyMap<string, string>;
}

/** The annotations of a NetworkAttachmentDefinition; undefined when there is none of that name. */
export type AttachmentAnnotations = Readonly<Record<string, string>> | undefined;

/** What the pod's annotations name, with those added that the switches give to pods of its labels. The failure is a sentence. */
export function networkDemand({ namespace, object }: IncomingPod, switches: InjectorSwitches, multusNamespace: string): Result<NetworkDemand, string> {
  const metadata = asObject(own(object, 'metadata'));
  const labels = textsOf(metadata, 'labels');
  const addedAnnotations = new Map<string, string>();
  for (const [label, annotations] of switches.annotationsByLabel) {
    if (labels.get(label)?.toLowerCase() === 'true') for (const [key, text] of annotations) addedAnnotations.set(key, text);
  }
  if (labels.get(podLabels.injectResources) === 'false') return ok({ selections: [], addedAnnotations: new Map() });
  const annotations = new Map([...textsOf(metadata, 'annotations'), ...addedAnnotations]);
  const selections: NetworkSelection[] = [];
  // Multus looks a default network up in its own namespace, other networks in the pod's.
  for (const [annotation, defaultNamespace] of [[podAnnotations.defaultNetwork, multusNamespace], [podAnnotations.networks, namespace]] as const) {
    const parsed = parseNetworks(annotations.get(annotation) ?? '', defaultNamespace);
    if (!parsed.ok) return fail(`annotation ${annotation}: ${parsed.error}`);
    selections.push(...parsed.value);
  }
  return ok({ selections, addedAnnotations });
}

export interface Injection {
  readonly patch: readonly JsonPatchOperation[];
  readonly warnings: readonly string[];
}

/**
 * What a pod needs to get the VFs of its networks: requests and limits in one container, the labels of nodes that the networks ask
 * for, and the files of the downward API in every container. `attachments` is by `namespace/name`. The failure is a sentence.
 */
export function injectResources({ object }: IncomingPod, demand: NetworkDemand, attachments: ReadonlyMap<string, AttachmentAnnotations>, switches: InjectorSwitches): Result<Injection, string> {
  const patch: JsonPatchOperation[] = annotationOperations(object, demand.addedAnnotations);
  const warnings: string[] = [];
  const needs = resourceNeeds(demand.selections, attachments, switches);
  if (!needs.ok) return needs;
  const { resources, nodeLabels } = needs.value;
  if (resources.size === 0) return ok({ patch, warnings });
  const spec = asObject(own(object, 'spec'));
  const containers = objectsOf(spec, 'containers');
  const chosen = chooseContainer(object, containers);
  if (!chosen.ok) return chosen;
  const added = resourceOperations(containers, chosen.value, resources, switches);
  if (!added.ok) return added;
  patch.push(...added.value, ...nodeSelectorOperations(spec, nodeLabels, warnings), ...downwardFiles(object, spec, containers, switches));
  return ok({ patch, warnings });
}

interface Needs {
  /** How many of each resource. */
  readonly resources: ReadonlyMap<string, number>;
  readonly nodeLabels: ReadonlyMap<string, string>;
}

const RESOURCE = /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

function resourceNeeds(selections: readonly NetworkSelection[], attachments: ReadonlyMap<string, AttachmentAnnotations>, switches: InjectorSwitches): Result<Needs, string> {
  const resources = new Map<string, number>();
  const nodeLabels = new Map<string, string>();
  for (const selection of selections) {
    const annotations = attachments.get(`${selection.namespace}/${selection.name}`);
    if (annotations === undefined) return fail(`there is no NetworkAttachmentDefinition ${formatShort(selection)}; create the network first, or correct the annotation`);
    for (const key of switches.resourceNameKeys) {
      const resource = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
      if (resource === undefined || resource === '') continue;
      if (!RESOURCE.test(resource)) return fail(`NetworkAttachmentDefinition ${formatShort(selection)}: "${resource}" in its annotation ${key} is no name of an extended resource`);
      resources.set(resource, (resources.get(resource) ?? 0) + 1);
    }
    const selector = Object.hasOwn(annotations, networkAttachmentAnnotations.nodeSelector) ? annotations[networkAttachmentAnnotations.nodeSelector] : undefined;
    if (selector === undefined) continue;
    const [key = '', value = '', ...more] = selector.split('=').map((part) => part.trim());
    if (more.length > 0 || key === '') return fail(`NetworkAttachmentDefinition ${formatShort(selection)}: its annotation ${networkAttachmentAnnotations.nodeSelector} must be one label, key=value`);
    nodeLabels.set(key, value);
  }
  return ok({ resources, nodeLabels });
}

function chooseContainer(object: JsonObject, containers: readonly JsonObject[]): Result<number, string> {
  if (containers.length === 0) return fail('the pod has no containers');
  const wanted = textsOf(asObject(own(object, 'metadata')), 'annotations').get(podAnnotations.resourcesContainer);
  if (wanted === undefined) return ok(0);
  const index = containers.findIndex((container) => textOf(container, 'name') === wanted);
  return index === -1 ? fail(`annotation ${podAnnotations.resourcesContainer}: the pod has no container "${wanted}"`) : ok(index);
}

function resourceOperations(containers: readonly JsonObject[], chosen: number, wanted: ReadonlyMap<string, number>, { honourExistingResources }: InjectorSwitches): Result<readonly JsonPatchOperation[], string> {
  const ofContainer = (index: number, part: 'requests' | 'limits') => asObject(own(asObject(own(containers[index], 'resources')), part)) ?? {};
  const isAskedFor = (resource: string) => containers.some((_, index) => Object.hasOwn(ofContainer(index, 'requests'), resource) || Object.hasOwn(ofContainer(index, 'limits'), resource));
  const toAdd = [...wanted].filter(([resource]) => honourExistingResources || !isAskedFor(resource)).sort(([a], [b]) => (a < b ? -1 : 1));
  if (toAdd.length === 0) return ok([]);
  const base = `/spec/containers/${chosen}/resources`;
  const operations: JsonPatchOperation[] = [];
  if (asObject(own(containers[chosen], 'resources')) === undefined) operations.push({ op: 'add', path: base, value: {} });
  for (const part of ['requests', 'limits'] as const) {
    const existing = ofContainer(chosen, part);
    if (Object.keys(existing).length === 0) operations.push({ op: 'add', path: `${base}/${part}`, value: {} });
    for (const [resource, count] of toAdd) {
      const sum = added(own(existing, resource), count);
      if (sum === undefined) return fail(`container ${chosen}: resources.${part} of ${resource} is no quantity`);
      operations.push({ op: 'add', path: `${base}/${part}/${pointerStep(resource)}`, value: sum });
    }
  }
  return ok(operations);
}

function added(existing: JsonValue | undefined, count: number): string | undefined {
  if (existing === undefined) return String(count);
  if (typeof existing !== 'string' && typeof existing !== 'number') return undefined;
  const parsed = parseQuantity(existing);
  return parsed.ok ? formatQuantity(addQuantities(parsed.value, quantityOf(count))) : undefined;
}

/** The networks' labels win over the pod's own, as users of the Go injector know it; the person is told. */
function nodeSelectorOperations(spec: JsonObject | undefined, labels: ReadonlyMap<string, string>, warnings: string[]): readonly JsonPatchOperation[] {
  if (labels.size === 0) return [];
  const existing = textsOf(spec, 'nodeSelector');
  const operations: JsonPatchOperation[] = existing.size === 0 ? [{ op: 'add', path: '/spec/nodeSelector', value: {} }] : [];
  for (const [key, value] of labels) {
    const before = existing.get(key);
    if (before === value) continue;
    if (before !== undefined) warnings.push(`nodeSelector ${key}: "${before}" of the pod gives way to "${value}" of its network`);
    operations.push({ op: 'add', path: `/spec/nodeSelector/${pointerStep(key)}`, value });
  }
  return operations;
}

function annotationOperations(object: JsonObject, annotations: ReadonlyMap<string, string>): JsonPatchOperation[] {
  if (annotations.size === 0) return [];
  const hasAnnotations = asObject(own(asObject(own(object, 'metadata')), 'annotations')) !== undefined;
  const operations: JsonPatchOperation[] = hasAnnotations ? [] : [{ op: 'add', path: '/metadata/annotations', value: {} }];
  for (const [key, value] of annotations) operations.push({ op: 'add', path: `/metadata/annotations/${pointerStep(key)}`, value });
  return operations;
}
