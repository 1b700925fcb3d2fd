// Objects of custom resources: defaulting, pruning, validation, CEL rules, merging of lists, versions, columns, subresources.
import type { JsonValue } from '@vfleet/core';
import { apply, clusterGroup, create, events, get, group, jsonPatch, mergePatch, prepare, remove, sendBack, strategicPatch, update, watch } from '../case.ts';
import type { Case, RequestStep, Step, Theme } from '../case.ts';

type Fields = { readonly [key: string]: JsonValue };
const groupName = 'custom.example.com';
const definitions = clusterGroup('apiextensions.k8s.io/v1', 'customresourcedefinitions');

const spec: JsonValue = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 2, maxLength: 10, pattern: '^[a-z]+$' },
    colour: { type: 'string', enum: ['red', 'blue'], default: 'red' },
    size: { type: 'integer', format: 'int32', minimum: 1, maximum: 10, default: 3 },
    even: { type: 'integer', multipleOf: 2 },
    ratio: { type: 'number', exclusiveMinimum: true, minimum: 0, exclusiveMaximum: true, maximum: 1 },
    port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
    on: { type: 'boolean' },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', minItems: 1, maxItems: 3, items: { type: 'string' } },
    parts: {
      type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, weight: { type: 'integer', default: 7 }, notes: { type: 'string' } } },
    },
    lines: { type: 'array', items: { type: 'string' } },
    fixed: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { a: { type: 'string' }, b: { type: 'string' } } },
    extra: { type: 'object', maxProperties: 2, additionalProperties: { type: 'string' } },
    counts: { type: 'object', additionalProperties: { type: 'integer' } },
    nested: { type: 'object', default: {}, properties: { level: { type: 'integer', default: 1 }, deeper: { type: 'object', properties: { text: { type: 'string', default: 'x' } } } } },
    maybe: { type: 'string', nullable: true, default: 'd' },
    never: { type: 'string' },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'string' } } },
    template: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
    at: { type: 'string', format: 'date-time' },
    address: { type: 'string', format: 'ipv4' },
    range: { type: 'string', format: 'cidr' },
    mail: { type: 'string', format: 'email' },
    data: { type: 'string', format: 'byte' },
    long: { type: 'integer', format: 'int64' },
    replicas: { type: 'integer' },
    either: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } }, oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    notX: { type: 'string', not: { enum: ['x'] } },
  },
};
const status: JsonValue = {
  type: 'object',
  properties: { phase: { type: 'string' }, replicas: { type: 'integer' }, selector: { type: 'string' }, conditions: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'], items: { type: 'object', required: ['type', 'status'], properties: { type: { type: 'string' }, status: { type: 'string', enum: ['True', 'False', 'Unknown'] }, lastTransitionTime: { type: 'string', format: 'date-time' } } } } },
};
const columns: JsonValue = [
  { name: 'Colour', type: 'string', jsonPath: '.spec.colour' }, { name: 'Size', type: 'integer', jsonPath: '.spec.size', priority: 1 }, { name: 'On', type: 'boolean', jsonPath: '.spec.on' }, { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Parts', type: 'string', jsonPath: '.spec.parts[*].name' }, { name: 'Lines', type: 'string', jsonPath: '.spec.lines' }, { name: 'At', type: 'date', jsonPath: '.spec.at' }, { name: 'Ratio', type: 'number', jsonPath: '.spec.ratio' }, { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];
const selectableFields: JsonValue = [{ jsonPath: '.spec.colour' }, { jsonPath: '.spec.size' }];
const widget = { type: 'object', properties: { spec, status } };

/** Rules in CEL, about states and about transitions. */
const rules: JsonValue = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      'x-kubernetes-validations': [
        { rule: 'self.low <= self.high', message: 'low must not be above high' },
        { rule: '!has(self.mode) || self.mode != "off" || !has(self.parts)', messageExpression: '"mode " + self.mode + " has no parts"', reason: 'FieldValueForbidden', fieldPath: '.parts' },
        { rule: 'oldSelf.high <= self.high', message: 'high never falls' },
      ],
      properties: {
        low: { type: 'integer', default: 0 }, high: { type: 'integer', default: 100 }, mode: { type: 'string', maxLength: 20 },
        fixed: { type: 'string', maxLength: 30, 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'fixed is immutable', reason: 'FieldValueInvalid' }] },
        once: { type: 'string', maxLength: 30, 'x-kubernetes-validations': [{ rule: '!oldSelf.hasValue() || self == oldSelf.value()', optionalOldSelf: true }] },
        parts: { type: 'array', maxItems: 10, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: { type: 'object', required: ['name'], properties: { name: { type: 'string', maxLength: 20 }, weight: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] } } }, 'x-kubernetes-validations': [{ rule: 'self.all(p, p.name.startsWith("p-"))' }, { rule: 'self.exists_one(p, p.name == "p-main")', message: 'exactly one main part' }] },
        cidr: { type: 'string', maxLength: 50, 'x-kubernetes-validations': [{ rule: 'isCIDR(self)', message: 'not a range' }] },
        quantity: { type: 'string', maxLength: 30, 'x-kubernetes-validations': [{ rule: 'isQuantity(self) && quantity(self).isGreaterThan(quantity("1Gi"))' }] },
        text: { type: 'string', maxLength: 100, 'x-kubernetes-validations': [{ rule: 'self.matches("^[a-z]*$") && self.split("").size() < 50 && self.lowerAscii() == self' }] },
        duration: { type: 'string', format: 'duration', maxLength: 30, 'x-kubernetes-validations': [{ rule: 'self < duration("1h")' }] },
        port: { 'x-kubernetes-int-or-string': true, 'x-kubernetes-validations': [{ rule: 'type(self) == int ? self > 1024 : self == "http"' }] },
        labels: { type: 'object', maxProperties: 5, additionalProperties: { type: 'string', maxLength: 20 }, 'x-kubernetes-validations': [{ rule: 'self.all(key, key.size() > 1 && self[key] != "")' }] },
      },
    },
  },
  'x-kubernetes-validations': [{ rule: 'self.metadata.name.size() < 12', message: 'name too long' }],
};

