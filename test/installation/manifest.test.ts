// Goal: the manifest holds together: every name that one object says of another is there, and the processes understand the words that they
// are started with. Method: deploy/install.yaml as it is, read back and looked through; the words given to the command line's own parser.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { webhookNames } from '@vfleet/core';
import type { KubeObject } from '@vfleet/core';
import { injectorWebhook, operatorWebhooks } from '@vfleet/controllers';
import { labelRequirementsOf, matchesLabels } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { buildProgram } from '../../packages/cli/src/program.ts';
import { applyManifest, readManifest, resourceOf } from './apply.ts';

const NAMESPACE = 'sriov-network-operator';
const objects = readManifest(readFileSync(join(import.meta.dirname, '../../deploy/install.yaml'), 'utf8'));

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: number } };
  readonly volumeMounts?: readonly { readonly name: string }[];
}

type WithRules = KubeObject & { readonly rules: readonly Readonly<Record<string, readonly string[]>>[] };
type Binding = KubeObject & { readonly roleRef: { readonly kind: string; readonly name: string } };

interface Workload extends KubeObject {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> }; readonly spec: { readonly serviceAccountName: string; readonly containers: readonly Container[]; readonly volumes?: readonly { readonly name: string }[] } };
  };
}

// Fields of a kind are as the tests below find them, or they fail.
const of = <Type extends KubeObject>(kind: string) => objects.filter((object) => object.kind === kind) as readonly KubeObject[] as readonly Type[];
const workloads = [...of<Workload>('Deployment'), ...of<Workload>('DaemonSet')];
const containerOf = (workload: Workload) => workload.spec.template.spec.containers[0]!;

