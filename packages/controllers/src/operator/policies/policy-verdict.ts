import type { NodePolicySpec } from '@vfleet/core';
import { brokenRanges, isEmptyNicSelector } from '@vfleet/core';
import type { ConditionUpdate } from '@vfleet/kube';
import { listSome } from '../text.ts';
import type { PolicyOnNode } from './policy-ledger.ts';

/** Reasons of the condition Ready of a SriovNetworkNodePolicy. */
export type PolicyReason =
  | 'PolicyReady' // every selected NIC is configured
  | 'PolicyIgnored' // its name is "default"
  | 'DryRun' // it is annotated so: the message and status.preview say what it would do
  | 'NoOperatorConfig'
  | 'EmptyNicSelector'
  | 'MalformedRange'
  | 'RangeBeyondNumVfs'
  | 'NoNodeSelected' // no node that runs a config daemon has the labels
  | 'AwaitingDiscovery' // nodes are selected, no NIC is known yet
  | 'NoInterfaceSelected' // the message says, per node and NIC, what did not match
  | 'Displaced' // policies that win took all its VFs
  | 'BridgeNotPossible'
  | 'MoreVfsThanTotal'
  | 'NodesFailed'
  | 'NodesInProgress';

export interface PolicyVerdict {
  readonly matchedNodes: number;
  readonly matchedInterfaces: number;
  readonly ready: boolean;
  readonly reason: PolicyReason;
  readonly message: string;
}

/** What the status of a policy says, from what became of it on each node. `explain` tells why nothing matches on a node. */
export function policyVerdict(name: string, spec: NodePolicySpec, onNodes: ReadonlyMap<string, PolicyOnNode>, explain: (node: string) => string): PolicyVerdict {
  const nodes = [...onNodes].sort(([a], [b]) => (a < b ? -1 : 1));
  const known = nodes.filter(([, { outcome }]) => outcome.kind !== 'undiscovered');
  const matching = known.filter(([, { match }]) => match.interfaces.length > 0);
  const matchedInterfaces = matching.reduce((sum, [, { match }]) => sum + match.interfaces.length, 0);
  const counts = { matchedNodes: known.length, matchedInterfaces };
  const not = (reason: PolicyReason, message: string): PolicyVerdict => ({ ...counts, ready: false, reason, message });

  const [broken] = brokenRanges({ name, spec });
  if (broken !== undefined) return not(broken.kind === 'malformedRange' ? 'MalformedRange' : 'RangeBeyondNumVfs', `${broken.cause}; ${broken.remedy}. What the policy configured before is kept as it is`);
  if (isEmptyNicSelector(spec.nicSelector)) return not('EmptyNicSelector', 'nicSelector is empty and matches nothing; set vendor, deviceID, rootDevices, pfNames or netFilter');
  if (nodes.length === 0) return not('NoNodeSelected', `no node that runs a config daemon has the labels ${JSON.stringify(spec.nodeSelector)}`);
  if (known.length === 0) return not('AwaitingDiscovery', `the NICs of ${listSome(nodes.map(([node]) => node))} are not discovered yet`);
  if (matching.length === 0) return not('NoInterfaceSelected', listSome(known.slice(0, 4).map(([node]) => `node ${node}: ${explain(node)}`), 3));
  if (spec.numVfs === 0) return { ...counts, ready: true, reason: 'PolicyReady', message: 'numVfs is 0: the policy adds nothing' };
  return verdictOnMatching(matching, not, counts);
}

type Entries = readonly (readonly [string, PolicyOnNode])[];

function verdictOnMatching(matching: Entries, not: (reason: PolicyReason, message: string) => PolicyVerdict, counts: { readonly matchedNodes: number; readonly matchedInterfaces: number }): PolicyVerdict {
  const effective = matching.filter(([, { match }]) => match.displacedOn.length < match.interfaces.length);
  const displaced = displacedText(matching);
  if (effective.length === 0) return not('Displaced', `policies of a lower priority number, or of the same one and a later name, took every VF on ${displaced}, or a broken policy still holds the PFs; use disjoint VF ranges in pfNames or other NICs, or correct the broken policy`);
  const elsewhere = displaced === '' ? '' : `; displaced by other policies on ${displaced}`;
  for (const [kind, reason] of [['bridgeNotPossible', 'BridgeNotPossible'], ['moreVfsThanTotal', 'MoreVfsThanTotal']] as const) {
    for (const [node, { problems }] of effective) {
      const problem = problems.find((candidate) => candidate.kind === kind);
      if (problem !== undefined) return not(reason, `node ${node}: ${problem.cause}; ${problem.remedy}`);
    }
  }
  const failed = effective.flatMap(([node, { outcome }]) => (outcome.kind === 'failed' ? [`${node}: ${outcome.error}`] : []));
  if (failed.length > 0) return not('NodesFailed', `${failed.length} of ${effective.length} nodes failed: ${listSome(failed)}${elsewhere}`);
  const done = effective.filter(([, { outcome }]) => outcome.kind === 'succeeded').length;
  if (done < effective.length) return not('NodesInProgress', `${done} of ${effective.length} nodes are configured${elsewhere}`);
  return { ...counts, ready: true, reason: 'PolicyReady', message: `${effective.length} of ${effective.length} nodes are configured${elsewhere}` };
}

/** Where other policies took all VFs: nodes with the PCI addresses of their PFs. Empty when nowhere. */
function displacedText(matching: Entries): string {
  return listSome(matching.flatMap(([node, { match }]) => (match.displacedOn.length === 0 ? [] : [`${node} (${match.displacedOn.join(', ')})`])));
}

export function readyCondition(verdict: { readonly ready: boolean; readonly reason: string; readonly message: string }, generation: number | undefined): ConditionUpdate {
  return {
    type: 'Ready',
    status: verdict.ready ? 'True' : 'False',
    reason: verdict.reason,
    message: verdict.message,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}
