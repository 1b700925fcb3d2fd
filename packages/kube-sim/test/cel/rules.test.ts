// Goal: x-kubernetes-validations hold for custom resources as on the real server: states, transitions, messages, places.
// Method: definitions and objects through the Kube port; the refusals are those of Kubernetes 1.34, recorded.
import { describe, expect, test } from 'vitest';
import { SeededRandom, SimClock, isKubeError } from '@vfleet/core';
import type { JsonSchema, Kube, KubeObject, Resource } from '@vfleet/core';
import { createApiServer } from '@vfleet/kube-sim';

type Loose = KubeObject & { readonly spec?: unknown };
const definitions: Resource<Loose> = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions', kind: 'CustomResourceDefinition', namespaced: false };
const things: Resource<Loose> = { group: 'r.example.com', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return '';
  } catch (error) {
    return isKubeError(error) ? (error.causes ?? []).map(({ field, message }) => `${field}: ${message}`).join('\n') || error.message : String(error);
  }
}

const definition = (spec: JsonSchema, more: object = {}, rootRules: JsonSchema['x-kubernetes-validations'] = []): Loose => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.r.example.com' },
  spec: {
    group: 'r.example.com', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec }, 'x-kubernetes-validations': rootRules } }, ...more }],
  },
});

const thing = (spec: unknown, name = 'a'): Loose => ({ apiVersion: 'r.example.com/v1', kind: 'Thing', metadata: { name, namespace: 'default' }, spec });

async function serverWith(spec: JsonSchema, more: object = {}, rootRules: JsonSchema['x-kubernetes-validations'] = []): Promise<Kube> {
  const kube = createApiServer({ clock: new SimClock(), random: new SeededRandom('rules') }).client();
  await kube.create(definitions, definition(spec, more, rootRules));
  return kube;
}

/** Rules have more fields than our own definitions use. */
type Rules = { readonly rule: string; readonly [more: string]: unknown }[];
const rules = (...all: Rules) => ({ 'x-kubernetes-validations': all });

