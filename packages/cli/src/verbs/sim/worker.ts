/** A search's worker process: gets scenario files or names and seeds by messages, answers with run reports without traces. */
import type { RunReport, Scenario } from '@vfleet/sim';
import { References, runSeed } from '@vfleet/sim';
import { scenarioOf } from './files.ts';

/** Reads each scenario once, and runs it once without faults to compare with. */
class Worker {
  readonly #scenarios = new Map<string, Scenario>();
  readonly #references = new References();

  async run(name: string, seed: string): Promise<RunReport> {
    const scenario = this.#scenarios.get(name) ?? scenarioOf(name);
    this.#scenarios.set(name, scenario);
    const report = await runSeed(scenario, seed, { wallClock: () => performance.now(), references: this.#references });
    return { ...report, violations: report.violations.map((violation) => ({ ...violation, trace: violation.trace.slice(-20) })) };
  }
}

const worker = new Worker();
process.on('message', ({ scenario, seed }: { readonly scenario: string; readonly seed: string }) => {
  void worker.run(scenario, seed).then((report) => process.send!(report));
});
process.on('disconnect', () => process.exit(0));
