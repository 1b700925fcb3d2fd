import { IGNORED_POLICY_NAME, hasLabels, nicMismatches } from '@vfleet/core';
import type { NodePolicySpec } from '@vfleet/core';
import type { ReconcileResult, SriovNetworkNodePolicy } from '@vfleet/kube';
import { findCondition, nodePolicies } from '@vfleet/kube';
import { listSome } from '../text.ts';
import type { OperatorContext } from '../context.ts';
import { patchStatus, writeKey } from '../context.ts';
import { CONFIG_NAME } from '../fleet-model.ts';
import type { PolicyLedger } from './policy-ledger.ts';
import type { PolicyVerdict } from './policy-verdict.ts';
import { policyVerdict, readyCondition } from './policy-verdict.ts';
import { StatusPace } from './status-pace.ts';

/** Keeps the status of policies: what they match, and whether it is configured. The key is the policy's name. */
export class Policies {
  readonly #context: OperatorContext;
  readonly #ledger: PolicyLedger;
  readonly #pace: StatusPace;

  constructor(context: OperatorContext, ledger: PolicyLedger) {
    this.#context = context;
    this.#ledger = ledger;
    this.#pace = new StatusPace(context.ports.clock);
  }

  async reconcile(name: string): Promise<ReconcileResult> {
    const { informers, settings, writes, events } = this.#context;
    const policy = informers.policies.get({ namespace: settings.namespace, name });
    const behindMs = writes.behindMs(writeKey(nodePolicies, settings.namespace, name), policy);
    if (behindMs > 0) return { requeueAfterMs: behindMs };
    if (policy === undefined || policy.metadata.deletionTimestamp !== undefined) return this.#pace.forget(name);
    const verdict = this.#verdict(policy);
    if (verdict === undefined) return;
    const { matchedNodes, matchedInterfaces } = verdict;
    const before = findCondition(policy.status?.conditions, 'Ready');
    // A status of an older generation tells of another policy.
    const news = before?.reason === verdict.reason && before.observedGeneration === policy.metadata.generation ? 'progress' : 'reason';
    const waitMs = this.#pace.waitMs(name, verdict.matchedNodes, news);
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    if (!(await patchStatus(this.#context, nodePolicies, policy, [readyCondition(verdict, policy.metadata.generation)], { matchedNodes, matchedInterfaces }))) return;
    this.#pace.wrote(name);
    if (before?.reason === verdict.reason) return;
    const normal = verdict.ready || ['NodesInProgress', 'AwaitingDiscovery', 'PolicyIgnored'].includes(verdict.reason);
    events.record(normal ? 'Normal' : 'Warning', policy, verdict.reason, verdict.message);
  }

  /** Undefined while nothing is rendered yet of nodes that the policy selects: their first report comes back here. */
  #verdict({ metadata: { name }, spec }: SriovNetworkNodePolicy): PolicyVerdict | undefined {
    if (name === IGNORED_POLICY_NAME) {
      return { matchedNodes: 0, matchedInterfaces: 0, ready: false, reason: 'PolicyIgnored', message: 'a policy named "default" is ignored; give it another name' };
    }
    const onNodes = this.#ledger.of(name);
    if (this.#context.fleet.config === undefined) {
      const message = `there is no SriovOperatorConfig "${CONFIG_NAME}" in ${this.#context.settings.namespace}: what is configured stays as it is until there is one`;
      return { matchedNodes: 0, matchedInterfaces: 0, ready: false, reason: 'NoOperatorConfig', message };
    }
    if (onNodes.size === 0 && this.#selectsAnyNode(spec)) return undefined;
    return policyVerdict(name, spec, onNodes, (node) => this.#explain(node, spec));
  }

  #selectsAnyNode(spec: NodePolicySpec): boolean {
    const { informers, fleet } = this.#context;
    for (const { metadata } of informers.nodes.values()) {
      if (hasLabels(spec.nodeSelector, metadata.labels ?? {}) && fleet.selectedNodeLabels(metadata.name) !== undefined) return true;
    }
    return false;
  }

  #explain(node: string, spec: NodePolicySpec): string {
    const { informers, settings } = this.#context;
    const nics = informers.nodeStates.get({ namespace: settings.namespace, name: node })?.status?.interfaces ?? [];
    return listSome(nics.map((nic) => `${nic.name ?? nic.pciAddress}: ${nicMismatches(spec.nicSelector, nic).map((mismatch) => mismatch.text).join(' and ')}`));
  }
}
