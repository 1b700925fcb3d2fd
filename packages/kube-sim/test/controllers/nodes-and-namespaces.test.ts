/**
 * Goal: namespaces empty themselves and go, silent nodes are noticed, tainted and emptied, pods without a node are given up. Method: a
 * cluster in process; time passes as it would in kube-controller-manager with its default periods.
 */
import { describe, expect, it } from 'vitest';
import { configMapResource, namespaces, nodes, pods } from '@vfleet/kube';
import { kubeletTiming } from '@vfleet/kube-sim/kubelet/options.ts';
import { toleratedMs } from '@vfleet/kube-sim/controllers/taint-eviction.ts';
import { kubeletOf, rig } from '../kubelet/harness.ts';
import { pod } from '../scheduler/fixtures.ts';

describe('namespaces', () => {
  it('go with everything in them, pods first', async () => {
    const one = await rig([{ name: 'worker1', timing: kubeletTiming }]);
    const { kube } = one.cluster;
    await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
    await kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'team' } });
    await one.create(pod('p', {}, { namespace: 'team' }));
    await one.run(5000);
    await kube.delete(namespaces, { name: 'team' });
    await one.run(kubeletTiming.containerStopMs - 50);
    const going = await kube.get(namespaces, { name: 'team' });
    expect(going.status?.phase).toBe('Terminating');
    expect(going.status?.conditions?.find(({ type }) => type === 'NamespaceContentRemaining')).toMatchObject({ status: 'True', message: 'Some resources are remaining: pods. has 1 resource instances' });
    expect((await kube.list(configMapResource, { namespace: 'team' })).items.length).toBe(1);
    await one.run(3000);
    expect((await kube.list(namespaces)).items.map(({ metadata }) => metadata.name)).not.toContain('team');
    expect((await kube.list(configMapResource, { namespace: 'team' })).items).toEqual([]);
  });

  it('wait for finalizers, and say for which', async () => {
    const one = await rig([]);
    const { kube } = one.cluster;
    await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'held' } });
    await kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'held', finalizers: ['example.com/keep'] } });
    await kube.delete(namespaces, { name: 'held' });
    await one.run(3000);
    expect((await kube.get(namespaces, { name: 'held' })).status?.conditions?.find(({ type }) => type === 'NamespaceFinalizersRemaining')?.message).toContain('example.com/keep in 1 resource instances');
    await kube.patch(configMapResource, { namespace: 'held', name: 'c' }, { type: 'merge', patch: { metadata: { finalizers: null } } });
    await one.run(3000);
    expect((await kube.list(namespaces)).items.map(({ metadata }) => metadata.name)).not.toContain('held');
  });
});

const ready = (of: { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] | undefined } | undefined }) => of.status?.conditions?.find(({ type }) => type === 'Ready')?.status;

describe('nodes', () => {
  it('that fall silent become unknown, tainted, and lose their pods after the tolerated time', async () => {
    const one = await rig([{ name: 'lost' }, { name: 'well' }]);
    await one.create(pod('p', { nodeSelector: { 'kubernetes.io/hostname': 'lost' } }));
    await one.create(pod('patient', { nodeSelector: { 'kubernetes.io/hostname': 'lost' }, tolerations: [{ operator: 'Exists' }] }));
    await one.run(5000);
    kubeletOf(one, 'lost').stop();
    await one.run(35_000);
    expect(ready(await one.node('lost'))).toBe('True');
    await one.run(20_000);
    const lost = await one.node('lost');
    expect(lost.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' });
    expect(lost.spec?.taints?.map(({ key, effect }) => `${key}:${effect}`)).toEqual(['node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/unreachable:NoSchedule']);
    expect(ready(await one.node('well'))).toBe('True');
    expect(ready(await one.pod('p'))).toBe('False');
    await one.run(270_000);
    expect((await one.pod('p')).metadata.deletionTimestamp).toBeUndefined();
    await one.run(40_000);
    expect((await one.pod('p')).metadata.deletionTimestamp).toBeDefined();
    expect((await one.pod('patient')).metadata.deletionTimestamp).toBeUndefined();
    void kubeletOf(one, 'lost').start();
    await one.run(5000);
    expect(ready(await one.node('lost'))).toBe('True');
    expect((await one.node('lost')).spec?.taints ?? []).toEqual([]);
    expect(await one.exists('p')).toBe(false);
    expect(ready(await one.pod('patient'))).toBe('True');
  });

  it('carry a taint while they are cordoned', async () => {
    const one = await rig([{ name: 'a' }]);
    const cordon = (unschedulable: boolean | null) => one.cluster.kube.patch(nodes, { name: 'a' }, { type: 'merge', patch: { spec: { unschedulable } } });
    await cordon(true);
    await one.run(100);
    expect((await one.node('a')).spec?.taints).toEqual([{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }]);
    await cordon(null);
    await one.run(100);
    expect((await one.node('a')).spec?.taints ?? []).toEqual([]);
  });

  it('that get a NoExecute taint lose what does not tolerate it at once', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.create(pod('p'));
    await one.create(pod('q', { tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 10 }] }));
    await one.run(1000);
    await one.cluster.kube.patch(nodes, { name: 'a' }, { type: 'merge', patch: { spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } } });
    await one.run(1000);
    expect([await one.exists('p'), await one.exists('q')]).toEqual([false, true]);
    await one.run(10_000);
    expect(await one.exists('q')).toBe(false);
    expect(await one.eventsOf('p')).toContain('TaintManagerEviction: Marking for deletion Pod default/p');
  });

  it('that vanish take their pods with them, after a while', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.create(pod('p'));
    await one.create(pod('typo', { nodeName: 'b' }));
    await one.run(1000);
    await one.cluster.removeNode('a');
    await one.run(38_000);
    expect([await one.exists('p'), await one.exists('typo')]).toEqual([true, true]);
    await one.run(5000);
    expect((await one.cluster.kube.list(pods)).items).toEqual([]);
  });
});

describe('toleratedMs', () => {
  it('is the shortest of what is tolerated, nothing when one taint is not', () => {
    const taints = [{ key: 'a', effect: 'NoExecute' as const }, { key: 'b', effect: 'NoExecute' as const }];
    expect(toleratedMs(taints, [{ key: 'a', operator: 'Exists', tolerationSeconds: 5 }, { key: 'b', operator: 'Exists', tolerationSeconds: 3 }])).toBe(3000);
    expect(toleratedMs(taints, [{ key: 'a', operator: 'Exists' }])).toBe(0);
    expect(toleratedMs(taints, [{ operator: 'Exists' }])).toBeUndefined();
    expect(toleratedMs([], [])).toBeUndefined();
  });
});
