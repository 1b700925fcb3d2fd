// Definitions that change while objects of them are stored and watched: fields, defaults, versions, subresources, columns.
import type { JsonValue } from '@vfleet/core';
import { apply, clusterGroup, create, events, get, group, mergePatch, prepare, remove, update, watch } from '../case.ts';
import type { Case, RequestStep, Step, Theme } from '../case.ts';

type Fields = { readonly [key: string]: JsonValue };
const definitions = clusterGroup('apiextensions.k8s.io/v1', 'customresourcedefinitions');
const groupName = '{{id}}.example.com';
const definition = `${definitions}/gears.${groupName}`;
const gears = (version: string, ...rest: readonly [string?, string?]) => group(`${groupName}/${version}`, 'gears', ...rest);
const text: JsonValue = { type: 'string' };
const object = (properties: Fields, more: Fields = {}): JsonValue => ({ type: 'object', properties, ...more });
/** A version whose objects have these fields in their spec. */
const version = (name: string, spec: Fields, more: Fields = {}): JsonValue => ({ name, served: true, storage: name === 'v1', schema: { openAPIV3Schema: object({ spec: object(spec), status: object({ phase: text }) }) }, ...more });
const defined = (...versions: readonly JsonValue[]): readonly Step[] => [
  prepare(create(definitions, { metadata: { name: `gears.${groupName}` }, spec: { group: groupName, scope: 'Namespaced', names: { plural: 'gears', kind: 'Gear' }, versions } })),
  prepare({ ...get(definition), until: { path: 'status.conditions[type=Established].status', is: 'True' } }),
  ...versions.map((one) => prepare({ ...get(gears(String((one as Fields)['name']))), until: { status: 200 } })),
  // The server is slow to take creates of what it has just begun to serve.
  prepare(create(gears('v1'), gear('v1', 'first'))),
];
const changed = (...versions: readonly JsonValue[]): RequestStep => prepare(mergePatch(definition, { spec: { versions } }));
const gear = (ofVersion: string, name: string, spec: Fields = {}, more: Fields = {}): JsonValue => ({ apiVersion: `${groupName}/${ofVersion}`, kind: 'Gear', metadata: { name }, spec, ...more });
const make = (spec: Fields, name = 'a'): RequestStep => prepare(create(gears('v1'), gear('v1', name, spec)));
/** New definitions are taken up in the server's own time. */
const until = (step: RequestStep, path: string, is: JsonValue): RequestStep => ({ ...step, until: { path, is } });
const one = (name: string, ...steps: readonly Step[]): Case => ({ name, steps });

