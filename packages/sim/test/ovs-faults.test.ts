// Goal: Open vSwitch bridges and pods on them keep every property of the simulator under faults and crashes. Method: a scenario with a bridge
// that changes under its pods, drawn fault plans, and a crash at writes of the config daemon and the attachment daemon.
import { expect, test } from 'vitest';
import type { KubeObject } from '@vfleet/core';
import type { Scenario } from '@vfleet/sim';
import { crashPoints, runCrash, runScenario, runSeed } from '@vfleet/sim';
import { connectX6, nodes, operatorConfig, patchPolicy, policy, workload } from '@vfleet/sim/scenarios/build.ts';

const network: KubeObject & { readonly spec: object } = {
  apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'OVSNetwork', metadata: { name: 'net', namespace: 'sriov-network-operator' },
  spec: { resourceName: 'fast', networkNamespace: 'default', ipam: '{"type": "host-local", "subnet": "10.20.0.0/16"}' },
};
const scenario: Scenario = {
  name: 'ovs-bridge', summary: 'A bridge over a PF in switchdev mode changes while pods are on it.',
  fleet: { nodes: [nodes('node', 2, connectX6)] },
  objects: [operatorConfig({ featureGates: { manageSoftwareBridges: true } }), policy('fast', 'ens2f0', { eSwitchMode: 'switchdev', bridge: { ovs: {} } }), network],
  workloads: [workload('app', 3, 'fast', 'net')],
  steps: [{ atMs: 60_000, action: patchPolicy('fast', { bridge: { ovs: { uplink: { interface: { type: 'dpdk' } } } } }) }],
  faults: { forMs: 240_000 }, convergeWithinMs: 3_600_000, quietMs: 900_000,
  expectations: [{ expect: 'running', workload: 'app', count: 3 }, { expect: 'vfs', pf: '0000:5e:00.0', count: 4, mode: 'switchdev' }],
};
const says = ({ violations }: { readonly violations: readonly { readonly oracle: string; readonly says: string }[] }) => violations.map((one) => `${one.oracle}: ${one.says}`);

test('nothing goes wrong where nothing does', async () => {
  expect(says(await runScenario(scenario, 'calm'))).toEqual([]);
});

test('drawn faults', async () => {
  for (let seed = 1; seed <= 8; seed++) expect(says(await runSeed(scenario, `${seed}`)), `seed ${seed}`).toEqual([]);
});

test('a crash at a write, every twentieth of them', async () => {
  const points = await crashPoints(scenario, 'crash', (name) => /^(?:config-daemon|attachment)\//.test(name));
  expect(points.length).toBeGreaterThan(100);
  for (const point of points.filter((_, at) => at % 20 === 0)) expect(says(await runCrash(scenario, 'crash', point)), JSON.stringify(point)).toEqual([]);
});
