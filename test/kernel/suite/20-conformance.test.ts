// Goal: the simulator answers as the kernel does. Method: play every sequence, written and drawn, on the real kernel through the Linux
// backend, compare with what was recorded before, and with --record write what was answered; hw-sim replays the recording in npm test.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { play } from '../../conformance/play.ts';
import type { Recorded } from '../../conformance/play.ts';
import { PF, drawn, written } from '../../conformance/sequences.ts';
import type { Sequence } from '../../conformance/sequences.ts';
import { applied, ip, pfOf, realHardware, until } from '../support.ts';

const hardware = realHardware();
const target = process.env['VFLEET_RECORD'];
const known = target === undefined ? (JSON.parse(readFileSync(join(import.meta.dirname, '../../conformance/recorded/82576-linux-6.1.json'), 'utf8')) as readonly Recorded[]) : undefined;
const sequences: readonly Sequence[] = known ?? [...written, ...drawn(20, 2026)];
const recorded: Recorded[] = [];

after(async () => {
  if (target !== undefined) writeFileSync(target, `[\n${recorded.map((entry) => JSON.stringify(entry)).join(',\n')}\n]\n`);
  await hardware.close();
});

/** As a boot leaves it. */
async function reset(): Promise<void> {
  const { driver, netdev } = await pfOf(hardware, PF);
  if (driver === undefined) await applied(hardware, { kind: 'bindDriver', device: PF, driver: 'default' });
  await applied(hardware, { kind: 'setNumVfs', pf: PF, count: 0 });
  await applied(hardware, { kind: 'setDriversAutoprobe', pf: PF, enabled: true });
  await applied(hardware, { kind: 'setLink', device: PF, netns: 'host', up: false });
  if (netdev !== undefined && netdev.mtu !== 1500) await applied(hardware, { kind: 'setMtu', device: PF, netns: 'host', mtu: 1500 });
}

for (const sequence of sequences) {
  test(`conformance: ${sequence.name}`, async () => {
    await reset();
    ip('netns', 'add', 'conformance');
    try {
      const played = await play(hardware, sequence);
      recorded.push({ name: sequence.name, steps: sequence.steps, ...played });
      const before = known?.find(({ name }) => name === sequence.name);
      if (before !== undefined) assert.deepEqual(JSON.parse(JSON.stringify(played)), { answers: before.answers, end: before.end });
    } finally {
      ip('netns', 'del', 'conformance');
      // Namespaces end some time after their name.
      await until('the PF is at rest', async () => (await hardware.discover()).ok);
      await reset();
    }
  });
}