describe('a rule', () => {
  test('about a state refuses creation and update, at its place, with its message, reason and field', async () => {
    const kube = await serverWith({
      type: 'object', properties: { low: { type: 'integer' }, high: { type: 'integer' }, mode: { type: 'string' } },
      ...rules({ rule: 'self.low <= self.high', message: 'low must not be above high' }, { rule: '!has(self.mode) || self.mode != "off"', messageExpression: '"mode " + self.mode + " is not allowed"', reason: 'FieldValueForbidden', fieldPath: '.mode' }, { rule: 'self.high < 10' }),
    });
    expect(await refusal(kube.create(things, thing({ low: 5, high: 2 })))).toBe('spec: Invalid value: "object": low must not be above high');
    expect(await refusal(kube.create(things, thing({ low: 1, high: 20, mode: 'off' })))).toBe('spec.mode: Forbidden: mode off is not allowed\nspec: Invalid value: "object": failed rule: self.high < 10');
    const created = await kube.create(things, thing({ low: 1, high: 2 }));
    expect(await refusal(kube.update(things, { ...created, spec: { low: 3, high: 2 } }))).toContain('low must not be above high');
  });

  test('about a change is asked only where there was a value, and optionalOldSelf asks always', async () => {
    const kube = await serverWith({
      type: 'object',
      properties: {
        fixed: { type: 'string', ...rules({ rule: 'self == oldSelf', message: 'fixed is immutable' }) },
        once: { type: 'string', ...rules({ rule: 'oldSelf.hasValue() || self != "never"', optionalOldSelf: true }) },
        parts: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, weight: { type: 'integer', ...rules({ rule: 'self >= oldSelf' }) } } } },
      },
    });
    expect(await refusal(kube.create(things, thing({ once: 'never' })))).toContain('spec.once: Invalid value: "string": failed rule');
    const created = await kube.create(things, thing({ fixed: 'x', parts: [{ name: 'a', weight: 5 }] }));
    expect(await refusal(kube.update(things, { ...created, spec: { fixed: 'y' } }))).toBe('spec.fixed: Invalid value: "string": fixed is immutable');
    expect(await refusal(kube.update(things, { ...created, spec: { fixed: 'x', parts: [{ name: 'b', weight: 1 }, { name: 'a', weight: 4 }] } }))).toBe('spec.parts[1].weight: Invalid value: "integer": failed rule: self >= oldSelf');
    expect(await refusal(kube.update(things, { ...created, spec: { once: 'first' } }))).toBe('');
  });

  test('is not asked of an object that breaks its schema, and a mistake that stays is forgiven', async () => {
    const kube = await serverWith({ type: 'object', properties: { size: { type: 'integer' }, text: { type: 'string' }, other: { type: 'string' } }, ...rules({ rule: 'self.size > 0' }) });
    expect(await refusal(kube.create(things, thing({ size: 'x' })))).toContain('<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation');
    expect(await refusal(kube.create(things, thing({ text: 'a' })))).toBe('spec: Invalid value: "object": no such key: size evaluating rule: self.size > 0');
  });

  test('sees names of the root, words that the grammar reserves, numbers or text, sets without order, times and bytes', async () => {
    const kube = await serverWith({
      type: 'object',
      properties: {
        namespace: { type: 'string' }, 'with-dash': { type: 'string' }, port: { 'x-kubernetes-int-or-string': true }, at: { type: 'string', format: 'date-time' }, for: { type: 'string', format: 'duration' }, data: { type: 'string', format: 'byte' },
        tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } }, labels: { type: 'object', additionalProperties: { type: 'string' } },
      },
      ...rules(
        { rule: '!has(self.__namespace__) || self.__namespace__ == "n"' }, { rule: '!has(self.with__dash__dash) || self.with__dash__dash == "d"' }, { rule: '!has(self.port) || (type(self.port) == int ? self.port > 1024 : self.port == "http")' },
        { rule: '!has(self.at) || self.at > timestamp("2020-01-01T00:00:00Z")' }, { rule: '!has(self.__for__) || self.__for__ < duration("1h")' }, { rule: '!has(self.data) || self.data == b"hi"' },
        { rule: '!has(self.tags) || self.tags == ["b", "a"] || self.tags.size() != 2' }, { rule: '!has(self.labels) || self.labels.all(key, key.size() > 1 && self.labels[key] != "")' },
      ),
    }, {}, [{ rule: 'self.metadata.name.size() < 4', message: 'name too long' }]);
    expect(await refusal(kube.create(things, thing({ namespace: 'n', 'with-dash': 'd', port: 8080, at: '2024-01-01T00:00:00Z', for: '30m', data: 'aGk=', tags: ['b', 'a'], labels: { ab: 'c' } })))).toBe('');
    for (const wrong of [{ namespace: 'x' }, { 'with-dash': 'x' }, { port: 80 }, { port: 'x' }, { at: '2019-01-01T00:00:00Z' }, { for: '2h' }, { data: 'aGE=' }, { labels: { a: 'c' } }]) {
      expect(await refusal(kube.create(things, thing(wrong, 'b'))), JSON.stringify(wrong)).toContain('spec: Invalid value: "object": failed rule:');
    }
    expect(await refusal(kube.create(things, thing({}, 'long')))).toBe('<nil>: Invalid value: "object": name too long');
  });

  test('that costs too much ends the check', async () => {
    const kube = await serverWith({ type: 'object', properties: { list: { type: 'array', maxItems: 100, items: { type: 'integer' } } }, ...rules({ rule: 'self.list.all(a, self.list.all(b, self.list.all(c, a + b + c >= 0)))' }, { rule: 'false' }) });
    expect(await refusal(kube.create(things, thing({ list: Array.from({ length: 100 }, (_, index) => index) })))).toMatch(/^spec: Invalid value: "object": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self\.list\.all\([^\n]*$/);
  });
});

