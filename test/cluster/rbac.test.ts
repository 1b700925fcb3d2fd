// Goal: on a real API server the shipped roles are what the components need: nothing is refused, nothing granted is unused, and without any
// one verb the server refuses what it was for. Method: deploy/install.yaml applied by kubectl; operator and node by tokens of their service
// accounts, in the story that is also told to the embedded server; what they asked for, by the server's own audit log.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Kube, KubeObject, ObjectKey, Patch, Resource, WriteOptions } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { accessText, grantFor, grantedTexts } from '@vfleet/controllers/installation/access.ts';
import type { AccessRequest, AccessVerb, Component } from '@vfleet/controllers/installation/access.ts';
import { componentNames } from '@vfleet/controllers/installation/roles.ts';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import type { RealApiServer } from '../../tools/rigs/real-cluster.ts';
import { prepare, tellInstallation } from '../installation/story.ts';
import { clientOf, install } from './rbac-install.ts';
import { realServerIsBuilt } from './servers.ts';

const NAMESPACE = 'sriov-network-operator';
const COMPONENTS: readonly Component[] = ['operator', 'node'];
const userOf = (component: Component) => `system:serviceaccount:${NAMESPACE}:${componentNames[component]}`;

/** Of audit.k8s.io/v1, what is compared. */
interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource: string; readonly namespace?: string; readonly name?: string; readonly apiGroup?: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code?: number };
}

/** Lets something happen before the next write of a status. */
class Interrupted extends api.ObservedKube {
  beforeStatus: (() => Promise<void>) | undefined;

  override async patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, options?: WriteOptions & { readonly subresource?: 'status' }): Promise<Type> {
    const work = resource.plural === api.nodeStates.plural && options?.subresource === 'status' ? this.beforeStatus : undefined;
    if (work !== undefined) this.beforeStatus = undefined;
    await work?.();
    return super.patch(resource, key, patch, options);
  }
}

