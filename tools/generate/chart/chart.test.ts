// Goal: the chart installs what deploy/install.yaml does, a value changes what it says and nothing else, and a wrong one is refused. Method: its
// templates rendered here, with drawn values, beside the objects of the installation changed without any template; its schema read by a
// validator that is not ours. What helm itself makes of the same files is test/cluster/chart.test.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { customResourceDefinitions } from '@vfleet/kube';
import { parse, parseAllDocuments } from 'yaml';
import { VFLEET_VERSION } from '../../../packages/cli/src/version.ts';
import { chart } from './chart.ts';
import { chartObjects, get } from './chart-objects.ts';
import type { Values } from './chart-objects.ts';
import { createRenderer } from './render.ts';
import { CASES, valuesArbitrary, withValues } from './test-values.ts';
import { defaultValues } from './values-file.ts';

type Named = { readonly kind: string; readonly metadata: { readonly name: string; readonly namespace?: string; readonly annotations?: Readonly<Record<string, string>> } };

const NAMESPACE = 'sriov-network-operator';
const files = chart.outputs();
const file = (name: string) => files.get(`deploy/chart/vfleet/${name}`)!;
const installed = documentsOf(readFileSync(join(import.meta.dirname, '../../../deploy/install.yaml'), 'utf8')) as readonly Named[];
const render = createRenderer(file('templates/_helpers.tpl'));
const validate = new Ajv({ allErrors: true, strict: false, logger: false }).compile(JSON.parse(file('values.schema.json')) as object);

function documentsOf(text: string): readonly object[] {
  return parseAllDocuments(text, { version: '1.1' }).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    return document.toJS() as object;
  }).filter((object) => object !== null);
}

function rendered(values: Values, release = NAMESPACE): readonly Named[] {
  const templates = [...files].filter(([path]) => /\/templates\/[\w-]+\.yaml$/.test(path));
  return templates.flatMap(([, text]) => documentsOf(render(text, { Values: values, Release: { Namespace: release }, Chart: { AppVersion: VFLEET_VERSION } }))) as readonly object[] as readonly Named[];
}

const isHook = ({ metadata }: Named) => metadata.annotations?.['helm.sh/hook'] !== undefined;
const sorted = (objects: readonly object[]) => objects.map((object) => object as Named).toSorted((a, b) => nameOf(a).localeCompare(nameOf(b), 'en'));
const nameOf = ({ kind, metadata }: Named) => `${kind} ${metadata.namespace ?? ''} ${metadata.name}`;
const without = (kind: string) => installed.filter((object) => object.kind !== kind);
const definitions = [...files].filter(([path]) => path.includes('/crds/')).flatMap(([, text]) => documentsOf(text));

