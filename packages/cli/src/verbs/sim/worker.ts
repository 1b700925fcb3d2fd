/** A search's worker process: gets scenario files or names and seeds by messages, answers with run reports without traces. */
import type { Scenario } from '@vfleet/sim';
import { References, runSeed } from '@vfleet/sim';
import { scenarioOf } from './files.ts';

const references = new References();
const scenarios = new Map<string, Scenario>();

process.on('message', (message: { readonly scenario: string; readonly seed: string }) => {
  const scenario = scenarios.get(message.scenario) ?? scenarioOf(message.scenario);
  scenarios.set(message.scenario, scenario);
  void runSeed(scenario, message.seed, { wallClock: () => performance.now(), references }).then((report) => {
    process.send!({ ...report, violations: report.violations.map((violation) => ({ ...violation, trace: violation.trace.slice(-20) })) });
  });
});
process.on('disconnect', () => process.exit(0));
