import { DEFAULT_OPERATOR_NAMESPACE as namespace } from '@vfleet/core';
import { connectX6, disruptionBudget, e810, network, nodes, operatorConfig, patchPolicy, policy, pool, workload, x710 } from './build.ts';
import type { Scenario } from './scenario.ts';

const MINUTE = 60_000;
/** What most stories have: two minutes of trouble, an hour to recover (reboots and their back-off included), then silence. */
const usual = { faults: { forMs: 2 * MINUTE }, convergeWithinMs: 60 * MINUTE, quietMs: 15 * MINUTE } as const;

const firstRollout: Scenario = {
  ...usual, name: 'first-rollout', summary: 'Three nodes get their first policy, a network, and pods that use it.',
  fleet: { nodes: [nodes('node', 3, e810)] },
  objects: [policy('fast', 'ens801f0', { numVfs: 4 }), network('net', 'fast')],
  workloads: [workload('app', 4, 'fast', 'net')],
  expectations: [{ expect: 'running', workload: 'app', count: 4 }, { expect: 'vfs', pf: '0000:81:00.0', count: 4 }, { expect: 'allocatable', node: 'node-0', resource: 'openshift.io/fast', count: 4 }],
};

const numVfsChange: Scenario = {
  ...usual, name: 'numvfs-change-under-load', summary: 'The number of VFs goes up and down while pods hold them: node by node, each drained first.',
  fleet: { nodes: [nodes('node', 3, e810)] },
  objects: [policy('fast', 'ens801f0', { numVfs: 4 }), network('net', 'fast')],
  workloads: [workload('app', 5, 'fast', 'net')],
  steps: [{ atMs: 60_000, action: patchPolicy('fast', { numVfs: 6 }) }, { atMs: 4 * MINUTE, action: patchPolicy('fast', { numVfs: 3 }) }],
  faults: { forMs: 6 * MINUTE },
  expectations: [{ expect: 'running', workload: 'app', count: 5 }, { expect: 'vfs', pf: '0000:81:00.0', count: 3 }],
};

const mixedVendors: Scenario = {
  ...usual, name: 'mixed-vendors', summary: 'Nodes with NICs of Intel and NVIDIA, a policy for each, pods with an interface on either.',
  fleet: { nodes: [nodes('intel', 2, x710), nodes('nvidia', 2, connectX6), nodes('both', 1, e810, connectX6)] },
  objects: [policy('intel', 'ens1f0', { numVfs: 4 }), policy('nvidia', 'ens2f0', { numVfs: 4, isRdma: true }), policy('e810', 'ens801f0', { numVfs: 2 }), network('net-i', 'intel'), network('net-n', 'nvidia', '10.30.0.0/16')],
  workloads: [workload('on-intel', 3, 'intel', 'net-i'), workload('on-nvidia', 3, 'nvidia', 'net-n')],
  expectations: [{ expect: 'running', workload: 'on-intel', count: 3 }, { expect: 'running', workload: 'on-nvidia', count: 3 }],
};

const switchdevFlip: Scenario = {
  ...usual, name: 'switchdev-flip', summary: 'NICs go from legacy to switchdev and back while pods use their VFs.',
  fleet: { nodes: [nodes('ice', 2, e810), nodes('mlx', 2, connectX6)] },
  objects: [policy('ice', 'ens801f0', { numVfs: 3 }), policy('mlx', 'ens2f0', { numVfs: 3 }), network('net', 'mlx')],
  workloads: [workload('app', 3, 'mlx', 'net')],
  steps: [
    { atMs: 60_000, action: patchPolicy('mlx', { eSwitchMode: 'switchdev' }) }, { atMs: 70_000, action: patchPolicy('ice', { eSwitchMode: 'switchdev' }) },
    { atMs: 5 * MINUTE, action: patchPolicy('mlx', { eSwitchMode: 'legacy' }) },
  ],
  faults: { forMs: 7 * MINUTE },
  expectations: [{ expect: 'vfs', nodes: 'ice', pf: '0000:81:00.0', count: 3, mode: 'switchdev' }, { expect: 'vfs', nodes: 'mlx', pf: '0000:5e:00.0', count: 3, mode: 'legacy' }],
};

