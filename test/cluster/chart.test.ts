// Goal: helm takes the chart: lints and renders it as we do, refuses wrong values with a sentence, installs, upgrades, rolls back and uninstalls it
// on a real API server, and what is left behind stands in nobody's way. Method: helm itself, built from its Go module; nobody runs pods here, so
// the test does what the Job of the chart would, with that Job's words, account and rights.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Kube, KubeObject } from '@vfleet/core';
import { finalizers, isKubeError, webhookNames } from '@vfleet/core';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { run } from '../../packages/cli/src/program.ts';
import { VFLEET_VERSION } from '../../packages/cli/src/version.ts';
import { chartObjects } from '../../tools/generate/chart/chart-objects.ts';
import type { Values } from '../../tools/generate/chart/chart-objects.ts';
import { CASES, valuesArbitrary, withValues } from '../../tools/generate/chart/test-values.ts';
import { runCommand } from '../../tools/rigs/command.ts';
import { helmDir, helmIsBuilt } from '../../tools/rigs/helm.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import type { RealApiServer } from '../../tools/rigs/real-cluster.ts';
import { kubectl } from './rbac-install.ts';
import { realServerIsBuilt } from './servers.ts';

const CHART = join(import.meta.dirname, '../../deploy/chart/vfleet');
const NAMESPACE = 'sriov-network-operator';
const RELEASE = 'fleet';
const JOB = { namespace: NAMESPACE, name: 'vfleet-uninstall' };

type Named = { readonly kind: string; readonly metadata: { readonly name: string; readonly namespace?: string } };

const serverIsBuilt = await realServerIsBuilt();

const nameOf = (object: object) => {
  const { kind, metadata } = object as Named;
  return `${kind} ${metadata.namespace ?? ''} ${metadata.name}`;
};
const sorted = (objects: readonly object[]) => objects.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b), 'en'));

