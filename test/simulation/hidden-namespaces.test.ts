// Goal: a daemon that does not see the network namespaces of pods takes nothing from them, and goes on when it sees them again. Method: a story in which nothing else
// goes wrong, and one in which pods, processes and nodes go meanwhile; the oracle `pods-keep-vfs` watches every write of the daemon.
import { expect, test } from 'vitest';
import { findScenario, runScenario } from '@vfleet/sim';
import type { FaultPlan } from '@vfleet/sim';

const story = findScenario('pod-churn')!;
const hidden = { 'node.namespacesHidden': 0.01 } as const;
const others = { 'people.podDeleted': 0.05, 'process.restart': 0.005, 'node.powerCycle': 0.002, 'node.detachWithoutNetns': 0.1, 'node.kubeletRestart': 0.005, 'hardware.unplug': 0.005 } as const;

test.each<[string, FaultPlan]>([['alone', { rates: hidden }], ['among others', { rates: { ...hidden, ...others } }]])('namespaces are not seen, %s: no running pod loses its VF, and all comes to rest', async (_, plan) => {
  let struck = 0;
  for (let seed = 1; seed <= 10; seed++) {
    const { violations, faultsFired } = await runScenario(story, seed, { plan });
    expect(violations.map(({ oracle, says }) => `${seed} ${oracle}: ${says}`)).toEqual([]);
    struck += faultsFired.filter((key) => key.startsWith('node.namespacesHidden@')).length;
  }
  expect(struck).toBeGreaterThanOrEqual(10);
});
