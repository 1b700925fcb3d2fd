import { Command } from 'commander';
import type { KubeObject, NamedPolicy, NodePolicySpec } from '@vfleet/core';
import { conforms, defaultNodePolicy, nodePolicySpecSchema, schemaProblem } from '@vfleet/core';
import { nodePolicies, nodeStates, nodes, operatorConfigs, poolConfigs } from '@vfleet/kube';
import { isDryRun } from '@vfleet/controllers';
import { changes, interruption, reasons } from '@vfleet/controllers/plan-preview/node-planner.ts';
import type { NodePlan } from '@vfleet/controllers/plan-preview/node-planner.ts';
import { connect, listAll } from '../../connect.ts';
import type { CliContext } from '../../context.ts';
import { CliFailure } from '../../failure.ts';
import { readManifests } from '../../manifests.ts';
import { kubeconfigOption, outputOption } from '../../options.ts';
import { renderDocument } from '../../output/document.ts';
import type { OutputFormat } from '../../output/document.ts';
import { renderTable } from '../../output/table.ts';
import { planFleet } from './fleet-plan.ts';
import type { FleetPlan } from './fleet-plan.ts';

/** There is something to do, as with `vfleet host plan`. */
const STATUS_CHANGES = 3;
const DETAILS_MAX = 20;

interface PlanOptions {
  readonly file: readonly string[];
  readonly delete: readonly string[];
  readonly namespace: string;
  readonly output: OutputFormat;
  readonly kubeconfig?: string;
}

export function planCommand(context: CliContext, finish: (status: number) => void): Command {
  return new Command('plan')
    .summary('show what policies would do to the cluster, without doing it')
    .description('Shows what applying or deleting policies would do: per node which PFs change, which VFs are destroyed, which pods are evicted, whether a reboot is needed, and in how many rounds the pools let it happen. Reads only; the same rules, rendering and planning as in the webhook, the operator and the config daemon.')
    .option('-f, --file <manifest...>', 'files with SriovNetworkNodePolicy objects, as they would be applied', [])
    .option('--delete <policy...>', 'policies that would be deleted', [])
    .option('--namespace <name>', 'where the operator\'s objects are', 'sriov-network-operator')
    .addOption(outputOption(['table', 'json', 'yaml']))
    .addOption(kubeconfigOption())
    .addHelpText('after', '\nExamples:\n  vfleet plan -f examples/sriov-operator-article/policy.yaml\n  vfleet plan --delete policy-intel-nic\n\nExit status: 0 nothing would change, 3 something would, 1 a policy would be refused or it failed.\n')
    .action(async (options: PlanOptions) => {
      if (options.file.length === 0 && options.delete.length === 0) throw new CliFailure('there is nothing to plan', 'Give --file or --delete.');
      const { kube } = await connect(context, options.kubeconfig);
      const scope = { namespace: options.namespace };
      const [allNodes, states, policies, pools, configs] = await Promise.all([
        listAll(kube, nodes), listAll(kube, nodeStates, scope), listAll(kube, nodePolicies, scope), listAll(kube, poolConfigs, scope), listAll(kube, operatorConfigs, scope),
      ]);
      const config = configs.find(({ metadata }) => metadata.name === 'default');
      const plan = planFleet({
        operatorNamespace: options.namespace, nodes: allNodes, nodeStates: states, pools, ...(config === undefined ? {} : { config }),
        ...afterChange(policies.map((policy) => ({ name: policy.metadata.name, spec: policy.spec, ...(isDryRun(policy) ? { dryRun: true } : {}) })), options),
      });
      context.terminal.out(options.output === 'json' || options.output === 'yaml' ? renderDocument(plan, options.output) : planText(plan));
      finish(plan.reviews.some(({ review }) => review.rejections.length > 0) ? 1 : plan.nodes.length > 0 ? STATUS_CHANGES : 0);
    });
}

