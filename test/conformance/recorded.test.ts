// Goal: the simulator, and the Linux backend on the simulator's view of a kernel, answer as a real kernel did. Method: sequences of steps,
// written by hand and drawn, were played on Linux 6.1 with emulated 82576 NICs and recorded (npm run test:kernel -- --record); each is
// replayed on the simulated 82576 through both: answers, errnos and the state at the end must be the same.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SimClock } from '@vfleet/core';
import { BACKENDS, during, simulatedMachine } from './backends.ts';
import type { BackendName } from './backends.ts';
import { play } from './play.ts';
import type { Recorded } from './play.ts';

const folder = join(import.meta.dirname, 'recorded');
const recordings = readdirSync(folder).filter((name) => name.startsWith('82576-')).map((name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as readonly Recorded[]] as const);

describe.each(['hw-sim', 'hw-linux'] satisfies readonly BackendName[])('%s answers as Linux with igb does', (backend) => {
  test.each(recordings.flatMap(([file, sequences]) => sequences.map((sequence) => [sequence.name, file, sequence] as const)))('%s (%s)', async (_name, _file, sequence) => {
    const clock = new SimClock();
    const played = await during(clock, play(BACKENDS[backend](simulatedMachine(clock), clock), sequence));
    expect(JSON.parse(JSON.stringify(played))).toEqual({ answers: sequence.answers, end: sequence.end });
  });
});
