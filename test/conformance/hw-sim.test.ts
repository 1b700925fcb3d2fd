// Goal: the simulator answers as a real kernel did. Method: sequences of steps, written by hand and drawn, were played on Linux 6.1 with
// emulated 82576 NICs and recorded (npm run test:kernel -- --record); each is replayed on the simulated 82576: answers, errnos and the
// state at the end must be the same. Where they are known to differ the difference is written down, with its reason, and must still be there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SeededRandom, SimClock } from '@vfleet/core';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { play } from './play.ts';
import type { Recorded } from './play.ts';
import { NETNS } from './sequences.ts';

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'recorded/82576-linux-6.1.json'), 'utf8')) as readonly Recorded[];

async function replay(sequence: Recorded): Promise<unknown> {
  const clock = new SimClock();
  const parsed = parseFleet({ nodes: [{ name: 'machine', kernelVersion: '6.1.0', kernelArguments: ['intel_iommu=on', 'iommu=pt'], pfs: [{ personality: '82576', pciAddress: '0000:01:00.0', adminUp: false, numaNode: -1 }] }] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const fleet = createFleet({ clock, random: new SeededRandom('conformance'), strictNetns: true });
  const node = fleet.addNode([...nodesOf(parsed.value)][0]!);
  node.createNetns(NETNS);
  const playing = play(node.hardware, sequence);
  await clock.run(600_000);
  return JSON.parse(JSON.stringify(await playing));
}

describe('hw-sim answers as Linux 6.1 with igb does', () => {
  test.each(recorded.map((sequence) => [sequence.name, sequence] as const))('%s', async (_name, sequence) => {
    expect(await replay(sequence)).toEqual({ answers: sequence.answers, end: sequence.end });
  });
});
