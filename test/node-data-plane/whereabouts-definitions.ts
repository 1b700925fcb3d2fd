import { nodeSlicePools } from '@vfleet/controllers/ipam/node-slices.ts';
import { ipPools, ipReservations } from '@vfleet/controllers/ipam/whereabouts.ts';
import type { Resource } from '@vfleet/core';
import type { CustomResourceDefinition } from '@vfleet/kube';

const text = { type: 'string' };
const object = (properties: object, required: readonly string[] = []) => ({ type: 'object', properties, ...(required.length === 0 ? {} : { required }) });

/** What an installation of whereabouts defines (doc/crds), as far as we use it; releases differ in whether status is a subresource. */
export function whereaboutsDefinitions({ statusIsSubresource = false } = {}): readonly CustomResourceDefinition[] {
  const allocation = object({ id: text, podref: text, ifname: text }, ['id', 'podref']);
  const sliceAllocation = object({ nodeName: text, sliceRange: text }, ['nodeName', 'sliceRange']);
  return [
    definition(ipPools, { spec: object({ range: text, allocations: { type: 'object', additionalProperties: allocation } }, ['range', 'allocations']) }, false),
    definition(ipReservations, { spec: object({ containerid: text, podref: text, ifname: text }, ['podref']) }, false),
    definition(nodeSlicePools, { spec: object({ range: text, sliceSize: text }, ['range', 'sliceSize']), status: object({ allocations: { type: 'array', items: sliceAllocation } }) }, statusIsSubresource),
  ];
}

function definition(resource: Resource, properties: object, statusIsSubresource: boolean): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${resource.plural}.${resource.group}` },
    spec: {
      group: resource.group, scope: 'Namespaced', names: { plural: resource.plural, singular: resource.kind.toLowerCase(), kind: resource.kind, listKind: `${resource.kind}List` },
      versions: [{ name: resource.version, served: true, storage: true, schema: { openAPIV3Schema: object(properties) }, ...(statusIsSubresource ? { subresources: { status: {} } } : {}) }],
    },
  } as unknown as CustomResourceDefinition;
}
