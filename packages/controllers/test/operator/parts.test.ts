import { describe, expect, test } from 'vitest';
import { SimClock } from '@vfleet/core';
import type { KubeObject, Labels, OperatorConfigSpec } from '@vfleet/core';
import type { Node, Pod, SriovNetworkNodeState } from '@vfleet/kube';
import { drainView } from '../../src/operator/drain/drain-view.ts';
import { stayReason, usesResources } from '../../src/operator/drain/pod-selection.ts';
import { slimNode } from '../../src/operator/informers.ts';
import { isNodeSelected } from '../../src/operator/node-selection.ts';
import { nodeOutcome } from '../../src/operator/node-states/node-outcome.ts';
import { OwnWrites } from '../../src/operator/own-writes.ts';
import { resolveSettings } from '../../src/operator/settings.ts';

// Goal: the small pure parts of the operator decide as the contract says.
// Method: tables.

describe('which nodes are selected', () => {
  const master = { key: 'node-role.kubernetes.io/master', effect: 'NoSchedule' } as const;
  const controlPlane = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' } as const;
  test.each<[config: OperatorConfigSpec, labels: Labels, expected: boolean, taints?: NonNullable<Node['spec']>['taints']]>([
    [{}, {}, true],
    [{}, { 'kubernetes.io/os': 'linux' }, true],
    [{}, { 'kubernetes.io/os': 'windows' }, false],
    [{}, { 'node-role.kubernetes.io/control-plane': '' }, false, [controlPlane]],
    [{}, { 'node-role.kubernetes.io/control-plane': '' }, false, [{ ...controlPlane, effect: 'NoExecute' }]],
    [{}, { 'node-role.kubernetes.io/master': '' }, false, [{ key: 'other', effect: 'NoSchedule' }, master]],
    [{}, { 'node-role.kubernetes.io/control-plane': '', 'node-role.kubernetes.io/worker': '' }, true, [controlPlane]],
    // The only node of kind, and servers of k3s.
    [{}, { 'node-role.kubernetes.io/control-plane': '' }, true],
    [{}, { 'node-role.kubernetes.io/control-plane': '' }, true, [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }]],
    [{}, { 'node-role.kubernetes.io/control-plane': '' }, true, [{ ...controlPlane, effect: 'PreferNoSchedule' }]],
    [{}, { 'node-role.kubernetes.io/control-plane': '', 'kubernetes.io/os': 'windows' }, false],
    [{ configDaemonNodeSelector: { a: '1' } }, { 'node-role.kubernetes.io/control-plane': '' }, false],
    [{ configDaemonNodeSelector: {} }, {}, true],
    [{ configDaemonNodeSelector: { a: '1' } }, {}, false],
    [{ configDaemonNodeSelector: { a: '1' } }, { a: '1', 'node-role.kubernetes.io/control-plane': '' }, true, [controlPlane]],
  ])('%j on %j: %s', (config, labels, expected, taints = []) => {
    const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node', labels }, spec: { taints } };
    expect(isNodeSelected(config, node)).toBe(expected);
    // As the operator keeps it.
    expect(isNodeSelected(config, slimNode(node))).toBe(expected);
  });
});

describe('pods that a drain evicts', () => {
  const pod = (of: Partial<Pod['spec'] & object> = {}, metadata: Partial<Pod['metadata']> = {}, phase: NonNullable<Pod['status']>['phase'] & string = 'Running'): Pod =>
    ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', ...metadata }, spec: { containers: [{ name: 'c' }], ...of }, status: { phase } });
  const using = { name: 'c', resources: { requests: { 'openshift.io/r': 1 } } };

  test.each([
    ['requests', pod({ containers: [using] }), true],
    ['limits alone', pod({ containers: [{ name: 'c', resources: { limits: { 'openshift.io/r': '2' } } }] }), true],
    ['an init container', pod({ initContainers: [using] }), true],
    ['zero', pod({ containers: [{ name: 'c', resources: { requests: { 'openshift.io/r': '0' } } }] }), false],
    ['another prefix', pod({ containers: [{ name: 'c', resources: { requests: { 'openshift.iox/r': '1', 'intel.com/r': '1', cpu: '1' } } }] }), false],
    ['nothing', pod(), false],
  ])('%s', (_, candidate, expected) => expect(usesResources(candidate, 'openshift.io')).toBe(expected));

  test.each([
    ['a user', pod({ containers: [using] }), false, undefined],
    ['no user', pod(), false, 'noDevices'],
    ['no user, for a reboot', pod(), true, undefined],
    ['of a daemon set', pod({ containers: [using] }, { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'd', controller: true }] }), true, 'daemonSet'],
    ['of a replica set', pod({ containers: [using] }, { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'd', uid: 'd', controller: true }] }), false, undefined],
    ['a mirror pod', pod({}, { annotations: { 'kubernetes.io/config.mirror': 'x' } }), true, 'mirror'],
    ['finished', pod({ containers: [using] }, {}, 'Succeeded'), true, 'finished'],
    ['failed', pod({ containers: [using] }, {}, 'Failed'), true, 'finished'],
    ['pending', pod({ containers: [using] }, {}, 'Pending'), false, undefined],
  ])('%s stays: %s', (_, candidate, everything, expected) => expect(stayReason(candidate, everything, 'openshift.io')).toBe(expected));
});

