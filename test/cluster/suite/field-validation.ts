// Unknown and repeated fields: refused (Strict), reported in Warning headers (Warn), or dropped (Ignore).
import { core, create, group, jsonPatch, mergePatch, prepare, strategicPatch, update } from '../case.ts';
import type { Case, RequestStep, Theme } from '../case.ts';

const configmaps = core('configmaps');
const object = `${configmaps}/a`;
const given = prepare(create(configmaps, { metadata: { name: 'a' }, data: { a: '1' } }));
const modes = ['Strict', 'Warn', 'Ignore', ''] as const;

function inEveryMode(what: string, before: readonly RequestStep[], step: (query: Readonly<Record<string, string>>) => RequestStep): readonly Case[] {
  return modes.map((mode) => ({ name: `${what}, ${mode === '' ? 'by default' : mode}`, needs: ['serviceAccount'], steps: [...before, step(mode === '' ? {} : { fieldValidation: mode })] }));
}

const raw = (text: string) => (query: Readonly<Record<string, string>>): RequestStep => ({ method: 'POST', path: configmaps, text, query, headers: { 'content-type': 'application/json' } });
const deployment = {
  metadata: { name: 'a', colour: 'red' },
  spec: { replicaz: 1, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'main', image: 'i', imagee: 'j', ports: [{ containerPort: 1, porto: 2 }] }], nodeSelectors: {} } } },
};

export const fieldValidation: Theme = {
  name: 'field-validation',
  cases: [
    ...inEveryMode('an unknown field', [], raw('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"colour":"red"}')),
    ...inEveryMode('unknown fields deep inside', [], (query) => create(group('apps/v1', 'deployments'), deployment, { query })),
    ...inEveryMode('a field twice', [], raw('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","name":"b"},"data":{"a":"1"},"data":{"a":"2"}}')),
    ...inEveryMode('a map key twice', [], raw('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","a":"2","a":"3"}}')),
    ...inEveryMode('a field in another case', [], raw('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"DATA":{"a":"1"}}')),
    ...inEveryMode('a PUT with an unknown field', [given], (query) => update(object, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, colour: 'red', data: { a: '3' } }, { query })),
    ...inEveryMode('a merge patch with an unknown field', [given], (query) => mergePatch(object, { colour: 'red', data: { b: '2' } }, { query })),
    ...inEveryMode('a strategic patch with an unknown field', [given], (query) => strategicPatch(object, { colour: 'red', data: { b: '2' } }, { query })),
    ...inEveryMode('a JSON patch with an unknown field', [given], (query) => jsonPatch(object, [{ op: 'add', path: '/colour', value: 'red' }], { query })),
    ...inEveryMode('a server-side apply with an unknown field', [given], (query) => ({
      method: 'PATCH', path: object, query: { fieldManager: 'm', force: 'true', ...query }, headers: { 'content-type': 'application/apply-patch+yaml' }, text: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ncolour: red\n',
    })),
    ...inEveryMode('YAML with a key twice', [], (query) => ({ method: 'POST', path: configmaps, query, headers: { 'content-type': 'application/yaml' }, text: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: "1"\n  a: "2"\nextra: 1\n' })),
    ...inEveryMode('an invalid object with an unknown field', [], raw('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"A"},"colour":"red"}')),
  ],
};
