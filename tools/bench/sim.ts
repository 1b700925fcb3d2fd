/**
 * The deterministic simulator's figures: how large a fleet, how fast, how many seeds, and what of the bars is reached. Every measurement
 * runs in a process of its own, one after the other, so that memory and compilation are its own. `--quick` leaves the largest out.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What one child measured: names of figures to numbers. */
export type SimFigures = Readonly<Record<string, number | string>>;

interface Measurement {
  readonly name: string;
  readonly words: readonly string[];
  readonly slow?: boolean;
}

const LARGEST = 'roll-out 10,000';
const DRAINED = 'drained 10,000';
const MEASUREMENTS: readonly Measurement[] = [
  { name: 'hardware', words: ['hardware', '10000'] },
  { name: 'roll-out 100', words: ['rollout', 'rollout-100', 'again'] },
  { name: 'roll-out 1,000', words: ['rollout', 'rollout-1000', 'again'] },
  { name: LARGEST, words: ['rollout', 'rollout-10000'], slow: true },
  { name: `${LARGEST} again`, words: ['rollout', 'rollout-10000'], slow: true },
  { name: 'drained 1,000', words: ['drained', 'rollout-1000'] },
  { name: DRAINED, words: ['drained', 'rollout-10000'], slow: true },
  { name: 'hardware moves alone', words: ['links', '100'] },
  { name: 'node creations', words: ['nodes', '2000'] },
  { name: 'pods', words: ['pods', '4000'] },
  { name: 'device allocations', words: ['allocations', '20000'] },
  { name: 'seeds', words: ['seeds', '120'] },
  { name: 'crash at every write', words: ['crashes', '140'] },
];

interface Bar {
  readonly says: string;
  readonly of: string;
  readonly figure: string;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const MEMORY_MB = 2048;
/** What V8 may use for objects that live long. With 1,850 MB the process stays at the bar, and the collector makes it a third slower. */
const HEAP_MB = 2048;

const BARS: readonly Bar[] = [
  { says: '10,000 nodes × 128 VFs built', of: 'hardware', figure: 'build s', unit: 's', atMost: 10 },
  { says: 'in memory of', of: 'hardware', figure: 'peak MB', unit: 'MB', atMost: MEMORY_MB },
  { says: 'roll-out over 10,000 nodes', of: LARGEST, figure: 'wall s', unit: 's of wall time', atMost: 60 },
  { says: 'in memory of', of: LARGEST, figure: 'peak MB', unit: 'MB', atMost: MEMORY_MB },
  { says: 'the same, every node drained', of: DRAINED, figure: 'wall s', unit: 's of wall time', atMost: 60 },
  { says: 'in memory of', of: DRAINED, figure: 'peak MB', unit: 'MB', atMost: MEMORY_MB },
  { says: 'real controllers, 100 nodes', of: 'roll-out 100', figure: '× real time', unit: '× real time', atLeast: 100 },
  { says: 'real controllers, 3 nodes', of: 'seeds', figure: '× real time', unit: '× real time', atLeast: 100 },
  { says: 'hardware moves alone', of: 'hardware moves alone', figure: '× real time', unit: '× real time', atLeast: 1000 },
  { says: 'node creations', of: 'node creations', figure: 'Node objects/CPU s', unit: '/s', atLeast: 5000 },
  { says: 'pod allocations (kubelet, plugin)', of: 'device allocations', figure: 'allocations/CPU s', unit: '/s', atLeast: 10_000 },
  { says: 'whole pods, request to Running', of: 'pods', figure: 'pods/CPU s', unit: '/s', atLeast: 10_000 },
  { says: 'seeds', of: 'seeds', figure: 'seeds/h/core', unit: '/h/core', atLeast: 10_000 },
  { says: 'crash points', of: 'crash at every write', figure: 'runs/h/core', unit: '/h/core', atLeast: 10_000 },
];

export async function run(print: (line: string) => void, words: readonly string[]): Promise<void> {
  const all = new Map<string, SimFigures>();
  for (const { name, words: task, slow } of MEASUREMENTS) {
    if (slow === true && words.includes('--quick')) continue;
    const figures = await measure(task);
    all.set(name, figures);
    print(`${name.padEnd(22)} ${Object.entries(figures).map(([key, value]) => `${key} ${typeof value === 'number' ? round(value) : value}`).join('   ')}`);
  }
  print('');
  for (const bar of BARS) print(barLine(bar, all.get(bar.of)?.[bar.figure]));
  for (const line of comparisons(all)) print(line);
}

function barLine({ says, unit, atLeast, atMost }: Bar, value: number | string | undefined): string {
  const bar = atLeast === undefined ? `≤ ${round(atMost!)}` : `≥ ${round(atLeast)}`;
  const isReached = typeof value === 'number' && (atLeast === undefined ? value <= atMost! : value >= atLeast);
  const reached = typeof value === 'number' ? `${round(value)} ${unit}` : 'not measured';
  return `${says.padEnd(34)} bar ${`${bar} ${unit}`.padEnd(24)} reached ${reached.padEnd(26)} ${typeof value === 'number' ? (isReached ? 'yes' : 'NO') : ''}`.trimEnd();
}

/** What two measurements say together. */
function comparisons(all: ReadonlyMap<string, SimFigures>): readonly string[] {
  const lines: string[] = [];
  const sizes = [['roll-out 100', 100], ['roll-out 1,000', 1000], [LARGEST, 10_000]] as const;
  const costs = sizes.flatMap(([name, count]) => {
    const cpu = all.get(name)?.['CPU s'];
    return typeof cpu === 'number' ? [{ count, ms: (cpu / count) * 1000 }] : [];
  });
  lines.push(`${'growth of cost'.padEnd(34)} bar ${'about linear'.padEnd(24)} reached ${costs.map(({ count, ms }) => `${round(ms)} CPU ms a node at ${round(count)}`).join(', ')}`);
  const hashes = [all.get(LARGEST)?.['hash'], all.get(`${LARGEST} again`)?.['hash']];
  if (hashes[0] !== undefined) lines.push(`${'same hash on rerun'.padEnd(34)} bar ${'the same'.padEnd(24)} reached ${hashes[0]} and ${hashes[1]}${''.padEnd(3)} ${hashes[0] === hashes[1] ? 'yes' : 'NO'}`);
  return lines;
}

function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Math.round(value * 100) / 100);
}

/** The heap of a child may grow to what the bar leaves it and no further: then it fails, and nothing is measured. */
function measure(task: readonly string[]): Promise<SimFigures> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', `--max-old-space-size=${HEAP_MB}`, join(import.meta.dirname, 'sim-child.ts'), ...task], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code === 0 ? (JSON.parse(text) as SimFigures) : { failed: signal ?? `status ${code}` }));
  });
}
