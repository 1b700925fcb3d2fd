/**
 * `npm run fuzz -- admission [--cases N --seed TEXT]`: random custom resources, annotations, ConfigMaps and statuses into a fleet that an operator
 * looks after, and random AdmissionReviews to its webhooks. Ends with status 1 when something was thrown, answered with the wrong code, patched
 * twice, written for ever, or took seconds. `--only INDEX` prints a request for admission.
 */
import { parseArgs } from 'node:util';
import { drawReview } from './reviews.ts';
import { fuzzAdmission } from './run.ts';

const { values } = parseArgs({ options: { cases: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, only: { type: 'string' } } });
const print = (line: string) => void process.stdout.write(`${line}\n`);

if (values.only !== undefined) {
  const { path, body } = drawReview(values.seed, Number(values.only));
  print(`${path}\n${body}`);
} else {
  const startedMs = performance.now();
  const cases = Number(values.cases);
  const report = await fuzzAdmission({
    seed: values.seed, cases, progressEvery: Math.max(1_000, Math.round(cases / 20)),
    onProgress: ({ cases: done, failures, slowestCpuMs }) => print(`${done} cases, ${Math.round(done / ((performance.now() - startedMs) / 1000))}/s, heap ${Math.round(process.memoryUsage().heapUsed / 1e6)} MB, slowest ${Math.round(slowestCpuMs)} ms of the processor, ${failures.length} failures`),
  });
  print(`outcomes: ${JSON.stringify(report.outcomes)}`);
  for (const { index, what } of report.failures) print(`#${index}: ${what}`);
  process.exitCode = report.failures.length > 0 ? 1 : 0;
}
