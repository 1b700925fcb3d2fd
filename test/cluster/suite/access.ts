// Who asks: tokens, anonymous requests, reviews of access, and what RBAC refuses.
import type { JsonValue } from '@vfleet/core';
import { clusterGroup, core, create, get, group, prepare } from '../case.ts';
import type { Case, RequestStep, Theme } from '../case.ts';

type Fields = { readonly [key: string]: JsonValue };
const one = (name: string, ...steps: readonly RequestStep[]): Case => ({ name, steps });
const reviews = '/apis/authorization.k8s.io/v1';
const self = (spec: Fields, headers: Readonly<Record<string, string>> = {}) => create(`${reviews}/selfsubjectaccessreviews`, { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec }, { headers });
const subject = (spec: Fields) => create(`${reviews}/subjectaccessreviews`, { spec });
const local = (spec: Fields) => create(`${reviews}/namespaces/{{ns}}/localsubjectaccessreviews`, { spec });
const rbac = (plural: string) => group('rbac.authorization.k8s.io/v1', plural);
const asUser = { 'impersonate-user': 'u' };
const mayReadPods = [
  prepare(create(rbac('roles'), { metadata: { name: 'reader' }, rules: [{ apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] }, { apiGroups: [''], resources: ['configmaps'], resourceNames: ['mine'], verbs: ['*'] }] })),
  prepare(create(rbac('rolebindings'), { metadata: { name: 'readers' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' }, subjects: [{ kind: 'User', name: 'u' }] })),
  // The authorizer learns of new roles in its own time.
  prepare({ ...self({ resourceAttributes: { namespace: '{{ns}}', verb: 'list', resource: 'pods' } }, asUser), until: { path: 'status.allowed', is: true } }),
];

export const access: Theme = {
  name: 'access',
  cases: [
    one('a token that is none', get(core('pods'), { headers: { authorization: 'Bearer nonsense' } })),
    one('a scheme that is none', get(core('pods'), { headers: { authorization: 'Basic YTpi' } })),
    one('anonymous: a list', get(core('pods'), { headers: { authorization: '' } })),
    one('anonymous: an object', get(core('pods', 'p'), { headers: { authorization: '' } })),
    one('anonymous: a create', create(core('pods'), { metadata: { name: 'p' } }, { headers: { authorization: '' } })),
    one('anonymous: what is open to all', get('/version', { headers: { authorization: '' }, only: ['major'] }), get('/readyz', { headers: { authorization: '' } })),
    one('anonymous: discovery', get('/apis', { headers: { authorization: '' } })),
    one('anonymous: a custom group', get('/apis/nothing.example.com/v1/namespaces/{{ns}}/things', { headers: { authorization: '' } })),
    one('may I: an administrator', self({ resourceAttributes: { namespace: '{{ns}}', verb: 'delete', resource: 'pods' } })),
    one('may I: what is not there', self({ resourceAttributes: { namespace: '{{ns}}', verb: 'fly', group: 'nothing.example.com', resource: 'things' } })),
    one('may I: a path', self({ nonResourceAttributes: { path: '/metrics', verb: 'get' } })),
    one('may I: neither', self({})),
    one('may I: both', self({ resourceAttributes: { verb: 'get', resource: 'pods' }, nonResourceAttributes: { path: '/', verb: 'get' } })),
    one('may I: in a namespace with metadata', create(`${reviews}/selfsubjectaccessreviews`, { metadata: { name: 'x' }, spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } })),
    one('may I: get is no verb here', get(`${reviews}/selfsubjectaccessreviews`)),
    one('may I: as somebody else', ...mayReadPods, self({ resourceAttributes: { namespace: '{{ns}}', verb: 'list', resource: 'pods' } }, asUser), self({ resourceAttributes: { namespace: '{{ns}}', verb: 'delete', resource: 'pods' } }, asUser), self({ resourceAttributes: { namespace: 'default', verb: 'list', resource: 'pods' } }, asUser)),
    one('may they', ...mayReadPods, subject({ user: 'u', resourceAttributes: { namespace: '{{ns}}', verb: 'get', resource: 'pods', subresource: 'log' } }), subject({ user: 'v', resourceAttributes: { namespace: '{{ns}}', verb: 'get', resource: 'pods' } }), subject({ user: 'u', resourceAttributes: { namespace: '{{ns}}', verb: 'update', resource: 'configmaps', name: 'mine' } }), subject({ groups: ['system:masters'], user: 'x', resourceAttributes: { verb: '*', resource: '*' } }), subject({ resourceAttributes: { verb: 'get', resource: 'pods' } })),
    one('may they: nobody', subject({ resourceAttributes: { verb: 'get', resource: 'pods' } })),
    one('may they: nothing', subject({ user: 'u' })),
    one('may they: an administrator', subject({ user: 'x', groups: ['system:masters'], resourceAttributes: { verb: '*', resource: '*' } })),
    one('may they: a stranger', subject({ user: 'nobody-we-know', resourceAttributes: { verb: 'get', resource: 'pods' } })),
    one('may they: an unknown field', create(`${reviews}/subjectaccessreviews`, { spec: { user: 'u', colour: 'red' } }, { query: { fieldValidation: 'Strict' } })),
    one('may they: get', get(`${reviews}/subjectaccessreviews`), get(`${reviews}/subjectaccessreviews/x`)),
    one('may they here', local({ user: 'nobody-we-know', resourceAttributes: { namespace: '{{ns}}', verb: 'get', resource: 'pods' } })),
    one('may they here: elsewhere', local({ user: 'u', resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' } })),
    one('may they here: a path', local({ user: 'u', nonResourceAttributes: { path: '/x', verb: 'get' } })),
    one('may they here: in no namespace', create(`${reviews}/localsubjectaccessreviews`, { spec: { user: 'u' } })),
    one('may I: in a namespace', create(`${reviews}/namespaces/{{ns}}/selfsubjectaccessreviews`, { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } })),
    one('may I: by name', create(`${reviews}/selfsubjectaccessreviews/x`, { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } })),
    one('may I: another kind', create(`${reviews}/selfsubjectaccessreviews`, { apiVersion: 'v1', kind: 'Pod' })),
    one('whose token: nobody\'s', create('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'nonsense' } })),
    one('whose token: none', create('/apis/authentication.k8s.io/v1/tokenreviews', { spec: {} })),
    one('what may I: nowhere', create(`${reviews}/selfsubjectrulesreviews`, { spec: {} })),
    one('what may I', create(`${reviews}/selfsubjectrulesreviews`, { spec: { namespace: '{{ns}}' } }, { only: ['kind', 'status.incomplete'] })),
    one('who am I', create('/apis/authentication.k8s.io/v1/selfsubjectreviews', { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }, { only: ['kind', 'apiVersion', 'metadata'] })),
    one('impersonation: allowed', ...mayReadPods, get(core('pods'), { headers: asUser })),
    one('impersonation: refused', ...mayReadPods, get(core('secrets'), { headers: asUser }), create(core('pods'), { metadata: { name: 'p' } }, { headers: asUser }), get(core('configmaps', 'other'), { headers: asUser }), get(core('configmaps', 'mine'), { headers: asUser })),
    one('impersonation: a service account', get(core('pods'), { headers: { 'impersonate-user': 'system:serviceaccount:{{ns}}:default' } })),
    one('impersonation: a group without a user', get(core('pods'), { headers: { 'impersonate-group': 'g' } })),
    one('a role that gives more than one has', ...mayReadPods, create(rbac('roles'), { metadata: { name: 'more' }, rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] }, { headers: asUser })),
    one('cluster roles that come with the server', get(`${clusterGroup('rbac.authorization.k8s.io/v1', 'clusterroles')}/cluster-admin`, { only: ['rules', 'metadata.labels'] })),
    one('a token for a service account', prepare(create(core('serviceaccounts'), { metadata: { name: 'robot' } })), create(core('serviceaccounts', 'robot', 'token'), { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } }, { only: ['kind', 'apiVersion', 'spec'] })),
  ],
};
