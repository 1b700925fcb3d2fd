import { Command } from 'commander';
import type { Kube } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { events, nodeStates, nodes, pods } from '@vfleet/kube';
import { connect, listAll } from '../../connect.ts';
import { CliFailure } from '../../failure.ts';
import { byText } from '../../fleet-view.ts';
import { kubeconfigOption, outputOption } from '../../options.ts';
import { renderDocument } from '../../output/document.ts';
import type { OutputFormat } from '../../output/document.ts';
import type { CliContext } from '../../context.ts';
import { describeNode } from './node.ts';
import type { NodeDescription } from './node.ts';

interface DescribeOptions {
  readonly output: OutputFormat;
  readonly kubeconfig?: string;
}

export function describeCommand(context: CliContext, finish: (status: number) => void): Command {
  const describe = new Command('describe').summary('tell the whole story of one node').description('Tells the whole story of one object.');
  describe.addCommand(
    new Command('node')
      .description('PFs, VFs with their holders, what policies want, drain state, conditions and events of a node.')
      .argument('<name>', 'name of the node')
      .addOption(outputOption(['table', 'json', 'yaml']))
      .addOption(kubeconfigOption())
      .addHelpText('after', '\nExample:\n  vfleet describe node node-a\n')
      .action(async (name: string, options: DescribeOptions) => {
        const { kube } = await connect(context, options.kubeconfig);
        const description = await gather(kube, name);
        context.terminal.out(options.output === 'json' || options.output === 'yaml' ? renderDocument(description, options.output) : describeNode(description));
        finish(0);
      }),
  );
  return describe;
}

async function gather(kube: Kube, name: string): Promise<NodeDescription> {
  const node = await kube.get(nodes, { name }).catch((error: unknown) => {
    if (isKubeError(error, 'NotFound')) throw new CliFailure(`there is no node "${name}"`, '`vfleet get nodes` lists them.');
    if (isKubeError(error)) throw new CliFailure(`the cluster does not answer: ${error.message}`, 'Is it still running? `vfleet up` starts a simulated one.');
    throw error;
  });
  const [states, podsOnNode, allEvents] = await Promise.all([
    listAll(kube, nodeStates, { fieldSelector: `metadata.name=${name}` }),
    listAll(kube, pods, { fieldSelector: `spec.nodeName=${name}` }),
    listAll(kube, events, { fieldSelector: `involvedObject.name=${name}` }),
  ]);
  const state = states[0];
  return {
    node,
    ...(state === undefined ? {} : { state }),
    pods: podsOnNode,
    events: allEvents.toSorted((a, b) => byText(a.lastTimestamp ?? a.metadata.creationTimestamp ?? '', b.lastTimestamp ?? b.metadata.creationTimestamp ?? '')),
  };
}
