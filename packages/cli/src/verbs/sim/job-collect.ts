import { writeFileSync } from 'node:fs';
import type { Kube } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { jobs, pods } from '@vfleet/kube';
import type { Job } from '@vfleet/kube';
import type { CollectedIndex, Collection } from '@vfleet/sim';
import { collect, collectionJunit, faultNames } from '@vfleet/sim';
import { durationMs } from '../../duration.ts';
import { connect, listAll } from '../../connect.ts';
import type { CliContext } from '../../context.ts';
import { CliFailure } from '../../failure.ts';
import { renderDocument } from '../../output/document.ts';
import type { Column } from '../../output/table.ts';
import { printable, renderTable } from '../../output/table.ts';
import type { Terminal } from '../../output/terminal.ts';
import { paint } from '../../output/terminal.ts';
import type { CollectVerbOptions } from './job-command.ts';

/** Failing seeds that the table names. */
const NAMED_MAX = 20;
/** Between looks at a Job that still runs. */
const LOOK_MS = 5000;

/** `vfleet sim job collect`: status 0 when every seed was searched and every property held. */
export async function collectJob(name: string, options: CollectVerbOptions, context: CliContext): Promise<number> {
  const { kube } = await connect(context, options.kubeconfig);
  const job = await findEnded(kube, name, options, context.terminal);
  const all = await listAll(kube, pods, { namespace: options.namespace, labelSelector: `batch.kubernetes.io/controller-uid=${job.metadata.uid}` });
  const collected = collect(job, all);
  if (!collected.ok) throw new CliFailure(collected.error, 'Only Jobs that `vfleet sim job` wrote can be collected.');
  if (options.junit !== undefined) writeFileSync(options.junit, collectionJunit(collected.value));
  print(collected.value, options, context.terminal);
  return collected.value.isComplete && collected.value.failureCount === 0 ? 0 : 1;
}

/** The Job, when it has ended or the time is over; without --wait as it is. */
async function findEnded(kube: Kube, name: string, { namespace, wait }: CollectVerbOptions, terminal: Terminal): Promise<Job> {
  const untilMs = wait === undefined ? 0 : performance.now() + durationMs(wait);
  for (;;) {
    const job = await findJob(kube, namespace, name);
    const hasEnded = job.status?.conditions?.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True') === true;
    if (hasEnded || performance.now() >= untilMs) return job;
    const { active = 0, completedIndexes = '', failedIndexes = '' } = job.status ?? {};
    terminal.err(`${active} pods run; done: ${completedIndexes || 'none'}; failed: ${failedIndexes || 'none'}\n`);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.min(LOOK_MS, untilMs - performance.now()))));
  }
}

async function findJob(kube: Kube, namespace: string, name: string): Promise<Job> {
  try {
    return await kube.get(jobs, { namespace, name });
  } catch (error) {
    if (isKubeError(error, 'NotFound')) throw new CliFailure(`there is no Job ${namespace}/${name}`, '`kubectl get jobs -A -l app.kubernetes.io/component=sim-search` lists the searches; -n names the namespace.');
    if (isKubeError(error, 'Unreachable')) throw new CliFailure(`the cluster does not answer: ${error.message}`, 'Check the kubeconfig and whether the cluster runs.');
    if (isKubeError(error)) throw new CliFailure(`the cluster refused to read Job ${namespace}/${name}: ${error.message}`, 'Check the user and its roles in the kubeconfig.');
    throw error;
  }
}

const columns: readonly Column<CollectedIndex>[] = [
  { heading: 'index', cell: ({ index }) => String(index), align: 'right' },
  { heading: 'seeds', cell: ({ range }) => `${range.from}–${range.from + range.seeds - 1}` },
  { heading: 'outcome', cell: ({ outcome }) => outcome },
  { heading: 'runs', cell: ({ runs }) => String(runs), align: 'right' },
  { heading: 'failures', cell: ({ failures }) => String(failures), align: 'right' },
  { heading: 'says', cell: ({ says = '' }) => says },
  { heading: 'pod', cell: ({ pod = '' }) => pod, wide: true },
];

function print(collection: Collection, { output }: CollectVerbOptions, terminal: Terminal): void {
  if (output === 'json' || output === 'yaml') return terminal.out(renderDocument(collection, output));
  const { search, indexes, outcomes, failures, failureCount, marks, runs, virtualMs, wallMs, isComplete } = collection;
  // Of a thousand parts those matter that are not well; -o wide shows all.
  const shown = output === 'wide' ? indexes : indexes.filter(({ outcome, failures: count }) => outcome !== 'searched' || count > 0);
  if (shown.length > 0) terminal.out(`${renderTable(columns, shown, { wide: output === 'wide' })}\n\n`);
  const fired = faultNames.filter((name) => (marks[name] ?? 0) > 0);
  const strikes = fired.reduce((sum, name) => sum + marks[name]!, 0);
  const parts = Object.entries(outcomes).filter(([, count]) => count > 0).map(([outcome, count]) => `${count} ${outcome}`);
  terminal.out(`${search.scenario}, ${search.seeds.toLocaleString('en')} seeds from ${search.from} in ${search.shards} parts: ${parts.join(', ')}\n`);
  terminal.out(`${runs.toLocaleString('en')} runs, ${(virtualMs / 3_600_000).toFixed(1)} h of virtual time in ${(wallMs / 3_600_000).toFixed(2)} processor hours, ${strikes.toLocaleString('en')} faults of ${fired.length} of ${faultNames.length} kinds\n`);
  for (const warning of collection.warnings) terminal.out(`${paint(terminal, 'yellow', 'warning')} ${printable(warning)}\n`);
  for (const { scenario, seed, oracle, says } of failures.slice(0, NAMED_MAX)) {
    terminal.out(`${paint(terminal, 'red', 'violation')} ${printable(`${scenario}, seed ${seed}: ${oracle}${says === undefined ? '' : `: ${says}`}`)}\n  vfleet sim search ${printable(scenario)} --from ${printable(seed)} --seeds 1\n`);
  }
  if (failureCount > NAMED_MAX) terminal.out(`… and ${failureCount - NAMED_MAX} more failing seeds; -o json names them\n`);
  if (isComplete && failureCount === 0) terminal.out(`${paint(terminal, 'green', 'every property held')}\n`);
  else if (!isComplete) terminal.out(`${paint(terminal, 'yellow', 'incomplete')}: ${search.shards - outcomes.searched} of ${search.shards} parts are not searched to their end\n`);
}
