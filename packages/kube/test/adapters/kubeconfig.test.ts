// Goal: a kubeconfig means to us what it means to the client library, which is loaded only for what needs it; a pod's service account is
// followed while its token is renewed. Method: the same files read by both, and what each says of a request compared.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { LibraryAccess } from '../../src/adapters/library-access.ts';
import { accessOfKubeconfig } from '../../src/adapters/kubeconfig.ts';
import { ServiceAccountAccess } from '../../src/adapters/service-account.ts';

const folder = mkdtempSync(join(tmpdir(), 'vfleet-kubeconfig-'));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'pki'));
for (const name of ['ca.pem', 'cert.pem', 'key.pem']) writeFileSync(join(folder, 'pki', name), `content of ${name}`);
const path = join(folder, 'config');

const optional = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>) => fc.record(fields, { requiredKeys: [] });
const word = fc.stringMatching(/^[a-zA-Z0-9.=:+-]{1,20}$/);
const base64 = word.map((text) => Buffer.from(text).toString('base64'));
const clusters = fc.record({
  'server': fc.constantFrom('https://10.0.0.1:6443', 'https://api.example.com/k8s/clusters/c1/', 'https://[::1]:8443'),
  'certificate-authority-data': base64, 'certificate-authority': fc.constantFrom('pki/ca.pem', join(folder, 'pki/ca.pem')),
  'insecure-skip-tls-verify': fc.boolean(), 'tls-server-name': word, 'extensions': fc.constant([{ name: 'x', extension: {} }]),
}, { requiredKeys: ['server'] });
// With both, client-go and the library differ in which goes first; nobody writes both.
const oneOf = (name: string, file: string) => fc.oneof(fc.constant({}), base64.map((data) => ({ [`${name}-data`]: data })), fc.constantFrom(file, join(folder, file)).map((where) => ({ [name]: where })));
const users = fc.tuple(optional({ token: word, username: word, password: word }), oneOf('client-certificate', 'pki/cert.pem'), oneOf('client-key', 'pki/key.pem')).map((parts) => Object.assign({}, ...parts) as Readonly<Record<string, unknown>>);

function write(cluster: object, user: object): void {
  writeFileSync(path, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'here',
    clusters: [{ name: 'other', cluster: { server: 'https://other' } }, { name: 'c', cluster }], users: [{ name: 'other', user: { token: 'other' } }, { name: 'u', user }],
    contexts: [{ name: 'there', context: { cluster: 'other', user: 'other' } }, { name: 'here', context: { cluster: 'c', user: 'u' } }],
  }));
}

const COMPARED = ['auth', 'ca', 'cert', 'key', 'servername', 'rejectUnauthorized'] as const;

async function said(apply: (options: RequestOptions) => Promise<void>): Promise<object> {
  const options: RequestOptions = {};
  await apply(options);
  const rest = Object.fromEntries(COMPARED.map((name) => [name, options[name] === undefined || typeof options[name] === 'boolean' ? options[name] : String(options[name])]));
  return { ...rest, headers: { ...options.headers } };
}

test('tokens, passwords, certificates and names of servers are as the library reads them', async () => {
  await fc.assert(fc.asyncProperty(clusters, users, async (cluster, user) => {
    const { 'certificate-authority-data': data, ...withoutData } = cluster;
    write('certificate-authority' in cluster ? withoutData : { ...withoutData, ...(data === undefined ? {} : { 'certificate-authority-data': data }) }, user);
    const library = new KubeConfig();
    library.loadFromFile(path);
    const ours = accessOfKubeconfig(path);
    expect(ours).not.toBeInstanceOf(LibraryAccess);
    expect(new URL(ours.server!).href.replace(/\/$/, '')).toBe(new URL(library.getCurrentCluster()!.server).href.replace(/\/$/, ''));
    const theirs = await said((options) => library.applyToHTTPSOptions(options));
    const basic = theirs as { auth?: string };
    // A user name without a password is "name:undefined" there.
    if (basic.auth?.endsWith(':undefined') === true) basic.auth = basic.auth.replace(/undefined$/, '');
    expect(await said((options) => ours.apply(options))).toEqual(theirs);
  }), { numRuns: 200 });
});

test('a server without TLS is taken, as kubectl takes it: it may be that of `kubectl proxy`', async () => {
  write({ server: 'http://127.0.0.1:8001' }, {});
  expect(await said((options) => accessOfKubeconfig(path).apply(options))).toMatchObject({ headers: {} });
});

