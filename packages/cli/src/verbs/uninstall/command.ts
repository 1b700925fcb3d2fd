import { Command } from 'commander';
import { RealClock } from '@vfleet/core/real.ts';
import type { UninstallStep } from '@vfleet/controllers/uninstall/uninstall.ts';
import { connect } from '../../connect.ts';
import type { CliContext } from '../../context.ts';
import { kubeconfigOption, wholeNumber } from '../../options.ts';

export interface UninstallOptions {
  readonly namespace: string;
  readonly remains?: boolean;
  readonly resetNics?: boolean;
  readonly customResources?: boolean;
  readonly crds?: boolean;
  readonly deleteNamespace?: boolean;
  readonly dryRun?: boolean;
  readonly wait: number;
  readonly resetWait: number;
  readonly kubeconfig?: string;
}

const DAY_SECONDS = 86_400;

export function uninstallCommand(context: CliContext, finish: (status: number) => void): Command {
  return new Command('uninstall')
    .summary('remove an installation from a cluster, in an order that cannot hang')
    .description('Removes what deploy/install.yaml installed and what the operator made by itself: webhooks, operator, daemons, marks on nodes, finalizers, certificates, accounts and roles. Custom resources, CRDs, the namespace and what NICs are configured as stay unless asked for. It needs only the API server: the operator may be dead, nodes out of reach, kinds or webhooks gone. It may be interrupted and run again.')
    .option('--namespace <name>', 'where the operator is', 'sriov-network-operator')
    .option('--reset-nics', 'first delete the policies and wait until every NIC is given back; nodes are drained, so an operator must be at work')
    .option('--custom-resources', 'also delete policies, networks, pools, node states and the configuration, and the NetworkAttachmentDefinitions rendered from them')
    .option('--crds', 'also delete the CRDs, which takes the custom resources of the whole cluster along')
    .option('--delete-namespace', 'also delete the namespace, with everything in it')
    .option('--remains', 'only what the operator made by itself, when somebody else, such as Helm, has removed what was applied')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--wait <seconds>', 'how long to wait for pods to end and for objects to go, each', wholeNumber(0, DAY_SECONDS), 60)
    .option('--reset-wait <seconds>', 'how long to wait for NICs to be given back', wholeNumber(0, DAY_SECONDS), 1_800)
    .addOption(kubeconfigOption())
    .addHelpText('after', '\nExamples:\n  vfleet uninstall --dry-run\n  vfleet uninstall --reset-nics --crds --delete-namespace     nothing is left\n\nExit status: 0 all is done, 1 something is left, which is said.\n')
    .action(async (options: UninstallOptions) => {
      if (options.remains === true) {
        const { uninstall } = await import('./uninstall.ts');
        finish(await uninstall(options, context));
        return;
      }
      const [{ uninstall }, { kube }] = await Promise.all([import('@vfleet/controllers/uninstall/uninstall.ts'), connect(context, options.kubeconfig)]);
      const pretend = options.dryRun === true;
      let left = 0;
      const steps = uninstall({ kube, clock: new RealClock() }, {
        namespace: options.namespace, pretend, resetNics: options.resetNics === true, customResources: options.customResources === true,
        definitions: options.crds === true, ownNamespace: options.deleteNamespace === true, waitMs: options.wait * 1_000, resetWaitMs: options.resetWait * 1_000,
      });
      for await (const step of steps) {
        left += step.problems.length;
        context.terminal.out(stepText(step, pretend));
      }
      context.terminal.out(left > 0 ? 'something is left; the same command goes on from here\n' : pretend ? 'nothing was done\n' : 'done\n');
      finish(left > 0 ? 1 : 0);
    });
}

function stepText({ name, done, problems }: UninstallStep, pretend: boolean): string {
  const lines = [...done.map((what) => `  ${pretend ? 'would go' : 'gone'}: ${what}`), ...problems.map((what) => `  left: ${what}`)];
  return `${[`${name}${lines.length === 0 ? ': nothing to do' : ':'}`, ...lines].join('\n')}\n`;
}
