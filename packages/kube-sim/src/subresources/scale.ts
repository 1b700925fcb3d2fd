import type { LabelSelector } from '@vfleet/core';
import { formatLabelSelector, labelRequirementsOf } from '@vfleet/kube/selectors/index.ts';
import { goDecoder } from '../builtin/decode.ts';
import type { FindKind } from '../builtin/decode.ts';
import { once } from '../values/once.ts';
import { invalid } from '../errors/field-error.ts';
import { badRequestError, internalError, invalidError } from '../errors/status.ts';
import type { Core, ObjectTarget } from '../registry/core.ts';
import { decodeBody, requireName } from '../registry/decoding.ts';
import { defineResource } from '../registry/define.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { decodePatched, preparePatch } from '../registry/patching.ts';
import type { PatchBody } from '../registry/patching.ts';
import { getObject } from '../registry/reading.ts';
import type { RequestContext } from '../registry/request.ts';
import { modifyObject } from '../registry/updating.ts';
import { goMergeSchema } from '../schema/go-merge-schema.ts';
import { published, publishedTypes } from '../schemas/published.ts';
import { builtinTable } from '../table/builtin/tables.ts';
import { getOwn, isObject, objectAt, withFields, withMeta } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';

/** Where a kind keeps what its scale shows. */
export interface ScaleAccess {
  readonly specPath: readonly string[];
  readonly statusPath: readonly string[];
  /** The selector of the pods as text; empty when there is none. */
  selector(object: ApiObject): string;
}

/** Deployments and replica sets. */
export const workloadScale: ScaleAccess = {
  specPath: ['spec', 'replicas'],
  statusPath: ['status', 'replicas'],
  selector: (object) => {
    // Decoded by the published schema.
    const requirements = labelRequirementsOf(objectAt(object['spec'], 'selector') as LabelSelector);
    return requirements.ok ? formatLabelSelector(requirements.value) : '';
  },
};

/** The kind of the subresource's bodies: autoscaling/v1, which this server has as nothing else. */
const scaleKind = once((): ResourceDefinition => {
  const type = publishedTypes().ofKind('autoscaling', 'v1', 'Scale');
  const findKind: FindKind = (apiVersion, kind) => (Object.values(published.definitions).some(({ gvk }) => gvk?.includes(`${apiVersion.includes('/') ? '' : '/'}${apiVersion}/${kind}`)) ? {} : undefined);
  const decode = goDecoder('autoscaling', 'v1', 'Scale', type, findKind);
  return defineResource({ group: 'autoscaling', version: 'v1', kind: 'Scale', plural: 'scales', namespaced: true, decode, goType: () => type, mergeSchema: goMergeSchema(type), table: builtinTable('autoscaling', 'v1', 'Scale') });
});

export function scaleResource(): ResourceDefinition {
  return scaleKind();
}

/** GET NAME/scale. */
export function getScale(core: Core, target: ObjectTarget): ApiObject {
  return scaleOf(target.resource, getObject(core, target));
}

/** PUT NAME/scale. */
export async function updateScale(core: Core, target: ObjectTarget, body: unknown, context: RequestContext): Promise<ApiObject> {
  const scale = decodeBody(scaleKind(), body, context);
  requireName(scale, target.name);
  return setScale(core, target, () => scale, context);
}

/** Stands for a number of replicas that nobody has set (apiextensions-apiserver pkg/registry/customresource/etcd.go). */
const UNSET = -2_147_483_648;

/** PATCH NAME/scale, in the three types that change an existing object. */
export async function patchScale(core: Core, target: ObjectTarget, patch: PatchBody, context: RequestContext): Promise<ApiObject> {
  const scaleTarget = { ...target, resource: scaleKind() };
  const apply = preparePatch(scaleTarget, patch);
  return setScale(core, target, (current) => {
    const scale = decodePatched(scaleTarget, apply(scaleOf(target.resource, current, UNSET)), context, undefined, patch);
    requireName(scale, target.name);
    if (getOwn(objectAt(scale, 'spec'), 'replicas') === UNSET) throw badRequestError(`the spec replicas field ".${target.resource.scale!.specPath.join('.')}" cannot be empty`);
    return scale;
  }, context);
}

async function setScale(core: Core, target: ObjectTarget, next: (current: ApiObject) => ApiObject, context: RequestContext): Promise<ApiObject> {
  const { resource, name } = target;
  const { specPath } = resource.scale!;
  const written = await modifyObject(core, target, {
    subresource: 'scale',
    next: (current) => {
      const scale = next(current);
      const replicas = getOwn(objectAt(scale, 'spec'), 'replicas') ?? 0;
      if (typeof replicas === 'number' && replicas < 0) throw negative(resource, name, replicas);
      const { resourceVersion } = scale.metadata;
      return withMeta(withPath(current, specPath, replicas), { resourceVersion: resourceVersion === undefined || resourceVersion === '' ? current.metadata.resourceVersion : resourceVersion });
    },
  }, context);
  return scaleOf(resource, written);
}

function negative(resource: ResourceDefinition, name: string, replicas: number): Error {
  if (!resource.custom) return invalidError(scaleKind(), name, [invalid('spec.replicas', replicas, 'must be greater than or equal to 0')]);
  return invalidError(resource, name, [invalid(`.${resource.scale!.specPath.join('.')}`, replicas, 'should be a non-negative integer')]);
}

/** `absent` stands for a number that is not there, which is an error without it. */
function scaleOf(resource: ResourceDefinition, object: ApiObject, absent?: number): ApiObject {
  const { specPath, statusPath, selector } = resource.scale!;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = readNumber(object, specPath) ?? absent;
  if (replicas === undefined) throw internalError(`the spec replicas field ".${specPath.join('.')}" does not exist`);
  const chosen = selector(object);
  return Object.freeze({
    kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: Object.freeze({ name, namespace, uid, resourceVersion, creationTimestamp }) as ApiObject['metadata'],
    spec: Object.freeze(replicas === 0 ? {} : { replicas }), status: Object.freeze({ replicas: readNumber(object, statusPath) ?? 0, ...(chosen === '' ? {} : { selector: chosen }) }),
  });
}

function readNumber(object: unknown, path: readonly string[]): number | undefined {
  const value = path.reduce<unknown>((at, step) => (isObject(at) ? getOwn(at, step) : undefined), object);
  return typeof value === 'number' ? value : undefined;
}

function withPath<Type extends JsonObject>(object: Type, [step, ...rest]: readonly string[], value: unknown): Type {
  return withFields(object, { [step!]: rest.length === 0 ? value : withPath(objectAt(object, step!), rest, value) });
}
