// Goal: whoever deletes the operator's configuration loses node states, which belong to it as they do with the Go operator, and no VF and no pod;
// with a configuration again, all is as before. Method: the simulator with its oracles and garbage collector, calm and with drawn faults.
import { expect, test } from 'vitest';
import { DEFAULT_OPERATOR_NAMESPACE as namespace } from '@vfleet/core';
import { runScenario, runSeed, traceLine } from '@vfleet/sim';
import type { Scenario } from '@vfleet/sim';
import { e810, network, nodes, operatorConfig, policy, workload } from '@vfleet/sim/scenarios/build.ts';

const MINUTE = 60_000;
// As the operator makes its own, which one that starts in between does.
const configuration = operatorConfig({ enableInjector: true, enableOperatorWebhook: true, logLevel: 2, disableDrain: false });
const scenario: Scenario = {
  name: 'configuration-deleted', summary: 'Somebody deletes the configuration of the operator, and makes it again two minutes later.',
  fleet: { nodes: [nodes('node', 3, e810)] },
  objects: [configuration, policy('fast', 'ens801f0', { numVfs: 4 }), network('net', 'fast')],
  workloads: [workload('app', 4, 'fast', 'net')],
  steps: [{ atMs: MINUTE, action: { do: 'delete', kind: 'SriovOperatorConfig', namespace, name: 'default' } }, { atMs: 3 * MINUTE, action: { do: 'apply', objects: [configuration] } }],
  faults: { forMs: 4 * MINUTE }, convergeWithinMs: 60 * MINUTE, quietMs: 5 * MINUTE,
  expectations: [{ expect: 'running', workload: 'app', count: 4 }, { expect: 'vfs', pf: '0000:81:00.0', count: 4 }],
};
const told = ({ violations }: { readonly violations: readonly { readonly oracle: string; readonly says: string }[] }) => violations.map(({ oracle, says }) => `${oracle}: ${says}`);

test('node states go with it and come again, NICs and pods are not touched', async () => {
  const afterwards: string[] = [];
  let isDeleted = false;
  const report = await runScenario(scenario, 1, {
    onTrace: (entry) => {
      const line = traceLine(entry);
      isDeleted ||= line.includes('DELETED sriovoperatorconfigs');
      if (isDeleted) afterwards.push(line);
    },
  });
  expect(told(report)).toEqual([]);
  const count = (pattern: RegExp) => afterwards.filter((line) => pattern.test(line)).length;
  expect([count(/DELETED sriovnetworknodestates/), count(/ADDED sriovnetworknodestates/)]).toEqual([3, 3]);
  expect(afterwards.filter((line) => / hardware | uevent |(?:DELETED|ADDED) pods/.test(line))).toEqual([]);
});

// In 22 and 85 a pod goes while its VF is back already, and the kubelet lets go of the device later.
test.each(['1', '2', '22', '85'])('with the faults of seed %s', async (seed) => expect(told(await runSeed(scenario, seed))).toEqual([]));
