import type { Scenario } from '@vfleet/sim';
import { findScenario, runScenario } from '@vfleet/sim';
import { cpuSeconds, peakMb } from './sim-figures.ts';
import type { SimFigures } from './sim.ts';

/** VFs that every PF has before the policy comes: another number of them needs a drain, the first number needs none. */
const EARLIER_VFS = 4;

/**
 * The shipped roll-out on nodes that have VFs already, so that every node waits for its turn in the pool, is cordoned, configured and
 * uncordoned. What the operator does to nodes is counted from the trace: a node's first patch labels
 * it, the second one cordons it, the third one ends that.
 */
export async function drainedRollout(name: string): Promise<SimFigures> {
  const shipped = findScenario(name);
  if (shipped === undefined) throw new Error(`no scenario ${name}`);
  const labelled = new Set<string>();
  const cordoned = new Set<string>();
  const drained = new Set<string>();
  let atOnce = 0;
  const startedAt = cpuSeconds();
  const report = await runScenario(withVfs(shipped), 1, {
    wallClock: () => performance.now(),
    onTrace: ({ where, kind, text }) => {
      if (kind !== 'api' || !where.startsWith('operator/') || !text.startsWith('patch nodes ')) return;
      const node = text.slice('patch nodes '.length);
      if (!labelled.has(node)) return void labelled.add(node);
      if (cordoned.delete(node)) return void drained.add(node);
      cordoned.add(node);
      atOnce = Math.max(atOnce, cordoned.size);
    },
  });
  return {
    'wall s': report.wallMs / 1000, 'CPU s': cpuSeconds() - startedAt, 'virtual s': report.virtualMs / 1000, events: report.events,
    'nodes drained': drained.size, 'most at once': atOnce, violations: report.violations.length, hash: report.traceHash, 'peak MB': peakMb(),
  };
}

function withVfs(scenario: Scenario): Scenario {
  const nodes = (scenario.fleet as { readonly nodes: readonly { readonly pfs: readonly object[] }[] }).nodes;
  return { ...scenario, name: `${scenario.name}-drained`, fleet: { nodes: nodes.map((node) => ({ ...node, pfs: node.pfs.map((pf) => ({ ...pf, numVfs: EARLIER_VFS })) })) } };
}
