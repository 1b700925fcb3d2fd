import { isKubeError } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { removeRemains } from '@vfleet/controllers/uninstall/remove-remains.ts';
import { kubeFromServiceAccount } from '@vfleet/kube/adapters/service-account.ts';
import { connect } from '../../connect.ts';
import type { CliContext } from '../../context.ts';
import { CliFailure } from '../../failure.ts';
import type { UninstallOptions } from './command.ts';

/** `vfleet uninstall`. Gives the exit status. */
export async function uninstall(options: UninstallOptions, context: CliContext): Promise<number> {
  const { environment, terminal } = context;
  const isInCluster = options.kubeconfig === undefined && environment['KUBECONFIG'] === undefined && environment['KUBERNETES_SERVICE_HOST'] !== undefined;
  const kube = isInCluster ? kubeFromServiceAccount(environment) : (await connect(context, options.kubeconfig)).kube;
  try {
    const removal = await removeRemains({ kube, clock: new RealClock() }, options.namespace, options.wait * 1_000);
    if (removal.kind === 'operator runs') throw new CliFailure(`the operator still runs: ${removal.pods.join(', ')} in ${options.namespace}`, 'Delete its Deployment first: it would make all of it again.');
    terminal.out(`Removed the webhook configurations, Secrets, ConfigMap and Lease of the operator; its marks on ${removal.nodes} nodes; finalizers taken off: ${removal.released}.\n`);
    return 0;
  } catch (error) {
    if (isKubeError(error)) throw new CliFailure(`the cluster refused: ${error.message}`, 'Check the user and its roles; doing it again does no harm.');
    throw error;
  } finally {
    if ('close' in kube && typeof kube.close === 'function') kube.close();
  }
}
