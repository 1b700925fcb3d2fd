import { Command } from 'commander';
import { wholeNumber } from '../../options.ts';
import type { CliContext } from '../../context.ts';

export interface UpOptions {
  readonly nodes?: number;
  readonly fleet?: string;
  readonly port?: number;
  readonly data?: string;
  readonly demo: boolean;
  readonly exit?: boolean;
  readonly timeout: number;
}

export function upCommand(context: CliContext, finish: (status: number) => void): Command {
  return new Command('up')
    .summary('start a Kubernetes cluster on simulated NICs in this process')
    .description('Starts an embedded Kubernetes with simulated nodes and NICs and the production controllers on loopback HTTPS, writes a kubeconfig, and, unless told otherwise, walks through the whole SR-IOV loop with the manifests in examples/ (not with --fleet: a fleet of your own takes manifests of your own).')
    .option('--nodes <count>', 'simulated nodes, all alike (two ports of an Intel E810-CQDA2 each)', wholeNumber(1, 10_000))
    .option('--fleet <file>', 'YAML file that describes the nodes and their NICs (see docs/reference/fleet.md); nothing is applied then')
    .option('--port <port>', 'port of the API server on 127.0.0.1; 0 takes a free one (default: 16443, or a free one where that is taken)', wholeNumber(0, 65_535))
    .option('--data <file>', 'keep the cluster and the nodes\' disks in this file, made when it is not there; the next start goes on as after a loss of power')
    .option('--no-demo', 'only the cluster and the controllers, no manifests applied')
    .option('--exit', 'end once all is attached (without the demo: once all nodes are discovered); status 1 and the reason if that fails')
    .option('--timeout <seconds>', 'how long --exit waits', wholeNumber(1, 86_400), 60)
    .addHelpText('after', '\nExamples:\n  vfleet up\n  vfleet up --fleet examples/chelsio-paper/fleet.yaml\n  vfleet up --exit                    a self-test: status 0 once a pod has its VF\n')
    .action(async (options: UpOptions) => {
      const { up } = await import('./up.ts');
      finish(await up(options, context));
    });
}
