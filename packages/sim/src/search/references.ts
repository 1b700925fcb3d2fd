import type { EndState } from '../oracles/same-end.ts';
import { runScenario } from '../run/run-scenario.ts';
import type { Scenario } from '../scenarios/scenario.ts';

/** What scenarios come to when nothing goes wrong: run once each, when first asked for. */
export class References {
  readonly #ends = new Map<Scenario, Promise<EndState | undefined>>();

  /** Undefined for scenarios at scale, which are not compared, and when the run without faults does not come to rest. */
  of(scenario: Scenario): Promise<EndState | undefined> {
    let end = this.#ends.get(scenario);
    if (end === undefined) this.#ends.set(scenario, (end = scenario.scale === true ? Promise.resolve(undefined) : run(scenario)));
    return end;
  }
}

async function run(scenario: Scenario): Promise<EndState | undefined> {
  const found: { end?: EndState } = {};
  await runScenario(scenario, 'reference', { onEnd: (end) => (found.end = end) });
  return found.end;
}