function afterChange(stored: readonly NamedPolicy[], options: PlanOptions): { readonly changed: readonly (NamedPolicy & { readonly namespace: string })[]; readonly policies: readonly NamedPolicy[] } {
  const unknown = options.delete.filter((name) => !stored.some((policy) => policy.name === name));
  if (unknown.length > 0) throw new CliFailure(`there is no policy ${unknown.join(', ')} in ${options.namespace}`, `The cluster has ${stored.map(({ name }) => name).join(', ') || 'none'}.`);
  const changed = options.file.flatMap((path) => readManifests(path).filter(({ kind }) => kind === 'SriovNetworkNodePolicy').map((object) => policyOf(object, path, options.namespace)));
  if (options.file.length > 0 && changed.length === 0) throw new CliFailure(`${options.file.join(', ')} holds no SriovNetworkNodePolicy`, 'Other kinds change no hardware.');
  const isReplaced = (name: string) => options.delete.includes(name) || changed.some((policy) => policy.name === name);
  // Policies elsewhere have no effect; the review says so.
  return { changed, policies: [...stored.filter(({ name }) => !isReplaced(name)), ...changed.filter(({ namespace }) => namespace === options.namespace)] };
}

function policyOf(object: KubeObject, path: string, operatorNamespace: string): NamedPolicy & { readonly namespace: string } {
  const { name, namespace = operatorNamespace } = object.metadata;
  const spec: unknown = 'spec' in object ? object.spec : undefined;
  if (!conforms<NodePolicySpec>(nodePolicySpecSchema, spec)) {
    const problem = schemaProblem(nodePolicySpecSchema.json, spec, 'spec');
    throw new CliFailure(`${path}: policy ${name}: ${problem?.path} ${problem?.cause}`, 'The fields of a policy are in docs/reference/crds.md.');
  }
  return { name, namespace, spec: defaultNodePolicy(spec) };
}

function planText(plan: FleetPlan): string {
  const sections: string[] = [];
  for (const { policy, review } of plan.reviews) {
    for (const { field, cause, remedy } of review.rejections) sections.push(`refused: policy ${policy}: ${field === undefined ? '' : `${field}: `}${cause}; ${remedy}`);
    for (const { field, cause, remedy } of review.warnings) sections.push(`warning: policy ${policy}: ${field === undefined ? '' : `${field}: `}${cause}; ${remedy}`);
  }
  if (plan.nodes.length > 0) sections.push(renderTable(COLUMNS, plan.nodes));
  for (const { node, preview } of plan.nodes.slice(0, DETAILS_MAX)) {
    const lines = reasons(preview);
    if (lines.length > 0) sections.push([`${node}:`, ...lines.map((line) => `  ${line}`)].join('\n'));
  }
  for (const { pool, drains, atOnce, rounds } of plan.pools) {
    const where = pool === '' ? 'nodes of no pool' : `pool ${pool}`;
    const nodesText = `${drains} node${drains === 1 ? '' : 's'} to drain`;
    if (atOnce === undefined) sections.push(`${where}: ${nodesText}, but a node in two pools is never drained`);
    else sections.push(rounds === undefined ? `${where}: ${nodesText}, but maxUnavailable lets none go` : `${where}: ${nodesText}, ${atOnce} at a time: ${rounds} round${rounds === 1 ? '' : 's'}`);
  }
  if (plan.undiscovered.length > 0) sections.push(`not discovered yet, so not looked at: ${plan.undiscovered.slice(0, 10).join(', ')}${plan.undiscovered.length > 10 ? ' …' : ''}`);
  sections.push(plan.nodes.length === 0 ? `nothing would change on ${plan.unchanged} node${plan.unchanged === 1 ? '' : 's'}` : `${plan.nodes.length} node${plan.nodes.length === 1 ? '' : 's'} would change, ${plan.unchanged} would not`);
  return `${sections.join('\n\n')}\n`;
}

const COLUMNS = [
  { heading: 'node', cell: ({ node }: NodePlan) => node },
  { heading: 'pool', cell: ({ pool }: NodePlan) => pool },
  { heading: 'changes', cell: ({ preview }: NodePlan) => changes(preview) },
  { heading: 'VFs cut', cell: ({ preview }: NodePlan) => (preview.affectedVfs === 0 ? '' : String(preview.affectedVfs)), align: 'right' as const },
  { heading: 'pods evicted', cell: ({ preview }: NodePlan) => preview.pods.join(', ') },
  { heading: 'needs', cell: ({ preview }: NodePlan) => interruption(preview) },
];