describe('without values', () => {
  test('it is deploy/install.yaml, object by object, but for the namespace, which is the release\'s, and a hook', () => {
    expect(sorted([...definitions, ...rendered(defaultValues()).filter((object) => !isHook(object))])).toEqual(sorted(without('Namespace')));
    expect(definitions).toEqual(customResourceDefinitions());
  });

  test('with a namespace of its own it has that too, kept', () => {
    const [namespace, ...rest] = rendered(withValues({ namespace: NAMESPACE }), 'default').filter((object) => !isHook(object));
    expect(namespace).toEqual({ ...installed[0], metadata: { ...installed[0]!.metadata, annotations: { 'helm.sh/resource-policy': 'keep' } } });
    expect(sorted([...definitions, ...rest])).toEqual(sorted(without('Namespace')));
  });

  test('values.yaml says the defaults, each below a comment', () => {
    expect(parse(file('values.yaml'), { version: '1.1' })).toEqual(defaultValues());
    const lines = file('values.yaml').split('\n');
    const below = (name: string) => lines[lines.findIndex((line) => line.trimStart().startsWith(`${name}:`)) - 1];
    for (const [name, value] of Object.entries(defaultValues())) for (const inner of hasGroup(name) ? Object.keys(value as object) : [name]) expect(below(inner)?.trimStart()).toMatch(/^#/);
  });
});

function hasGroup(name: string): boolean {
  return file('values.yaml').includes(`\n${name}:\n  #`);
}

describe('with values', () => {
  test('whatever they are, templates say what the installation with these changes is', () => {
    fc.assert(fc.property(valuesArbitrary, (values) => {
      const place = { namespace: NAMESPACE, image: imageOf(values) };
      expect(sorted(rendered(values))).toEqual(sorted(structuredClone(chartObjects(values, place))));
    }), { numRuns: 200 });
  });

  test.each(CASES)('$name', ({ values, kind, at, is }) => {
    const given = withValues(values);
    expect(validate(given), JSON.stringify(validate.errors)).toBe(true);
    const found = rendered(given).find((object) => object.kind === kind && !(is !== undefined && isHook(object)));
    if (at.at(-1) === 'args') expect(get(found, at)).toContain(is);
    else expect(get(found, at)).toEqual(is);
  });

  test('the notes say where it is, what stays, and what is simulated', () => {
    const notes = (values: Values) => render(file('templates/NOTES.txt'), { Values: values, Release: { Namespace: NAMESPACE }, Chart: { AppVersion: VFLEET_VERSION } });
    expect(notes(defaultValues())).toContain(`vfleet ${VFLEET_VERSION} is in the namespace ${NAMESPACE}.`);
    expect(notes(defaultValues())).not.toContain('simulated');
    expect(notes(withValues({ simulated: { fleet: { nodes: [] }, standIns: true } }))).toContain('NICs are simulated: VFs are veth interfaces.');
    expect(notes(withValues({ cleanUp: false }))).toContain('no pod can be created until they are deleted');
  });

  test('names that look like numbers stay names', () => {
    expect(rendered(defaultValues(), '123').find(({ kind }) => kind === 'Deployment')?.metadata.namespace).toBe('123');
  });
});

function imageOf(values: Values): string {
  const { repository, tag, digest } = values['image'] as { readonly repository: string; readonly tag: string; readonly digest: string };
  return digest === '' ? `${repository}:${tag === '' ? VFLEET_VERSION : tag}` : `${repository}@${digest}`;
}

describe('the schema', () => {
  test('takes the defaults, and all that is drawn', () => {
    expect(validate(defaultValues())).toBe(true);
    fc.assert(fc.property(valuesArbitrary, (values) => {
      const taken = validate(values);
      expect(taken, JSON.stringify(validate.errors)).toBe(true);
    }));
  });

  test.each([
    [{ operator: { replicas: 'two' } }, '/operator/replicas', 'must be integer'],
    [{ operator: { replicas: -1 } }, '/operator/replicas', 'must be >= 0'],
    [{ operator: { replica: 2 } }, '/operator', 'must NOT have additional properties'],
    [{ nodes: {} }, '', 'must NOT have additional properties'],
    [{ node: { logLevel: 'trace' } }, '/node/logLevel', 'must be equal to one of the allowed values'],
    [{ node: { maxSurge: '133%' } }, '/node/maxSurge', 'must match a schema in anyOf'],
    [{ node: { tolerations: { operator: 'Exists' } } }, '/node/tolerations', 'must be array'],
    [{ node: { resources: { requests: { cpu: 'much' } } } }, '/node/resources/requests/cpu', 'must match a schema in anyOf'],
    [{ image: { tag: '1.0:2' } }, '/image/tag', 'must match pattern'],
    [{ image: { digest: 'sha256:abc' } }, '/image/digest', 'must match pattern'],
    [{ namespace: 'Upper' }, '/namespace', 'must match pattern'],
    [{ operatorConfig: { logLevel: 7 } }, '/operatorConfig/logLevel', 'must be <= 2'],
    [{ operatorConfig: { featureGates: { parallelNicConfig: 'yes' } } }, '/operatorConfig/featureGates/parallelNicConfig', 'must be boolean'],
    [{ simulated: { fleet: { nodes: [{ nics: [] }] } } }, '/simulated/fleet/nodes/0', 'must NOT have additional properties'],
    [{ simulated: { standIns: true } }, '/simulated/fleet', 'must NOT have fewer than 1 properties'],
  ])('refuses %j', (wrong, instancePath, message) => {
    expect(validate(withValues(wrong))).toBe(false);
    expect(validate.errors).toContainEqual(expect.objectContaining({ instancePath, message: expect.stringContaining(message) }));
  });
});
