import type { JsonSchema } from '@vfleet/core';
import { DEFAULT_OPERATOR_NAMESPACE } from '@vfleet/core';
import { stringify } from 'yaml';
import { get, parts, workloadOf } from './chart-objects.ts';
import type { Values } from './chart-objects.ts';
import { choices } from './choices.ts';
import type { Change, Choice } from './choices.ts';
import * as types from './value-types.ts';

type Value = Pick<Choice, 'name' | 'schema' | 'says'> & { readonly default: unknown };

/** Where all is installed, and which image: what the templates include by name. */
const OWN_VALUES: readonly Value[] = [
  { name: 'namespace', schema: types.namespace, default: '', says: 'Where all is installed. Empty: the namespace of the release, which has to admit privileged pods. When set: this one, which the chart makes, with the labels for\nthat; it must be another than the release\'s. It is kept by `helm uninstall`.' },
  { name: 'image.repository', schema: { type: 'string', minLength: 1 }, default: 'vfleet', says: 'An image whose entry point is the `vfleet` executable.' },
  { name: 'image.tag', schema: { type: 'string', pattern: '^$|^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$' }, default: '', says: 'Empty: the version of the chart\'s application.' },
  { name: 'image.digest', schema: { type: 'string', pattern: '^$|^sha256:[0-9a-f]{64}$' }, default: '', says: 'sha256:…; counts instead of the tag.' },
];

/** Every value with its default. */
export function allValues(): readonly Value[] {
  // Grouped by their first names, so that values.yaml has each group once.
  const all: readonly Value[] = [...OWN_VALUES, ...choices.map((choice) => ({ ...choice, default: defaultOf(choice) }))];
  const groups = [...new Set(all.map(({ name }) => name.split('.')[0]))];
  return groups.flatMap((group) => all.filter(({ name }) => name.split('.')[0] === group));
}

function defaultOf({ name, changes, default: given }: Choice): unknown {
  if (given !== undefined) return given;
  const change = changes.find((one): one is Extract<Change, { kind: 'field' }> => one.kind === 'field');
  const objects = parts({ namespace: 'any', image: 'any' }, { value: () => undefined, json: () => undefined }).flatMap((part) => part.objects);
  const object = objects.find((one) => workloadOf(one) === change?.in);
  const found = change === undefined ? undefined : get(object, change.at);
  if (found === undefined) throw new RangeError(`the value ${name} has no default, and the installation has nothing where it goes`);
  return found;
}

/** values.yaml as helm reads it. */
export function defaultValues(): Values {
  const values: Record<string, unknown> = {};
  for (const { name, default: value } of allValues()) {
    const [first = '', second] = name.split('.');
    if (second === undefined) values[first] = value;
    else values[first] = { ...(values[first] as object | undefined), [second]: value };
  }
  return values;
}

/** values.yaml: each value under what it is for. */
export function valuesFile(header: string): string {
  const lines: string[] = [];
  let group = '';
  for (const { name, says, default: value } of allValues()) {
    const [first = '', second] = name.split('.');
    if (first !== group) lines.push('', ...(second === undefined ? [] : [`${first}:`]));
    group = first;
    const indent = second === undefined ? '' : '  ';
    lines.push(...says.split('\n').map((line) => `${indent}# ${line}`));
    lines.push(...stringify({ [second ?? first]: value }, { version: '1.1', lineWidth: 0 }).trimEnd().split('\n').map((line) => indent + line));
  }
  return `${header}# The docs of this project install into ${DEFAULT_OPERATOR_NAMESPACE}.\n${lines.join('\n')}\n`;
}

/** values.schema.json (draft 7, which helm 3 reads): a name that nobody knows is a mistake. */
export function valuesSchema(): object {
  const properties: Record<string, JsonSchema> = {};
  for (const { name, schema, says } of allValues()) {
    const described: JsonSchema = { ...strict(schema, name === 'simulated.fleet'), description: says.replaceAll('\n', ' ') };
    const [first = '', second] = name.split('.');
    if (second === undefined) properties[first] = described;
    else properties[first] = { type: 'object', additionalProperties: false, properties: { ...properties[first]?.properties, [second]: described } };
  }
  // Stand-ins of NICs that are not simulated are refused here, and not by a daemon that ends.
  const standIns = { if: { properties: { standIns: { const: true } }, required: ['standIns'] }, then: { properties: { fleet: { minProperties: 1 } } } };
  properties['simulated'] = { ...properties['simulated'], ...standIns };
  // What helm hands to every chart of a parent.
  properties['global'] = { type: 'object' };
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Values of the chart vfleet', type: 'object', additionalProperties: false, properties };
}

/** A schema of the API as one of values: unknown names are refused, and nothing of Kubernetes' own vocabulary is left. */
function strict(schema: JsonSchema, mayBeEmpty = false): JsonSchema {
  const { properties, items, additionalProperties, required, 'x-kubernetes-preserve-unknown-fields': open, ...rest } = schema;
  const plain = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('x-kubernetes-') && name !== 'default')) as JsonSchema;
  return {
    ...plain,
    ...(items === undefined ? {} : { items: strict(items) }),
    ...(properties === undefined ? {} : { properties: Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, strict(property)])) }),
    ...(required === undefined || mayBeEmpty ? {} : { required }),
    ...(typeof additionalProperties === 'object' ? { additionalProperties: strict(additionalProperties) } : properties !== undefined && open !== true ? { additionalProperties: false } : {}),
  };
}
