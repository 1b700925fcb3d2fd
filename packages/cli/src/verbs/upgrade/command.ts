import { Command } from 'commander';
import { RealClock } from '@vfleet/core/real.ts';
import { isNodeSelected } from '@vfleet/controllers/operator/node-selection.ts';
import { isCordonOfDrain } from '@vfleet/controllers/upgrade/drains.ts';
import { offerChanges } from '@vfleet/controllers/upgrade/offers.ts';
import type { OfferChange } from '@vfleet/controllers/upgrade/offers.ts';
import { findLeftovers, removeLeftovers } from '@vfleet/controllers/upgrade/leftovers.ts';
import type { Leftover } from '@vfleet/controllers/upgrade/leftovers.ts';
import { Removal } from '@vfleet/controllers/uninstall/removal.ts';
import { configMapResource, keyText, networkAttachmentDefinitions, nodePolicies, nodeStates, nodes, operatorConfigs, ovsNetworks, poolConfigs, sriovIbNetworks, sriovNetworks } from '@vfleet/kube';
import type { Kube } from '@vfleet/core';
import { DEFAULT_RESOURCE_PREFIX, configMaps, networkAttachmentAnnotations, networkOwnerRef, nodeAnnotations, nodeStateAnnotations, parseNetworkOwnerRef, parseSupportedNics } from '@vfleet/core';
import { connect, listAll } from '../../connect.ts';
import type { CliContext } from '../../context.ts';
import { kubeconfigOption, outputOption, wholeNumber } from '../../options.ts';
import { renderDocument } from '../../output/document.ts';
import type { OutputFormat } from '../../output/document.ts';
import { renderTable } from '../../output/table.ts';
import { isDryRun } from '@vfleet/controllers';
import { interruption } from '@vfleet/controllers/plan-preview/node-planner.ts';
import type { NodePlan } from '@vfleet/controllers/plan-preview/node-planner.ts';
import { planFleet } from '../plan/fleet-plan.ts';

/** Something is in the way, or would change. */
const STATUS_FOUND = 3;

interface UpgradeOptions {
  readonly namespace: string;
  readonly remove?: boolean;
  readonly wait: number;
  readonly resourcePrefix: string;
  readonly output: OutputFormat;
  readonly kubeconfig?: string;
}

/** What there is to take over, and what is in the way. */
interface Takeover {
  readonly adopted: Readonly<Record<string, number>>;
  /** Nodes whose NICs are not as the policies want them: they would change under any operator. */
  readonly changing: readonly { readonly node: string; readonly needs: string }[];
  /** Nodes that are on their way out or back. `cordoned`: by the Go operator, which --remove notes, so that our operator goes on. */
  readonly draining: readonly { readonly node: string; readonly cordoned: boolean }[];
  /** Nodes without a node state that get one: the Go operator selects fewer where `configDaemonNodeSelector` is empty. */
  readonly joining: readonly string[];
  readonly offers: readonly OfferChange[];
  /** NetworkAttachmentDefinitions of networks that do not exist: the Go operator leaves them, ours deletes them. */
  readonly orphans: readonly string[];
  readonly leftovers: readonly { readonly object: string; readonly effect: Leftover['effect']; readonly why: string }[];
}

export function upgradeCommand(context: CliContext, finish: (status: number) => void): Command {
  return new Command('upgrade')
    .summary('take a cluster over from the Go SR-IOV network operator')
    .description('Shows what the Go operator left in a cluster: what is taken over as it is, which nodes would change, and what is in the way. With --remove the latter goes, in an order in which nothing is made again; node states, policies, networks and their definitions, the configuration and NICs are not touched. docs/upgrade.md has all the steps, and the way back.')
    .option('--namespace <name>', 'where the Go operator is', 'sriov-network-operator')
    .option('--remove', 'remove what is in the way')
    .option('--resource-prefix <prefix>', 'prefix of the resources', DEFAULT_RESOURCE_PREFIX)
    .option('--wait <seconds>', 'how long to wait for the Go operator to end', wholeNumber(0, 86_400), 60)
    .addOption(outputOption(['table', 'json', 'yaml']))
    .addOption(kubeconfigOption())
    .addHelpText('after', '\nExamples:\n  vfleet upgrade\n  vfleet upgrade --remove && kubectl apply --server-side --force-conflicts -f deploy/install.yaml\n\nExit status: 0 nothing is in the way, nothing would change, and no node is being drained, 3 otherwise, 1 it failed.\n')
    .action(async (options: UpgradeOptions) => {
      const { kube } = await connect(context, options.kubeconfig);
      const leftovers = await findLeftovers(kube, options.namespace);
      if (options.remove === true) {
        const ports = { kube, clock: new RealClock() };
        const removal = new Removal(ports, false);
        await removal.attempt('leftovers', () => removeLeftovers(removal, ports, options.namespace, leftovers, options.wait * 1_000));
        context.terminal.out([...removal.done.map((name) => `gone: ${name}\n`), ...removal.problems.map((problem) => `left: ${problem}\n`), removal.problems.length === 0 ? 'nothing is in the way any more\n' : ''].join(''));
        finish(removal.problems.length > 0 ? 1 : 0);
        return;
      }
      const found = await look(kube, options, leftovers);
      context.terminal.out(options.output === 'json' || options.output === 'yaml' ? renderDocument(found, options.output) : takeoverText(found));
      finish([found.leftovers, found.changing, found.draining, found.joining, found.offers, found.orphans].some((list) => list.length > 0) ? STATUS_FOUND : 0);
    });
}

