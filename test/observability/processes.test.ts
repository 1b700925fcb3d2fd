// Goal: the processes emit what the table says, all of it, and are healthy when they work. Method: `vfleet operator` and `vfleet node` as the
// processes that they are, over the embedded API server with simulated NICs and a kubelet that the test plays; a policy, a drain, a request for
// admission and a CNI call; and then /metrics read as strictly as the format is stated.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Kube } from '@vfleet/core';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { callDaemon } from '@vfleet/controllers/cni/edge/client.ts';
import type { MetricDefinition, MetricProcess } from '@vfleet/controllers/observability/metric-definition.ts';
import { metricsOf } from '@vfleet/controllers/observability/metric-table.ts';
import { nodePolicies, nodeStates, nodes, operatorConfigs } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { PlayedKubelet } from '../../packages/controllers/test/device-plugin/edge/played-kubelet.ts';
import { readExposition } from './exposition-reader.ts';
import type { ScrapedFamily } from './exposition-reader.ts';

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const NAMESPACE = 'sriov-network-operator';
const soon = <Value>(check: () => Value | Promise<Value>) => vi.waitFor(check, { timeout: 240_000, interval: 100 });

interface Started {
  /** Where it says that it shows metrics and health. */
  ask(path: string): Promise<{ readonly status: number; readonly text: string }>;
  scrape(): Promise<ReadonlyMap<string, ScrapedFamily>>;
}

const open = new AsyncDisposableStack();
let folder = '';
let kube: Kube;
let kubelet: PlayedKubelet;
let [operator, node] = [{} as Started, {} as Started];

async function start(verb: MetricProcess, ...words: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, verb, '--kubeconfig', join(folder, 'api', 'kubeconfig'), '--status-port', '0', ...words], { stdio: ['ignore', 'inherit', 'pipe'] });
  open.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  let said = '';
  child.stderr.on('data', (piece: Buffer) => (said += piece.toString()));
  const line = await soon(() => {
    if (child.exitCode !== null) throw new Error(said);
    const found = said.split('\n').find((one) => one.includes('"metrics and health are served"'));
    expect([said, found]).toEqual([said, expect.any(String)]);
    return JSON.parse(found!) as { readonly address: string; readonly port: number };
  });
  expect(line.address).toBe('127.0.0.1');
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${line.port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return { ask, scrape: async () => readExposition((await ask('/metrics')).text) };
}

function value(families: ReadonlyMap<string, ScrapedFamily>, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const family = [...families.values()].find((one) => name === one.name || name.startsWith(`${one.name}_`));
  return family?.samples.find((sample) => sample.name === name && Object.entries(labels).every(([label, text]) => sample.labels[label] === text))?.value;
}

beforeAll(async () => {
  folder = open.adopt(await mkdtemp(join(tmpdir(), 'vfleet-status-')), (path) => rm(path, { recursive: true, force: true }));
  kubelet = open.adopt(await PlayedKubelet.create('plugins_registry', 'device-plugins', 'pod-resources'), (one) => one.end());
  await kubelet.startPodResources();
  const server = createApiServer({ clock: new RealClock(), random: new SystemRandom(), log: silentLog });
  kube = server.client();
  open.adopt(await serve(server, { port: 0, host: '127.0.0.1', folder: join(folder, 'api') }), (served) => served.close());
  await kube.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker-0', labels: { sriov: 'true' } } });
  await writeFile(join(folder, 'fleet.yaml'), 'nodes:\n  - name: worker-0\n    pfs:\n      - { personality: E810-CQDA2, pciAddress: "0000:81:00.0", name: ens801f0, numaNode: 1 }\n');
  await mkdir(join(folder, 'run'), { mode: 0o700 });
  operator = await start('operator', '--install-crds', '--webhook-address', '127.0.0.1', '--webhook-port', '0');
}, 300_000);
afterAll(() => open.disposeAsync());

