// Goal: patches, bodies and reviews are refused in the words that kube-apiserver 1.34 was seen to use, also where there is none to compare
// with. Method: requests to a served API server; the expected sentences are what `npm run test:cluster` found the real one to say.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SeededRandom, silentLog, SimClock } from '@vfleet/core';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const json = 'application/json-patch+json';
const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';
const applied = 'application/apply-patch+yaml';

interface Answer {
  readonly code: number;
  readonly warnings: string;
  readonly status: { readonly message?: string; readonly data?: unknown; readonly spec?: { readonly replicas?: number }; readonly status?: unknown };
}

let send: (method: string, path: string, body: string, type?: string) => Promise<Answer>;
let end = async () => {};

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-refusals-'));
  const apiServer = createApiServer({ clock: new SimClock(), random: new SeededRandom('refusals'), log: silentLog });
  const served = await serve(apiServer, { port: 0, host: '127.0.0.1', folder });
  const kubeconfig = JSON.parse(readFileSync(served.kubeconfigPath, 'utf8')) as { readonly clusters: readonly [{ readonly cluster: Record<string, string> }]; readonly users: readonly [{ readonly user: Record<string, string> }] };
  const ca = Buffer.from(kubeconfig.clusters[0].cluster['certificate-authority-data']!, 'base64');
  send = (method, path, body, type = 'application/json') => new Promise((resolve, reject) => {
    const outgoing = request(`${served.url}${path}`, { method, ca, headers: { authorization: `Bearer ${kubeconfig.users[0].user['token']}`, 'content-type': type, 'user-agent': 'test' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve({ code: response.statusCode!, warnings: String(response.headers['warning'] ?? ''), status: JSON.parse(text) as Answer['status'] }));
    });
    outgoing.on('error', reject).end(body);
  });
  end = async () => {
    await served.close();
    apiServer.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  await send('POST', MAPS, JSON.stringify({ metadata: { name: 'a', finalizers: ['example.com/f', 'example.com/g'] }, data: { a: '1' } }));
  const containers = [{ name: 'one', image: 'one:1' }, { name: 'two', image: 'two:1' }];
  await send('POST', DEPLOYMENTS, JSON.stringify({ metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers, nodeSelector: { disk: 'fast' } } } } }));
});
afterAll(() => end());

const inPod = (spec: object) => JSON.stringify({ spec: { template: { spec } } });
const rejected = 'the server rejected our request due to an error in our request';