describe('the manifest', () => {
  test('has its own namespace first, its kinds before all else, and nothing twice', () => {
    expect(objects[0]).toMatchObject({ kind: 'Namespace', metadata: { name: NAMESPACE } });
    expect(of('CustomResourceDefinition')).toHaveLength(7);
    const names = objects.map(({ kind, metadata: { namespace = '', name } }) => `${kind} ${namespace}/${name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { metadata: { namespace } } of objects) expect([undefined, NAMESPACE, 'kube-system']).toContain(namespace);
  });

  test('nobody is an administrator of the cluster: no rule is of everything, and none can grant more', () => {
    const rules = [...of<WithRules>('ClusterRole'), ...of<WithRules>('Role')].flatMap((role) => role.rules);
    expect(rules.length).toBeGreaterThan(30);
    for (const rule of rules) {
      for (const values of Object.values(rule)) expect(values).not.toContain('*');
      expect(rule['verbs']).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(?:escalate|bind|impersonate)$/)]));
      expect(rule['apiGroups']).not.toContain('rbac.authorization.k8s.io');
    }
    for (const { roleRef } of [...of<Binding>('ClusterRoleBinding'), ...of<Binding>('RoleBinding')]) {
      expect(objects.some(({ kind, metadata }) => kind === roleRef.kind && metadata.name === roleRef.name)).toBe(true);
    }
  });

  test.each(workloads.map((workload) => [workload.kind, workload] as const))('the %s names an account, labels and volumes that are there', (_kind, workload) => {
    const { selector, template } = workload.spec;
    expect(of('ServiceAccount').map(({ metadata }) => metadata.name)).toContain(template.spec.serviceAccountName);
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    for (const { name } of containerOf(workload).volumeMounts ?? []) expect(template.spec.volumes?.map((volume) => volume.name)).toContain(name);
  });

  test.each(workloads.map((workload) => [workload.kind, workload] as const))('the words of the %s are those of the command line, and its ports are where it listens', (_kind, workload) => {
    const { args: [verb = '', ...words], env, ports, readinessProbe } = containerOf(workload);
    const program = buildProgram({ environment: {}, terminal: { out: () => {}, err: () => {}, colours: false } }, () => {});
    const command = program.commands.find((one) => one.name() === verb)!;
    const variables = new Map(env.map(({ name }) => [`$(${name})`, '192.0.2.1']));
    const parsed = command.parseOptions(words.map((word) => word.replace(/\$\([A-Z_]+\)/, (variable) => variables.get(variable) ?? variable)));
    expect(parsed).toEqual({ operands: [], unknown: [] });
    const port = (name: string) => ports?.find((one) => one.name === name)?.containerPort;
    // What a pod of the host's network names is a port of the node, of which two daemons, one after the other, could not both be.
    expect(port('status') !== undefined).toBe(verb === 'operator');
    const { statusPort } = command.opts();
    expect(command.opts()).toMatchObject({ namespace: NAMESPACE, statusPort: port('status') ?? expect.any(Number) });
    expect(readinessProbe.httpGet).toEqual({ path: '/readyz', port: statusPort as number });
    if (verb === 'operator') expect(command.opts()).toMatchObject({ webhookPort: port('webhooks') });
  });

  test('a daemon is replaced by one that runs beside it', () => {
    const daemons = workloads.find(({ kind }) => kind === 'DaemonSet') as KubeObject & { readonly spec: object };
    // One of the two has to be zero (k8s.io/kubernetes pkg/apis/apps/validation, ValidateRollingUpdateDaemonSet).
    expect(daemons.spec).toMatchObject({ updateStrategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: '33%' } }, minReadySeconds: 10, template: { spec: { hostNetwork: true } } });
    const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === `${daemons.metadata.name}-metrics`) as KubeObject & { readonly spec: { readonly ports: readonly { readonly targetPort: unknown }[] } };
    expect(service.spec.ports.map(({ targetPort }) => targetPort)).toEqual([9808]);
  });

  test('the API server lets our own pods in without asking us: where none runs, none would come back', () => {
    const { webhooks: [webhook] } = injectorWebhook({ address: { kind: 'service', namespace: NAMESPACE }, injectorMatchCondition: false }) as unknown as { readonly webhooks: readonly [{ readonly objectSelector: Parameters<typeof labelRequirementsOf>[0] }] };
    const selected = labelRequirementsOf(webhook.objectSelector);
    if (!selected.ok) throw new Error(selected.error.cause);
    expect(matchesLabels(selected.value, {})).toBe(true);
    expect(workloads).toHaveLength(2);
    for (const { spec } of workloads) expect(matchesLabels(selected.value, spec.template.metadata.labels)).toBe(false);
  });

  test('the webhook configurations that the operator makes lead to Services that lead to it', () => {
    const settings = { address: { kind: 'service' as const, namespace: NAMESPACE }, injectorMatchCondition: false };
    const named = [...operatorWebhooks(settings), injectorWebhook(settings)].map((configuration) => (configuration as { readonly webhooks: readonly { readonly clientConfig: { readonly service: { readonly name: string; readonly namespace: string } } }[] }).webhooks[0]!.clientConfig.service);
    expect(new Set(named.map(({ name }) => name))).toEqual(new Set([webhookNames.operatorService, webhookNames.injectorService]));
    const operator = workloads.find(({ kind }) => kind === 'Deployment')!;
    for (const { name, namespace } of named) {
      const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === name && metadata.namespace === namespace) as KubeObject & { readonly spec: { readonly selector: object; readonly ports: readonly { readonly port: number; readonly targetPort: string }[] } };
      expect(operator.spec.template.metadata.labels).toMatchObject(service.spec.selector);
      // Without a port in the configuration, an API server calls 443.
      expect(service.spec.ports).toEqual([{ name: 'webhooks', port: 443, targetPort: 'webhooks' }]);
    }
  });

  test('it can be applied again, and changes nothing then', async () => {
    const kube = createApiServer({ clock: new RealClock(), random: new SystemRandom() }).client();
    await applyManifest(kube, objects);
    // Definitions are established by a controller, which writes their status a moment later.
    const versions = async () => Object.fromEntries(await Promise.all(objects.filter(({ kind }) => kind !== 'CustomResourceDefinition').map(async (object) => [`${object.kind}/${object.metadata.name}`, (await kube.get(resourceOf(object), object.metadata)).metadata.resourceVersion])));
    const before = await versions();
    await applyManifest(kube, objects);
    expect(await versions()).toEqual(before);
  });
});

test('what cert-manager is asked for is what the operator serves with, for the names of the Services that lead to it', () => {
  const certificates = readManifest(readFileSync(join(import.meta.dirname, '../../deploy/cert-manager.yaml'), 'utf8'));
  type Certificate = KubeObject & { readonly spec: { readonly secretName: string; readonly dnsNames?: readonly string[]; readonly issuerRef: { readonly name: string } } };
  const issued = certificates.filter(({ kind }) => kind === 'Certificate') as readonly KubeObject[] as readonly Certificate[];
  for (const { spec } of issued) expect(certificates.some(({ kind, metadata }) => kind === 'Issuer' && metadata.name === spec.issuerRef.name)).toBe(true);
  const serving = issued.find(({ spec }) => spec.secretName === webhookNames.operatorService)!;
  const wanted = objects.filter(({ kind, metadata }) => kind === 'Service' && !metadata.name.endsWith('-metrics')).map(({ metadata: { name, namespace } }) => `${name}.${namespace}.svc`);
  expect(wanted).toHaveLength(2);
  expect(serving.spec.dnsNames).toEqual(expect.arrayContaining(wanted));
});
