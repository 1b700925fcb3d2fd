import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Kube, LogLevel } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createOperator } from '@vfleet/controllers';
import type { OperatorHooks } from '@vfleet/controllers';
import { WhereaboutsReconciler } from '@vfleet/controllers/ipam/whereabouts-reconciler.ts';
import { serveAdmission } from '@vfleet/controllers/admission/edge/admission-service.ts';
import type { AdmissionService } from '@vfleet/controllers/admission/edge/admission-service.ts';
import { countedKube } from '@vfleet/controllers/observability/common-metrics.ts';
import { tracedHooks, tracedKube } from '@vfleet/controllers/tracing/traced.ts';
import { collectAdmission, collectOperator, operatorChecks, operatorHooks } from '@vfleet/controllers/observability/operator-metrics.ts';
import { installCrds, namespaces } from '@vfleet/kube';
import type { HttpKube } from '@vfleet/kube/adapters/http-kube.ts';
import { kubeFromServiceAccount } from '@vfleet/kube/adapters/service-account.ts';
import type { CliContext } from '../../context.ts';
import { CliFailure } from '../../failure.ts';
import { kubeconfigPath } from '../../home.ts';
import { aborted, onInterrupt } from '../../interrupt.ts';
import { JsonLinesLog } from '../../log.ts';
import { startStatus } from '../../status.ts';
import { startTracing } from '../../tracing.ts';
import { followClientAuthority } from './client-authority.ts';
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
  const client = open.adopt(isInCluster ? kubeFromServiceAccount(context.environment) : await fromFile(options, context), (one) => one.close());
  const clock = new RealClock();
  const asked: { level?: LogLevel | undefined } = {};
  const log = new JsonLinesLog(context.terminal.err, () => options.logLevel ?? asked.level ?? 'info');
  const status = open.use(await startStatus('operator', options, log));
  const random = new SystemRandom();
  const tracer = open.use(await startTracing('vfleet-operator', context, { clock, random, log }));
  const counted = status === undefined ? client : countedKube(status.metrics, client, clock);
  const ports = { kube: tracer === undefined ? counted : tracedKube(tracer, counted, clock), clock, random, log };
  if (options.installCrds === true) await install(ports, options.namespace);
  const identity = context.environment['POD_NAME'] ?? hostname();
  const settings = { namespace: options.namespace, resourcePrefix: options.resourcePrefix, identity, leaderElection: options.leaderElect };
  const hooks: OperatorHooks = { ...(status === undefined ? {} : operatorHooks(status.metrics, clock)), onLogLevel: (level) => void (asked.level = level) };
  const running = open.adopt(createOperator(ports, settings, tracer === undefined ? hooks : tracedHooks(tracer, hooks)), (one) => one.stop());
  status?.health.add(...operatorChecks(running));
  if (status !== undefined) collectOperator(status.metrics, running);
  if (options.webhooks) {
    const { namespace, resourcePrefix, webhookAddress, webhookPort: port } = options;
    const reachedBy = webhookAddress === undefined ? ({ kind: 'service' } as const) : ({ kind: 'url', address: webhookAddress } as const);
    // In the cluster API servers come from other hosts; beside it, only from where they were told to look.
    const served: { admission?: AdmissionService } = {};
    const observed = status === undefined ? {} : { observer: collectAdmission(status.metrics, status.health, clock, () => served.admission) };
    const { signal } = interrupted;
    const clients = open.use(followClientAuthority(options.webhookClientCa, log, (clientAuthority) => served.admission?.trustClients(clientAuthority)));
    const serving = serveAdmission(ports, { namespace, resourcePrefix, port, host: webhookAddress ?? '0.0.0.0', reachedBy, certificates: options.webhookCertificates, minVersion: options.webhookTlsMinVersion, ...clients.settings, ...(options.webhookTlsCiphers === undefined ? {} : { ciphers: options.webhookTlsCiphers }), signal, ...observed, ...(tracer === undefined ? {} : { tracer }) });
    // Somebody else may take long to provide certificates, and nothing of the operator's needs them.
    if (options.webhookCertificates === 'provided') running.start();
    const admission = await serving.catch((error: unknown) => {
      if (!signal.aborted) throw error;
      return undefined;
    });
    if (admission === undefined) return 0;
    served.admission = open.adopt(admission, (one) => one.stop());
  }
  running.start();
  open.adopt(new WhereaboutsReconciler({ ...ports, isLeading: () => running.leading }), (one) => one.stop()).start();
  ports.log.info('the operator runs', { namespace: options.namespace, identity, webhooks: options.webhooks });
  await aborted(interrupted.signal);
  ports.log.info('the operator ends');
  return 0;
}

/** What reads YAML is loaded here only: a pod has no use for its 8 MB. */
async function fromFile(options: OperatorOptions, context: CliContext): Promise<HttpKube> {
  const path = kubeconfigPath(options.kubeconfig, context.environment);
  if (!existsSync(path)) throw new CliFailure(`there is no kubeconfig at ${path}`, 'Point --kubeconfig or $KUBECONFIG at a cluster.');
  const { kubeFromConfigFile } = await import('@vfleet/kube/adapters/kubeconfig.ts');
  return kubeFromConfigFile(path);
}

async function install(ports: { readonly kube: Kube; readonly clock: RealClock; readonly random: SystemRandom; readonly log: JsonLinesLog }, namespace: string): Promise<void> {
  const installed = await installCrds(ports);
  if (!installed.ok) throw new CliFailure(installed.error.cause, installed.error.remedy);
  await ports.kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }).catch((error: unknown) => {
    if (!isKubeError(error, 'AlreadyExists')) throw error;
  });
}
