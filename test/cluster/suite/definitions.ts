// CustomResourceDefinitions themselves: what a definition may say, how it is established, how it changes and goes.
import type { JsonValue } from '@vfleet/core';
import { clusterGroup, create, get, group, mergePatch, prepare, remove, sendBack, update } from '../case.ts';
import type { Case, RequestStep, Theme } from '../case.ts';

type Fields = { readonly [key: string]: JsonValue };
const definitions = clusterGroup('apiextensions.k8s.io/v1', 'customresourcedefinitions');
const names = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' };
/** A group of the case's own, so that cases do not meet. */
const groupName = '{{id}}.example.com';
const name = `things.${groupName}`;
const anything: JsonValue = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const version = (more: Fields = {}): JsonValue => ({ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: anything }, ...more });
const definition = (spec: Fields = {}, metadata: Fields = {}): JsonValue => ({ metadata: { name, ...metadata }, spec: { group: groupName, scope: 'Namespaced', names, versions: [version()], ...spec } });
const withSchema = (schema: JsonValue): JsonValue => definition({ versions: [version({ schema: { openAPIV3Schema: schema } })] });
const one = (what: string, ...steps: readonly RequestStep[]): Case => ({ name: what, steps });
/** The conditions come in the server's own time; what the answer to a create has of them is not compared. */
const accepted = (what: string, body: JsonValue): Case => one(what, prepare(create(definitions, body)), established());
const refused = (what: string, body: JsonValue): Case => one(what, create(definitions, body));
const schema = (what: string, openAPIV3Schema: JsonValue): Case => refused(`schema: ${what}`, withSchema(openAPIV3Schema));
const object = (properties: Fields, more: Fields = {}): JsonValue => ({ type: 'object', properties, ...more });

/** Rules over lists, maps and texts of a known size: what they may cost is estimated, and said as a factor. */
const costing = (rule: string): Case => one(`cost: ${rule}`, create(definitions, withSchema(object({ spec: object({
  text: { type: 'string', maxLength: 1000 }, other: { type: 'string', maxLength: 5000 }, open: { type: 'string' }, word: { type: 'string', enum: ['red', 'blue'] }, number: { type: 'integer' }, at: { type: 'string', format: 'date-time' }, port: { 'x-kubernetes-int-or-string': true },
  list: { type: 'array', maxItems: 5000, items: { type: 'string', maxLength: 1000 } }, long: { type: 'array', items: { type: 'integer' } }, map: { type: 'object', maxProperties: 3000, additionalProperties: { type: 'string', maxLength: 200 } },
  parts: { type: 'array', maxItems: 400, items: object({ name: { type: 'string', maxLength: 300 }, tags: { type: 'array', maxItems: 300, items: { type: 'string', maxLength: 80 } } }, { required: ['name'] }) },
}, { 'x-kubernetes-validations': [{ rule }] }) })), { only: ['message', 'kind'] }));

function established(extra: Partial<RequestStep> = {}): RequestStep {
  return { ...get(`${definitions}/${name}`), until: { path: 'status.conditions[type=Established].status', is: 'True' }, unordered: ['status.conditions'], ...extra };
}
/** Discovery and the handlers follow a moment later. */
const served = (plural = 'things'): RequestStep => prepare({ ...get(`/apis/${groupName}/v1`), until: { path: `resources[name=${plural}].name`, is: plural } });
const things = group(`${groupName}/v1`, 'things');
const usable = [prepare(create(definitions, definition())), prepare(established()), served()];