describe('patches', () => {
  test.each<[string, string, string, number, string]>([
    ['an object and no list', json, '{"op":"remove"}', 400, 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp'],
    ['an operation that is a text', json, '["remove"]', 400, 'error decoding patch: json: cannot unmarshal string into Go value of type handlers.jsonPatchOp'],
    ['an operation of a wrong type', json, '[{"op":1,"path":"/data"}]', 400, 'error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string'],
    ['no operation', json, '[null]', 422, rejected],
    ['an index beyond the end', json, '[{"op":"replace","path":"/metadata/finalizers/9","value":"x"}]', 422, rejected],
    ['the whole object is added', json, '[{"op":"add","path":"","value":{}}]', 422, rejected],
    ['no name', json, '[{"op":"remove","path":"/metadata/name"}]', 400, 'the name of the object (a based on URL) was undeterminable: name must be provided'],
    ['null', merge, 'null', 400, 'Invalid JSON Patch'],
    ['a list', merge, '[]', 400, 'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}'],
    ['another name', merge, '{"metadata":{"name":"b"}}', 400, 'the name of the object (b) does not match the name on the URL (a)'],
    ['an empty configuration', applied, '', 400, 'invalid object type: /, Kind='],
    ['a list as configuration', applied, '[]', 400, 'error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}'],
    ['a type that nobody knows', 'application/magic', '{}', 415, '415: Unsupported Media Type'],
  ])('%s', async (_name, type, body, code, message) => {
    const answer = await send('PATCH', `${MAPS}/a?fieldManager=m`, body, type);
    expect([answer.code, answer.status.message]).toEqual([code, message]);
  });

  test.each<[string, string, number, string]>([
    ['no merge key', inPod({ containers: [{ image: 'x' }] }), 500, 'map: map[image:x] does not contain declared merge key: name'],
    ['an unknown directive', inPod({ nodeSelector: { $patch: 'think' } }), 500, 'unknown patch type: think in map: map[$patch:think]'],
    ['a directive that is a number', inPod({ nodeSelector: { $patch: 1 } }), 500, 'unknown patch type: %!s(int64=1) in map: map[$patch:1]'],
    ['a directive that is an object', inPod({ nodeSelector: { $patch: { a: 1.5, b: null, c: [true] } } }), 500, 'unknown patch type: map[a:%!s(float64=1.5) b:%!s(<nil>) c:[%!s(bool=true)]] in map: map[$patch:map[a:1.5 b:<nil> c:[true]]]'],
    ['an order that is none', inPod({ '$setElementOrder/containers': 'x' }), 500, 'expected a []interface {}, but received a string'],
    ['an order without a list', inPod({ '$setElementOrder/tolerations': [], tolerations: null }), 500, 'expected a []interface {}, but received a %!s(<nil>)'],
    ['an order that lacks an element', inPod({ '$setElementOrder/containers': [{ name: 'one' }], containers: [{ name: 'two', image: 'two:3' }] }), 500, "The order in patch list:\n[map[image:two:3 name:two]]\n doesn't match $setElementOrder list:\n[map[name:one]]\n"],
    ['keys to retain that are none', inPod({ $retainKeys: 'x' }), 400, 'invalid patch format of retainKeys'],
    ['a list where an object belongs', '{"spec":["x"]}', 422, ' "" is invalid: patch: Invalid value: "map[spec:[x]]": cannot restore struct from: slice'],
    ['a text where a number belongs', '{"spec":{"replicas":"x"}}', 422, ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:x]]": unrecognized type: int32'],
    ['a fraction where a number belongs', '{"spec":{"replicas":1.5}}', 422, ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:1.5]]": cannot convert float64 to int32'],
    ['a number where a text belongs', inPod({ nodeSelector: { disk: 1 } }), 422, ' "" is invalid: patch: Invalid value: "map[spec:map[template:map[spec:map[nodeSelector:map[disk:1]]]]]": cannot convert int64 to string'],
    ['a text where a map belongs', inPod({ nodeSelector: 'x' }), 422, ' "" is invalid: patch: Invalid value: "map[spec:map[template:map[spec:map[nodeSelector:x]]]]": cannot restore map from string'],
  ])('strategic: %s', async (_name, body, code, message) => {
    const answer = await send('PATCH', `${DEPLOYMENTS}/d`, body, strategic);
    expect([answer.code, answer.status.message]).toEqual([code, message]);
  });

  test('what is wrong with the result is said of the result, for JSON and merge patches', async () => {
    const { code, status } = await send('PATCH', `${MAPS}/a`, '{"data":{"a":1}}', merge);
    expect([code, status.message?.startsWith(' "" is invalid: patch: Invalid value: "{\\"apiVersion\\":\\"v1\\"'), status.message?.endsWith(': json: cannot unmarshal number into Go struct field ConfigMap.data of type string')]).toEqual([422, true, true]);
  });

  test('what the real server lets pass', async () => {
    expect((await send('PATCH', `${MAPS}/a`, '[{"op":"replace","path":"/data/new","value":"x"},{"op":"replace","path":"/metadata/finalizers/01","value":"example.com/h"},{"op":"copy","from":"/data/none","path":"/data/copied"}]', json)).status.data).toEqual({ a: '1', new: 'x', copied: '' });
    expect((await send('PATCH', `${MAPS}/a`, 'null', json)).code).toBe(200);
    expect((await send('PATCH', `${MAPS}/a`, '{"metadata":{"resourceVersion":null}}', merge)).code).toBe(200);
    expect((await send('PATCH', `${DEPLOYMENTS}/d`, '{"kind":"Secret","apiVersion":"v2","spec":{"replicas":3}}', strategic)).status.spec?.replicas).toBe(3);
    expect((await send('PATCH', `${DEPLOYMENTS}/d`, '{"metadata":{"$deleteFromPrimitiveList/finalizers":"x"}}', strategic)).code).toBe(200);
  });
});

