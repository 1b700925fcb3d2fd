import { Command, Option } from 'commander';
import type { CliContext } from '../../context.ts';
import { CliFailure } from '../../failure.ts';
import { installCni } from './install.ts';
import { removeCni } from './remove.ts';
import type { CniFolders } from './node-folders.ts';

interface FolderOptions {
  readonly root: string;
  readonly bin: string;
  readonly conf: string;
}

/** What a node has of the CNI side that outlives a daemon: put there before it starts, taken away when vfleet leaves the node. */
export function cniCommand(context: CliContext, finish: (status: number) => void): Command {
  const cni = new Command('cni').summary('put the CNI executable on a node, or take it away').description('Puts on a node what a container runtime calls, and takes everything away again that vfleet has left there.');
  const folders = (command: Command) => command
    .option('--root <folder>', 'where the host\'s file system is mounted', '')
    .option('--bin <folder>', 'where the container runtime looks for plugins', '/opt/cni/bin')
    .option('--conf <folder>', 'where it looks for networks', '/etc/cni/net.d');
  cni.addCommand(folders(new Command('install')
    .summary('before the daemon starts')
    .description('Copies the native CNI executable as `sriov`, `ib-sriov` and `vfleet`. A plugin of such a name that is somebody else\'s is kept beside it, and put back by `remove`. Doing it again changes nothing.')
    .option('--from <file>', 'the executable', '/opt/vfleet/cni/vfleet-cni'))
    .addOption(new Option('--cluster-network <what>', 'wrap: vfleet becomes the plugin of the cluster\'s network, in front of the one that is there, and gives pods the networks of their annotations; leave: something else does that, as Multus').choices(['wrap', 'leave']).default('leave'))
    .action(async ({ from, clusterNetwork, ...options }: FolderOptions & { readonly from: string; readonly clusterNetwork: 'wrap' | 'leave' }) => {
      for (const line of await onFiles(installCni(foldersOf(options), from, clusterNetwork))) context.terminal.out(`${line}\n`);
      finish(0);
    }));
  cni.addCommand(folders(new Command('remove')
    .summary('after the daemon has ended')
    .description('Takes away executables, the configuration in front of the cluster\'s network, sockets and records. It refuses while pods have VFs: they would never be given back.')
    .option('--resource-prefix <prefix>', 'prefix of the resources that VFs were advertised as', 'openshift.io')
    .option('--stay', 'do not end afterwards, for a DaemonSet'))
    .action(async ({ stay, resourcePrefix, ...options }: FolderOptions & { readonly resourcePrefix: string; readonly stay?: boolean }) => {
      for (const line of await onFiles(removeCni(foldersOf(options), resourcePrefix))) context.terminal.out(`${line}\n`);
      if (stay === true) await untilTold();
      finish(0);
    }));
  return cni;
}

/** What the node's file system refuses is told with the path that it refused. */
async function onFiles<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new CliFailure(error.message, 'Run as root, with the folders of --bin and --conf below --root there and writable; in a pod they are mounts of the host.');
  }
}

function foldersOf({ root, bin, conf }: FolderOptions): CniFolders {
  return { root: root.replace(/\/+$/, ''), bin, conf };
}

async function untilTold(): Promise<void> {
  const { aborted, onInterrupt } = await import('../../interrupt.ts');
  const interrupted = onInterrupt();
  // Nothing else keeps the process.
  const timer = setInterval(() => undefined, 2 ** 30);
  try {
    await aborted(interrupted.signal);
  } finally {
    clearInterval(timer);
    interrupted.dispose();
  }
}
