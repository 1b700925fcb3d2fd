import { setTimeout as sleep } from 'node:timers/promises';
import { isKubeError } from '@vfleet/core';
import type { Kube } from '@vfleet/core';
import * as api from '@vfleet/kube';
import type { SriovNetworkNodePolicy } from '@vfleet/kube';
import type { Unadmitted } from './pod-stream.ts';

/** Policies are judged all the time, one that can be and one that cannot, and none is kept (`dryRun`). */
export class PolicyStream {
  readonly #running: Promise<void>;
  readonly #failures: Unadmitted[] = [];
  #judged = 0;
  #isOver = false;

  constructor(kube: Kube, good: SriovNetworkNodePolicy, bad: SriovNetworkNodePolicy) {
    this.#running = this.#run(kube, good, bad);
  }

  /** How many were judged, and what was no judgement. */
  async stop(): Promise<{ readonly judged: number; readonly failures: readonly Unadmitted[] }> {
    this.#isOver = true;
    await this.#running;
    return { judged: this.#judged, failures: this.#failures };
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
  }

  async #run(kube: Kube, good: SriovNetworkNodePolicy, bad: SriovNetworkNodePolicy): Promise<void> {
    while (!this.#isOver) {
      for (const [policy, isGood] of [[good, true], [bad, false]] as const) {
        const why = await kube.create(api.nodePolicies, policy, { dryRun: true }).then(() => 'admitted', (error: unknown) => (isKubeError(error) ? error.message : String(error)));
        this.#judged += 1;
        if (isGood ? why !== 'admitted' : !why.includes('denied the request')) this.#failures.push({ atMs: Date.now(), why: `${policy.metadata.name}: ${why}` });
      }
      await sleep(100);
    }
  }
}
