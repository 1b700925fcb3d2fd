import type { PolicyPreview } from '@vfleet/core';
import type { SriovNetworkNodePolicy } from '@vfleet/kube';
import { nodeStates } from '@vfleet/kube';
import { NodePlanner } from '../../plan-preview/node-planner.ts';
import { PreviewTally } from '../../plan-preview/policy-preview.ts';
import type { OperatorContext } from '../context.ts';

/** Node states with all of their VFs are large, and the caches do not keep these: they are read in small pages. */
const PAGE = 100;
/** A preview reads all node states: it is made anew when the policy was changed, and else at this pace. */
export const PREVIEW_EVERY_MS = 5 * 60_000;
/** And never sooner than this, however fast the policy is changed. */
const AT_MOST_EVERY_MS = 2_000;

interface Made {
  readonly preview: PolicyPreview;
  readonly atMs: number;
}

/** What policies would do that are annotated for a dry run. */
export class DryRuns {
  readonly #context: OperatorContext;
  readonly #made = new Map<string, Made>();

  constructor(context: OperatorContext) {
    this.#context = context;
  }

  forget(policy: string): void {
    this.#made.delete(policy);
  }

  /** The newest preview that is worth being written, and when to come back. A number alone: too early. */
  async of({ metadata: { name, generation = 0 }, spec }: SriovNetworkNodePolicy): Promise<{ readonly preview?: PolicyPreview; readonly againMs: number }> {
    const { clock } = this.#context.ports;
    const made = this.#made.get(name);
    const ageMs = made === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() - made.atMs;
    const restMs = made?.preview.observedGeneration === generation ? PREVIEW_EVERY_MS : AT_MOST_EVERY_MS;
    if (made !== undefined && ageMs < restMs) return made.preview.observedGeneration === generation ? { preview: made.preview, againMs: restMs - ageMs } : { againMs: restMs - ageMs };
    const preview = await this.#make(name, spec, generation);
    this.#made.set(name, { preview, atMs: clock.monotonicMs() });
    return { preview, againMs: PREVIEW_EVERY_MS };
  }

  async #make(name: string, spec: SriovNetworkNodePolicy['spec'], generation: number): Promise<PolicyPreview> {
    const { fleet, informers, settings, ports } = this.#context;
    const { config } = fleet;
    const planner = new NodePlanner({
      // As if it alone were applied: other dry runs stay what they are.
      policies: [...fleet.policies.filter((other) => other.name !== name), { name, spec }],
      pools: informers.pools.list().filter(({ metadata }) => metadata.deletionTimestamp === undefined).map((pool) => ({ name: pool.metadata.name, spec: pool.spec })),
      ...(config === undefined ? {} : { config }),
    });
    const tally = new PreviewTally();
    let next: string | undefined;
    do {
      const page = await ports.kube.list(nodeStates, { namespace: settings.namespace, limit: PAGE, ...(next === undefined ? {} : { continue: next }) });
      for (const state of page.items) {
        const node = informers.nodes.get(state.metadata.name);
        const planned = node === undefined ? undefined : planner.plan(node, state);
        if (planned !== undefined) tally.add(planned);
      }
      next = page.continue;
    } while (next !== undefined && next !== '');
    return tally.preview(generation, planner.poolPlans());
  }
}
