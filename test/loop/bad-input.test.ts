// Goal: bad input never crashes the cluster or loses anything, and each gets the code and reason a real API server gives.
// Method: raw requests over HTTPS against a served loop, then the loop must still work.
import { request } from 'node:https';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { networkAttachmentDefinitions, nodePolicies, nodeStates, sriovNetworks } from '@vfleet/kube';
import { fleetFrom, servedLoop } from './harness.ts';

const fleet = fleetFrom({ nodes: [{ name: 'n1', labels: { capable: 'true' }, pfs: [{ personality: 'E810-CQDA2', pciAddress: '0000:81:00.0', name: 'ens801f0' }] }] });
const NAMESPACE = 'sriov-network-operator';
const networksPath = `/apis/sriovnetwork.openshift.io/v1/namespaces/${NAMESPACE}/sriovnetworks`;
const policiesPath = `/apis/sriovnetwork.openshift.io/v1/namespaces/${NAMESPACE}/sriovnetworknodepolicies`;

interface Answer {
  readonly code: number;
  readonly status: { readonly reason?: string; readonly message?: string; readonly details?: { readonly causes?: readonly { readonly field?: string; readonly message?: string }[] } };
}

describe('bad input', () => {
  let loop: Awaited<ReturnType<typeof servedLoop>>;
  let token = '';
  let authority = '';
  beforeAll(async () => {
    loop = await servedLoop(fleet);
    const config = parse(readFileSync(loop.kubeconfigPath, 'utf8')) as { clusters: { cluster: { 'certificate-authority-data': string } }[]; users: { user: { token: string } }[] };
    token = config.users[0]!.user.token;
    authority = Buffer.from(config.clusters[0]!.cluster['certificate-authority-data'], 'base64').toString();
  });
  afterAll(() => loop.stop());

  function send(method: string, path: string, body: string | Buffer, type = 'application/json', headers: Record<string, string> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, loop.url), { method, ca: authority, headers: { authorization: `Bearer ${token}`, 'content-type': type, ...headers } }, (incoming) => {
        let text = '';
        incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
        incoming.on('end', () => resolve({ code: incoming.statusCode ?? 0, status: text.startsWith('{') ? (JSON.parse(text) as Answer['status']) : { message: text } }));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  const network = (name: string, spec: Record<string, unknown>) => JSON.stringify({ apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetwork', metadata: { name, namespace: NAMESPACE }, spec: { resourceName: 'r', networkNamespace: 'default', ...spec } });
  const policy = (name: string, spec: Record<string, unknown>) => JSON.stringify({ apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { name, namespace: NAMESPACE }, spec: { resourceName: 'r', nodeSelector: {}, numVfs: 1, nicSelector: { vendor: '8086' }, ...spec } });

  test.each<[string, string, string | Buffer, string, number, string | undefined]>([
    ['truncated JSON', networksPath, '{"apiVersion": "sriovnetwork.open', 'application/json', 400, 'BadRequest'],
    ['malformed YAML', networksPath, 'a: [1\n\tb', 'application/yaml', 400, 'BadRequest'],
    ['invalid UTF-8', networksPath, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), 'application/json', 400, 'BadRequest'],
    ['an array', networksPath, '[]', 'application/json', 400, 'BadRequest'],
    ['another kind', networksPath, '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"}}', 'application/json', 400, 'BadRequest'],
    ['no name', networksPath, network('', {}), 'application/json', 422, 'Invalid'],
    ['a name that is none', networksPath, network('No_Name', {}), 'application/json', 422, 'Invalid'],
    ['a media type nobody speaks', networksPath, 'x', 'text/plain', 415, 'UnsupportedMediaType'],
    ['a required field missing', networksPath, JSON.stringify({ apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetwork', metadata: { name: 'x' }, spec: {} }), 'application/json', 422, 'Invalid'],
    ['a number out of range', networksPath, network('x', { vlan: 4095 }), 'application/json', 422, 'Invalid'],
    ['a word out of the list', networksPath, network('x', { spoofChk: 'perhaps' }), 'application/json', 422, 'Invalid'],
    ['a string for a number', policiesPath, policy('x', { numVfs: 'four' }), 'application/json', 422, 'Invalid'],
    ['an unknown field, strictly', `${networksPath}?fieldValidation=Strict`, network('x', { vlann: 5 }), 'application/json', 400, 'BadRequest'],
    ['a namespace that is not there', '/api/v1/namespaces/nowhere/configmaps', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}', 'application/json', 404, 'NotFound'],
    // Groups of definitions answer in plain text, as the real server's last handler does.
    ['a resource that is not there', '/apis/sriovnetwork.openshift.io/v1/namespaces/default/nonsense', '{}', 'application/json', 404, undefined],
  ])('%s', async (_what, path, body, type, code, reason) => {
    const answer = await send('POST', path, body, type);
    expect([answer.code, answer.status.reason], answer.status.message).toEqual([code, reason]);
  });

  test('no token, a wrong token', async () => {
    expect((await send('POST', networksPath, '{}', 'application/json', { authorization: 'Bearer wrong' })).code).toBe(401);
  });

  test('an applied object whose identity is made of objects with functions\' names is refused, not tripped over', async () => {
    const odd = { toString: 1, valueOf: null };
    for (const body of [{ apiVersion: odd, kind: 'ConfigMap' }, { apiVersion: 'v1', kind: odd }, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: odd, namespace: odd }, data: odd }]) {
      const answer = await send('PATCH', '/api/v1/namespaces/default/configmaps/odd?fieldManager=m', JSON.stringify(body), 'application/apply-patch+yaml');
      expect([answer.code, answer.status.message]).toEqual([expect.any(Number), expect.stringMatching(/invalid object type|failed to create typed patch|must be|cannot unmarshal/)]);
    }
  });

  test('keys that reach into prototypes stay data', async () => {
    await send('POST', '/api/v1/namespaces/default/configmaps', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"proto"},"data":{"__proto__":"x","constructor":"y"}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.prototype).not.toHaveProperty('x');
  });

  test.each([
    ['ipam', '{"type": "host-local", '], ['ipam', '[]'], ['capabilities', '{mac: true}'], ['metaPlugins', '{"type": "tuning"'], ['metaPlugins', 'nonsense'],
  ])('invalid JSON in %s (%s): stored, not rendered, and the condition says why', async (field, text) => {
    const name = `bad-${field.toLowerCase()}-${Buffer.from(text).toString('hex').slice(0, 12)}`;
    expect((await send('POST', networksPath, network(name, { [field]: text }))).code).toBe(201);
    await expect.poll(async () => (await loop.world.kube.get(sriovNetworks, { namespace: NAMESPACE, name })).status?.conditions?.[0]).toMatchObject({
      type: 'Ready', status: 'False', reason: 'NetworkAttachmentDefinitionInvalid', message: expect.stringContaining(field),
    });
    await expect(loop.world.kube.get(networkAttachmentDefinitions, { namespace: 'default', name })).rejects.toMatchObject({ reason: 'NotFound' });
  });

  test('a name that collides: somebody else\'s attachment definition is never overwritten', async () => {
    const config = '{"type":"bridge"}';
    await loop.world.kube.create(networkAttachmentDefinitions, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { name: 'taken', namespace: 'default', annotations: { 'sriovnetwork.openshift.io/owner-ref': 'SriovNetwork.sriovnetwork.openshift.io/elsewhere/other' } }, spec: { config } });
    expect((await send('POST', networksPath, network('taken', {}))).code).toBe(201);
    await expect.poll(async () => (await loop.world.kube.get(sriovNetworks, { namespace: NAMESPACE, name: 'taken' })).status?.conditions?.[0]?.status).toBe('False');
    expect((await loop.world.kube.get(networkAttachmentDefinitions, { namespace: 'default', name: 'taken' })).spec?.config).toBe(config);
  });

  test('a policy with a malformed range does not take another policy down', async () => {
    expect((await send('POST', policiesPath, policy('broken', { nicSelector: { pfNames: ['ens801f0#x-y'] } }))).code).toBe(201);
    expect((await send('POST', policiesPath, policy('sound', { numVfs: 2, nicSelector: { pfNames: ['ens801f0'] } }))).code).toBe(201);
    await expect.poll(async () => (await loop.world.kube.get(nodeStates, { namespace: NAMESPACE, name: 'n1' })).status?.interfaces?.[0]?.numVfs).toBe(2);
    await expect.poll(async () => (await loop.world.kube.get(nodePolicies, { namespace: NAMESPACE, name: 'broken' })).status?.conditions?.[0]).toMatchObject({ type: 'Ready', status: 'False' });
  });

  test('half a request, then silence; garbage instead of TLS: the server goes on', async () => {
    const { hostname, port } = new URL(loop.url);
    await new Promise<void>((resolve) => {
      const socket = tlsConnect({ host: hostname, port: Number(port), ca: authority }, () => {
        socket.write(`POST ${networksPath} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"half":`);
        socket.destroy();
      });
      socket.on('error', () => resolve());
      socket.on('close', () => resolve());
    });
    const { createConnection } = await import('node:net');
    await new Promise<void>((resolve) => {
      const socket = createConnection(Number(port), hostname, () => socket.end('GET / HTTP/1.0\r\n\r\n'));
      socket.on('error', () => resolve());
      socket.on('close', () => resolve());
    });
    expect((await send('POST', '/api/v1/namespaces/default/configmaps', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"after"}}')).code).toBe(201);
  });

  test('a body that is too large is refused with 413, deep nesting with 400', async () => {
    expect((await send('POST', networksPath, Buffer.alloc(4 * 1024 * 1024, 0x20))).code).toBe(413);
    expect((await send('POST', networksPath, `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`)).code).toBe(400);
  });
});
