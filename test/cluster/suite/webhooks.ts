// Admission webhooks: when they are called and with what, what they may change or refuse, and what happens when they fail.
import type { JsonValue } from '@vfleet/core';
import { clusterGroup, core, create, get, mergePatch, prepare, remove, reviews } from '../case.ts';
import type { Case, Step, Theme } from '../case.ts';

type Fields = { readonly [key: string]: JsonValue };
const configmaps = core('configmaps');
const group = 'admissionregistration.k8s.io/v1';
const validating = clusterGroup(group, 'validatingwebhookconfigurations');
const mutating = clusterGroup(group, 'mutatingwebhookconfigurations');

const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE', 'DELETE'], resources: ['configmaps'], scope: '*' };
const noProbe: JsonValue = { key: 'probe', operator: 'DoesNotExist' };
/** A webhook for the case's own namespace. */
const hook = (behaviour: string, more: Fields = {}, name = behaviour): JsonValue => ({
  name: `${name}.example.com`, admissionReviewVersions: ['v1'], sideEffects: 'None', timeoutSeconds: 5, clientConfig: { url: `{{webhook}}/${behaviour}`, caBundle: '{{webhookCa}}' },
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': '{{ns}}' } }, objectSelector: { matchExpressions: [noProbe] }, rules: [rule], ...more,
});
const make = (name = 'a', query: Readonly<Record<string, string>> = {}) => create(configmaps, { metadata: { name }, data: { x: '1' } }, { query });

/**
 * A case with a configuration. The servers learn of it in their own time: an object that a further webhook denies, and no other
 * is asked about, is tried until that one does.
 */
function one(name: string, path: string, given: readonly JsonValue[], ...steps: readonly Step[]): Case {
  const probe = hook('deny', { objectSelector: { matchLabels: { probe: 'yes' } } }, 'probe');
  return {
    name,
    steps: [
      prepare(create(path, { metadata: { name: '{{id}}' }, webhooks: [probe, ...given] })),
      prepare({ ...create(configmaps, { metadata: { name: 'probe', labels: { probe: 'yes' } } }, { query: { dryRun: 'All' } }), until: { status: 400 }, toleratesFailure: true }),
      { ...reviews, prepares: true },
      ...steps,
      prepare(remove(`${path}/{{id}}`)),
    ],
  };
}
const refused = (name: string, path: string, ...webhooks: readonly JsonValue[]): Case => ({ name, steps: [create(path, { metadata: { name: '{{id}}' }, webhooks }, { query: { dryRun: 'All' } })] });

