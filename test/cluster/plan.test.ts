// Goal: what a change would do is known before it is done, on a real API server: by `vfleet plan`, by the status of a policy under dry run, and of a node by
// `vfleet explain`. Method: the operator with the rights of the manifest; the test plays config daemons; verbs by their command line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Kube } from '@vfleet/core';
import { policyAnnotations, silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createOperator } from '@vfleet/controllers';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/client-node.ts';
import { run } from '../../packages/cli/src/program.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import { NAMESPACE, addNode, addPool, nic, report } from '../operator/harness.ts';
import { clientOf, install } from './rbac-install.ts';
import { realServerIsBuilt } from './servers.ts';

const within = { timeout: 120_000, interval: 50 };
const GROUP_VERSION = 'sriovnetwork.openshift.io/v1';

describe.skipIf(!(await realServerIsBuilt()))('plans on a real API server', () => {
  const open = new AsyncDisposableStack();
  const bugs: unknown[] = [];
  let kube: Kube;
  let kubeconfig: string;
  let folder: string;

  beforeAll(async () => {
    const server = open.adopt(await startRealApiServer({ unsafeNoFsync: true }), (running) => running.stop());
    kubeconfig = server.kubeconfig;
    folder = open.adopt(mkdtempSync(join(tmpdir(), 'vfleet-plan-')), (path) => rmSync(path, { recursive: true }));
    kube = open.adopt(await kubeFromConfigFile(kubeconfig), (one) => one.close());
    await install(server);
    const own = open.adopt(await clientOf(server, 'operator'), (one) => one.close());
    const operator = open.adopt(createOperator({ kube: own, clock: new RealClock(), random: new SystemRandom(), log: silentLog }, { identity: 'one' }, { onBug: (error) => bugs.push(error) }), (one) => one.stop());
    operator.start();
    for (const name of ['w1', 'w2', 'w3']) {
      await addNode(kube, name, { rack: 'a' });
      await vi.waitFor(() => kube.get(api.nodeStates, { namespace: NAMESPACE, name }), within);
      const Vfs = [0, 1].map((vfID) => ({ vfID, pciAddress: `0000:81:01.${vfID}`, driver: 'iavf', mtu: 1500, ...(vfID === 0 && name === 'w1' ? { assigned: 'default/user' } : {}) }));
      await report(kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0', { numVfs: 2, linkAdminState: 'up', Vfs })], syncStatus: 'Succeeded' });
    }
    await addPool(kube, 'rack-a', { maxUnavailable: 2, nodeSelector: { matchLabels: { rack: 'a' } } });
    await kube.create(api.nodePolicies, policy(2));
    for (const name of ['w1', 'w2', 'w3']) await vi.waitUntil(async () => (await kube.get(api.nodeStates, { namespace: NAMESPACE, name })).spec.interfaces?.[0]?.numVfs === 2, within);
  });
  afterAll(async () => {
    await open.disposeAsync();
    if (bugs.length > 0) throw new AggregateError(bugs, 'the operator made mistakes');
  });

  const policy = (numVfs: number): api.SriovNetworkNodePolicy => ({ apiVersion: GROUP_VERSION, kind: 'SriovNetworkNodePolicy', metadata: { namespace: NAMESPACE, name: 'fast' }, spec: { resourceName: 'fast', nodeSelector: { rack: 'a' }, numVfs, nicSelector: { vendor: '8086' } } });

  async function say(...words: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
    let text = '';
    const write = (more: string) => void (text += more);
    const status = await run([...words, '--kubeconfig', kubeconfig], { environment: {}, terminal: { out: write, err: write, colours: false } });
    return { status, text };
  }

  test('vfleet plan: the PFs, VFs, pods, drains and turns of each node; nothing for what is so already', async () => {
    const file = join(folder, 'policy.json');
    writeFileSync(file, JSON.stringify(policy(2)));
    expect(await say('plan', '-f', file)).toEqual({ status: 0, text: expect.stringContaining('nothing would change on 3 nodes') });
    writeFileSync(file, JSON.stringify(policy(8)));
    const changed = await say('plan', '-f', file);
    expect(changed.status).toBe(3);
    for (const line of [/w1 +rack-a +ens1f0: numVfs goes from 2 to 8 +2 +default\/user +drain/, /pool rack-a: 3 nodes to drain, 2 at a time: 2 rounds/, /3 nodes would change, 0 would not/]) expect(changed.text).toMatch(line);
    expect(await say('plan', '--delete', 'fast')).toMatchObject({ status: 3, text: expect.stringMatching(/w2 +rack-a +ens1f0: given back +2 +- +drain/) });
  });

  test('a policy under dry run says the same in its status, which the server takes, and nothing changes', async () => {
    const before = (await kube.list(api.nodeStates)).items.map(({ metadata: { generation }, spec }) => ({ generation, spec }));
    await kube.patch(api.nodePolicies, { namespace: NAMESPACE, name: 'fast' }, { type: 'merge', patch: { metadata: { annotations: { [policyAnnotations.dryRun]: 'true' } }, spec: { numVfs: 8 } } });
    await expect.poll(async () => (await kube.get(api.nodePolicies, { namespace: NAMESPACE, name: 'fast' })).status, within).toMatchObject({
      preview: { nodesChanged: 3, nodesUnchanged: 0, vfsCut: 6, podsEvicted: 1, drains: 3, rounds: 2, nodes: [{ name: 'w1', vfsCut: 2, pods: ['default/user'], needs: 'drain' }, { name: 'w2' }, { name: 'w3' }] },
      conditions: [{ type: 'Ready', status: 'False', reason: 'DryRun', message: expect.stringContaining('drain 3 nodes in 2 rounds') }],
    });
    expect((await kube.list(api.nodeStates)).items.map(({ metadata: { generation }, spec }) => ({ generation, spec }))).toEqual(before);
    expect(await say('plan', '--delete', 'fast')).toMatchObject({ status: 3 });
  });

  test('vfleet explain node: why, and what it waits for', async () => {
    expect(await say('explain', 'node', 'w1')).toEqual({ status: 0, text: expect.stringMatching(/^w1: settled\n[^]*ens1f0: 2 VFs, by fast/) });
    await kube.patch(api.nodePolicies, { namespace: NAMESPACE, name: 'fast' }, { type: 'merge', patch: { metadata: { annotations: { [policyAnnotations.dryRun]: null } } } });
    await expect.poll(async () => (await kube.get(api.nodeStates, { namespace: NAMESPACE, name: 'w1' })).spec.interfaces?.[0]?.numVfs, within).toBe(8);
    expect(await say('explain', 'node', 'w1')).toEqual({ status: 0, text: expect.stringMatching(/^w1: waitingForDaemon\n[^]*ens1f0/) });
    expect(await say('explain', 'node', 'nobody')).toEqual({ status: 1, text: expect.stringContaining('nobody') });
    await expect.poll(async () => (await kube.get(api.nodePolicies, { namespace: NAMESPACE, name: 'fast' })).status?.preview, within).toBeUndefined();
  });
});