const rollingReboot: Scenario = {
  ...usual, name: 'rolling-reboot', summary: 'A policy for vfio-pci needs kernel arguments: every node is drained and rebooted, one at a time.',
  fleet: { nodes: [nodes('node', 3, x710)] },
  objects: [policy('fast', 'ens1f0#0-1', { numVfs: 4 }), network('net', 'fast')],
  workloads: [workload('app', 3, 'fast', 'net')],
  steps: [{ atMs: 60_000, action: { do: 'apply', objects: [policy('dpdk', 'ens1f0#2-3', { numVfs: 4, deviceType: 'vfio-pci', priority: 10 })] } }],
  faults: { forMs: 5 * MINUTE },
  convergeWithinMs: 3 * 60 * MINUTE,
  expectations: [{ expect: 'vfs', pf: '0000:3b:00.0', count: 4 }, { expect: 'allocatable', node: 'node-2', resource: 'openshift.io/dpdk', count: 2 }],
};

const blockedDrain: Scenario = {
  ...usual, name: 'pdb-blocked-drain', summary: 'A PodDisruptionBudget forbids evictions; nothing is forced; once it is gone, the drain goes on.',
  fleet: { nodes: [nodes('node', 3, e810)] },
  objects: [policy('fast', 'ens801f0', { numVfs: 3 }), network('net', 'fast'), disruptionBudget('keep', 'app', 4)],
  workloads: [workload('app', 4, 'fast', 'net')],
  steps: [{ atMs: 60_000, action: patchPolicy('fast', { numVfs: 5 }) }, { atMs: 8 * MINUTE, action: { do: 'delete', kind: 'PodDisruptionBudget', namespace: 'default', name: 'keep' } }],
  faults: { forMs: 9 * MINUTE },
  expectations: [{ expect: 'running', workload: 'app', count: 4 }, { expect: 'vfs', pf: '0000:81:00.0', count: 5 }],
};

const drainLimits: Scenario = {
  ...usual, name: 'drain-limits', summary: 'A pool drains half of its nodes at once, one node is in two pools until one of them goes, another was cordoned by an administrator before; the leader of two operators dies in between.',
  fleet: { nodes: [nodes('edge', 4, e810), nodes('core', 2, e810)] },
  operatorReplicas: 2,
  objects: [
    policy('fast', 'ens801f0', { numVfs: 4 }), network('net', 'fast'),
    pool('edge', { maxUnavailable: '50%', nodeSelector: { matchLabels: { 'vfleet.dev/group': 'edge' } } }),
    pool('first-core', { maxUnavailable: 1, nodeSelector: { matchLabels: { 'vfleet.dev/group': 'core' } } }), pool('second-core', { maxUnavailable: '30%', nodeSelector: { matchLabels: { 'vfleet.dev/group': 'core' } } }),
  ],
  workloads: [workload('app', 5, 'fast', 'net')],
  steps: [
    // Before anything is drained: `kubectl cordon` says nothing of a node that is cordoned already, by whomever.
    { atMs: 1_000, action: { do: 'cordon', node: 'edge-1' } }, { atMs: 60_000, action: patchPolicy('fast', { numVfs: 5 }) },
    { atMs: 63_000, action: { do: 'restart', component: 'operator' } }, { atMs: 4 * MINUTE, action: { do: 'delete', kind: 'SriovNetworkPoolConfig', namespace, name: 'second-core' } },
  ],
  faults: { forMs: 5 * MINUTE },
  expectations: [{ expect: 'running', workload: 'app', count: 5 }, { expect: 'vfs', pf: '0000:81:00.0', count: 5 }],
};

const operatorUpgrade: Scenario = {
  ...usual, name: 'operator-upgrade', summary: 'Two replicas of the operator, and the daemons, are replaced while policies change.',
  fleet: { nodes: [nodes('node', 3, e810)] },
  operatorReplicas: 2,
  objects: [policy('fast', 'ens801f0', { numVfs: 4 }), network('net', 'fast')],
  workloads: [workload('app', 3, 'fast', 'net')],
  steps: [
    { atMs: 60_000, action: { do: 'restart', component: 'operator' } }, { atMs: 62_000, action: patchPolicy('fast', { numVfs: 5 }) },
    { atMs: 90_000, action: { do: 'restart', component: 'config-daemon' } }, { atMs: 100_000, action: { do: 'restart', component: 'attachment' } }, { atMs: 110_000, action: { do: 'restart', component: 'device-plugin' } },
  ],
  faults: { forMs: 4 * MINUTE },
  expectations: [{ expect: 'running', workload: 'app', count: 3 }, { expect: 'vfs', pf: '0000:81:00.0', count: 5 }],
};

