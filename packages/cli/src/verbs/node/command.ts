import { Command, Option } from 'commander';
import type { CliContext } from '../../context.ts';
import { kubeconfigOption, statusOptions } from '../../options.ts';
import type { StatusOptions } from '../../options.ts';

export interface NodeOptions extends StatusOptions {
  readonly kubeconfig?: string;
  readonly nodeName?: string;
  readonly namespace: string;
  readonly resourcePrefix: string;
  readonly root: string;
  readonly kubeletFolder: string;
  readonly cniSocket: string;
  readonly useCdi?: boolean;
  readonly fleet?: string;
  readonly bootExecutable?: readonly string[];
  readonly standIns?: boolean;
  readonly removeStandIns?: boolean;
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
}

export function nodeCommand(context: CliContext, finish: (status: number) => void): Command {
  return new Command('node')
    .summary('run the node side: config daemon, device plugin and CNI server')
    .description('Runs everything that a node with SR-IOV NICs needs, in one process, until it is told to end: the config daemon (VFs as the node state wants them), the device plugin (VFs to the kubelet) and the server behind the CNI executables (VFs to pods). In a pod it uses the service account; elsewhere the kubeconfig. Logs are JSON lines on standard error.')
    .addOption(kubeconfigOption())
    .option('--node-name <name>', 'this node in the cluster (default: $NODE_NAME, else the name of the host)')
    .option('--namespace <name>', 'where node states and the configuration live', 'sriov-network-operator')
    .option('--resource-prefix <prefix>', 'prefix of the resources that VFs are advertised as', 'openshift.io')
    .option('--root <folder>', 'where the host\'s file system is mounted', '/')
    .option('--kubelet-folder <folder>', 'the kubelet\'s root, as this process sees it', '/var/lib/kubelet')
    .option('--cni-socket <path>', 'where the CNI executables call', '/run/vfleet/cni.sock')
    .option('--use-cdi', 'hand device files over by the Container Device Interface (containerd 1.7 or newer), whatever useCDI of the SriovOperatorConfig says')
    .option('--boot-executable <word...>', 'how vfleet is started on the host itself, for the services at boot of configurationMode systemd (default: this executable, unless --root is given)')
    .option('--fleet <file>', 'simulated NICs instead of this machine\'s: those of the node of that name in a fleet file, or of its only one')
    .addOption(statusOptions.port())
    .addOption(statusOptions.address())
    .option('--stand-ins', 'with --fleet: back VFs by interfaces of this machine, so that pods pass traffic; they stay when the process ends')
    .option('--remove-stand-ins', 'with --fleet: take the node\'s stand-ins off this machine, also those that pods have, and end')
    .addOption(new Option('--log-level <level>', 'what is logged (default: what the logLevel of the SriovOperatorConfig asks for, and info until that is known)').choices(['debug', 'info', 'warn', 'error']))
    .addHelpText('after', '\nExamples:\n  vfleet node --kubeconfig /etc/kubernetes/kubelet.conf\n  vfleet node --fleet examples/demo/fleet.yaml --node-name node-a --root /tmp/node-a --kubelet-folder /tmp/node-a/kubelet --cni-socket /tmp/node-a/run/cni.sock\n')
    .action(async (options: NodeOptions) => {
      const { node } = await import('./node.ts');
      finish(await node(options, context));
    });
}
