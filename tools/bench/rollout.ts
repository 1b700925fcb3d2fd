import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What one child process measured, printed by it as JSON. Milliseconds and bytes. */
export interface RolloutFigures {
  readonly nodes: number;
  readonly buildMs: number;
  readonly discoveredMs: number;
  readonly rolledOutMs: number;
  readonly cpuMs: number;
  readonly peakRssBytes: number;
}

const SIZES = [10, 100, 1000] as const;
const BASELINE = SIZES[1];

/** Real time, a process for each size, so that memory is that of this size alone. */
export async function run(print: (line: string) => void): Promise<void> {
  print('nodes   build s   discovered s   policy→Succeeded s   CPU s   peak RSS MB   CPU ms/node   (16 VFs a node, one policy)');
  const all: RolloutFigures[] = [];
  for (const nodes of SIZES) {
    const figures = await measure(nodes);
    all.push(figures);
    print(
      [
        String(nodes).padStart(5), seconds(figures.buildMs).padStart(9), seconds(figures.discoveredMs).padStart(14), seconds(figures.rolledOutMs).padStart(20),
        seconds(figures.cpuMs).padStart(7), String(Math.round(figures.peakRssBytes / 2 ** 20)).padStart(13), (figures.cpuMs / nodes).toFixed(1).padStart(13),
      ].join(' '),
    );
  }
  const base = all.find(({ nodes }) => nodes === BASELINE)!;
  const largest = all.at(-1)!;
  const growth = largest.nodes / base.nodes;
  print(`ratio ${largest.nodes} : ${base.nodes} nodes (×${growth}): CPU ×${(largest.cpuMs / base.cpuMs).toFixed(1)}, memory ×${(largest.peakRssBytes / base.peakRssBytes).toFixed(1)}, time ×${(largest.rolledOutMs / base.rolledOutMs).toFixed(1)}`);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

function measure(nodes: number): Promise<RolloutFigures> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'rollout-child.ts'), String(nodes)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code !== 0) reject(new Error(`the run with ${nodes} nodes ended with status ${code}`));
      else resolve(JSON.parse(text) as RolloutFigures);
    });
  });
}
