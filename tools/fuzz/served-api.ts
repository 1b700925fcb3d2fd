/**
 * `npm run fuzz [-- --requests N --seed TEXT --connections N]`: sends mutated requests to an embedded API server over kept-alive
 * TLS connections. Ends with status 1 when the server made a mistake; every request can be had again from its seed and number:
 * `npm run fuzz -- --seed TEXT --only INDEX` prints it.
 */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fuzzRequest } from './requests.ts';
import { fuzz } from './run.ts';
import type { FuzzReport } from './run.ts';

const { values } = parseArgs({ options: { requests: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, connections: { type: 'string', default: '16' }, only: { type: 'string' } } });
const print = (line: string) => void process.stdout.write(`${line}\n`);

if (values.only !== undefined) {
  print(fuzzRequest(values.seed, Number(values.only), 'TOKEN').bytes.toString('latin1'));
} else {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const startedMs = performance.now();
  const heaps: number[] = [];
  const tell = (report: FuzzReport) => {
    collectGarbage();
    heaps.push(process.memoryUsage().heapUsed);
    print(`${report.requests} requests, ${Math.round(report.requests / ((performance.now() - startedMs) / 1000))}/s, ${report.objects} objects, ${report.watchersLeft} watchers, heap ${Math.round(heaps.at(-1)! / 1e6)} MB, ${report.failures.length} failures`);
  };
  const requests = Number(values.requests);
  const report = await fuzz({ seed: values.seed, requests, connections: Number(values.connections), onProgress: tell, progressEvery: Math.max(1_000, Math.round(requests / 20)) });
  tell(report);
  print(`answers: ${JSON.stringify(report.answers)}; ${report.connectionsOpened} connections`);
  for (const [message, count] of Object.entries(report.serverErrors)) print(`500 ${count} × ${message}`);
  for (const { index, what, request } of report.failures) print(`#${index}: ${what}\n  ${request}`);
  const grown = heaps.at(-1)! / Math.max(...heaps.slice(1, Math.ceil(heaps.length / 2)), heaps[0]!);
  if (heaps.length > 8) print(`heap at the end: ${grown.toFixed(2)} × the most in the first half`);
  if (report.watchersLeft > 0) print(`${report.watchersLeft} watchers were left behind`);
  process.exitCode = report.failures.length > 0 || report.watchersLeft > 0 ? 1 : 0;
}
