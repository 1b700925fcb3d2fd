// Goal: the daemon's pod has no right on its node that nothing needs. Method: a real kubelet and containerd, the image and deploy/demo.yaml as they are delivered; one
// right after the other is taken out of the DaemonSet, the pod is replaced, and what then fails must say so; put back, a pod gets its VF again.
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as api from '@vfleet/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../../tools/images/build.ts';
import { attachTwoPods, installDemo, offerVfs, podWithVf } from '../../../tools/images/demo.ts';
import { DeliveredCluster } from '../images/delivered-cluster.ts';
import { eventually } from '../kubelet/node-cluster.ts';
import { rights, shippedRights } from './rights.ts';
import type { Template } from './rights.ts';

const LOGS = join(import.meta.dirname, '../../../.vfleet/least-rights-logs');
const DAEMON = 'sriov-network-config-daemon';
const SELECTOR = `--selector=app.kubernetes.io/name=${DAEMON}`;
const POD = { image: 'example.com/sleeper:1', command: ['sleep', 'infinity'] } as const;
const EVENTS = '--output=jsonpath={range .items[*]}{.involvedObject.name} {.reason} {.message}{"\\n"}{end}';

describe('the daemon\'s rights on its node', { retry: 0 }, () => {
  let cluster: DeliveredCluster;
  let shipped: Template;
  beforeAll(async () => {
    await mkdir(LOGS, { recursive: true });
    cluster = await DeliveredCluster.start(LOGS);
    await cluster.apply('deploy/crds/optional/k8s.cni.cncf.io_network-attachment-definitions.yaml');
    await cluster.node.importImages((await buildImage({ output: join(tmpdir(), 'image'), epoch: 1_700_000_000 })).archive);
    await installDemo(cluster.words);
    await offerVfs(cluster.words, cluster.node.name);
    await attachTwoPods(cluster.words, { name: 'second', ...POD });
    // One goes, then the other comes: here it is to be missed.
    await cluster.own('patch', 'daemonset', DAEMON, '--type=merge', '--patch', JSON.stringify({ spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null }, minReadySeconds: 0 } }));
    shipped = (JSON.parse(await cluster.own('get', 'daemonset', DAEMON, '--output=json')) as { readonly spec: { readonly template: Template } }).spec.template;
  });
  afterAll(() => cluster?.stop());

  async function replaceBy(template: Template): Promise<void> {
    await cluster.own('patch', 'daemonset', DAEMON, '--type=json', '--patch', JSON.stringify([{ op: 'replace', path: '/spec/template', value: template }]));
    await cluster.own('delete', 'pod', SELECTOR, '--grace-period=5');
  }

  const wantVf = () => cluster.words(['apply', '-f', '-'], JSON.stringify(podWithVf({ name: 'probe', ...POD })));

  /** Whether the pod that wants a VF has one, which passes traffic to that of the article's pod where it has one. */
  async function hasVf(isAlone = false): Promise<boolean> {
    const { status } = await cluster.kube.get(api.pods, { namespace: 'default', name: 'probe' });
    // The kubelet refuses it for good where it comes before the daemon does.
    if (status?.phase === 'Failed') {
      await cluster.kubectl('delete', 'pod', 'probe', '--grace-period=0', '--force');
      await wantVf();
      return false;
    }
    if (status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') !== true) return false;
    if (isAlone) return (await cluster.exec('probe', 'ip', 'address', 'show', 'net1')).includes('inet 10.10.10.');
    return (await cluster.exec('probe', 'ping', '-c', '1', '-W', '30', '-I', 'net1', '10.10.10.100')).includes('1 packets received');
  }

  /** All that is said of the daemon's pod and of the one that wants a VF: states, logs, events. */
  async function said(): Promise<string> {
    const parts = await Promise.all([
      cluster.own('get', 'pods', SELECTOR, '--output=jsonpath={.items[*].status}'),
      // Neither is there before its container was started.
      cluster.own('logs', SELECTOR, '--all-containers', '--tail=200').catch(String),
      cluster.own('logs', SELECTOR, '--all-containers', '--tail=200', '--previous').catch(String),
      cluster.own('get', 'events', EVENTS), cluster.kubectl('get', 'events', EVENTS),
    ]);
    return parts.join('\n');
  }

  test('what is shipped is what is taken away below, and the operator has nothing', async () => {
    const names = rights.map(({ name }) => name);
    expect(shippedRights(shipped).filter((name) => !names.includes(name))).toEqual([]);
    const { spec } = (JSON.parse(await cluster.own('get', 'deployment', 'sriov-network-operator', '--output=json')) as { readonly spec: { readonly template: Template } }).spec.template;
    expect(shippedRights({ spec: { ...spec, initContainers: [] } })).toEqual([]);
  });

  test.each(rights)('$name', async ({ name, takeAway, seen, losesPods }) => {
    await cluster.kubectl('delete', 'events', '--all', '--all-namespaces');
    const template = structuredClone(shipped);
    takeAway(template);
    expect(template).not.toEqual(shipped);
    await replaceBy(template);
    await wantVf();
    const outcome = await eventually(async () => {
      if (await hasVf()) return 'a pod has a VF';
      const text = await said();
      await writeFile(join(LOGS, `${name.replaceAll(/[^\w-]+/g, '_')}.txt`), text);
      if (!seen.test(text)) throw new Error('nothing is said yet of what is missing');
      return 'fails';
    });
    expect(outcome).toBe('fails');
    await replaceBy(shipped);
    await eventually(async () => expect(await cluster.own('get', 'pods', SELECTOR, '--output=jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}')).toBe('True'));
    await eventually(async () => expect(await hasVf(losesPods)).toBe(true));
    // What was there before goes on.
    await eventually(async () => expect((await cluster.exec('sriov-test-pod', 'ip', 'link')).includes('net1')).toBe(losesPods !== true));
    await cluster.kubectl('delete', 'pod', 'probe', '--grace-period=1');
  });
});
