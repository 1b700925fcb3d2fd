import { IGNORED_POLICY_NAME, hasLabels, nicMismatches } from '@vfleet/core';
import type { NodePolicySpec } from '@vfleet/core';
import type { ReconcileResult, SriovNetworkNodePolicy } from '@vfleet/kube';
import { equalJson, findCondition, nodePolicies } from '@vfleet/kube';
import { previewText } from '../../plan-preview/policy-preview.ts';
import { listSome } from '../text.ts';
import type { OperatorContext } from '../context.ts';
import { patchStatus, writeKey } from '../context.ts';
import { CONFIG_NAME, isDryRun } from '../fleet-model.ts';
import { DryRuns } from './dry-runs.ts';
import type { PolicyLedger } from './policy-ledger.ts';
import type { PolicyVerdict } from './policy-verdict.ts';
import { policyVerdict, readyCondition } from './policy-verdict.ts';
import { StatusPace } from './status-pace.ts';

/** Keeps the status of policies: what they match, and whether it is configured. The key is the policy's name. */
export class Policies {
  readonly #context: OperatorContext;
  readonly #ledger: PolicyLedger;
  readonly #pace: StatusPace;
  readonly #dryRuns: DryRuns;

  constructor(context: OperatorContext, ledger: PolicyLedger) {
    this.#context = context;
    this.#ledger = ledger;
    this.#pace = new StatusPace(context.ports.clock);
    this.#dryRuns = new DryRuns(context);
  }

  async reconcile(name: string): Promise<ReconcileResult> {
    const { informers, settings, writes, events } = this.#context;
    const policy = informers.policies.get({ namespace: settings.namespace, name });
    const behindMs = writes.behindMs(writeKey(nodePolicies, settings.namespace, name), policy);
    if (behindMs > 0) return { requeueAfterMs: behindMs };
    if (policy === undefined || policy.metadata.deletionTimestamp !== undefined) {
      this.#dryRuns.forget(name);
      return this.#pace.forget(name);
    }
    if (isDryRun(policy) && name !== IGNORED_POLICY_NAME && this.#context.fleet.config !== undefined) return this.#preview(policy);
    this.#dryRuns.forget(name);
    const verdict = this.#verdict(policy);
    if (verdict === undefined) return;
    const { matchedNodes, matchedInterfaces } = verdict;
    const before = findCondition(policy.status?.conditions, 'Ready');
    // A status of an older generation tells of another policy.
    const news = before?.reason === verdict.reason && before.observedGeneration === policy.metadata.generation ? 'progress' : 'reason';
    const waitMs = this.#pace.waitMs(name, verdict.matchedNodes, news);
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    if (!(await patchStatus(this.#context, nodePolicies, policy, [readyCondition(verdict, policy.metadata.generation)], { matchedNodes, matchedInterfaces, ...(policy.status?.preview === undefined ? {} : { preview: null }) }))) return;
    this.#pace.wrote(name);
    if (before?.reason === verdict.reason) return;
    const normal = verdict.ready || ['NodesInProgress', 'AwaitingDiscovery', 'PolicyIgnored'].includes(verdict.reason);
    events.record(normal ? 'Normal' : 'Warning', policy, verdict.reason, verdict.message);
  }

  /** The policy is not applied: its status says what it would do. */
  async #preview(policy: SriovNetworkNodePolicy): Promise<ReconcileResult> {
    const { preview, againMs } = await this.#dryRuns.of(policy);
    if (preview === undefined) return { requeueAfterMs: againMs };
    const condition = readyCondition({ ready: false, reason: 'DryRun', message: previewText(preview) }, policy.metadata.generation);
    const isNew = findCondition(policy.status?.conditions, 'Ready')?.message !== condition.message;
    const wrote = await patchStatus(this.#context, nodePolicies, policy, [condition], equalJson(policy.status?.preview, preview) ? {} : { preview });
    if (wrote && isNew) this.#context.events.record('Normal', policy, 'DryRun', condition.message);
    return { requeueAfterMs: againMs };
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
