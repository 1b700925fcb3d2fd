/**
 * `npm run campaign -- --bounded SECONDS`: every kept replay, then fresh seeds of every scenario for so long. What fails is printed with
 * the command that repeats it. Leaves its counts where .ci/run sums them.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalog, faultNames, findScenario, parseReplay, References, runReplay } from '@vfleet/sim';
import { keepFailure, runJobs } from './pool.ts';

const root = join(import.meta.dirname, '../..');
const REPLAYS = join(root, 'test/simulation/replays');
const RESULTS = join(root, '.vfleet/results');

interface Check {
  readonly title: string;
  readonly failures: string[];
}

/** Answers whether everything held. */
export async function boundedSearch(seconds: number, workers: number, print: (line: string) => void): Promise<boolean> {
  const replays = await checkReplays(print);
  const seeds = await searchFresh(seconds, workers, print);
  const checks = [...replays, ...seeds];
  const failed = checks.filter(({ failures }) => failures.length > 0);
  mkdirSync(RESULTS, { recursive: true });
  const assertionResults = checks.map(({ title, failures }) => ({ title, status: failures.length === 0 ? 'passed' : 'failed', failureMessages: failures }));
  const result = { numPassedTests: checks.length - failed.length, numFailedTests: failed.length, numPendingTests: 0, numTodoTests: 0, testResults: [{ name: 'bounded search', status: failed.length === 0 ? 'passed' : 'failed', assertionResults }] };
  writeFileSync(join(RESULTS, 'bounded-search.json'), JSON.stringify(result));
  return failed.length === 0;
}

async function checkReplays(print: (line: string) => void): Promise<readonly Check[]> {
  const references = new References();
  const checks: Check[] = [];
  for (const file of readdirSync(REPLAYS).filter((name) => name.endsWith('.json')).sort()) {
    const parsed = parseReplay(JSON.parse(readFileSync(join(REPLAYS, file), 'utf8')));
    const failures = parsed.ok
      ? (await runReplay(findScenario(parsed.value.scenario)!, parsed.value, { references })).violations.map(({ oracle, says }) => `${oracle}: ${says}`)
      : parsed.error.map(({ path, cause, remedy }) => `${path}: ${cause}: ${remedy}`);
    for (const failure of failures) print(`${file}: ${failure}\n  repeat it: npm run vfleet -- sim replay test/simulation/replays/${file}`);
    checks.push({ title: `replay ${file}`, failures });
  }
  print(`${checks.length} replays, ${checks.filter(({ failures }) => failures.length > 0).length} fail`);
  return checks;
}

async function searchFresh(seconds: number, workers: number, print: (line: string) => void): Promise<readonly Check[]> {
  const scenarios = catalog.filter(({ scale }) => scale !== true).map(({ name }) => name);
  const checks = new Map(scenarios.map((name): [string, Check] => [name, { title: `fresh seeds of ${name}`, failures: [] }]));
  const fresh = `ci-${Date.now().toString(36)}`;
  const untilMs = performance.now() + seconds * 1000;
  print(`fresh seeds ${fresh}-0, ${fresh}-1, … of ${scenarios.length} scenarios for ${seconds} s`);
  let given = 0;
  let runs = 0;
  const struck = new Set<string>();
  await runJobs(workers, () => {
    if (performance.now() >= untilMs) return undefined;
    const number = given++;
    return { scenario: scenarios[number % scenarios.length]!, seed: `${fresh}-${Math.floor(number / scenarios.length)}` };
  }, (report) => {
    runs++;
    for (const mark of Object.keys(report.marks)) struck.add(mark);
    const failure = keepFailure(report, join(root, '.vfleet/replays'));
    if (failure === undefined) return;
    checks.get(report.scenario)!.failures.push(failure);
    print(failure);
  });
  print(`${runs} fresh seeds, ${faultNames.filter((name) => struck.has(name)).length} of ${faultNames.length} kinds of fault struck`);
  return [...checks.values()];
}
