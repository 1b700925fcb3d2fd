/** Durations, in milliseconds, and how they are shown. */
export const shown = (ms: number) => (ms < 1 ? `${Math.round(ms * 1000)} µs` : `${ms < 100 ? ms.toFixed(2) : Math.round(ms)} ms`);

export const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`;

export async function timed(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Of so many runs, one after the other. */
export async function median(runs: number, work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await timed(work));
  return middle(times);
}

export function middle(times: readonly number[]): number {
  return quantile(times, 0.5);
}

export function quantile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)]!;
}

export function mean(times: readonly number[]): number {
  return times.reduce((sum, time) => sum + time, 0) / times.length;
}