export const definitionsTheme: Theme = {
  name: 'definitions',
  cases: [
    accepted('the least', definition()),
    accepted('cluster-scoped', definition({ scope: 'Cluster' })),
    accepted('names that are filled in', definition({ names: { plural: 'things', kind: 'Thing' } })),
    accepted('short names and categories', definition({ names: { ...names, shortNames: ['tg'], categories: ['all', 'sriov'] } })),
    accepted('subresources and columns', definition({ versions: [version({ subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' } }, additionalPrinterColumns: [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }, { name: 'Colour', type: 'string', jsonPath: '.spec.colour', priority: 1, description: 'd', format: 'byte' }] })] })),
    accepted('two versions', definition({ versions: [version(), version({ name: 'v2beta1', storage: false, deprecated: true, deprecationWarning: 'old' })] })),
    accepted('selectable fields', definition({ versions: [version({ schema: { openAPIV3Schema: object({ spec: object({ colour: { type: 'string' } }) }) }, selectableFields: [{ jsonPath: '.spec.colour' }] })] })),
    accepted('a conversion of None', definition({ conversion: { strategy: 'None' } })),
    one('the same names twice', prepare(create(definitions, definition())), prepare(established()), create(definitions, definition())),
    one('a kind that another definition has', prepare(create(definitions, definition())), prepare(established()), prepare(create(definitions, { metadata: { name: `others.${groupName}` }, spec: { group: groupName, scope: 'Namespaced', names: { plural: 'others', singular: 'other', kind: 'Thing', listKind: 'ThingList', shortNames: ['th'] }, versions: [version()] } })),
      { ...get(`${definitions}/others.${groupName}`), until: { path: 'status.conditions[type=NamesAccepted].status', is: 'False' }, unordered: ['status.conditions'] }),

    refused('a name that does not fit', definition({}, { name: 'others.example.com' })),
    refused('no group', definition({ group: '' })),
    refused('a group of upper case', definition({ group: 'Example.com' })),
    refused('a group of one word', { metadata: { name: 'things.word' }, spec: { group: 'word', scope: 'Namespaced', names, versions: [version()] } }),
    refused('a protected group', { metadata: { name: 'things.x.k8s.io' }, spec: { group: 'x.k8s.io', scope: 'Namespaced', names, versions: [version()] } }),
    refused('an unknown scope', definition({ scope: 'Galaxy' })),
    refused('no scope', definition({ scope: null })),
    refused('no versions', definition({ versions: [] })),
    refused('two storage versions', definition({ versions: [version(), version({ name: 'v2' })] })),
    refused('no storage version', definition({ versions: [version({ storage: false })] })),
    refused('a version twice', definition({ versions: [version(), version({ storage: false })] })),
    refused('a version of upper case', definition({ versions: [version({ name: 'V1' })] })),
    refused('no schema', definition({ versions: [{ name: 'v1', served: true, storage: true }] })),
    refused('no names', definition({ names: {} })),
    refused('names of odd characters', definition({ names: { ...names, singular: 'Thing', shortNames: ['T'], kind: 'a b' } })),
    refused('an unknown column type', definition({ versions: [version({ additionalPrinterColumns: [{ name: 'A', type: 'colour', jsonPath: '.a' }, { name: '', type: 'string', jsonPath: '' }, { name: 'B', type: 'string', jsonPath: 'a[' }] })] })),
    refused('a scale without paths', definition({ versions: [version({ subresources: { scale: {} } })] })),
    refused('a scale of wrong paths', definition({ versions: [version({ subresources: { scale: { specReplicasPath: 'spec.replicas', statusReplicasPath: '.spec.x' } } })] })),
    refused('an unknown conversion', definition({ conversion: { strategy: 'Magic' } })),
    refused('a webhook conversion without a webhook', definition({ conversion: { strategy: 'Webhook' } })),
    refused('preserveUnknownFields', definition({ preserveUnknownFields: true })),
    refused('a selectable field that is not there', definition({ versions: [version({ schema: { openAPIV3Schema: object({}) }, selectableFields: [{ jsonPath: '.spec.colour' }] })] })),
    one('in v1beta1', create(clusterGroup('apiextensions.k8s.io/v1beta1', 'customresourcedefinitions'), definition())),

    schema('no type', { properties: { spec: { type: 'object' } } }),
    schema('a root that is no object', { type: 'string' }),
    schema('a property without a type', object({ spec: { properties: {} } })),
    schema('an unknown type', object({ a: { type: 'text' } })),
    schema('items missing', object({ a: { type: 'array' } })),
    schema('properties and additionalProperties', object({ a: { type: 'object', properties: { b: { type: 'string' } }, additionalProperties: { type: 'string' } } })),
    schema('additionalProperties of false', object({ a: { type: 'object', additionalProperties: false } })),
    schema('a type inside anyOf', object({ a: { type: 'string', anyOf: [{ type: 'string' }] } })),
    schema('a property only inside anyOf', object({ a: { type: 'object', anyOf: [{ properties: { b: { minimum: 1 } } }] } })),
    schema('a default that does not fit', object({ a: { type: 'string', default: 5 } })),
    schema('a default with unknown fields', object({ a: { type: 'object', properties: { b: { type: 'string' } }, default: { c: 'd' } } })),
    schema('a default in metadata', object({ metadata: object({ name: { type: 'string', default: 'x' } }) })),
    schema('metadata constrained beyond the name', object({ metadata: object({ labels: { type: 'object' } }) })),
    schema('uniqueItems', object({ a: { type: 'array', uniqueItems: true, items: { type: 'string' } } })),
    schema('a list map without keys', object({ a: { type: 'array', 'x-kubernetes-list-type': 'map', items: object({ n: { type: 'string' } }) } })),
    schema('a list map of keys that are neither required nor defaulted', object({ a: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'], items: object({ n: { type: 'string' } }) } })),
    schema('a list map of a key that is not there', object({ a: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['m'], items: object({ n: { type: 'string' } }, { required: ['n'] }) } })),
    schema('a set of objects', object({ a: { type: 'array', 'x-kubernetes-list-type': 'set', items: object({ n: { type: 'string' } }) } })),
    schema('an unknown list type', object({ a: { type: 'array', 'x-kubernetes-list-type': 'bag', items: { type: 'string' } } })),
    schema('int-or-string with a type', object({ a: { type: 'string', 'x-kubernetes-int-or-string': true } })),
    schema('preserve-unknown-fields on a string', object({ a: { type: 'string', 'x-kubernetes-preserve-unknown-fields': true } })),
    schema('preserve-unknown-fields of false', object({ a: { type: 'object', 'x-kubernetes-preserve-unknown-fields': false } })),
    schema('embedded-resource without properties', object({ a: { type: 'object', 'x-kubernetes-embedded-resource': true } })),
    schema('a pattern that is none', object({ a: { type: 'string', pattern: '(' } })),
    schema('a $ref', object({ a: { $ref: '#/definitions/x' } })),
    schema('a CEL rule that is wrong', object({ a: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self +' }] } })),
    schema('a CEL rule of the wrong type', object({ a: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self.size()' }] } })),
    schema('a CEL rule of an unknown field', object({ a: object({ b: { type: 'string' } }, { 'x-kubernetes-validations': [{ rule: 'self.c == "x"' }] }) })),
    schema('a CEL rule without text', object({ a: { type: 'string', 'x-kubernetes-validations': [{ message: 'm' }] } })),
    schema('a CEL rule with a wrong field path', object({ a: object({ b: { type: 'string' } }, { 'x-kubernetes-validations': [{ rule: 'true', fieldPath: '.c' }] }) })),
    schema('a CEL rule that costs too much', object({ a: { type: 'array', items: { type: 'array', items: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self.matches("a.*b")' }] } } } })),

    ...[
      'self.list.all(x, x.matches("a.*b"))', 'self.list.all(x, self.list.exists(y, x == y))', 'self.list.exists_one(x, self.list.exists(y, x == y))', 'self.list.map(x, x + self.text).all(y, self.list.exists(z, y == z))',
      'self.list.filter(x, self.list.exists(y, y.startsWith(x))).size() > 1', 'self.map.all(k, self.list.exists(x, x == self.map[k]))', 'self.map.all(k, self.map.all(l, k != l))', 'self.parts.all(p, self.parts.all(q, p.name == q.name || p.tags.size() > q.tags.size()))',
      'self.parts.all(p, p.tags.all(t, self.list.exists(x, x.contains(t))))', 'self.parts.all(p, p.tags.all(t, self.parts.exists(q, q.name == t)))', 'self.open.matches(self.text)', 'self.long.all(x, self.long.all(y, x == y))', 'self.long.all(x, x > 1)',
      'self.text.contains(self.open)', 'self.list.all(x, x.replace("a", self.other).size() > 1 && self.list.exists(y, y == x))', 'self.list.all(x, self.other.split(",").exists(y, x == y))', 'self.list.join(",").contains(self.other)', 'self.list.all(x, self.list.indexOf(x) >= 0)',
      'self.list.all(x, self.list.isSorted() && self.text.lowerAscii() == x)', 'self.list.all(x, self.text.find("a+b+c+").size() > 0 || x in self.list)', 'self.list.all(x, has(self.word) ? self.list.exists(y, y == self.word) : self.list.exists(y, y < x))', 'self.list.all(x, ["a", "b"].exists(y, self.list.exists(z, z == y)))',
      'self.list.all(x, self.parts.map(p, p.name).exists(y, y == x))', 'self.list.all(x, self.list.exists(y, self.number > 1 && self.at > timestamp("2020-01-01T00:00:00Z")))', 'self.list.all(x, self.list.exists(y, string(self.port) == y))', 'self.list.all(x, isIP(x) && self.list.exists(y, ip(y).family() == 4))',
      'self.list.all(x, cidr(x).containsIP(self.text) && self.list.exists(y, isCIDR(y)))', 'self.list.all(x, quantity(x).isGreaterThan(quantity("1")) && self.list.exists(y, isQuantity(y)))', 'self.list.all(i, v, self.list.exists(y, y == v && i > 1))', 'self.list.all(x, self.list.exists(y, url(y).getHost() == x))', 'cel.bind(t, self.text + self.other, self.list.all(x, self.list.exists(y, t == y)))',
      'self.map.map(k, self.map[k]).all(v, self.list.exists(x, x == v))', 'self.list.all(x, self.list.exists(y, !(x == y) && x.size() > y.size() && x.endsWith(y)))',
    ].map(costing),

    one('its spec comes back as written', create(definitions, definition(), { only: ['spec', 'metadata.generation', 'kind', 'apiVersion'] })),
    one('a new schema raises its generation', prepare(create(definitions, definition())), established({ keep: { now: '' }, only: ['metadata.generation'] }), sendBack(`${definitions}/${name}`, 'now', { spec: { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: object({ spec: object({}) }) } }] } }, { only: ['metadata.generation', 'spec.versions'] })),
    one('a stored version stays', prepare(create(definitions, definition())), established({ keep: { now: '' }, only: ['status.storedVersions'] }), sendBack(`${definitions}/${name}`, 'now', { spec: { versions: [{ name: 'v2', served: true, storage: true, schema: { openAPIV3Schema: object({}) } }] } })),
    one('the scope stays', prepare(create(definitions, definition())), prepare(established()), mergePatch(`${definitions}/${name}`, { spec: { scope: 'Cluster' } })),
    one('the group stays', prepare(create(definitions, definition())), prepare(established()), mergePatch(`${definitions}/${name}`, { spec: { group: 'other.example.com' } })),
    one('the kind stays', prepare(create(definitions, definition())), prepare(established()), mergePatch(`${definitions}/${name}`, { spec: { names: { kind: 'Other', listKind: 'OtherList' } } })),
    one('its group is discovered', ...usable, get(`/apis/${groupName}`), get(`/apis/${groupName}/v1`), get('/apis', { only: [`groups[name=${groupName}]`] })),
    one('a version that is not served', prepare(create(definitions, definition({ versions: [version(), version({ name: 'v2', served: false, storage: false })] }))), prepare(established()), served(), get(group(`${groupName}/v2`, 'things'))),
    one('deleted with its objects', ...usable, create(things, { apiVersion: `${groupName}/v1`, kind: 'Thing', metadata: { name: 'a' } }), prepare(remove(`${definitions}/${name}`)), { ...get(`${definitions}/${name}`), until: { status: 404 } }, { ...get(things), until: { status: 404 } }),
    one('deleted, held by one of its objects', ...usable, prepare(create(things, { apiVersion: `${groupName}/v1`, kind: 'Thing', metadata: { name: 'a', finalizers: ['example.com/f'] } })), prepare(remove(`${definitions}/${name}`)), { ...get(`${definitions}/${name}`, { only: ['metadata.finalizers', 'status.conditions'], unordered: ['status.conditions'] }), until: { path: 'status.conditions[type=Terminating].reason', is: 'InstanceDeletionInProgress' } },
      create(things, { apiVersion: `${groupName}/v1`, kind: 'Thing', metadata: { name: 'b' } }), { ...prepare(get(`${things}/a`)), until: { path: 'metadata.deletionGracePeriodSeconds', is: 0 } }, prepare(mergePatch(`${things}/a`, { metadata: { finalizers: null } })), { ...get(`${definitions}/${name}`), until: { status: 404 } }),
    one('names that become free', prepare(create(definitions, definition())), prepare(established()), prepare(create(definitions, { metadata: { name: `others.${groupName}` }, spec: { group: groupName, scope: 'Namespaced', names: { plural: 'others', singular: 'thing', kind: 'Other', shortNames: ['ot'], categories: ['all'] }, versions: [version()] } })),
      { ...get(`${definitions}/others.${groupName}`, { only: ['status'], unordered: ['status.conditions'] }), until: { path: 'status.conditions[type=NamesAccepted].status', is: 'False' } }, prepare(remove(`${definitions}/${name}`)), { ...get(`${definitions}/others.${groupName}`, { only: ['status'], unordered: ['status.conditions'] }), until: { path: 'status.conditions[type=Established].status', is: 'True' } }),
    one('a wrong status', prepare(create(definitions, definition())), established({ keep: { now: '' }, only: ['status.storedVersions'] }), sendBack(`${definitions}/${name}/status`, 'now', { status: { acceptedNames: { plural: 'A b', kind: 'Thing' } } })),
    one('updated without a resourceVersion', prepare(create(definitions, definition())), prepare(established()), update(`${definitions}/${name}`, definition())),
    one('another storage version', prepare(create(definitions, definition({ versions: [version(), version({ name: 'v2', storage: false })] }))), prepare(established()), mergePatch(`${definitions}/${name}`, { spec: { versions: [{ ...(version() as Fields), storage: false }, { ...(version() as Fields), name: 'v2' }] } }, { only: ['status.storedVersions', 'metadata.generation'] })),
    one('a finalizer of its own is there', prepare(create(definitions, definition())), established({ only: ['metadata.finalizers'] })),
    one('stopped being served', ...usable, prepare(mergePatch(`${definitions}/${name}`, { spec: { versions: [{ name: 'v1', served: false, storage: true, schema: { openAPIV3Schema: anything } }] } })), { ...get(things), until: { status: 404 } }),
    one('its columns print', prepare(create(definitions, definition())), prepare(established()), get(`${definitions}/${name}`, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }, only: ['columnDefinitions', 'rows[*].cells'] })),
    one('openapi v3 of its kinds', prepare(create(definitions, withSchema(object({ spec: object({ colour: { type: 'string', description: 'd', enum: ['red', 'blue'], default: 'red' } }) }, { description: 'a thing' })))), prepare(established()), served(), { ...get(`/openapi/v3/apis/${groupName}/v1`, { only: ['components.schemas["com.example.{{id}}.v1.Thing"]'] }), until: { path: 'openapi', is: '3.0.0' } }),
  ],
};
