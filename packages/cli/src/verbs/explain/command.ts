import { Command } from 'commander';
import type { CliContext } from '../../context.ts';
import { kubeconfigOption, outputOption } from '../../options.ts';
import type { OutputFormat } from '../../output/document.ts';

export interface ExplainOptions {
  readonly output: OutputFormat;
  readonly kubeconfig?: string;
  readonly namespace: string;
}

export function explainCommand(context: CliContext, finish: (status: number) => void): Command {
  const explain = new Command('explain').summary('say why a node is in the state it is in').description('Says why something is as it is, and what it waits for.');
  explain.addCommand(
    new Command('node')
      .description('Why a node is in the state it is in, what it waits for, and what to do: from selectors, policies, drain annotations, conditions, the operator\'s Lease and the daemon\'s pod.')
      .argument('<name>', 'name of the node')
      .option('--namespace <name>', 'where the operator\'s objects are', 'sriov-network-operator')
      .addOption(outputOption(['table', 'json', 'yaml']))
      .addOption(kubeconfigOption())
      .addHelpText('after', '\nExample:\n  vfleet explain node node-a\n')
      .action(async (name: string, options: ExplainOptions) => {
        const { explain: run } = await import('./explain.ts');
        context.terminal.out(await run(name, options, context));
        finish(0);
      }),
  );
  return explain;
}
