import { Argument, Command } from 'commander';
import { nodeStates, nodes, pods } from '@vfleet/kube';
import { connect, listAll } from '../../connect.ts';
import { attachmentColumns, nodeColumns, pfColumns } from '../../fleet-tables.ts';
import { fleetView } from '../../fleet-view.ts';
import type { FleetView } from '../../fleet-view.ts';
import { kubeconfigOption, outputOption } from '../../options.ts';
import { renderDocument } from '../../output/document.ts';
import type { OutputFormat } from '../../output/document.ts';
import { renderTable } from '../../output/table.ts';
import type { CliContext } from '../../context.ts';

const WHAT = ['all', 'nodes', 'pfs', 'pods'] as const;
type What = (typeof WHAT)[number];

interface GetOptions {
  readonly output: OutputFormat;
  readonly kubeconfig?: string;
}

export function getCommand(context: CliContext, finish: (status: number) => void): Command {
  return new Command('get')
    .summary('show nodes, PFs with their VFs, and which pod holds which VF')
    .description('Shows the fleet as it is now, from any cluster that runs this operator or the Go one.')
    .addArgument(new Argument('[what]', 'what to show').choices(WHAT).default('all'))
    .addOption(outputOption())
    .addOption(kubeconfigOption())
    .addHelpText('after', '\nExamples:\n  vfleet get\n  vfleet get pfs -o wide\n  vfleet get pods -o json | jq -r ".[] | [.pod, .mac] | @tsv"\n')
    .action(async (what: What, options: GetOptions) => {
      const { kube } = await connect(context, options.kubeconfig);
      const [allNodes, states, allPods] = await Promise.all([listAll(kube, nodes), listAll(kube, nodeStates), listAll(kube, pods)]);
      context.terminal.out(renderFleet(fleetView({ nodes: allNodes, nodeStates: states, pods: allPods }), what, options.output));
      finish(0);
    });
}

export function renderFleet(view: FleetView, what: What, format: OutputFormat): string {
  if (format === 'json' || format === 'yaml') return renderDocument(what === 'all' ? view : what === 'pods' ? view.attachments : view[what], format);
  const wide = { wide: format === 'wide' };
  const tables = {
    nodes: () => renderTable(nodeColumns, view.nodes, wide),
    pfs: () => renderTable(pfColumns, view.pfs, wide),
    pods: () => (view.attachments.length === 0 ? 'No pod has an extra network interface.' : renderTable(attachmentColumns, view.attachments, wide)),
  };
  const chosen = what === 'all' ? [tables.nodes(), tables.pfs(), tables.pods()] : [tables[what]()];
  return `${chosen.join('\n\n')}\n`;
}
