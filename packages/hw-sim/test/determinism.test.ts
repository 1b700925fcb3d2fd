// Goal: the same seed gives the same fleet, moment by moment. Method: ten nodes of mixed cards do many things at once under one clock; the
// trace of all uevents, outcomes and times is compared between runs, and must differ for another seed.
import { expect, test } from 'vitest';
import { SeededRandom, SimClock } from '@vfleet/core';
import { createFleet, faultRules, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { outcomeOf } from './support.ts';

async function trace(seed: string): Promise<readonly string[]> {
  const clock = new SimClock();
  const faults = faultRules([
    { name: 'late', operation: 'setNumVfs', node: 'node-3', fault: { kind: 'lateNetdev', byMs: 333 } },
    { name: 'flap', operation: 'setMtu', nth: 1, fault: { kind: 'linkFlap', downMs: 50 } },
  ]);
  const random = new SeededRandom(seed);
  const fleet = createFleet({ clock, random, faults });
  const parsed = parseFleet({ nodes: ['X710', 'ConnectX-5', '82576', 'BCM57508', 'T62100'].map((personality, index) => ({ name: `node-${index * 2}`, count: 2, pfs: [{ personality }, { personality }] })) });
  if (!parsed.ok) throw new Error('no fleet');
  const lines: string[] = [];
  const say = (line: string) => lines.push(`${clock.monotonicMs()} ${line}`);
  const dice = new SeededRandom(`${seed}/dice`);
  for (const spec of nodesOf(parsed.value)) {
    const node = fleet.addNode(spec);
    node.watchUevents((event) => say(`${node.name} ${JSON.stringify(event)}`));
    node.onReboot((phase) => say(`${node.name} ${phase} ${node.bootId}`));
    for (const { pciAddress } of node.inspect().pfs) {
      for (const count of [2, 0, 4]) {
        void clock.sleep(dice.integer(2000)).then(async () => {
          say(`${pciAddress} ${count} ${outcomeOf(await node.hardware.apply({ kind: 'setNumVfs', pf: pciAddress, count }))}`);
          say(`${outcomeOf(await node.hardware.apply({ kind: 'setMtu', device: pciAddress, netns: 'host', mtu: 1500 + count }))}`);
        });
      }
    }
    if (dice.integer(3) === 0) void clock.sleep(dice.integer(3000)).then(() => node.powerCycle());
  }
  await clock.run();
  for (const node of fleet.nodes()) say(JSON.stringify(node.inspect()));
  return lines;
}

test('same seed, same trace; another seed, another', async () => {
  const first = await trace('seed 1');
  expect(first.length).toBeGreaterThan(300);
  expect(await trace('seed 1')).toEqual(first);
  expect(await trace('seed 2')).not.toEqual(first);
});