describe('what annotations say of a drain', () => {
  const node = (state?: string): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', ...(state === undefined ? {} : { annotations: { 'sriovnetwork.openshift.io/state': state } }) } });
  const state = (annotations: Record<string, string>): SriovNetworkNodeState => ({ apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { name: 'n', annotations }, spec: {} });

  test.each([
    [node(), {}, { wants: 'Idle', progress: 'Idle', external: false }],
    [node('Drain_Required'), { 'sriovnetwork.openshift.io/current-state': 'Draining' }, { wants: 'Drain_Required', progress: 'Draining', external: false }],
    [node('nonsense'), { 'sriovnetwork.openshift.io/current-state': 'drained?' }, { wants: 'Idle', progress: 'Idle', external: false }],
    [node('Reboot_Required'), { 'sriovnetwork.openshift.io/use-external-drainer': 'true' }, { wants: 'Reboot_Required', progress: 'Idle', external: true }],
    // A copy of a request that nobody asks any more.
    [node(), { 'sriovnetwork.openshift.io/desired-state': 'Drain_Required' }, { wants: 'Idle', progress: 'Idle', external: false }],
    [undefined, { 'sriovnetwork.openshift.io/current-state': 'Draining' }, { wants: 'Idle', progress: 'Draining', external: false }],
  ])('case %#', (seen, annotations, expected) => expect(drainView(seen, state(annotations as Record<string, string>))).toEqual(expected));

  test('without a node state there is nothing', () => expect(drainView(node('Drain_Required'), undefined)).toEqual({ wants: 'Idle', progress: 'Idle', external: false }));
});

describe('how far a node is', () => {
  const nic = { pciAddress: '0000:81:00.0', numVfs: 4 };
  const state = (status: SriovNetworkNodeState['status'], wanted: object[] = [nic], generation = 3): SriovNetworkNodeState =>
    ({ apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { name: 'n', generation }, spec: { interfaces: wanted as (typeof nic)[] }, ...(status === undefined ? {} : { status }) });
  const ready = (observedGeneration: number) => [{ type: 'Ready', status: 'True' as const, reason: 'Configured', message: '', lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration }];

  test.each([
    ['nothing known', state(undefined), 'undiscovered'],
    ['no NICs', state({ interfaces: [], syncStatus: 'Succeeded' }), 'undiscovered'],
    ['in progress', state({ interfaces: [nic], syncStatus: 'InProgress' }), 'inProgress'],
    ['failed', state({ interfaces: [nic], syncStatus: 'Failed', lastSyncError: 'x' }), 'failed'],
    ['as wanted', state({ interfaces: [nic], syncStatus: 'Succeeded' }), 'succeeded'],
    ['succeeded with an older spec, by count', state({ interfaces: [{ ...nic, numVfs: 0 }], syncStatus: 'Succeeded' }), 'inProgress'],
    ['succeeded with an older spec, by generation', state({ interfaces: [nic], syncStatus: 'Succeeded', conditions: ready(2) }), 'inProgress'],
    ['failed with an older spec', state({ interfaces: [nic], syncStatus: 'Failed', conditions: ready(2) }), 'inProgress'],
    ['the generation counts, not the number', state({ interfaces: [{ ...nic, numVfs: 8 }], syncStatus: 'Succeeded', conditions: ready(3) }), 'succeeded'],
    ['externally managed with more', state({ interfaces: [{ ...nic, numVfs: 8 }], syncStatus: 'Succeeded' }, [{ ...nic, externallyManaged: true }]), 'succeeded'],
  ])('%s', (_, seen, kind) => expect(nodeOutcome(seen).kind).toBe(kind));
});

describe('own writes', () => {
  const object = (resourceVersion: string, uid = 'u'): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', uid, resourceVersion } });

  test('are waited for until the cache has them, or for so long', async () => {
    const clock = new SimClock();
    const writes = new OwnWrites(clock);
    expect(writes.behindMs('k', undefined)).toBe(0);
    writes.wrote('k', object('10'));
    expect(writes.behindMs('k', object('9'))).toBe(30_000);
    expect(writes.behindMs('k', undefined)).toBe(30_000);
    expect(writes.behindMs('k', object('11'))).toBe(0);
    expect(writes.behindMs('k', object('9'))).toBe(0);
    writes.wrote('k', object('20'));
    await clock.run(10_000);
    expect(writes.behindMs('k', object('9'))).toBe(20_000);
    await clock.run(20_000);
    expect(writes.behindMs('k', object('9'))).toBe(0);
  });

  test('a deletion is seen when the object, or this one of its name, is gone', () => {
    const writes = new OwnWrites(new SimClock());
    writes.deleted('k', object('10'));
    expect(writes.behindMs('k', object('10'))).toBeGreaterThan(0);
    expect(writes.behindMs('k', object('12', 'another'))).toBe(0);
    writes.wrote('k', object('10'));
    writes.forget('k');
    expect(writes.behindMs('k', undefined)).toBe(0);
  });
});

test.each([[undefined, 30], [0, 0], [5, 5], [-1, 30], [1.5, 30], [Number.NaN, 30]])('a stale delay of %s minutes counts as %d', (staleNodeStateDelayMinutes, minutes) => {
  expect(resolveSettings({ identity: 'x', ...(staleNodeStateDelayMinutes === undefined ? {} : { staleNodeStateDelayMinutes }) }).staleNodeStateDelayMs).toBe(minutes * 60_000);
});
