import { apiVersionOf } from '../registry/definition.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { goJson } from '../errors/field-error.ts';
import { isObject, objectAt, withFields, withMeta } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import { compareValues } from './compare.ts';
import { difference } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { withoutRecord } from './field-ownership.ts';
import { fieldsOf } from './typed-value.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

/** The fields that client-side apply set and that still are as it set them; undefined when it never did. */
export function lastAppliedFields(resource: ResourceDefinition, live: ApiObject): FieldSet | undefined {
  const text = live.metadata.annotations?.[ANNOTATION];
  if (text === undefined || text === '') return undefined;
  const applied = parse(text);
  if (applied === undefined || applied['apiVersion'] !== apiVersionOf(resource)) return undefined;
  const { added, removed, modified } = compareValues(applied, withoutRecord(live), resource.mergeSchema);
  return difference(difference(difference(fieldsOf(applied, resource.mergeSchema), modified), added), removed);
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps the annotation of an object that client-side apply has written before in step with what kubectl applies now. */
export function withLastApplied(object: ApiObject, patch: JsonObject): ApiObject {
  const { annotations } = object.metadata;
  if ((annotations?.[ANNOTATION] ?? '') === '') return object;
  const metadata = objectAt(patch, 'metadata');
  const { [ANNOTATION]: _own, ...rest } = objectAt(metadata, 'annotations');
  const configuration = withFields(patch, { metadata: withFields(metadata, { annotations: metadata['annotations'] === undefined ? undefined : rest }) });
  return withMeta(object, { annotations: Object.freeze({ ...annotations, [ANNOTATION]: `${goJson(configuration)}\n` }) });
}