describe('bodies', () => {
  const twice = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: twice\ndata:\n  a: "1"\n  a: "2"\nextra: 1\n';

  test('keys that are there twice, in JSON and in YAML', async () => {
    const inJson = await send('POST', `${MAPS}?fieldValidation=Strict`, '{"metadata":{"name":"x"},"data":{"a":"1","a":"2","a":"3"},"colour":1}');
    expect([inJson.code, inJson.status.message]).toEqual([400, 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.a", unknown field "colour"']);
    const inYaml = await send('POST', `${MAPS}?fieldValidation=Strict`, twice, 'application/yaml');
    expect([inYaml.code, inYaml.status.message]).toEqual([400, 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 7: key "a" already set in map, unknown field "extra"']);
    expect((await send('POST', MAPS, twice, 'application/yaml')).warnings).toBe('299 - "line 7: key \\"a\\" already set in map", 299 - "unknown field \\"extra\\""');
    expect((await send('POST', `${MAPS}?fieldValidation=Ignore&dryRun=All`, twice.replace('name: twice', 'name: other'), 'application/yaml')).warnings).toBe('');
  });

  test('of another kind: decoded as that first', async () => {
    expect((await send('POST', MAPS, '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"data":{"a":"!"}}')).status.message).toBe('Secret in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 0');
    expect((await send('POST', MAPS, '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}')).status.message).toBe('Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion');
  });

  test('AppArmor\'s annotations become fields, and are refused where they say nothing', async () => {
    const pod = (name: string, annotation: string) => send('POST', '/api/v1/namespaces/default/pods', JSON.stringify({ metadata: { name, annotations: { 'container.apparmor.security.beta.kubernetes.io/c': annotation } }, spec: { containers: [{ name: 'c', image: 'i' }] } }));
    const { code, warnings, status } = await pod('right', 'localhost/x');
    expect([code, warnings.includes('use the \\"appArmorProfile\\" field instead')]).toEqual([201, true]);
    expect(status.spec).toMatchObject({ containers: [{ securityContext: { appArmorProfile: { type: 'Localhost', localhostProfile: 'x' } } }] });
    expect((await pod('wrong', 'magic')).status.message).toBe('Pod "wrong" is invalid: metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: Invalid value: "magic": invalid AppArmor profile name: "magic"');
  });
});

describe('reviews', () => {
  const access = '/apis/authorization.k8s.io/v1';

  test.each<[string, string, string, number, string]>([
    ['neither a resource nor a path', `${access}/selfsubjectaccessreviews`, '{}', 422, '.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified'],
    ['both', `${access}/selfsubjectaccessreviews`, '{"spec":{"resourceAttributes":{"verb":"get"},"nonResourceAttributes":{"path":"/","verb":"get"}}}', 422, '.authorization.k8s.io "" is invalid: spec.nonResourceAttributes: Invalid value: {"Path":"/","Verb":"get"}: cannot be specified in combination with resourceAttributes'],
    ['nobody', `${access}/subjectaccessreviews`, '{"spec":{"resourceAttributes":{"verb":"get"}}}', 422, '.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified'],
    ['elsewhere', `${access}/namespaces/default/localsubjectaccessreviews`, '{"spec":{"user":"u","resourceAttributes":{"namespace":"x","verb":"get"}}}', 422, '.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "x": must match metadata.namespace'],
    ['no token', '/apis/authentication.k8s.io/v1/tokenreviews', '{}', 400, 'token is required for TokenReview in authentication'],
    ['by name', `${access}/selfsubjectaccessreviews/x`, '{}', 404, 'the server could not find the requested resource'],
  ])('%s', async (_name, path, body, code, message) => {
    const answer = await send('POST', path, body);
    expect([answer.code, answer.status.message]).toEqual([code, message]);
  });

  test('are answered', async () => {
    expect((await send('POST', `${access}/selfsubjectaccessreviews`, '{"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}')).status.status).toEqual({ allowed: true });
    expect((await send('POST', `${access}/subjectaccessreviews`, '{"spec":{"user":"stranger","resourceAttributes":{"verb":"get","resource":"pods"}}}')).status.status).toEqual({ allowed: false });
    expect((await send('POST', `${access}/subjectaccessreviews`, '{"spec":{"groups":["system:masters"],"resourceAttributes":{"verb":"get","resource":"pods"}}}')).status.status).toEqual({ allowed: true });
    expect((await send('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', '{}')).status.status).toMatchObject({ userInfo: { username: 'kubernetes-admin' } });
    expect((await send('POST', '/apis/authentication.k8s.io/v1/tokenreviews', '{"spec":{"token":"nonsense"}}')).status.status).toMatchObject({ user: {} });
    expect((await send('GET', `${access}/selfsubjectaccessreviews`, '')).code).toBe(405);
  });
});