describe.skipIf(!(await helmIsBuilt()))('the chart in the hands of helm', () => {
  const open = new AsyncDisposableStack();
  let home: string;
  let environment: NodeJS.ProcessEnv;

  beforeAll(async () => {
    home = open.adopt(await mkdtemp(join(tmpdir(), 'vfleet-helm-')), (path) => rm(path, { recursive: true }));
    environment = { PATH: process.env['PATH'], HOME: home, HELM_CACHE_HOME: join(home, 'cache'), HELM_CONFIG_HOME: join(home, 'config'), HELM_DATA_HOME: join(home, 'data') };
  });
  afterAll(() => open.disposeAsync());

  const helm = async (words: readonly string[], more: NodeJS.ProcessEnv = {}) => {
    const { exitCode, stdout, stderr } = await runCommand(join(helmDir(), 'helm'), words, { env: { ...environment, ...more } });
    return { exitCode, stdout, stderr };
  };
  const valuesFile = async (values: Values) => {
    const path = join(home, 'values.json');
    await writeFile(path, JSON.stringify(values));
    return path;
  };

  test('lint finds nothing wrong, with --strict', async () => {
    expect(await helm(['lint', '--strict', CHART])).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('1 chart(s) linted, 0 chart(s) failed') });
  });

  test('it renders what we say that it does, whatever the values', async () => {
    const all = [...CASES.map(({ values }) => withValues({ ...values, namespace: '' })), ...fc.sample(valuesArbitrary, { numRuns: 12, seed: 1 }).map(withValues)];
    for (const values of all) {
      const { exitCode, stdout, stderr } = await helm(['template', RELEASE, CHART, '--namespace', NAMESPACE, '--values', await valuesFile(values)]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const { repository, tag, digest } = values['image'] as { readonly repository: string; readonly tag: string; readonly digest: string };
      const image = digest === '' ? `${repository}:${tag === '' ? VFLEET_VERSION : tag}` : `${repository}@${digest}`;
      const rendered = parseAllDocuments(stdout, { version: '1.1' }).map((document) => document.toJS() as object | null).filter((object) => object !== null);
      expect(sorted(rendered)).toEqual(sorted(chartObjects(values, { namespace: NAMESPACE, image })));
    }
  });

  test.each([
    [{ operator: { replicas: 'two' } }, /at '\/operator\/replicas': got string, want integer/],
    [{ operator: { replica: 2 } }, /at '\/operator': additional properties 'replica' not allowed/],
    [{ node: { logLevel: 'trace' } }, /at '\/node\/logLevel': value must be one of 'debug', 'info', 'warn', 'error'/],
    [{ simulated: { standIns: true } }, /at '\/simulated\/fleet': minProperties: got 0, want 1/],
  ])('refuses %j', async (values, message) => {
    expect(await helm(['template', RELEASE, CHART, '--values', await valuesFile(values)])).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(message) });
  });

  describe.skipIf(!serverIsBuilt)('on a real API server', () => {
    let server: RealApiServer;
    let kube: ReturnType<typeof kubeFromConfigFile>;

    beforeAll(async () => {
      server = open.adopt(await startRealApiServer({ unsafeNoFsync: true }), (running) => running.stop());
      kube = open.adopt(kubeFromConfigFile(server.kubeconfig), (one) => one.close());
    }, 300_000);

    const onServer = async (...words: readonly string[]) => {
      const { exitCode, stdout, stderr } = await helm(words, { KUBECONFIG: server.kubeconfig });
      expect(exitCode, `${stdout}${stderr}`).toBe(0);
      return stdout + stderr;
    };
    const deployment = () => kube.get(api.deployments, { namespace: NAMESPACE, name: 'sriov-network-operator' });
    const definitions = async () => (await kube.list(api.customResourceDefinitionResource)).items.length;

    test('it is installed, with a configuration of its own, and says what next', async () => {
      const values = await valuesFile({ operator: { replicas: 1 }, operatorConfig: { featureGates: { parallelNicConfig: true } } });
      const said = await onServer('install', RELEASE, CHART, '--namespace', NAMESPACE, '--create-namespace', '--values', values);
      expect(said).toContain(`is in the namespace ${NAMESPACE}.`);
      expect(said.toLowerCase()).not.toContain('warning');
      expect((await deployment()).spec?.replicas).toBe(1);
      expect(await kube.get(api.operatorConfigs, { namespace: NAMESPACE, name: 'default' })).toMatchObject({ spec: { featureGates: { parallelNicConfig: true } } });
      expect(await definitions()).toBe(api.customResourceDefinitions().length);
    });

    test('an upgrade changes what its values say, a roll-back takes that back', async () => {
      await onServer('upgrade', RELEASE, CHART, '--namespace', NAMESPACE, '--reuse-values', '--set', 'operator.replicas=3', '--set', 'image.tag=9.9.9');
      expect(await deployment()).toMatchObject({ spec: { replicas: 3, template: { spec: { containers: [{ image: 'vfleet:9.9.9' }] } } } });
      await onServer('rollback', RELEASE, '1', '--namespace', NAMESPACE);
      expect(await deployment()).toMatchObject({ spec: { replicas: 1, template: { spec: { containers: [{ image: `vfleet:${VFLEET_VERSION}` }] } } } });
    });

    test('CRDs are upgraded as the notes say', async () => {
      const shown = join(home, 'crds.yaml');
      await writeFile(shown, await onServer('show', 'crds', CHART));
      const name = 'sriovnetworks.sriovnetwork.openshift.io';
      await kube.patch(api.customResourceDefinitionResource, { name }, { type: 'json', operations: [{ op: 'remove', path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/trust' }] });
      const hasTrust = async () => JSON.stringify((await kube.get(api.customResourceDefinitionResource, { name })).spec).includes('"trust"');
      expect(await hasTrust()).toBe(false);
      await kubectl(server, 'apply', '--server-side', '--force-conflicts', '-f', shown);
      expect(await hasTrust()).toBe(true);
    });

    test('uninstalled, CRDs and custom resources stay; nothing hangs on a finalizer or a webhook of somebody who is gone', async () => {
      await kube.patch(api.operatorConfigs, { namespace: NAMESPACE, name: 'default' }, { type: 'merge', patch: { metadata: { finalizers: [finalizers.operatorConfig] } } });
      const network = { namespace: NAMESPACE, name: 'net' };
      await kube.create(api.sriovNetworks, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetwork', metadata: { ...network, finalizers: [finalizers.network] }, spec: { resourceName: 'nics' } });
      await kube.create(api.mutatingWebhookConfigurations, { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration', metadata: { name: webhookNames.injectorConfiguration }, webhooks: [] } as KubeObject);
      const [said] = await Promise.all([onServer('uninstall', RELEASE, '--namespace', NAMESPACE), doTheJob(server, kube)]);
      expect(said).toContain(`release "${RELEASE}" uninstalled`);
      for (const object of chartObjects(withValues({}), { namespace: NAMESPACE, image: '' })) expect([nameOf(object), await kubectl(server, 'get', '--ignore-not-found', ...reference(object))]).toEqual([nameOf(object), '']);
      expect(await isGone(kube.get(api.mutatingWebhookConfigurations, { name: webhookNames.injectorConfiguration }))).toBe(true);
      expect(await definitions()).toBe(api.customResourceDefinitions().length);
      expect((await kube.get(api.sriovNetworks, network)).metadata.finalizers).toBeUndefined();
      await kube.delete(api.sriovNetworks, network);
      expect(await isGone(kube.get(api.sriovNetworks, network))).toBe(true);
      expect(await isGone(kube.get(api.operatorConfigs, { namespace: NAMESPACE, name: 'default' }))).toBe(true);
    });

    test('it can be installed again over what stayed, without cleaning up, and CRDs go when they are told to', async () => {
      const values = await valuesFile({ cleanUp: false, operatorConfig: { disableDrain: true } });
      await onServer('install', RELEASE, CHART, '--namespace', NAMESPACE, '--values', values);
      expect(await kube.get(api.operatorConfigs, { namespace: NAMESPACE, name: 'default' })).toMatchObject({ spec: { disableDrain: true } });
      await onServer('uninstall', RELEASE, '--namespace', NAMESPACE);
      // The API server may take two minutes for one: its look whether all objects have gone ends after one, and it tries again (apiextensions-apiserver, crd_finalizer.go).
      await kubectl(server, 'delete', '-f', join(CHART, 'crds'), '--timeout=240s');
      expect(await definitions()).toBe(0);
    });
  });
});

function reference(object: object): readonly string[] {
  const { kind, metadata: { name, namespace } } = object as Named;
  return [kind, name, ...(namespace === undefined ? [] : ['--namespace', namespace])];
}

async function isGone(asked: Promise<unknown>): Promise<boolean> {
  return asked.then(() => false, (error: unknown) => {
    if (isKubeError(error, 'NotFound')) return true;
    throw error;
  });
}

/** Waits for the chart's Job and does what its pod would: its words, by a token of its account; then says that it is done, as the Job controller does. */
async function doTheJob(server: RealApiServer, kube: Kube): Promise<void> {
  await expect.poll(() => isGone(kube.get(api.jobs, JOB)), { timeout: 240_000, interval: 100 }).toBe(false);
  const { serviceAccountName = '', containers: [container] } = (await kube.get(api.jobs, JOB)).spec!.template.spec!;
  const token = (await kubectl(server, 'create', 'token', serviceAccountName, '--namespace', NAMESPACE)).trim();
  const config = JSON.parse(await readFile(server.kubeconfig, 'utf8')) as { users: { name: string; user: object }[] };
  const path = join(dirname(server.kubeconfig), 'kubeconfig-of-the-job');
  await writeFile(path, JSON.stringify({ ...config, users: config.users.map(({ name }) => ({ name, user: { token } })) }), { mode: 0o600 });
  let said = '';
  const write = (text: string) => void (said += text);
  const status = await run([...container!.args!, '--kubeconfig', path], { environment: {}, terminal: { out: write, err: write, colours: false } });
  expect({ status, said }).toEqual({ status: 0, said: expect.stringContaining('finalizers taken off:') });
  const now = new Date().toISOString();
  const condition = (type: string) => ({ type, status: 'True', lastProbeTime: now, lastTransitionTime: now });
  await kube.patch(api.jobs, JOB, { type: 'merge', patch: { status: { startTime: now, completionTime: now, succeeded: 1, conditions: [condition('SuccessCriteriaMet'), condition('Complete')] } } }, { subresource: 'status' });
}