const apiOutage: Scenario = {
  ...usual, name: 'api-outage', summary: 'The API server is away twice, once in the middle of a roll-out.',
  fleet: { nodes: [nodes('node', 4, e810)] },
  objects: [policy('fast', 'ens801f0', { numVfs: 4 }), network('net', 'fast'), pool('half', { maxUnavailable: '50%' })],
  workloads: [workload('app', 4, 'fast', 'net')],
  steps: [{ atMs: 3000, action: { do: 'outage', forMs: 30_000 } }, { atMs: 90_000, action: patchPolicy('fast', { numVfs: 2 }) }, { atMs: 95_000, action: { do: 'outage', forMs: 3 * MINUTE } }],
  faults: { forMs: 5 * MINUTE },
  expectations: [{ expect: 'running', workload: 'app', count: 4 }, { expect: 'vfs', pf: '0000:81:00.0', count: 2 }],
};

const flappingLinks: Scenario = {
  ...usual, name: 'flapping-links', summary: 'Carriers come and go: pods keep their VFs and nothing is configured anew.',
  fleet: { nodes: [nodes('node', 3, e810, connectX6)] },
  objects: [policy('fast', 'ens801f0', { numVfs: 4 }), policy('rdma', 'ens2f0', { numVfs: 2, isRdma: true }), network('net', 'fast')],
  workloads: [workload('app', 3, 'fast', 'net')],
  steps: Array.from({ length: 12 }, (_, index) => ({ atMs: 30_000 + index * 7_000, action: { do: 'flapLinks' as const, downMs: 500 + index * 900 } })),
  faults: { forMs: 3 * MINUTE },
  expectations: [{ expect: 'running', workload: 'app', count: 3 }, { expect: 'vfs', pf: '0000:81:00.0', count: 4 }],
};

const policyConflict: Scenario = {
  ...usual, name: 'policy-conflict', summary: 'Policies overlap on one PF, by priority and by name; one of them goes, another one changes its range.',
  fleet: { nodes: [nodes('node', 2, e810)] },
  objects: [policy('low', 'ens801f0', { numVfs: 4, priority: 90 }), policy('high', 'ens801f0#0-1', { numVfs: 6, priority: 10 }), policy('other', 'ens801f0#4-5', { numVfs: 6, priority: 10 }), network('net', 'high')],
  workloads: [workload('app', 2, 'high', 'net')],
  steps: [
    { atMs: 60_000, action: { do: 'delete', kind: 'SriovNetworkNodePolicy', namespace, name: 'other' } },
    { atMs: 3 * MINUTE, action: patchPolicy('high', { numVfs: 5, nicSelector: { pfNames: ['ens801f0#0-2'] } }) },
  ],
  faults: { forMs: 5 * MINUTE },
  expectations: [{ expect: 'vfs', pf: '0000:81:00.0', count: 5 }],
};

const nodeReplacement: Scenario = {
  ...usual, name: 'node-replacement', summary: 'A node is taken out for good and another one takes its place.',
  fleet: { nodes: [nodes('node', 3, e810)] },
  objects: [policy('fast', 'ens801f0', { numVfs: 4 }), network('net', 'fast')],
  workloads: [workload('app', 6, 'fast', 'net')],
  steps: [{ atMs: 60_000, action: { do: 'addNode', node: { ...nodes('spare', 1, e810) } } }, { atMs: 90_000, action: { do: 'cordon', node: 'node-1' } }, { atMs: 100_000, action: { do: 'removeNode', node: 'node-1' } }],
  faults: { forMs: 4 * MINUTE },
  expectations: [{ expect: 'nodes', count: 3 }, { expect: 'running', workload: 'app', count: 6 }, { expect: 'vfs', nodes: 'spare', pf: '0000:81:00.0', count: 4 }],
};

const podChurn: Scenario = {
  ...usual, name: 'pod-churn', summary: 'Pods come and go all the time on few VFs: attachment, addresses and allocation under pressure.',
  fleet: { nodes: [nodes('node', 2, connectX6)] },
  objects: [policy('fast', 'ens2f0', { numVfs: 4 }), network('net', 'fast', '10.20.0.0/28'), network('spare', 'fast', '10.40.0.0/28')],
  workloads: [workload('app', 8, 'fast', 'net')],
  steps: [{ atMs: MINUTE, action: { do: 'delete', kind: 'SriovNetwork', namespace, name: 'spare' } }],
  faults: { forMs: 4 * MINUTE },
  expectations: [{ expect: 'running', workload: 'app', count: 8 }],
};

/** What small stories have: the same kinds of trouble on so few machines that many more seeds fit into an hour. */
const small = { faults: { forMs: 90_000 }, convergeWithinMs: 60 * MINUTE, quietMs: 5 * MINUTE } as const;

