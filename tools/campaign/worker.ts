/** A campaign's worker process: gets a scenario's name and a seed by message, answers with the run's report and the last of its trace. */
import { References, findScenario, runSeed } from '@vfleet/sim';

const references = new References();

process.on('message', ({ scenario, seed }: { readonly scenario: string; readonly seed: string }) => {
  void runSeed(findScenario(scenario)!, seed, { wallClock: () => performance.now(), references }).then((report) => {
    process.send!({ ...report, violations: report.violations.map((violation) => ({ ...violation, trace: violation.trace.slice(-20) })) });
  });
});
process.on('disconnect', () => process.exit(0));
