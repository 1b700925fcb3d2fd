/**
 * `npm run fuzz -- netlink [--cases N --seed TEXT]`: mutated netlink messages, uevents, devlink and ethtool answers, and files of /sys into
 * the Linux backend. Ends with status 1 when something was thrown that is no answer, took a second, or memory grew without a bound.
 * `--only INDEX` plays one case again.
 */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { recordCorpus } from './corpus.ts';
import { fuzzCase, fuzzKernel } from './run.ts';
import type { KernelFuzzReport } from './run.ts';

const { values } = parseArgs({ options: { cases: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, only: { type: 'string' } } });
const print = (line: string) => void process.stdout.write(`${line}\n`);
const corpus = await recordCorpus();

if (values.only !== undefined) {
  print(await fuzzCase(corpus, values.seed, Number(values.only)));
} else {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const startedMs = performance.now();
  const heaps: number[] = [];
  const tell = (report: KernelFuzzReport) => {
    collectGarbage();
    heaps.push(process.memoryUsage().heapUsed);
    print(`${report.cases} cases, ${Math.round(report.cases / ((performance.now() - startedMs) / 1000))}/s, heap ${(heaps.at(-1)! / 1e6).toFixed(1)} MB, slowest ${report.slowestMs.toFixed(1)} ms, ${report.failures.length} failures`);
  };
  const cases = Number(values.cases);
  const report = await fuzzKernel(corpus, { seed: values.seed, cases, onProgress: tell, progressEvery: Math.max(1_000, Math.round(cases / 20)) });
  print(`corpus: ${corpus.answers.length} datagrams, ${corpus.news.length} events, ${corpus.files.size} files; outcomes: ${JSON.stringify(report.outcomes)}`);
  for (const { index, what } of report.failures) print(`#${index}: ${what}`);
  const half = heaps.slice(0, Math.ceil(heaps.length / 2));
  const grown = half.length === 0 ? 1 : heaps.at(-1)! / Math.max(...half);
  print(`${((performance.now() - startedMs) / 1000).toFixed(0)} s; at most ${Math.round(process.resourceUsage().maxRSS / 1000)} MB resident; heap at the end ${grown.toFixed(2)} × the most in the first half`);
  process.exitCode = report.failures.length > 0 || grown > 1.5 ? 1 : 0;
}