export const evolution: Theme = {
  name: 'evolution',
  cases: [
    one('a new default is read', ...defined(version('v1', { a: text })), make({ a: 'x' }), changed(version('v1', { a: text, b: { type: 'string', default: 'y' } })), until(get(gears('v1', 'a')), 'spec.b', 'y'), get(gears('v1'), { only: ['items[*].spec'] }), mergePatch(gears('v1', 'a'), {})),
    one('a new default is watched', ...defined(version('v1', { a: text })), make({ a: 'x' }), changed(version('v1', { a: text, b: { type: 'string', default: 'y' } })), prepare(until(get(gears('v1', 'a')), 'spec.b', 'y')), watch('w', gears('v1'), { fieldSelector: 'metadata.name=a' }), mergePatch(gears('v1', 'a'), { spec: { a: 'z' } }), events('w', 2)),
    one('a field that is gone is not read', ...defined(version('v1', { a: text, b: text })), make({ a: 'x', b: 'y' }), changed(version('v1', { a: text, c: { type: 'string', default: 'c' } })), until(get(gears('v1', 'a')), 'spec.c', 'c'), mergePatch(gears('v1', 'a'), { spec: { b: 'y' } }), get(gears('v1', 'a'))),
    one('a field that is gone comes back', ...defined(version('v1', { a: text, b: text })), make({ a: 'x', b: 'y' }), changed(version('v1', { a: text, c: { type: 'string', default: 'c' } })), prepare(until(get(gears('v1', 'a')), 'spec.c', 'c')), changed(version('v1', { a: text, b: text })), until(get(gears('v1', 'a')), 'spec.b', 'y')),
    one('a stricter schema forgives what stands', ...defined(version('v1', { a: text, n: { type: 'integer' } })), make({ a: 'x', n: 50 }), changed(version('v1', { a: { type: 'string', pattern: '^[a-f]$', default: 'a' }, n: { type: 'integer', maximum: 10 }, c: { type: 'string', default: 'c' } })), prepare(until(get(gears('v1', 'a')), 'spec.c', 'c')),
      mergePatch(gears('v1', 'a'), { metadata: { labels: { x: 'y' } } }), mergePatch(gears('v1', 'a'), { spec: { n: 40 } }), mergePatch(gears('v1', 'a'), { spec: { a: 'b' } }), mergePatch(gears('v1', 'a'), { spec: { n: 5 } })),
    one('a new required field', ...defined(version('v1', { a: text })), make({ a: 'x' }), prepare(mergePatch(definition, { spec: { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: object({ spec: object({ a: text, b: text, c: { type: 'string', default: 'c' } }, { required: ['b'] }) }) } }] } })), prepare(until(get(gears('v1', 'a')), 'spec.c', 'c')),
      mergePatch(gears('v1', 'a'), { metadata: { labels: { x: 'y' } } }), mergePatch(gears('v1', 'a'), { spec: { a: 'z' } }), mergePatch(gears('v1', 'a'), { spec: { b: 'z' } })),
    one('a new rule', ...defined(version('v1', { a: { type: 'string', maxLength: 9 } })), make({ a: 'x' }), changed(version('v1', { a: { type: 'string', maxLength: 9, 'x-kubernetes-validations': [{ rule: 'self != "x"' }] }, c: { type: 'string', default: 'c' } })), prepare(until(get(gears('v1', 'a')), 'spec.c', 'c')),
      mergePatch(gears('v1', 'a'), { metadata: { labels: { x: 'y' } } }), mergePatch(gears('v1', 'a'), { spec: { a: 'y' } }), mergePatch(gears('v1', 'a'), { spec: { a: 'x' } })),
    one('optionalOldSelf', ...defined(version('v1', { a: { type: 'string', maxLength: 9, 'x-kubernetes-validations': [{ rule: '!oldSelf.hasValue() || oldSelf.value() == self || self.startsWith("y")', optionalOldSelf: true, message: 'no' }, { rule: 'oldSelf.hasValue() || self == "x"', optionalOldSelf: true, messageExpression: '"new: " + self', reason: 'FieldValueForbidden' }] } })),
      create(gears('v1'), gear('v1', 'b', { a: 'z' })), make({ a: 'x' }), mergePatch(gears('v1', 'a'), { spec: { a: 'w' } }), mergePatch(gears('v1', 'a'), { spec: { a: 'yes' } })),
    one('a rule that costs too much when it runs', ...defined(version('v1', { a: { type: 'array', maxItems: 100, items: { type: 'integer' }, 'x-kubernetes-validations': [{ rule: 'self.all(x, self.all(y, self.all(z, x + y + z >= 0)))' }] } })), create(gears('v1'), gear('v1', 'b', { a: Array.from({ length: 100 }, (_, index) => index) }))),
    one('a status subresource is added', ...defined(version('v1', { a: text })), make({ a: 'x' }), mergePatch(gears('v1', 'a'), { status: { phase: 'one' } }), changed(version('v1', { a: text, c: { type: 'string', default: 'c' } }, { subresources: { status: {} } })), prepare(until(get(gears('v1', 'a')), 'spec.c', 'c')),
      mergePatch(gears('v1', 'a'), { status: { phase: 'two' } }), mergePatch(gears('v1', 'a', 'status'), { status: { phase: 'three' } }), get(gears('v1', 'a', 'status'))),
    one('a status subresource is taken away', ...defined(version('v1', { a: text }, { subresources: { status: {} } })), make({ a: 'x' }), changed(version('v1', { a: text, c: { type: 'string', default: 'c' } })), prepare(until(get(gears('v1', 'a')), 'spec.c', 'c')), get(gears('v1', 'a', 'status')), mergePatch(gears('v1', 'a'), { status: { phase: 'one' } })),
    one('columns change', ...defined(version('v1', { a: text })), make({ a: 'x' }), changed(version('v1', { a: text, c: { type: 'string', default: 'c' } }, { additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.spec.a' }, { name: 'C', type: 'string', jsonPath: '.spec.c' }] })), prepare(until(get(gears('v1', 'a')), 'spec.c', 'c')), get(gears('v1', 'a'), { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }, only: ['columnDefinitions', 'rows[*].cells'] })),
    one('names change', ...defined(version('v1', { a: text })), prepare(mergePatch(definition, { spec: { names: { shortNames: ['gr'], categories: ['all'], singular: 'cog' } } })), until(get(`/apis/${groupName}/v1`), 'resources[name=gears].singularName', 'cog'), get(definition, { only: ['status.acceptedNames'] })),

    one('two versions of different fields', ...defined(version('v1', { a: text, b: text }), version('v2', { a: text, d: { type: 'string', default: 'd' } })), make({ a: 'x', b: 'y' }), get(gears('v2', 'a')), mergePatch(gears('v2', 'a'), { spec: { a: 'z', d: 'e' } }), get(gears('v1', 'a')), get(gears('v2', 'a'))),
    one('made in the other version', ...defined(version('v1', { a: text }), version('v2', { a: text, d: text })), create(gears('v2'), gear('v2', 'b', { a: 'x', d: 'y' })), get(gears('v2', 'b')), get(gears('v1', 'b'))),
    one('applied in two versions', ...defined(version('v1', { a: text, b: text }), version('v2', { a: text, b: text })), apply(gears('v1', 'b'), 'm', gear('v1', 'b', { a: 'x', b: 'y' })), apply(gears('v2', 'b'), 'm', gear('v2', 'b', { a: 'x' })), apply(gears('v2', 'b'), 'n', gear('v2', 'b', { a: 'z' })), mergePatch(gears('v2', 'b'), { spec: { b: 'w' } }), get(gears('v1', 'b'))),
    one('the other version is stored from now on', ...defined(version('v1', { a: text }), version('v2', { a: text })), make({ a: 'x' }), changed({ ...(version('v1', { a: text, c: { type: 'string', default: 'c' } }) as Fields), storage: false }, { ...(version('v2', { a: text, c: { type: 'string', default: 'c' } }) as Fields), storage: true }), until(get(gears('v1', 'a')), 'spec.c', 'c'), mergePatch(gears('v1', 'a'), {}), get(gears('v2', 'a')), get(definition, { only: ['status.storedVersions'] })),
    one('a version that is no longer served', ...defined(version('v1', { a: text }), version('v2', { a: text })), changed(version('v1', { a: text, c: { type: 'string', default: 'c' } }), { ...(version('v2', { a: text }) as Fields), served: false }), prepare(until(get(gears('v1', 'first')), 'spec.c', 'c')), get(gears('v2', 'first')), until(get(`/apis/${groupName}`), 'versions[1]', null), update(gears('v1', 'first'), gear('v1', 'first', {}))),
    one('a version that is new', ...defined(version('v1', { a: text })), make({ a: 'x' }), changed(version('v1', { a: text }), version('v2beta1', { a: text })), until(get(`/apis/${groupName}`), 'versions[1].version', 'v2beta1'), prepare(until(get(`/apis/${groupName}/v2beta1`), 'resources[name=gears].name', 'gears')), get(gears('v2beta1', 'a'))),
    one('removed and made again', ...defined(version('v1', { a: text })), make({ a: 'x' }), prepare(remove(definition)), prepare({ ...get(definition), until: { status: 404 } }), ...defined(version('v1', { a: text })), get(gears('v1'), { only: ['items[*].metadata.name'] })),
    one('openapi v3 follows', ...defined(version('v1', { a: text })), changed(version('v1', { a: { type: 'string', description: 'an a' }, b: { type: 'integer' } })), until(get(`/openapi/v3/apis/${groupName}/v1`, { only: ['components.schemas["com.example.{{id}}.v1.Gear"].properties.spec'] }), 'components.schemas["com.example.{{id}}.v1.Gear"].properties.spec.properties.b.type', 'integer')),
    one('openapi v2 has it', ...defined(version('v1', { a: { type: 'string', description: 'an a' } })), until(get('/openapi/v2', { only: ['definitions["com.example.{{id}}.v1.Gear"]', 'definitions["com.example.{{id}}.v1.GearList"].properties.items'] }), 'definitions["com.example.{{id}}.v1.Gear"].properties.spec.properties.a.type', 'string')),
  ],
};