const singleNode: Scenario = {
  ...small, name: 'single-node', summary: 'A cluster of one node: pods have nowhere else to go while the number of VFs changes.',
  fleet: { nodes: [nodes('node', 1, connectX6)] },
  objects: [policy('fast', 'ens2f0', { numVfs: 3 }), network('net', 'fast')],
  workloads: [workload('app', 2, 'fast', 'net')],
  steps: [{ atMs: 30_000, action: patchPolicy('fast', { numVfs: 5 }) }],
  expectations: [{ expect: 'running', workload: 'app', count: 2 }, { expect: 'vfs', pf: '0000:5e:00.0', count: 5 }],
};

const drainDisabled: Scenario = {
  ...small, name: 'drain-disabled', summary: 'Draining is disabled: VFs change under the pods of a single node, which get new ones by being made anew.',
  fleet: { nodes: [nodes('node', 1, e810)] },
  objects: [operatorConfig({ disableDrain: true }), policy('fast', 'ens801f0', { numVfs: 4 }), network('net', 'fast')],
  workloads: [workload('app', 2, 'fast', 'net')],
  steps: [{ atMs: 20_000, action: patchPolicy('fast', { numVfs: 2 }) }, { atMs: 50_000, action: patchPolicy('fast', { numVfs: 4 }) }],
  expectations: [{ expect: 'vfs', pf: '0000:81:00.0', count: 4 }],
};

const externallyManaged: Scenario = {
  ...small, name: 'externally-managed', summary: 'Somebody else makes the VFs: pods get them, and their number and mode are never touched.',
  fleet: { nodes: [nodes('node', 2, { ...e810, numVfs: 4 })] },
  objects: [policy('fast', 'ens801f0', { numVfs: 4, externallyManaged: true }), network('net', 'fast')],
  workloads: [workload('app', 3, 'fast', 'net')],
  // Nobody would make the VFs anew.
  faults: { ...small.faults, deny: ['node.reboot', 'node.powerCycle', 'hardware.unplug'] },
  expectations: [{ expect: 'running', workload: 'app', count: 3 }, { expect: 'vfs', pf: '0000:81:00.0', count: 4 }],
};

const bootServices: Scenario = {
  ...small, name: 'systemd-boot', summary: 'configurationMode systemd: machines lose power and are rebooted, and services make their VFs before the config daemon starts.',
  fleet: { nodes: [nodes('node', 2, e810)] },
  objects: [operatorConfig({ configurationMode: 'systemd' }), policy('fast', 'ens801f0', { numVfs: 3 }), network('net', 'fast')],
  workloads: [workload('app', 3, 'fast', 'net')],
  steps: [{ atMs: 30_000, action: { do: 'powerCycle', node: 'node-0' } }, { atMs: 50_000, action: patchPolicy('fast', { numVfs: 4 }) }, { atMs: 80_000, action: { do: 'reboot', node: 'node-1' } }],
  expectations: [{ expect: 'running', workload: 'app', count: 3 }, { expect: 'vfs', pf: '0000:81:00.0', count: 4 }],
};

/** A roll-out of all a PF's 128 VFs with a drain limit, at a size. */
function rollout(name: string, count: number): Scenario {
  return {
    ...usual, name, summary: `${count.toLocaleString('en')} nodes get 128 VFs each, no more than a tenth of them drained at a time.`,
    fleet: { nodes: [nodes('node', count, e810)] },
    objects: [pool('tenth', { maxUnavailable: '10%' }), policy('fast', 'ens801f0', { numVfs: 128 })],
    faults: { forMs: 2 * MINUTE, deny: ['people.labelsFlip'] },
    quietMs: MINUTE, scale: true,
    expectations: [{ expect: 'vfs', pf: '0000:81:00.0', count: 128 }],
  };
}

/** The scenarios that are shipped, by name. */
export const catalog: readonly Scenario[] = [
  firstRollout, numVfsChange, mixedVendors, switchdevFlip, rollingReboot, blockedDrain, drainLimits, operatorUpgrade, apiOutage, flappingLinks, policyConflict, nodeReplacement, podChurn,
  singleNode, drainDisabled, externallyManaged, bootServices,
  rollout('rollout-100', 100), rollout('rollout-1000', 1000), rollout('rollout-10000', 10_000),
];

export function findScenario(name: string): Scenario | undefined {
  return catalog.find((scenario) => scenario.name === name);
}
