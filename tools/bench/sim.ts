/**
 * The deterministic simulator's figures: how large a fleet, how fast, how many seeds. Every measurement runs in a process of its own,
 * so that memory and compilation are its own. `--quick` leaves the largest out.
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

const MEASUREMENTS: readonly Measurement[] = [
  { name: 'hardware', words: ['hardware', '10000'] },
  { name: 'rollout 100', words: ['rollout', 'rollout-100'] },
  { name: 'rollout 1,000', words: ['rollout', 'rollout-1000'] },
  { name: 'rollout 10,000', words: ['rollout', 'rollout-10000'], slow: true },
  { name: 'node creations', words: ['nodes', '10000'] },
  { name: 'pod allocations', words: ['pods', '2000'] },
  { name: 'seeds', words: ['seeds', '60'] },
  { name: 'crash at every write', words: ['crashes', '60'] },
];

export async function run(print: (line: string) => void, words: readonly string[]): Promise<void> {
  for (const { name, words: task, slow } of MEASUREMENTS) {
    if (slow === true && words.includes('--quick')) continue;
    const figures = await measure(task);
    print(`${name.padEnd(22)} ${Object.entries(figures).map(([key, value]) => `${key} ${typeof value === 'number' ? round(value) : value}`).join('   ')}`);
  }
}

function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Math.round(value * 100) / 100);
}

function measure(task: readonly string[]): Promise<SimFigures> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--max-old-space-size=8192', join(import.meta.dirname, 'sim-child.ts'), ...task], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve(JSON.parse(text) as SimFigures) : reject(new Error(`${task.join(' ')} ended with status ${code}`))));
  });
}