describe('health', () => {
  test('the operator is ready when it leads with its caches and its webhooks', { timeout: 300_000 }, async () => {
    await soon(async () => expect(await operator.ask('/readyz')).toEqual({ status: 200, text: 'ok' }));
    expect((await operator.ask('/readyz?verbose')).text.split('\n').sort()).toEqual(['[+]caches ok', '[+]leadership ok', '[+]network-caches ok', '[+]webhook-certificates ok', '[+]webhooks ok', 'readyz check passed']);
    expect(value(await operator.scrape(), 'leader_election_master_status')).toBe(1);
  });

  test('the node is alive at once, and ready only when the kubelet knows its plugins', { timeout: 300_000 }, async () => {
    node = await start('node', '--node-name', 'worker-0', '--fleet', join(folder, 'fleet.yaml'), '--root', join(folder, 'root'), '--kubelet-folder', kubelet.folder, '--cni-socket', join(folder, 'run', 'cni.sock'));
    expect(await node.ask('/healthz')).toEqual({ status: 200, text: 'ok' });
    await kube.create(nodePolicies, {
      apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { namespace: NAMESPACE, name: 'vfs' },
      spec: { resourceName: 'vfs', nodeSelector: { sriov: 'true' }, numVfs: 4, nicSelector: { vendor: '8086' } },
    }).catch(async (error: unknown) => {
      // The webhook knows the node's NICs a moment after the daemon has told of them.
      await soon(async () => expect((await kube.get(nodeStates, { namespace: NAMESPACE, name: 'worker-0' })).status?.interfaces).toHaveLength(1));
      expect(String(error)).toContain('no NIC is selected');
      await soon(() => kube.create(nodePolicies, {
        apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { namespace: NAMESPACE, name: 'vfs' },
        spec: { resourceName: 'vfs', nodeSelector: { sriov: 'true' }, numVfs: 4, nicSelector: { vendor: '8086' } },
      }));
    });
    await soon(async () => expect(await kubelet.sockets(kubelet.registry)).toEqual(['openshift.io_vfs.sock']));
    await soon(async () => expect(await node.ask('/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('[-]kubelet failed: openshift.io/vfs is not registered') }));
    expect(value(await node.scrape(), 'vfleet_health_check', { check: 'kubelet' })).toBe(0);
    expect(await node.ask('/healthz')).toEqual({ status: 200, text: 'ok' });
    await kubelet.meet('openshift.io_vfs.sock');
    await soon(async () => expect(await node.ask('/readyz')).toEqual({ status: 200, text: 'ok' }));
    expect((await node.ask('/readyz?verbose')).text.split('\n').sort()).toEqual(['[+]cni-socket ok', '[+]config-daemon ok', '[+]hardware-monitor ok', '[+]kubelet ok', '[+]namespaces ok', 'readyz check passed']);
  });
});

describe('metrics', () => {
  test('a drain and a CNI call are counted, and VFs are those of the exporter\'s names and labels', { timeout: 300_000 }, async () => {
    const device = await soon(async () => {
      const { samples } = (await node.scrape()).get('sriov_vf_rx_bytes')!;
      expect(samples.map(({ labels: { pciAddr: _, ...labels } }) => labels)).toEqual([0, 1, 2, 3].map((vf) => ({ pf: 'ens801f0', vf: String(vf), numa_node: '1' })));
      return samples[0]!.labels['pciAddr']!;
    });
    kubelet.pods = [{ name: 'a', namespace: 'x', containers: [{ name: 'app', devices: [{ resource_name: 'openshift.io/vfs', device_ids: [device] }] }] }];
    expect((await node.scrape()).get('sriov_kubepoddevice')!.samples).toEqual([{ name: 'sriov_kubepoddevice', labels: { pciAddr: device, dev_type: 'openshift.io/vfs', pod: 'a', namespace: 'x', container: 'app' }, value: 1 }]);
    await callDaemon(join(folder, 'run', 'cni.sock'), { environment: { CNI_COMMAND: 'VERSION' }, input: '{"cniVersion": "1.0.0"}' });
    await callDaemon(join(folder, 'run', 'cni.sock'), { environment: { CNI_COMMAND: '__proto__' }, input: '{}' });
    const counted = await node.scrape();
    expect([value(counted, 'vfleet_cni_requests_total', { command: 'VERSION', outcome: 'ok' }), value(counted, 'vfleet_cni_requests_total', { command: 'other', outcome: 'error' })]).toEqual([1, 1]);
    // 4 to 6 VFs takes a drain.
    await kube.patch(nodePolicies, { namespace: NAMESPACE, name: 'vfs' }, { type: 'merge', patch: { spec: { numVfs: 6 } } });
    await soon(async () => expect((await kube.get(nodeStates, { namespace: NAMESPACE, name: 'worker-0' })).status).toMatchObject({ syncStatus: 'Succeeded', interfaces: [{ numVfs: 6 }] }));
    await soon(async () => {
      const drained = await operator.scrape();
      expect(['DrainStarted', 'Drained', 'DrainEnded'].map((event) => value(drained, 'vfleet_drain_events_total', { event }))).toEqual([1, 1, 1]);
      expect(value(drained, 'vfleet_drain_duration_seconds_count')).toBe(1);
      expect(value(drained, 'vfleet_node_states', { sync_status: 'Succeeded' })).toBe(1);
    });
    expect(value(await node.scrape(), 'vfleet_hardware_steps_total', { step: 'setNumVfs', outcome: 'ok' })).toBeGreaterThanOrEqual(3);
  });

  test('requests for admission are counted by what came of them', { timeout: 120_000 }, async () => {
    await expect(kube.create(operatorConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovOperatorConfig', metadata: { namespace: NAMESPACE, name: 'other' }, spec: {} })).rejects.toThrow('denied the request');
    const families = await operator.scrape();
    expect(value(families, 'vfleet_admission_requests_total', { webhook: 'validate', outcome: 'denied' })).toBeGreaterThanOrEqual(1);
    expect(value(families, 'vfleet_admission_requests_total', { webhook: 'mutate', outcome: 'allowed' })).toBeGreaterThanOrEqual(1);
    const yearS = 365 * 86_400;
    expect(value(families, 'vfleet_webhook_certificate_expiry_timestamp_seconds', { certificate: 'serving' })! - Date.now() / 1000).toBeGreaterThan(yearS - 3_600);
  });

  test.each(['operator', 'node'] as const)('the %s emits every metric of its table, with its type, its labels and no others', async (process) => {
    const families = await (process === 'operator' ? operator : node).scrape();
    const table = new Map(metricsOf(process).map((definition) => [definition.name, definition]));
    expect([...families.keys()].sort()).toEqual([...table.keys()].sort());
    for (const { name, type, help, samples } of families.values()) {
      const definition = table.get(name)!;
      expect({ name, type, help }).toEqual({ name, type: definition.type, help: definition.help });
      for (const sample of samples) expect(Object.keys(sample.labels)).toEqual([...definition.labels, ...(sample.name === `${name}_bucket` ? ['le'] : [])]);
    }
    // What counts failures has nothing to count here.
    const silent: readonly MetricDefinition['name'][] = ['vfleet_collector_failures_total', 'vfleet_dropped_samples_total'];
    expect([...families.values()].filter(({ samples }) => samples.length === 0).map(({ name }) => name).sort()).toEqual(silent);
  });
});
