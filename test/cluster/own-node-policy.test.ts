// Goal: with deploy/own-node-policy.yaml a daemon does all that it ever does for its own node, and changes nothing of another one; nobody else notices it. Method: a real API server, the
// manifests as they are delivered, and tokens of pods of the DaemonSet on two nodes, as the kubelet asks for them; the story in which the components do everything.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Kube, KubeObject, Patch, Resource } from '@vfleet/core';
import { nodeAnnotations, podAnnotations } from '@vfleet/core';
import { access } from '@vfleet/controllers/installation/access.ts';
import { ownNodeWrites } from '@vfleet/controllers/installation/own-node-policy.ts';
import { componentNames } from '@vfleet/controllers/installation/roles.ts';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import type { RealApiServer } from '../../tools/rigs/real-cluster.ts';
import { prepare, tellInstallation } from '../installation/story.ts';
import { clientOf, install, kubectl } from './rbac-install.ts';
import { realServerIsBuilt } from './servers.ts';

const NAMESPACE = 'sriov-network-operator';
const POLICY = join(import.meta.dirname, '../../deploy/own-node-policy.yaml');
const [OWN, OTHER] = ['worker-0', 'worker-9'];

test('what a daemon may write is in the policy, or belongs to no one node', () => {
  const shared = ['ippools', 'nodeslicepools', 'nodeslicepools/status', 'overlappingrangeipreservations', 'events'];
  const writes = access.node.filter(({ verbs }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb))).map(({ resource, subresource }) => (subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`));
  expect([...new Set(writes)].sort()).toEqual([...ownNodeWrites.map(({ path }) => path), ...shared].sort());
});

describe.skipIf(!(await realServerIsBuilt()))('on a real API server', () => {
  const open = new AsyncDisposableStack();
  let server: RealApiServer;
  let admin: Kube;
  let operator: Kube;
  let own: Kube;

  beforeAll(async () => {
    server = open.adopt(await startRealApiServer({ unsafeNoFsync: true }), (running) => running.stop());
    admin = open.adopt(kubeFromConfigFile(server.kubeconfig), (one) => one.close());
    await install(server);
    await prepare(admin);
    await admin.create(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: OTHER } });
    operator = open.adopt(await clientOf(server, 'operator'), (one) => one.close());
    own = await daemonOn(OWN);
    await kubectl(server, 'apply', '-f', POLICY);
    // The API server follows policies by a watch.
    await vi.waitFor(async () => {
      if ((await refusal(own, api.nodes, { name: OTHER }, annotation('example.com/tried'))) === '') throw new Error('the policy is not followed yet');
    }, { timeout: 120_000, interval: 50 });
  }, 600_000);
  afterAll(() => open.disposeAsync());

  /** A client with a token such as the kubelet of a node has it made for the daemon's pod there. */
  async function daemonOn(node: string): Promise<Kube> {
    const name = `daemon-on-${node}`;
    await admin.create(api.pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name }, spec: { nodeName: node, serviceAccountName: componentNames.node, containers: [{ name: 'node', image: 'vfleet' }] } } as KubeObject as api.Pod);
    return withToken(name, (await kubectl(server, 'create', 'token', componentNames.node, '--namespace', NAMESPACE, '--duration=4h', '--bound-object-kind=Pod', `--bound-object-name=${name}`)).trim());
  }

  async function withToken(name: string, token: string): Promise<Kube> {
    const config = JSON.parse(await readFile(server.kubeconfig, 'utf8')) as { users: { name: string; user: object }[] };
    const path = join(dirname(server.kubeconfig), `kubeconfig-${name}`);
    await writeFile(path, JSON.stringify({ ...config, users: config.users.map((user) => ({ name: user.name, user: { token } })) }), { mode: 0o600 });
    return open.adopt(kubeFromConfigFile(path), (one) => one.close());
  }

  async function podOn(node: string, name: string): Promise<{ readonly namespace: string; readonly name: string }> {
    await admin.create(api.pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name, labels: { app: name } }, spec: { nodeName: node, containers: [{ name: 'app', image: 'app' }] } } as KubeObject as api.Pod);
    return { namespace: 'default', name };
  }

  test('a daemon does all that it ever does, and so does the operator', { timeout: 900_000 }, async () => {
    await tellInstallation({ admin, operator, node: own, beforeNextStatus: () => undefined });
  });

  test('its own node, its state and its pods: yes', { timeout: 120_000 }, async () => {
    const pod = await podOn(OWN, 'ours');
    expect(await refusal(own, api.nodes, { name: OWN }, annotation(nodeAnnotations.state, 'Drain_Required'))).toBe('');
    expect(await refusal(own, api.pods, pod, annotation(podAnnotations.networkStatus), 'status')).toBe('');
    await stateOf(OWN);
    expect(await refusal(own, api.nodeStates, { namespace: NAMESPACE, name: OWN }, { type: 'merge', patch: { status: { syncStatus: 'Succeeded' } } }, 'status')).toBe('');
  });

  test('those of another node: no, by whichever of the two daemons', { timeout: 120_000 }, async () => {
    const pod = await podOn(OTHER, 'theirs');
    const other = await daemonOn(OTHER);
    for (const [daemon, node, key] of [[own, OTHER, pod], [other, OWN, await podOn(OWN, 'not-theirs')]] as const) {
      await stateOf(node);
      expect(await refusal(daemon, api.nodes, { name: node }, annotation(nodeAnnotations.state, 'Reboot_Required'))).toContain(`may not change nodes of node ${node}`);
      expect(await refusal(daemon, api.pods, key, annotation(podAnnotations.networkStatus), 'status')).toContain(`may not change pods of node ${node}`);
      expect(await refusal(daemon, api.nodeStates, { namespace: NAMESPACE, name: node }, { type: 'merge', patch: { status: { syncStatus: 'Succeeded' } } }, 'status')).toContain(`may not change sriovnetworknodestates of node ${node}`);
    }
    // A pod that no node has yet is none of theirs.
    await admin.create(api.pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'nobodys' }, spec: { containers: [{ name: 'app', image: 'app' }] } } as KubeObject as api.Pod);
    expect(await refusal(own, api.pods, { namespace: 'default', name: 'nobodys' }, annotation(podAnnotations.networkStatus), 'status')).toContain('may not change pods');
  });

  test('more than annotations of its own node and pods: no', { timeout: 120_000 }, async () => {
    const pod = await podOn(OWN, 'served');
    const node: readonly Readonly<Record<string, unknown>>[] = [{ metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } }, { spec: { unschedulable: true } }, { spec: { taints: [{ key: 'a', effect: 'NoExecute' }] } }, { metadata: { finalizers: ['example.com/kept'] } }];
    for (const patch of node) expect(await refusal(own, api.nodes, { name: OWN }, { type: 'merge', patch })).toContain('annotations only');
    const conditions = [{ type: 'Ready', status: 'True' }];
    for (const patch of [{ status: { phase: 'Running', podIP: '198.51.100.1', podIPs: [{ ip: '198.51.100.1' }], conditions } }, { metadata: { labels: { app: 'another' } } }]) expect(await refusal(own, api.pods, pod, { type: 'merge', patch }, 'status')).toContain('annotations only');
  });

  test('a token that is bound to no pod: no; anybody else: as before', { timeout: 120_000 }, async () => {
    const loose = await withToken('loose', (await kubectl(server, 'create', 'token', componentNames.node, '--namespace', NAMESPACE)).trim());
    expect(await refusal(loose, api.nodes, { name: OWN }, annotation('example.com/tried'))).toContain('names no node');
    for (const kube of [operator, admin]) for (const name of [OWN, OTHER]) expect(await refusal(kube, api.nodes, { name }, { type: 'merge', patch: { spec: { unschedulable: true } } })).toBe('');
  });

  async function stateOf(node: string): Promise<void> {
    await admin.create(api.nodeStates, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { namespace: NAMESPACE, name: node }, spec: {} }).catch((error: unknown) => {
      if (!String(error).includes('already exists')) throw error;
    });
  }
});

const annotation = (name: string, value = 'x'): Patch => ({ type: 'merge', patch: { metadata: { annotations: { [name]: value } } } });

/** What the server says against it; empty: nothing. */
async function refusal(kube: Kube, resource: Resource, key: { readonly namespace?: string; readonly name: string }, patch: Patch, subresource?: 'status'): Promise<string> {
  try {
    await kube.patch(resource, key, patch, { dryRun: true, ...(subresource === undefined ? {} : { subresource }) });
    return '';
  } catch (error) {
    return String(error);
  }
}
