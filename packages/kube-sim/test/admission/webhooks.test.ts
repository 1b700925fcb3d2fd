// Goal: admission webhooks are called when, with what and how the real server calls them, and their answers count the same.
// Method: an API server in process with webhooks that are functions; every refusal's text is the one recorded from Kubernetes 1.34.
import { describe, expect, test } from 'vitest';
import { SeededRandom, SimClock, isKubeError } from '@vfleet/core';
import type { Kube, KubeObject, Resource } from '@vfleet/core';
import { createApiServer } from '@vfleet/kube-sim';
import type { WebhookCall, WebhookReply } from '@vfleet/kube-sim/admission/webhooks/transport.ts';

type Loose = KubeObject & { readonly [key: string]: unknown };
const configMaps: Resource<Loose> = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const namespaces: Resource<Loose> = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
const services: Resource<Loose> = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true };
const configuration = (kind: 'Mutating' | 'Validating'): Resource<Loose> => ({ group: 'admissionregistration.k8s.io', version: 'v1', plural: `${kind.toLowerCase()}webhookconfigurations`, kind: `${kind}WebhookConfiguration`, namespaced: false });

interface Review {
  readonly request: { readonly uid: string; readonly operation: string; readonly name?: string; readonly namespace?: string; readonly object: Loose | null; readonly oldObject: Loose | null; readonly dryRun: boolean; readonly [key: string]: unknown };
}

type Behaviour = (review: Review, call: WebhookCall) => object | WebhookReply;

const RULE = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE', 'DELETE'], resources: ['configmaps'] };
const webhook = (name: string, more: object = {}) => ({
  name: `${name}.example.com`, admissionReviewVersions: ['v1'], sideEffects: 'None', clientConfig: { url: `https://hooks/${name}` }, rules: [RULE], ...more,
});

/** A server whose webhooks answer by the last part of their path: a response, or a whole reply. */
async function serverWith(kind: 'Mutating' | 'Validating', behaviours: Readonly<Record<string, Behaviour>>, ...webhooks: readonly object[]): Promise<{ readonly kube: Kube; readonly asked: Review['request'][]; readonly calls: WebhookCall[] }> {
  const server = createApiServer({ clock: new SimClock(), random: new SeededRandom('webhooks') });
  const asked: Review['request'][] = [];
  const calls: WebhookCall[] = [];
  server.reachWebhooksBy({
    async post(call) {
      const review = JSON.parse(call.body) as Review;
      asked.push(review.request);
      calls.push(call);
      const outcome = behaviours[/\/([^/?]*)\?/.exec(call.url)![1]!]!(review, call);
      if ('kind' in outcome) return outcome as WebhookReply;
      return { kind: 'answer', status: 200, body: JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: review.request.uid, ...outcome } }) };
    },
  });
  const kube = server.client();
  await kube.create(configuration(kind), { apiVersion: 'admissionregistration.k8s.io/v1', kind: `${kind}WebhookConfiguration`, metadata: { name: 'hooks' }, webhooks });
  return { kube, asked, calls };
}

const configMap = (name: string, more: object = {}): Loose => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { x: '1' }, ...more });
const patch = (operations: object) => ({ allowed: true, patchType: 'JSONPatch', patch: btoa(JSON.stringify(operations)) });
const deny = () => ({ allowed: false });

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return '';
  } catch (error) {
    return isKubeError(error) ? `${error.code} ${error.message}` : String(error);
  }
}

