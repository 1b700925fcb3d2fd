import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Kube } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createOperator } from '@vfleet/controllers';
import { serveAdmission } from '@vfleet/controllers/admission/edge/admission-service.ts';
import { installCrds, namespaces } from '@vfleet/kube';
import { kubeFromConfigFile, kubeFromServiceAccount } from '@vfleet/kube/adapters/client-node.ts';
import type { CliContext } from '../../context.ts';
import { CliFailure } from '../../failure.ts';
import { kubeconfigPath } from '../../home.ts';
import { aborted, onInterrupt } from '../../interrupt.ts';
import { JsonLinesLog } from '../../log.ts';
import type { OperatorOptions } from './command.ts';

/** `vfleet operator`: the composition root of the cluster side. Gives the exit status. */
export async function operator(options: OperatorOptions, context: CliContext): Promise<number> {
  const interrupted = onInterrupt();
  await using open = new AsyncDisposableStack();
  open.defer(() => interrupted.dispose());
  const isInCluster = options.kubeconfig === undefined && context.environment['KUBECONFIG'] === undefined && context.environment['KUBERNETES_SERVICE_HOST'] !== undefined;
  if (!isInCluster && options.webhooks && options.webhookAddress === undefined) {
    throw new CliFailure('outside of the cluster the API server must be told where the webhooks are', 'Give --webhook-address (127.0.0.1 when both are on this machine), or --no-webhooks.');
  }
  const kube = open.adopt(isInCluster ? kubeFromServiceAccount() : fromFile(options, context), (client) => client.close());
  const ports = { kube, clock: new RealClock(), random: new SystemRandom(), log: new JsonLinesLog(context.terminal.err, options.logLevel) };
  if (options.installCrds === true) await install(ports, options.namespace);
  const identity = context.environment['POD_NAME'] ?? hostname();
  const settings = { namespace: options.namespace, resourcePrefix: options.resourcePrefix, identity, leaderElection: options.leaderElect };
  const running = open.adopt(createOperator(ports, settings), (one) => one.stop());
  if (options.webhooks) {
    const { namespace, resourcePrefix, webhookAddress, webhookPort: port } = options;
    const reachedBy = webhookAddress === undefined ? ({ kind: 'service' } as const) : ({ kind: 'url', address: webhookAddress } as const);
    // In the cluster API servers come from other hosts; beside it, only from where they were told to look.
    open.adopt(await serveAdmission(ports, { namespace, resourcePrefix, port, host: webhookAddress ?? '0.0.0.0', reachedBy }), (admission) => admission.stop());
  }
  running.start();
  ports.log.info('the operator runs', { namespace: options.namespace, identity, webhooks: options.webhooks });
  await aborted(interrupted.signal);
  ports.log.info('the operator ends');
  return 0;
}

function fromFile(options: OperatorOptions, context: CliContext): ReturnType<typeof kubeFromConfigFile> {
  const path = kubeconfigPath(options.kubeconfig, context.environment);
  if (!existsSync(path)) throw new CliFailure(`there is no kubeconfig at ${path}`, 'Point --kubeconfig or $KUBECONFIG at a cluster.');
  return kubeFromConfigFile(path);
}

async function install(ports: { readonly kube: Kube; readonly clock: RealClock; readonly random: SystemRandom; readonly log: JsonLinesLog }, namespace: string): Promise<void> {
  const installed = await installCrds(ports);
  if (!installed.ok) throw new CliFailure(installed.error.cause, installed.error.remedy);
  await ports.kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }).catch((error: unknown) => {
    if (!isKubeError(error, 'AlreadyExists')) throw error;
  });
}