describe.skipIf(!(await realServerIsBuilt()))('the shipped roles on a real API server', () => {
  const open = new AsyncDisposableStack();
  let server: RealApiServer;
  let admin: Kube;
  let auditLog = '';

  beforeAll(async () => {
    const folder = open.adopt(mkdtempSync(join(tmpdir(), 'vfleet-audit-')), (path) => rmSync(path, { recursive: true }));
    auditLog = join(folder, 'audit.log');
    const rules = [{ level: 'Metadata', users: COMPONENTS.map(userOf) }, { level: 'None' }];
    writeFileSync(join(folder, 'policy.yaml'), JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules }));
    const apiServerArguments = [`--audit-policy-file=${join(folder, 'policy.yaml')}`, `--audit-log-path=${auditLog}`, '--audit-log-mode=blocking'];
    server = open.adopt(await startRealApiServer({ unsafeNoFsync: true, apiServerArguments }), (running) => running.stop());
    admin = open.adopt(kubeFromConfigFile(server.kubeconfig), (one) => one.close());
    await install(server);
    await prepare(admin);
  }, 300_000);
  afterAll(() => open.disposeAsync());

  test('granted and asked for are the same, and nothing is refused', { timeout: 900_000 }, async () => {
    const [operator, node] = await Promise.all(COMPONENTS.map(async (component) => open.adopt(await clientOf(server, component), (one) => one.close())));
    const interrupted = new Interrupted(node!, { monotonicMs: () => 0 }, () => {});
    await tellInstallation({ admin, operator: operator!, node: interrupted, beforeNextStatus: (work) => void (interrupted.beforeStatus = work) });
    const audited = readFileSync(auditLog, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as AuditEvent);
    expect(audited.filter(({ responseStatus }) => responseStatus?.code === 403 || responseStatus?.code === 401)).toEqual([]);
    for (const component of COMPONENTS) {
      const asked = audited.filter(({ user }) => user.username === userOf(component)).flatMap(requestsOf);
      const used = asked.map((request) => {
        const grant = grantFor(component, NAMESPACE, request);
        return grant === undefined ? `not granted: ${JSON.stringify(request)}` : accessText({ ...grant, verb: request.verb, name: grant.names === undefined ? '' : request.name! });
      });
      expect([...new Set(used)].sort()).toEqual([...grantedTexts(component)].sort());
    }
  });

  test('without any one verb of any one rule, the server does not allow what it was for', { timeout: 900_000 }, async () => {
    let checked = 0;
    for (const component of COMPONENTS) {
      for (const { resource, key, rules } of await rolesOf(component)) {
        const replace = (next: readonly Rule[]) => admin.patch(resource, key, { type: 'merge', patch: { rules: next } });
        for (const [at, rule] of rules.entries()) {
          for (const verb of rule.verbs) {
            const asks = { component, rule, verb, namespace: key.namespace };
            expect(await isAllowed(asks)).toBe(true);
            await replace(rules.map((one, index) => (index === at ? { ...one, verbs: one.verbs.filter((other) => other !== verb) } : one)).filter(({ verbs }) => verbs.length > 0));
            await vi.waitFor(async () => expect([JSON.stringify(asks), await isAllowed(asks)]).toEqual([JSON.stringify(asks), false]), { timeout: 60_000, interval: 5 });
            checked++;
          }
        }
        await replace(rules);
        await vi.waitFor(async () => expect(await isAllowed({ component, rule: rules[0]!, verb: rules[0]!.verbs[0]!, namespace: key.namespace })).toBe(true), { timeout: 60_000, interval: 5 });
      }
    }
    // Names are told apart in the texts and stand together in the rules.
    expect(checked).toBeGreaterThan(80);
  });

  test('a request that is not allowed any more gets 403, and what was never granted too', { timeout: 300_000 }, async () => {
    const [operator, node] = await Promise.all(COMPONENTS.map(async (component) => open.adopt(await clientOf(server, component), (one) => one.close())));
    const never: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['other secrets', () => operator!.get(api.secrets, { namespace: NAMESPACE, name: 'other' })],
      ['secrets of others', () => operator!.list(api.secrets, { namespace: 'kube-system' })],
      ['deleting nodes', () => operator!.delete(api.nodes, { name: 'worker-0' }, { dryRun: true })],
      ['pods of its own making', () => operator!.create(api.pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name: 'x' }, spec: { containers: [{ name: 'c', image: 'i' }] } }, { dryRun: true })],
      ['webhooks of others', () => operator!.delete(api.mutatingWebhookConfigurations, { name: 'other' }, { dryRun: true })],
      ['specs of node states', () => node!.patch(api.nodeStates, { namespace: NAMESPACE, name: 'worker-0' }, { type: 'merge', patch: { spec: {} } }, { dryRun: true })],
      ['secrets', () => node!.list(api.secrets, { namespace: NAMESPACE })],
      ['pods as a whole', () => node!.patch(api.pods, { namespace: 'default', name: 'x' }, { type: 'merge', patch: { metadata: { labels: { a: 'b' } } } })],
      ['other config maps', () => node!.get(api.configMapResource, { namespace: NAMESPACE, name: 'supported-nic-ids' })],
    ];
    for (const [what, request] of never) await expect([what, await codeOf(request)]).toEqual([what, 403]);
    const taken: readonly (readonly [Component, string, string, () => Promise<unknown>])[] = [
      ['operator', 'nodes', 'list', () => operator!.list(api.nodes, { limit: 1 })],
      ['operator', 'pods/eviction', 'create', () => operator!.evict({ namespace: 'default', name: 'nobody' })],
      ['node', 'nodes', 'get', () => node!.get(api.nodes, { name: 'worker-0' })],
      ['node', 'pods', 'list', () => node!.list(api.pods, { limit: 1 })],
    ];
    for (const [component, plural, verb, request] of taken) {
      expect([plural, await codeOf(request)]).not.toEqual([plural, 403]);
      const { resource, key, rules } = (await rolesOf(component)).find((one) => one.resource.kind === 'ClusterRole')!;
      await admin.patch(resource, key, { type: 'merge', patch: { rules: rules.map((rule) => (rule.resources.includes(plural) ? { ...rule, verbs: rule.verbs.filter((other) => other !== verb) } : rule)).filter(({ verbs }) => verbs.length > 0) } });
      await vi.waitFor(async () => expect([plural, await codeOf(request)]).toEqual([plural, 403]), { timeout: 60_000, interval: 10 });
      await admin.patch(resource, key, { type: 'merge', patch: { rules } });
      await vi.waitFor(async () => expect([plural, await codeOf(request)]).not.toEqual([plural, 403]), { timeout: 60_000, interval: 10 });
    }
  });

  async function rolesOf(component: Component) {
    const name = componentNames[component];
    const places = [{ resource: clusterRoles, key: { name } }, ...[NAMESPACE, 'kube-system'].map((namespace) => ({ resource: roles, key: { namespace, name } }))];
    const found: { readonly resource: Resource<Role>; readonly key: ObjectKey; readonly rules: readonly Rule[] }[] = [];
    for (const { resource, key } of places) {
      const role = await admin.get(resource, key).catch((error: unknown) => {
        if (!isKubeError(error, 'NotFound')) throw error;
        return undefined;
      });
      if (role !== undefined) found.push({ resource, key, rules: role.rules });
    }
    return found;
  }

  async function isAllowed({ component, rule, verb, namespace }: { readonly component: Component; readonly rule: Rule; readonly verb: string; readonly namespace: string | undefined }): Promise<boolean> {
    const [resource = '', subresource] = rule.resources[0]!.split('/');
    const resourceAttributes = { verb, group: rule.apiGroups[0], resource, ...(subresource === undefined ? {} : { subresource }), ...(namespace === undefined ? {} : { namespace }), ...(rule.resourceNames === undefined ? {} : { name: rule.resourceNames[0] }) };
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`, 'system:authenticated'];
    const review = await admin.create(accessReviews, { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', metadata: { name: '' }, spec: { user: userOf(component), groups, resourceAttributes } });
    return review.status?.allowed === true;
  }
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

type Role = KubeObject & { readonly rules: readonly Rule[] };
type AccessReview = KubeObject & { readonly spec: object; readonly status?: { readonly allowed?: boolean } };

const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' };
const clusterRoles: Resource<Role> = { ...rbac, plural: 'clusterroles', kind: 'ClusterRole', namespaced: false };
const roles: Resource<Role> = { ...rbac, plural: 'roles', kind: 'Role', namespaced: true };
const accessReviews: Resource<AccessReview> = { group: 'authorization.k8s.io', version: 'v1', plural: 'subjectaccessreviews', kind: 'SubjectAccessReview', namespaced: false };

/** What an event asked the authorizer for; apply that made its object asked for `create` too. */
function requestsOf({ verb, objectRef, responseStatus }: AuditEvent): readonly AccessRequest[] {
  if (objectRef === undefined) return [];
  const { resource: plural, apiGroup: group = '', subresource = '', namespace, name } = objectRef;
  const request = { verb: verb as AccessVerb, resource: { group, plural }, subresource, ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) };
  return verb === 'patch' && responseStatus?.code === 201 ? [request, { ...request, verb: 'create' }] : [request];
}

async function codeOf(request: () => Promise<unknown>): Promise<number> {
  try {
    await request();
    return 200;
  } catch (error) {
    if (!isKubeError(error)) throw error;
    return error.code;
  }
}