describe('validating', () => {
  test('denies in its own words and code', async () => {
    const { kube, asked } = await serverWith('Validating', { deny, explain: () => ({ allowed: false, status: { code: 418, message: 'the policy says no', reason: 'Policy' } }) }, webhook('explain', { objectSelector: { matchLabels: { explain: 'yes' } } }), webhook('deny'));
    expect(await refusal(kube.create(configMaps, configMap('a')))).toBe('400 admission webhook "deny.example.com" denied the request without explanation');
    expect(await refusal(kube.create(configMaps, configMap('b', { metadata: { name: 'b', namespace: 'default', labels: { explain: 'yes' } } })))).toBe('418 admission webhook "explain.example.com" denied the request: the policy says no');
    expect(asked[0]).toMatchObject({
      kind: { group: '', version: 'v1', kind: 'ConfigMap' }, resource: { group: '', version: 'v1', resource: 'configmaps' }, requestKind: { kind: 'ConfigMap' }, requestResource: { resource: 'configmaps' },
      name: 'a', namespace: 'default', operation: 'CREATE', userInfo: { username: 'kubernetes-admin' }, oldObject: null, dryRun: false, options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    });
    expect(asked[0]!.object?.metadata.uid).toBeDefined();
  });

  test('is asked about what its rules, selectors and conditions say, and about nothing else', async () => {
    const { kube, asked } = await serverWith('Validating', { a: () => ({ allowed: true }) }, webhook('a', {
      rules: [{ ...RULE, operations: ['UPDATE', 'DELETE'], scope: 'Namespaced' }],
      namespaceSelector: { matchExpressions: [{ key: 'free', operator: 'DoesNotExist' }] },
      matchConditions: [{ name: 'c', expression: 'request.operation == "DELETE" || object.data.x != "3"' }, { name: 'd', expression: 'oldObject.metadata.name.startsWith("a")' }],
    }));
    await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'free', labels: { free: 'yes' } } });
    for (const [name, namespace] of [['a', 'default'], ['b', 'default'], ['a', 'free']] as const) {
      const created = await kube.create(configMaps, configMap(name, { metadata: { name, namespace } }));
      const second = await kube.update(configMaps, { ...created, data: { x: '2' } });
      await kube.update(configMaps, { ...second, data: { x: '3' } });
      await kube.delete(configMaps, { namespace, name });
    }
    expect(asked.map(({ operation, namespace, name }) => `${operation} ${namespace}/${name}`)).toEqual(['UPDATE default/a', 'DELETE default/a']);
    expect(asked[1]).toMatchObject({ object: null, oldObject: { metadata: { name: 'a' } }, options: { kind: 'DeleteOptions' } });
  });

  const failures: readonly (readonly [string, Behaviour, string])[] = [
    ['an error', () => ({ kind: 'answer', status: 500, body: 'something broke' }), 'failed to call webhook: an error on the server ("something broke") has prevented the request from succeeding'],
    ['a path that is not there', () => ({ kind: 'answer', status: 404, body: '' }), 'failed to call webhook: the server could not find the requested resource'],
    ['a timeout', () => ({ kind: 'timeout' }), 'failed to call webhook: Post "https://hooks/a?timeout=10s": context deadline exceeded'],
    ['nobody there', () => ({ kind: 'failure', cause: 'dial tcp 127.0.0.1:1: connect: connection refused' }), 'failed to call webhook: Post "https://hooks/a?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused'],
    ['no JSON', () => ({ kind: 'answer', status: 200, body: 'no JSON' }), "failed to call webhook: couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }"],
    ['no response', () => ({ kind: 'answer', status: 200, body: '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}' }), 'received invalid webhook response: webhook response was absent'],
    ['another review', () => ({ kind: 'answer', status: 200, body: '{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","response":{"uid":"x"}}' }), 'received invalid webhook response: expected response.uid='],
    ['a patch', () => patch([{ op: 'add', path: '/data/y', value: '2' }]), 'received invalid webhook response: validating webhook may not return response.patch'],
  ];

  test.each(failures)('%s fails the request, or is ignored', async (_what, behaviour, text) => {
    const failing = await serverWith('Validating', { a: behaviour }, webhook('a'));
    expect(await refusal(failing.kube.create(configMaps, configMap('a')))).toContain(`500 Internal error occurred: failed calling webhook "a.example.com": ${text}`);
    const ignored = await serverWith('Validating', { a: behaviour }, webhook('a', { failurePolicy: 'Ignore' }));
    expect(await refusal(ignored.kube.create(configMaps, configMap('a')))).toBe('');
  });

  test('a condition that cannot be decided follows the failure policy', async () => {
    const conditions = { matchConditions: [{ name: 'c', expression: 'object.nope.x == 1' }] };
    const failing = await serverWith('Validating', { a: deny }, webhook('a', conditions));
    expect(await refusal(failing.kube.create(configMaps, configMap('a')))).toContain('403 configmaps "a" is forbidden: expression \'object.nope.x == 1\' resulted in error: no such key: nope');
    const ignored = await serverWith('Validating', { a: deny }, webhook('a', { ...conditions, failurePolicy: 'Ignore' }));
    expect(await refusal(ignored.kube.create(configMaps, configMap('a')))).toBe('');
  });

  test('services must be there; their calls say which', async () => {
    const { kube, calls } = await serverWith('Validating', { check: () => ({ allowed: true }) }, webhook('a', { clientConfig: { service: { namespace: 'default', name: 'hooks', path: '/check', port: 8443 } }, timeoutSeconds: 3 }));
    expect(await refusal(kube.create(configMaps, configMap('a')))).toBe('500 Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: Post "https://hooks.default.svc:8443/check?timeout=3s": service "hooks" not found');
    await kube.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'hooks', namespace: 'default' }, spec: { ports: [{ port: 8443 }] } });
    expect(await refusal(kube.create(configMaps, configMap('a')))).toBe('');
    expect(calls[0]).toMatchObject({ url: 'https://hooks.default.svc:8443/check?timeout=3s', service: { namespace: 'default', name: 'hooks', port: 8443 }, timeoutMs: 3_000 });
  });

  test('configurations themselves are never asked about, so that a bad one can be removed', async () => {
    const { kube } = await serverWith('Validating', { a: deny }, webhook('a', { rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }] }));
    expect(await refusal(kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } }))).toContain('denied the request');
    expect(await refusal(kube.delete(configuration('Validating'), { name: 'hooks' }))).toBe('');
    expect(await refusal(kube.create(configMaps, configMap('a')))).toBe('');
  });
});