export const webhooks: Theme = {
  name: 'webhooks',
  cases: [
    one('refuses', validating, [hook('deny')], make(), get(`${configmaps}/a`), reviews),
    one('refuses with its own status', validating, [hook('explain')], make(), reviews),
    one('warns', validating, [hook('warn')], make(), reviews),
    one('mutates', mutating, [hook('label')], make(), mergePatch(`${configmaps}/a`, { data: { y: '2' } }), get(`${configmaps}/a`), reviews),
    one('mutates, in a dry run', mutating, [hook('label')], make('a', { dryRun: 'All' }), get(`${configmaps}/a`), reviews),
    one('mutates into something invalid', mutating, [hook('break', { rules: [{ ...rule, operations: ['CREATE'] }] })], make(), reviews),
    one('mutates by a patch that does not fit', mutating, [hook('badpatch')], make()),
    one('a patch without its type', mutating, [hook('patchtype')], make()),
    one('two that mutate, in order', mutating, [hook('label', {}, 'a'), hook('data', {}, 'b')], make(), reviews),
    one('reinvoked after another changed the object', mutating, [hook('label', { reinvocationPolicy: 'IfNeeded' }, 'a'), hook('data', {}, 'b')], make(), reviews),
    one('on delete', validating, [hook('deny', { rules: [{ ...rule, operations: ['DELETE'] }] })], make(), remove(`${configmaps}/a`), get(`${configmaps}/a`), reviews),
    one('by object selector', validating, [hook('deny', { objectSelector: { matchExpressions: [noProbe, { key: 'free', operator: 'DoesNotExist' }] } })], make(), create(configmaps, { metadata: { name: 'b', labels: { free: 'yes' } } }), mergePatch(`${configmaps}/b`, { metadata: { labels: { free: null } } })),
    one('by match condition', validating, [hook('deny', { matchConditions: [{ name: 'not-free', expression: 'object.metadata.name != "free"' }, { name: 'not-delete', expression: 'request.operation != "DELETE"' }] })], make(), create(configmaps, { metadata: { name: 'free' } }), remove(`${configmaps}/free`)),
    one('another resource is not asked about', validating, [hook('deny')], create(core('secrets'), { metadata: { name: 'a' } }), reviews),
    one('all resources of a group', validating, [hook('deny', { rules: [{ ...rule, resources: ['*'] }] })], create(core('secrets'), { metadata: { name: 'a' } })),
    one('a subresource', validating, [hook('deny', { rules: [{ ...rule, resources: ['configmaps', 'serviceaccounts/*', 'pods/status'] }] })], create(core('serviceaccounts'), { metadata: { name: 'a' } })),
    one('an error, failing', validating, [hook('error')], make()),
    one('an error, ignored', validating, [hook('error', { failurePolicy: 'Ignore' }, 'a'), hook('deny', { rules: [{ ...rule, operations: ['UPDATE'] }] }, 'b')], make()),
    one('no JSON', validating, [hook('garbage')], make()),
    one('no response in it', validating, [hook('empty')], make()),
    one('a response to something else', validating, [hook('otheruid')], make()),
    one('a path that is not there', validating, [hook('nowhere')], make()),
    one('too slow', validating, [hook('slow', { timeoutSeconds: 1 })], make()),
    one('too slow, ignored', validating, [hook('slow', { timeoutSeconds: 1, failurePolicy: 'Ignore' })], make()),
    one('a certificate that does not verify', validating, [hook('allow', { clientConfig: { url: '{{webhook}}/allow' } })], make('a', { dryRun: 'All' })),
    one('side effects and dry run', validating, [hook('deny', { sideEffects: 'NoneOnDryRun' })], make('a', { dryRun: 'All' })),

    { name: 'defaults of a configuration', steps: [create(validating, { metadata: { name: '{{id}}' }, webhooks: [{ name: 'a.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None', clientConfig: { service: { namespace: 'n', name: 's' } }, rules: [{ apiGroups: ['none.example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['things'] }] }] }), prepare(remove(`${validating}/{{id}}`))] },
    { name: 'defaults of a mutating configuration', steps: [create(mutating, { metadata: { name: '{{id}}' }, webhooks: [{ name: 'a.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None', clientConfig: { service: { namespace: 'n', name: 's', path: '/mutate' } }, rules: [{ apiGroups: ['none.example.com'], apiVersions: ['v1'], operations: ['*'], resources: ['*/*'] }] }] }), prepare(remove(`${mutating}/{{id}}`))] },
    refused('no side effects said', validating, hook('allow', { sideEffects: null })),
    refused('unknown side effects', validating, hook('allow', { sideEffects: 'Some' })),
    refused('no review versions', validating, hook('allow', { admissionReviewVersions: [] })),
    refused('unknown review versions only', validating, hook('allow', { admissionReviewVersions: ['v9'] })),
    refused('a name of one word', validating, hook('allow', { name: 'allow' })),
    refused('the same name twice', validating, hook('allow'), hook('allow')),
    refused('a URL without TLS', validating, hook('allow', { clientConfig: { url: 'http://127.0.0.1/x' } })),
    refused('a URL and a service', validating, hook('allow', { clientConfig: { url: 'https://127.0.0.1/x', service: { namespace: 'n', name: 's' } } })),
    refused('neither URL nor service', validating, hook('allow', { clientConfig: {} })),
    refused('a timeout of 31 seconds', validating, hook('allow', { timeoutSeconds: 31 })),
    refused('an unknown failure policy', validating, hook('allow', { failurePolicy: 'Maybe' })),
    refused('an unknown operation', validating, hook('allow', { rules: [{ ...rule, operations: ['FLY'] }] })),
    refused('no resources', validating, hook('allow', { rules: [{ ...rule, resources: [] }] })),
    refused('an unknown match policy', validating, hook('allow', { matchPolicy: 'Roughly' })),
    refused('a wrong match condition', validating, hook('allow', { matchConditions: [{ name: 'a', expression: 'object.' }, { name: 'b', expression: '1' }, { name: 'b', expression: 'true' }] })),
    refused('an unknown reinvocation policy', mutating, hook('allow', { reinvocationPolicy: 'Always' })),
    refused('a wrong selector', validating, hook('allow', { namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } })),
  ],
};