describe('a definition', () => {
  const at = 'spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]';
  const shown = (rule: string) => `{"Rule":${JSON.stringify(rule)},"Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}`;
  const schema = (...all: Rules): JsonSchema => ({ type: 'object', properties: { s: { type: 'string' }, l: { type: 'array', items: { type: 'object', properties: { x: { type: 'string' } } } } }, ...rules(...all) });
  const refused = (spec: JsonSchema) => refusal(createApiServer({ clock: new SimClock(), random: new SeededRandom('d') }).client().create(definitions, definition(spec)));

  test.each([
    ['self.nope == 1', `${at}.rule: Invalid value: ${shown('self.nope == 1')}: compilation failed: ERROR: <input>:1:5: undefined field 'nope'\n | self.nope == 1\n | ....^`],
    ['has(self.nope)', `${at}.rule: Invalid value: ${shown('has(self.nope)')}: compilation failed: ERROR: <input>:1:4: undefined field 'nope'\n | has(self.nope)\n | ...^`],
    ['self.s', `${at}.rule: Invalid value: ${shown('self.s')}: cel expression must evaluate to a bool`],
    ['cel.bind(x, 1, x > 0)', `${at}.rule: Invalid value: ${shown('cel.bind(x, 1, x \\u003e 0)').replace('\\\\u', '\\u')}: compilation failed: ERROR: <input>:1:1: undeclared reference to 'cel' (in container '')\n | cel.bind(x, 1, x > 0)\n | ^\nERROR: <input>:1:9: undeclared reference to 'bind' (in container '')\n | cel.bind(x, 1, x > 0)\n | ........^\nERROR: <input>:1:10: undeclared reference to 'x' (in container '')\n | cel.bind(x, 1, x > 0)\n | .........^\nERROR: <input>:1:16: undeclared reference to 'x' (in container '')\n | cel.bind(x, 1, x > 0)\n | ...............^`],
    [' ', `${at}.rule: Required value: rule is not specified`],
    ['self.s\n== "a"', `${at}.message: Required value: message must be specified if rule contains line breaks`],
  ])('with the rule %j is refused', async (rule, wanted) => expect(await refused(schema({ rule }))).toBe(wanted));

  test('is refused for messages, reasons, paths and old values that mean nothing', async () => {
    expect(await refused(schema({ rule: 'true', messageExpression: '1' }))).toContain(`${at}.messageExpression: Invalid value: {"Rule":"true"`);
    expect(await refused(schema({ rule: 'true', reason: 'Nope' }))).toBe(`${at}.reason: Unsupported value: "Nope": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`);
    expect(await refused(schema({ rule: 'true', fieldPath: '.nope' }))).toBe(`${at}.fieldPath: Invalid value: ".nope": must be a valid path`);
    expect(await refused(schema({ rule: 'true', optionalOldSelf: true }))).toBe(`${at}.optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule`);
    expect(await refused({ type: 'object', properties: { l: { type: 'array', maxItems: 9, items: { type: 'string', maxLength: 9, ...rules({ rule: 'self == oldSelf' }) } } } })).toBe(
      'spec.validation.openAPIV3Schema.properties[spec].properties[l].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[spec].properties[l]');
  });
});

test('fields that a definition names can be selected by', async () => {
  const kube = await serverWith({ type: 'object', properties: { colour: { type: 'string' }, size: { type: 'integer' } } }, { selectableFields: [{ jsonPath: '.spec.colour' }, { jsonPath: '.spec.size' }] });
  for (const [name, spec] of [['a', { colour: 'red', size: 1 }], ['b', { colour: 'blue', size: 1 }], ['c', {}]] as const) await kube.create(things, thing(spec, name));
  const names = async (fieldSelector: string) => (await kube.list(things, { namespace: 'default', fieldSelector })).items.map(({ metadata }) => metadata.name);
  expect(await names('spec.colour=red')).toEqual(['a']);
  expect(await names('spec.size=1,spec.colour!=red')).toEqual(['b']);
  expect(await names('spec.colour=')).toEqual(['c']);
  expect(await refusal(names('spec.other=1'))).toContain('field label not supported: spec.other');
});