describe('mutating', () => {
  const label = () => patch([{ op: 'add', path: '/metadata/labels', value: { added: 'yes' } }]);
  const data = ({ request }: Review) => patch([{ op: 'add', path: '/data/by', value: Object.keys(request.object?.metadata.labels ?? {}).join() }]);

  test('changes the object, one webhook after the other', async () => {
    const { kube, asked } = await serverWith('Mutating', { label, data }, webhook('label'), webhook('data'));
    expect(await kube.create(configMaps, configMap('a'))).toMatchObject({ metadata: { labels: { added: 'yes' } }, data: { x: '1', by: 'added' } });
    expect(asked.map(({ object }) => object?.metadata.uid)).toEqual([undefined, undefined]);
  });

  test('those that want it are called again after another changed the object, once', async () => {
    const again = await serverWith('Mutating', { label, data }, webhook('label', { reinvocationPolicy: 'IfNeeded' }), webhook('data', { reinvocationPolicy: 'IfNeeded' }));
    await again.kube.create(configMaps, configMap('a'));
    expect(again.calls.map(({ url }) => /hooks\/(\w+)/.exec(url)![1])).toEqual(['label', 'data', 'label']);
    const never = await serverWith('Mutating', { label, data }, webhook('label'), webhook('data'));
    await never.kube.create(configMaps, configMap('a'));
    expect(never.calls).toHaveLength(2);
  });

  test('what does not fit is refused', async () => {
    const refused = async (behaviour: Behaviour) => refusal((await serverWith('Mutating', { a: behaviour }, webhook('a'))).kube.create(configMaps, configMap('a')));
    expect(await refused(() => patch([{ op: 'remove', path: '/none/there' }]))).toBe('500 Internal error occurred: remove operation does not apply: doc is missing path: "/none/there": missing value');
    expect(await refused(() => ({ allowed: true, patch: btoa('[]') }))).toBe('500 Internal error occurred: failed calling webhook "a.example.com": received invalid webhook response: webhook returned response.patch but not response.patchType');
    expect(await refused(() => patch([{ op: 'add', path: '/metadata/name', value: 'Not A Name' }]))).toContain('422 ConfigMap "Not A Name" is invalid: metadata.name: Invalid value: "Not A Name"');
    expect(await refused(() => patch([{ op: 'add', path: '/data', value: 5 }]))).toContain('500 Internal error occurred: ');
  });

  test('a deletion has nothing to change', async () => {
    const { kube } = await serverWith('Mutating', { a: ({ request }) => (request.operation === 'DELETE' ? label() : { allowed: true }) }, webhook('a'));
    await kube.create(configMaps, configMap('a'));
    expect(await refusal(kube.delete(configMaps, { namespace: 'default', name: 'a' }))).toBe('500 Internal error occurred: admission webhook "a.example.com" attempted to modify the object, which is not supported for this operation');
  });
});

test('without a network, failure policies decide', async () => {
  const server = createApiServer({ clock: new SimClock(), random: new SeededRandom('none') });
  const kube = server.client();
  await kube.create(configuration('Validating'), { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration', metadata: { name: 'hooks' }, webhooks: [webhook('a')] });
  expect(await refusal(kube.create(configMaps, configMap('a')))).toContain('dial tcp: lookup hooks: this cluster has no network to its webhooks');
});