const version = (name: string, schema: JsonValue, more: Fields = {}): JsonValue => ({ name, served: true, storage: true, schema: { openAPIV3Schema: schema }, ...more });
const define = (plural: string, kind: string, versions: readonly JsonValue[], more: Fields = {}): readonly RequestStep[] => [
  create(definitions, { metadata: { name: `${plural}.${groupName}` }, spec: { group: groupName, scope: 'Namespaced', names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` }, versions, ...more } }),
  { ...get(`${definitions}/${plural}.${groupName}`), until: { path: 'status.conditions[type=Established].status', is: 'True' } },
  { ...get(`/apis/${groupName}/v1`), until: { path: `resources[name=${plural}].name`, is: plural } },
  { ...get(`/apis/${groupName}/v1/namespaces/default/${plural}`), until: { status: 200 } },
];

const path = (plural: string, name?: string, subresource?: string) => group(`${groupName}/v1`, plural, name, subresource);
const object = (kind: string, fields: Fields, metadata: Fields = {}): JsonValue => ({ apiVersion: `${groupName}/v1`, kind, metadata: { name: 'a', ...metadata }, ...fields });
const widgets = path('widgets');
const a = path('widgets', 'a');
const make = (fields: Fields = {}, metadata: Fields = {}) => create(widgets, object('Widget', { spec: { name: 'first', ...fields } }, metadata));
const one = (name: string, ...steps: readonly Step[]): Case => ({ name, steps });
const made = (name: string, fields: Fields): Case => one(name, make(fields));
const given = (fields: Fields = {}) => prepare(make({ tags: ['x', 'y'], parts: [{ name: 'p', weight: 1, notes: 'n' }, { name: 'q' }], lines: ['l'], extra: { k: 'v' }, ...fields }));
const ruled = (fields: Fields, name = 'a') => create(path('rules'), object('Rule', { spec: fields }, { name }));
const rule = (what: string, ...steps: readonly Step[]): Case => one(`CEL: ${what}`, ...steps);
const raw = (what: string, text: string, query: Readonly<Record<string, string>> = {}): Case => one(what, { method: 'POST', path: widgets, text, query, headers: { 'content-type': 'application/json' } });
const tables = { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' } };
const inAnyOrder = (one: Case): Case => ({ ...one, causesInAnyOrder: true });
const inEveryMode = (what: string, before: readonly Step[], step: (query: Readonly<Record<string, string>>) => RequestStep): readonly Case[] =>
  ['Strict', 'Warn', 'Ignore'].map((mode) => one(`${what}, ${mode}`, ...before, step({ fieldValidation: mode })));

export const customResources: Theme = {
  name: 'custom',
  setup: [
    ...define('widgets', 'Widget', [version('v1', widget, { additionalPrinterColumns: columns, subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' } }, selectableFields }), version('v1beta1', widget, { storage: false, deprecated: true, selectableFields })]),
    ...define('rules', 'Rule', [version('v1', rules)]),
    ...define('blobs', 'Blob', [version('v1', { type: 'object', 'x-kubernetes-preserve-unknown-fields': true })]),
    ...define('plates', 'Plate', [version('v1', { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } }, status: { type: 'object', properties: { size: { type: 'integer' } } } } })], { scope: 'Cluster' }).filter((step) => !step.path.includes('/namespaces/')),
  ],
  cases: [
    made('defaults', {}),
    made('everything', { colour: 'blue', size: 5, even: 4, ratio: 0.5, port: 80, on: true, tags: ['a'], parts: [{ name: 'p' }], lines: ['1'], fixed: { a: 'b' }, extra: { a: 'b' }, counts: { a: 1 }, nested: { deeper: {} }, maybe: null, free: { anything: [1, { x: 'y' }] }, template: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: {} }, at: '2024-01-02T03:04:05Z', address: '10.0.0.1', range: '10.0.0.0/8', mail: 'a@b.c', data: 'AA==', long: 9_007_199_254_740_991, either: { a: '1' } }),
    made('unknown fields are dropped', { unknown: 1, nested: { unknown: 2 }, parts: [{ name: 'p', unknown: 3 }], free: { kept: true } }),
    one('unknown fields at the top are dropped', create(widgets, { ...(object('Widget', { spec: { name: 'first' } }) as Fields), data: 'x', other: {} })),
    made('null where a default is', { colour: null, size: null, nested: null }),
    made('null where nothing is', { never: null, tags: null }),
    made('an empty object gets its defaults', { nested: {} }),
    made('a number with a fraction of zero', { size: 2 }),
    raw('an integer written with an exponent', `{"apiVersion":"${groupName}/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"name":"first","size":2.0,"long":1e3}}`),
    raw('an integer beyond 64 bits', `{"apiVersion":"${groupName}/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"name":"first","long":9223372036854775808}}`),
    raw('an integer of 63 bits', `{"apiVersion":"${groupName}/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"name":"first","long":9223372036854775807}}`),
    made('a port that is text', { port: 'http' }),

    made('a required field is missing', { name: null }),
    one('no spec', create(widgets, object('Widget', {}))),
    made('too short', { name: 'a' }),
    made('too long', { name: 'abcdefghijk' }),
    made('against the pattern', { name: 'ABC' }),
    made('not in the enumeration', { colour: 'green' }),
    made('below the minimum', { size: 0 }),
    made('above the maximum', { size: 11 }),
    made('not a multiple', { even: 3 }),
    made('at an exclusive bound', { ratio: 0 }),
    made('at the other exclusive bound', { ratio: 1 }),
    made('a text where a number belongs', { size: '5' }),
    made('a fraction where an integer belongs', { size: 1.5 }),
    made('a number where text belongs', { name: 7 }),
    made('a list where an object belongs', { nested: [] }),
    made('an object where a list belongs', { lines: {} }),
    inAnyOrder(made('a boolean where int-or-string belongs', { port: true })),
    inAnyOrder(made('a fraction where int-or-string belongs', { port: 1.5 })),
    made('null where nothing is nullable', { lines: [null] }),
    made('too many items', { tags: ['a', 'b', 'c', 'd'] }),
    made('too few items', { tags: [] }),
    made('an item twice in a set', { tags: ['a', 'a'] }),
    made('a key twice in a list map', { parts: [{ name: 'p' }, { name: 'p' }] }),
    made('a list map without its key', { parts: [{ weight: 1 }] }),
    made('too many properties', { extra: { a: '1', b: '2', c: '3' } }),
    made('a wrong value in a map', { counts: { a: 'x' } }),
    inAnyOrder(made('both of one-of', { either: { a: '1', b: '2' } })),
    inAnyOrder(made('none of one-of', { either: {} })),
    made('what not says', { notX: 'x' }),
    made('a time that is none', { at: 'yesterday' }),
    made('an address that is none', { address: '10.0.0.256' }),
    made('a range that is none', { range: '10.0.0.0' }),
    made('a mail address that is none', { mail: 'x' }),
    made('base64 that is none', { data: '?' }),
    made('an integer beyond its format', { size: 3_000_000_000 }),
    inAnyOrder(made('an embedded object without a kind', { template: { metadata: { name: 'x' } } })),
    made('an embedded object of a wrong name', { template: { apiVersion: 'v1', kind: 'X', metadata: { name: 'A B', labels: { 'a b': 'c' } } } }),
    inAnyOrder(made('many mistakes at once', { name: 'A', colour: 'green', size: 99, tags: [], parts: [{ name: 'p', weight: 'x' }] })),
    one('a wrong name', create(widgets, object('Widget', { spec: { name: 'first' } }, { name: 'A_b' }))),
    one('wrong labels', create(widgets, object('Widget', { spec: { name: 'first' } }, { labels: { 'a b': 'c' } }))),
    one('another kind', create(widgets, object('Gadget', { spec: { name: 'first' } }))),
    one('another version', create(widgets, { apiVersion: `${groupName}/v9`, kind: 'Widget', metadata: { name: 'a' } })),
    one('no kind', create(widgets, { metadata: { name: 'a' }, spec: { name: 'first' } })),
    one('metadata of a wrong type', create(widgets, { apiVersion: `${groupName}/v1`, kind: 'Widget', metadata: { name: 'a', labels: 'x' } })),
    raw('no JSON', '{'),
    raw('an array', '[]'),
    raw('a field twice', `{"apiVersion":"${groupName}/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"name":"first","size":1,"size":2}}`),
    raw('a field twice, strictly', `{"apiVersion":"${groupName}/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"name":"first","size":1,"size":2}}`, { fieldValidation: 'Strict' }),
    raw('a key that pollutes prototypes', `{"apiVersion":"${groupName}/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"name":"first","__proto__":{"size":5},"free":{"__proto__":{"x":1},"constructor":2}}}`),
    one('YAML', { method: 'POST', path: widgets, text: `apiVersion: ${groupName}/v1\nkind: Widget\nmetadata:\n  name: a\nspec:\n  name: first\n`, headers: { 'content-type': 'application/yaml' } }),
    ...inEveryMode('unknown fields', [], (query) => create(widgets, object('Widget', { spec: { name: 'first', unknown: 1, nested: { odd: 2 } }, extra: 3 }, { colour: 'red' }), { query })),
    ...inEveryMode('unknown fields in an update', [given()], (query) => update(a, object('Widget', { spec: { name: 'first', unknown: 1 } }, { resourceVersion: '0' }), { query })),
    ...inEveryMode('unknown fields in a merge patch', [given()], (query) => mergePatch(a, { spec: { unknown: 1 } }, { query })),
    ...inEveryMode('unknown fields in an apply', [], (query) => apply(a, 'm', object('Widget', { spec: { name: 'first', unknown: 1 } }), { query })),

    one('life', make({}, { labels: { x: 'y' } }), get(a), get(widgets), mergePatch(a, { spec: { size: 4 } }), mergePatch(a, { spec: { size: 4 } }), remove(a), get(a)),
    one('update', make(), get(a, { keep: { now: '' } }), sendBack(a, 'now', { spec: { size: 9 } }), sendBack(a, 'now', { spec: { size: 8 } })),
    one('update without a resourceVersion', given(), update(a, object('Widget', { spec: { name: 'first' } }))),
    one('update of what is not there', update(a, object('Widget', { spec: { name: 'first' } }))),
    one('generation', make(), mergePatch(a, { metadata: { labels: { x: 'y' } } }), mergePatch(a, { spec: { size: 9 } }), mergePatch(`${a}/status`, { status: { phase: 'Ready' } })),
    one('generation without a status subresource', create(path('blobs'), object('Blob', { a: 1 })), mergePatch(path('blobs', 'a'), { a: 2 }), mergePatch(path('blobs', 'a'), { metadata: { labels: { x: 'y' } } }), mergePatch(path('blobs', 'a'), { status: { b: 1 } })),
    one('the status is its own', create(widgets, object('Widget', { spec: { name: 'first' }, status: { phase: 'Lost' } })), mergePatch(a, { status: { phase: 'Lost' } }), mergePatch(`${a}/status`, { spec: { size: 9 }, status: { phase: 'Kept', unknown: 1 }, metadata: { labels: { x: 'y' } } }), get(a), get(`${a}/status`)),
    one('a wrong status', given(), mergePatch(`${a}/status`, { status: { conditions: [{ type: 'Ready', status: 'Maybe' }] } })),
    one('no status subresource', prepare(create(clusterGroup(`${groupName}/v1`, 'plates'), { apiVersion: `${groupName}/v1`, kind: 'Plate', metadata: { name: '{{id}}' }, spec: { size: 1 }, status: { size: 2 } })), get(`${clusterGroup(`${groupName}/v1`, 'plates')}/{{id}}`), mergePatch(`${clusterGroup(`${groupName}/v1`, 'plates')}/{{id}}/status`, { status: { size: 3 } })),
    one('scale', given({ replicas: 2 }), get(`${a}/scale`), mergePatch(`${a}/scale`, { spec: { replicas: 5 } }), mergePatch(`${a}/status`, { status: { replicas: 1, selector: 'x=y' } }), get(`${a}/scale`), get(a)),
    one('scale of what has no number', given(), get(`${a}/scale`), mergePatch(`${a}/scale`, { spec: { replicas: -1 } })),
    one('JSON patch', given(), jsonPatch(a, [{ op: 'test', path: '/spec/size', value: 3 }, { op: 'replace', path: '/spec/size', value: 5 }, { op: 'add', path: '/spec/tags/-', value: 'z' }])),
    one('JSON patch against the schema', given(), jsonPatch(a, [{ op: 'replace', path: '/spec/size', value: 50 }])),
    one('JSON patch of a wrong type', given(), jsonPatch(a, [{ op: 'replace', path: '/metadata/labels', value: 'x' }])),
    one('merge patch replaces lists', given(), mergePatch(a, { spec: { parts: [{ name: 'r' }], tags: ['z'] } })),
    one('merge patch brings defaults back', given({ size: 9 }), mergePatch(a, { spec: { size: null, nested: null } })),
    one('strategic patch is not for custom resources', given(), strategicPatch(a, { spec: { size: 4 } })),
    one('apply: list maps and sets', apply(a, 'one', object('Widget', { spec: { name: 'first', parts: [{ name: 'p', weight: 1 }], tags: ['x'] } })), apply(a, 'two', object('Widget', { spec: { parts: [{ name: 'q' }, { name: 'p', notes: 'n' }], tags: ['y'] } })), apply(a, 'two', object('Widget', { spec: { parts: [{ name: 'p', notes: 'n' }] } })), get(a)),
    one('apply: conflicts', apply(a, 'one', object('Widget', { spec: { name: 'first', parts: [{ name: 'p', weight: 1 }], size: 5 } })), apply(a, 'two', object('Widget', { spec: { parts: [{ name: 'p', weight: 2 }], size: 6 } })), apply(a, 'two', object('Widget', { spec: { parts: [{ name: 'p', weight: 2 }], size: 6 } }), { query: { force: 'true' } })),
    one('apply: atomic lists and maps', apply(a, 'one', object('Widget', { spec: { name: 'first', lines: ['a'], fixed: { a: '1' } } })), apply(a, 'two', object('Widget', { spec: { lines: ['a', 'b'], fixed: { b: '2' } } }))),
    one('apply: defaults are nobody\'s', apply(a, 'one', object('Widget', { spec: { name: 'first' } })), apply(a, 'two', object('Widget', { spec: { size: 9, colour: 'blue' } })), get(a)),
    one('apply: a missing required field', apply(a, 'one', object('Widget', { spec: { size: 3 } }))),
    one('apply: the same key twice', apply(a, 'one', object('Widget', { spec: { name: 'first', parts: [{ name: 'p' }, { name: 'p' }] } }))),
    one('apply: a wrong type', apply(a, 'one', object('Widget', { spec: { name: 'first', parts: 'p' } }))),
    one('apply: a status', given(), apply(`${a}/status`, 'one', object('Widget', { status: { conditions: [{ type: 'Ready', status: 'True' }] } })), apply(`${a}/status`, 'two', object('Widget', { status: { conditions: [{ type: 'Other', status: 'False' }] } }))),
    one('apply: maps', apply(a, 'one', object('Widget', { spec: { name: 'first', extra: { a: '1' } } })), apply(a, 'two', object('Widget', { spec: { extra: { b: '2' } } })), apply(a, 'one', object('Widget', { spec: { name: 'first' } })), get(a)),
    one('apply: fields without a schema', apply(path('blobs', 'a'), 'one', object('Blob', { list: [{ a: 1 }], map: { a: '1' } })), apply(path('blobs', 'a'), 'two', object('Blob', { list: [{ a: 1 }, { b: 2 }] })), apply(path('blobs', 'a'), 'two', object('Blob', { map: { b: '2' } })), get(path('blobs', 'a'))),
    one('managedFields of an update', make({ parts: [{ name: 'p' }], tags: ['x'], lines: ['l'], extra: { k: 'v' } })),
    one('a list that became invalid stays changeable elsewhere', given(), mergePatch(a, { metadata: { annotations: { x: 'y' } } })),

    one('two versions, one object', make(), get(group(`${groupName}/v1beta1`, 'widgets', 'a')), mergePatch(group(`${groupName}/v1beta1`, 'widgets', 'a'), { spec: { size: 4 } }), get(a), apply(group(`${groupName}/v1beta1`, 'widgets', 'a'), 'old', { apiVersion: `${groupName}/v1beta1`, kind: 'Widget', metadata: { name: 'a' }, spec: { colour: 'blue' } })),
    one('a deprecated version warns', get(group(`${groupName}/v1beta1`, 'widgets'))),
    one('a watch in the other version', watch('w', group(`${groupName}/v1beta1`, 'widgets')), make(), events('w', 1)),
    one('a watch', prepare(make()), watch('w', widgets), events('w', 1), mergePatch(a, { spec: { size: 5 } }), mergePatch(`${a}/status`, { status: { phase: 'x' } }), remove(a), events('w', 3)),
    one('a watch from too old a version', prepare(make()), watch('w', widgets, { resourceVersion: '1' }), events('w', 'all')),
    one('a streaming list', prepare(make()), watch('w', widgets, { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan', timeoutSeconds: '8' }), events('w', 2)),
    one('by field', given(), prepare(make({ colour: 'blue' }, { name: 'b' })), get(widgets, { query: { fieldSelector: 'spec.colour=blue' }, only: ['items[*].metadata.name'] }), get(widgets, { query: { fieldSelector: 'spec.size!=3' }, only: ['items[*].metadata.name'] }), get(widgets, { query: { fieldSelector: 'metadata.name=a' }, only: ['items[*].metadata.name'] })),
    one('by a field that cannot be selected', get(widgets, { query: { fieldSelector: 'spec.name=first' } })),
    one('in pages', ...['a', 'b', 'c'].map((name) => prepare(make({}, { name }))), get(widgets, { query: { limit: '2' }, keep: { next: 'metadata.continue' }, only: ['items[*].metadata.name', 'metadata', 'kind'] }), get(widgets, { query: { limit: '2', continue: '{{next}}' }, only: ['items[*].metadata.name', 'metadata'] })),
    one('a table', given({ on: true, at: '2024-01-02T03:04:05Z', ratio: 0.25 }), prepare(mergePatch(`${a}/status`, { status: { conditions: [{ type: 'Ready', status: 'True' }] } })), prepare(make({}, { name: 'b' })), get(widgets, { ...tables, only: ['kind', 'columnDefinitions', 'rows[0].cells[0]', 'rows[0].cells[1]', 'rows[0].cells[2]', 'rows[0].cells[3]', 'rows[0].cells[4]', 'rows[0].cells[5]', 'rows[0].cells[6]', 'rows[0].cells[8]', 'rows[1].cells', 'rows[1].object'] })),
    one('a table of what has no columns', prepare(create(path('blobs'), object('Blob', {}))), get(path('blobs'), tables)),
    one('bare metadata', given(), get(widgets, { headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' } })),
    one('generateName', create(widgets, { apiVersion: `${groupName}/v1`, kind: 'Widget', metadata: { generateName: 'w-' }, spec: { name: 'first' } })),
    one('dry run', { ...make(), query: { dryRun: 'All' } }, get(a)),
    one('finalizers', make({}, { finalizers: ['example.com/f'] }), remove(a), mergePatch(a, { spec: { size: 5 } }), mergePatch(a, { metadata: { finalizers: [] } }), get(a)),
    one('deletecollection', given(), { method: 'DELETE', path: widgets }, get(widgets)),
    one('foreground', given(), remove(a, { query: { propagationPolicy: 'Foreground' } }), get(a)),
    one('cluster-scoped in a namespace', get(group(`${groupName}/v1`, 'plates'))),
    one('without a namespace', create(clusterGroup(`${groupName}/v1`, 'widgets'), object('Widget', { spec: { name: 'first' } }))),
    one('PATCH of a collection', mergePatch(widgets, {})),
    one('PUT of a collection', update(widgets, object('Widget', { spec: { name: 'first' } }))),
    one('DELETE in all namespaces', { method: 'DELETE', path: clusterGroup(`${groupName}/v1`, 'widgets') }),
    one('GET in all namespaces by name', get(clusterGroup(`${groupName}/v1`, 'widgets', 'a'))),
    one('an unknown subresource', given(), get(`${a}/unknown`), mergePatch(`${a}/scale/more`, {})),
    one('an unknown resource of its group', get(path('gizmos')), get(clusterGroup(`${groupName}/v7`, 'widgets'))),
    one('finalizers that others might use', make({}, { finalizers: ['f', 'example.com'] }), mergePatch(a, { metadata: { finalizers: ['f', 'foregroundDeletion', 'g'] } }), mergePatch(a, { metadata: { finalizers: null } })),
    inAnyOrder(one('a status of a wrong type', given(), mergePatch(`${a}/status`, { status: { phase: 5, conditions: 'x' } }), mergePatch(`${a}/status`, { status: 7 }))),
    one('numbers of a scale that are none', make({ replicas: -1 }), make({ replicas: 3_000_000_000 }), given(), mergePatch(`${a}/status`, { status: { replicas: -2 } })),
    inAnyOrder(one('an embedded object of odd types', make({ template: { apiVersion: 'a/b/c', kind: 'a b', metadata: { name: 'x', namespace: 'A B', finalizers: ['a b'] } } }))),
    one('anything goes in a blob', create(path('blobs'), object('Blob', { a: { b: [1, null, 'x', { c: null }] }, spec: 7, status: 'text' })), mergePatch(path('blobs', 'a'), { a: { d: null } }), get(path('blobs', 'a'))),
    one('protobuf is not for custom resources', get(widgets, { headers: { accept: 'application/vnd.kubernetes.protobuf' } })),

    rule('all is well', ruled({ low: 1, high: 2, parts: [{ name: 'p-main' }] })),
    rule('a relation of two fields', ruled({ low: 5, high: 2 })),
    rule('a message that is computed', ruled({ mode: 'off', parts: [{ name: 'p-main' }] })),
    rule('a transition', prepare(ruled({ high: 50 })), mergePatch(path('rules', 'a'), { spec: { high: 40 } }), mergePatch(path('rules', 'a'), { spec: { high: 60 } })),
    rule('an immutable field', prepare(ruled({ fixed: 'x' })), mergePatch(path('rules', 'a'), { spec: { fixed: 'y' } }), mergePatch(path('rules', 'a'), { spec: { fixed: null } })),
    rule('set once', prepare(ruled({})), mergePatch(path('rules', 'a'), { spec: { once: 'x' } }), mergePatch(path('rules', 'a'), { spec: { once: 'y' } })),
    rule('all and exists_one', ruled({ parts: [{ name: 'x' }, { name: 'p-main' }] }), ruled({ parts: [{ name: 'p-a' }] })),
    rule('a transition inside a list map', prepare(ruled({ parts: [{ name: 'p-main', weight: 5 }] })), mergePatch(path('rules', 'a'), { spec: { parts: [{ name: 'p-x', weight: 1 }, { name: 'p-main', weight: 4 }] } })),
    rule('a range', ruled({ cidr: '10.0.0.0/8' }, 'a'), ruled({ cidr: '10.0.0.0/33' }, 'b')),
    rule('a quantity', ruled({ quantity: '2Gi' }, 'a'), ruled({ quantity: '5' }, 'b'), ruled({ quantity: 'x' }, 'c')),
    rule('text functions', ruled({ text: 'abc' }, 'a'), ruled({ text: 'aBc' }, 'b')),
    inAnyOrder(rule('a duration', ruled({ duration: '30m' }, 'a'), ruled({ duration: '2h' }, 'b'), ruled({ duration: 'x' }, 'c'))),
    rule('int or string', ruled({ port: 8080 }, 'a'), ruled({ port: 80 }, 'b'), ruled({ port: 'http' }, 'c'), ruled({ port: 'x' }, 'd')),
    rule('keys of a map', ruled({ labels: { ab: 'c' } }, 'a'), ruled({ labels: { a: 'c' } }, 'b')),
    rule('the name', ruled({}, 'a-name-that-is-long')),
    inAnyOrder(rule('rules and schema together', ruled({ low: 'x', high: 2, cidr: 'y' }))),
    rule('an unchanged mistake is forgiven', prepare(ruled({ fixed: 'x' })), mergePatch(path('rules', 'a'), { metadata: { labels: { a: 'b' } } })),
  ],
};
