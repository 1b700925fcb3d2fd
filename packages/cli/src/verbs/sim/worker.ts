/** A search's worker process: gets scenario files or names and seeds by messages, answers with run reports without traces. */
import { runSeed } from '@vfleet/sim';
import { scenarioOf } from './files.ts';

process.on('message', (message: { readonly scenario: string; readonly seed: string }) => {
  void runSeed(scenarioOf(message.scenario), message.seed, { wallClock: () => performance.now() }).then((report) => {
    process.send!({ ...report, violations: report.violations.map((violation) => ({ ...violation, trace: violation.trace.slice(-20) })) });
  });
});
process.on('disconnect', () => process.exit(0));