test('YAML as kubectl writes it', async () => {
  writeFileSync(path, 'apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority: pki/ca.pem\n    server: https://h:6443\n  name: c\ncontexts:\n- context: {cluster: c, user: u}\n  name: x\ncurrent-context: x\nkind: Config\npreferences: {}\nusers:\n- name: u\n  user:\n    token: abc\n');
  const access = accessOfKubeconfig(path);
  expect([access.server, await said((options) => access.apply(options))]).toMatchObject(['https://h:6443', { ca: 'content of ca.pem', headers: { Authorization: 'Bearer abc' } }]);
});

test('another context can be named', async () => {
  write({ server: 'https://here' }, { token: 'here' });
  expect(await said((options) => accessOfKubeconfig(path, 'there').apply(options))).toMatchObject({ headers: { Authorization: 'Bearer other' } });
  expect([accessOfKubeconfig(path, 'there').server, accessOfKubeconfig(path).server, accessOfKubeconfig(path, 'nowhere').server]).toEqual(['https://other', 'https://here', undefined]);
});

describe('the library is asked for', () => {
  test.each([
    ['exec plugins', {}, { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', 'console.log(JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token: "of the plugin" } }))'], interactiveMode: 'Never' } }, { headers: { Authorization: 'Bearer of the plugin' } }, false],
    ['what is not known here', {}, { token: 'mine', as: 'somebody' }, { headers: { Authorization: 'Bearer mine' } }, true],
    ['proxies', { 'proxy-url': 'http://127.0.0.1:1' }, { token: 'mine' }, { headers: { Authorization: 'Bearer mine' } }, true],
  ])('%s', async (_, cluster, user, expected, isStatic) => {
    write({ server: 'https://here', ...cluster }, user);
    const access = accessOfKubeconfig(path);
    expect(access).toBeInstanceOf(LibraryAccess);
    expect(access).toMatchObject({ server: 'https://here', isStatic, isProxied: 'proxy-url' in cluster });
    expect(await said((options) => access.apply(options))).toMatchObject(expected);
  });
});

test.each([
  ['a text', 'clusters', /no clusters and no users/],
  ['a list', '[]', /no clusters and no users/],
  ['nothing', '', /no clusters and no users/],
  ['no YAML', 'clusters: [', /line \d+, column \d+/],
])('%s is no kubeconfig', (_, content, sentence) => {
  writeFileSync(path, content);
  expect(() => accessOfKubeconfig(path)).toThrow(sentence);
});

test.each(['{}', '{clusters: {}, users: 1, contexts: null, current-context: 5}', '{current-context: a, contexts: [{name: a, context: {cluster: __proto__, user: constructor}}]}', '{current-context: a, contexts: [{name: a}, 1, null]}'])('%s names no cluster', (content) => {
  writeFileSync(path, content);
  expect(accessOfKubeconfig(path).server).toBeUndefined();
});

test('a kubeconfig that is not there is told by its path', () => {
  expect(() => accessOfKubeconfig(join(folder, 'nowhere'))).toThrow(/nowhere/);
});

describe('a service account', () => {
  test.each([
    ['10.96.0.1', '443', 'https://10.96.0.1:443'],
    ['fd00::1', '6443', 'https://[fd00::1]:6443'],
  ])('%s port %s', (host, port, server) => {
    expect(new ServiceAccountAccess({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }, folder).server).toBe(server);
  });

  test('its token is read again after a minute, and not before', async () => {
    let now = 0;
    writeFileSync(join(folder, 'ca.crt'), 'authority');
    writeFileSync(join(folder, 'token'), 'first\n');
    const access = new ServiceAccountAccess({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, folder, () => now);
    const first = { headers: { Authorization: 'Bearer first' }, ca: 'authority' };
    expect(await said((options) => access.apply(options))).toMatchObject(first);
    writeFileSync(join(folder, 'token'), 'second');
    now = 59_999;
    expect(await said((options) => access.apply(options))).toMatchObject(first);
    now = 60_000;
    expect(await said((options) => access.apply(options))).toMatchObject({ headers: { Authorization: 'Bearer second' } });
  });

  test('without its files there are no credentials', async () => {
    await expect(new ServiceAccountAccess({}, join(folder, 'empty')).apply({})).rejects.toThrow(/ENOENT/);
  });
});