async function look(kube: Kube, { namespace, resourcePrefix }: UpgradeOptions, leftovers: readonly Leftover[]): Promise<Takeover> {
  const scope = { namespace };
  const [allNodes, states, policies, pools, configs, attachments, maps, ...networks] = await Promise.all([
    listAll(kube, nodes), listAll(kube, nodeStates, scope), listAll(kube, nodePolicies, scope), listAll(kube, poolConfigs, scope), listAll(kube, operatorConfigs, scope), listAll(kube, networkAttachmentDefinitions), listAll(kube, configMapResource, scope),
    listAll(kube, sriovNetworks), listAll(kube, sriovIbNetworks), listAll(kube, ovsNetworks),
  ]);
  const config = configs.find(({ metadata }) => metadata.name === 'default');
  const named = policies.map((policy) => ({ name: policy.metadata.name, spec: policy.spec, ...(isDryRun(policy) ? { dryRun: true } : {}) }));
  const settings = config === undefined ? {} : { config };
  const plan = planFleet({ operatorNamespace: namespace, nodes: allNodes, nodeStates: states, pools, changed: [], policies: named, ...settings });
  const supportedNics = parseSupportedNics(maps.find(({ metadata }) => metadata.name === configMaps.supportedNicIds)?.data ?? {}).nics;
  const present = new Set(networks.flat().map(({ kind, metadata }) => networkOwnerRef({ kind, namespace: metadata.namespace ?? '', name: metadata.name })));
  const stateOf = new Map(states.map((state) => [state.metadata.name, state]));
  const rendered = attachments.filter(({ metadata }) => metadata.annotations?.[networkAttachmentAnnotations.ownerRef] !== undefined);
  return {
    adopted: { 'node states': states.length, policies: policies.length, pools: pools.length, networks: networks.flat().length, NetworkAttachmentDefinitions: rendered.length },
    changing: plan.nodes.map(({ node, preview }: NodePlan) => ({ node, needs: interruption(preview) })),
    draining: allNodes.filter((node) => isUnderWay(node.metadata.annotations?.[nodeAnnotations.state]) || isUnderWay(stateOf.get(node.metadata.name)?.metadata.annotations?.[nodeStateAnnotations.currentState]))
      .map((node) => ({ node: node.metadata.name, cordoned: isCordonOfDrain(node, stateOf.get(node.metadata.name)) })),
    joining: allNodes.filter((node) => !stateOf.has(node.metadata.name) && isNodeSelected(config?.spec ?? {}, node)).map(({ metadata: { name } }) => name),
    offers: allNodes.flatMap((node) => offerChanges({ policies: named, supportedNics, resourcePrefix, ...settings }, node, stateOf.get(node.metadata.name))),
    orphans: rendered.filter(({ metadata: { annotations } }) => {
      const owner = annotations?.[networkAttachmentAnnotations.ownerRef] ?? '';
      return parseNetworkOwnerRef(owner) !== undefined && !present.has(owner);
    }).map(({ metadata }) => keyText(metadata)),
    leftovers: leftovers.map(({ resource: { kind }, key, effect, why }) => ({ object: `${kind} ${keyText(key)}`, effect, why })),
  };
}

function isUnderWay(annotation: string | undefined): boolean {
  return annotation !== undefined && annotation !== 'Idle';
}

function takeoverText({ adopted, changing, draining, joining, offers, orphans, leftovers }: Takeover): string {
  const sections = [`taken over as they are: ${Object.entries(adopted).map(([what, count]) => `${count} ${what}`).join(', ')}`];
  sections.push(changing.length === 0 ? 'no node would change' : `nodes whose NICs are not as the policies want them, so that they would change:\n${changing.map(({ node, needs }) => `  ${node}${needs === '' ? '' : `: ${needs}`}`).join('\n')}`);
  if (draining.length > 0) sections.push(`nodes with a drain under way, which our operator goes on with: ${draining.map(({ node, cordoned }) => (cordoned ? `${node} (cordoned by it)` : node)).join(', ')}`);
  if (joining.length > 0) sections.push(`nodes that get a config daemon and have none now; where they shall not, set configDaemonNodeSelector: ${joining.join(', ')}`);
  if (offers.length > 0) sections.push(`resources of which other numbers would be offered:\n${offers.map(({ node, resource, now, then }) => `  ${node}: ${resource}: ${now} now, ${then} then`).join('\n')}`);
  if (orphans.length > 0) sections.push(`definitions of networks that do not exist, which would be deleted (one without the annotation ${networkAttachmentAnnotations.ownerRef} stays): ${orphans.join(', ')}`);
  if (leftovers.length === 0) sections.push('nothing is in the way');
  else sections.push(renderTable([{ heading: 'left by the Go operator', cell: ({ object }: Takeover['leftovers'][number]) => object }, { heading: 'it', cell: ({ effect }) => effect }, { heading: 'because', cell: ({ why }) => why }], leftovers).trimEnd(), '`vfleet upgrade --remove` removes these, and nothing else.');
  return `${sections.join('\n\n')}\n`;
}
