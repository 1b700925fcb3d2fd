import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from '@vfleet/kube/selectors/index.ts';
import type { FieldRequirements, LabelRequirements } from '@vfleet/kube/selectors/index.ts';
import { badRequestError } from '../errors/status.ts';
import type { Interest } from '../store/watch-hub.ts';
import type { ApiObject } from '../values/json.ts';
import { storeKey } from './definition.ts';
import type { ResourceDefinition } from './definition.ts';
import { fieldSelectorRefusal, labelSelectorRefusal } from './selector-refusal.ts';

export interface SelectorOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** What a list or watch asks for, in the form in which watchers are indexed. Refuses malformed selectors with 400. */
export function interestOf(resource: ResourceDefinition, namespace: string | undefined, options: SelectorOptions): Interest {
  const labels = parseLabels(options.labelSelector ?? '');
  const fields = parseFields(resource, options.fieldSelector ?? '');
  const exact = (field: string) => fields.find((requirement) => requirement.field === field && requirement.operator === '=')?.value;
  const name = exact('metadata.name');
  const indexed = resource.indexedFields.find((field) => exact(field) !== undefined);
  // metadata.name is decided by the index alone, unless it is asked for twice or negated.
  const rest = fields.filter((requirement) => !(requirement.field === 'metadata.name' && requirement.operator === '=' && requirement.value === name));
  const matches = predicate(resource, labels, rest);
  return {
    ...(namespace === undefined || namespace === '' ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(indexed === undefined ? {} : { field: { name: indexed, value: exact(indexed)! } }),
    ...(matches === undefined ? {} : { matches }),
  };
}

function predicate(resource: ResourceDefinition, labels: LabelRequirements, fields: FieldRequirements): ((object: ApiObject) => boolean) | undefined {
  if (labels.length === 0 && fields.length === 0) return undefined;
  return (object) => matchesLabels(labels, object.metadata.labels) && matchesFields(fields, (field) => resource.fieldText(object, field));
}

function parseLabels(text: string): LabelRequirements {
  const parsed = parseLabelSelector(text);
  if (!parsed.ok) throw badRequestError(labelSelectorRefusal(text) ?? `unable to parse requirement: ${parsed.error.cause}`);
  return parsed.value;
}

function parseFields(resource: ResourceDefinition, text: string): FieldRequirements {
  const parsed = parseFieldSelector(text);
  if (!parsed.ok) throw badRequestError(fieldSelectorRefusal(text));
  for (const requirement of parsed.value) {
    if (!resource.isSelectableField(requirement.field)) throw badRequestError(unknownField(resource, requirement.field));
  }
  return parsed.value;
}

/** Kinds with selectable fields of their own answer in other words than the rest. */
function unknownField(resource: ResourceDefinition, field: string): string {
  if (resource.hasOwnSelectableFields) return `field label not supported: ${field}`;
  return `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

/** The keys among which everything wanted lies: one, a namespace's, or all. */
export function keyRange(resource: ResourceDefinition, { namespace, name }: Interest): readonly [string, string | undefined] {
  if (name !== undefined && (namespace !== undefined || !resource.namespaced)) {
    const key = storeKey(resource, namespace, name);
    return [key, `${key}\0`];
  }
  // "0" follows "/" in ASCII, so this is every key with the prefix `namespace/`.
  return namespace === undefined ? ['', undefined] : [`${namespace}/`, `${namespace}0`];
}
