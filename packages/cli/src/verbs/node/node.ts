import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { createPluginRunner } from '@vfleet/controllers/cni/edge/real-plugin-runner.ts';
import { tracedHardware, tracedKube } from '@vfleet/controllers/tracing/traced.ts';
import { countedKube } from '@vfleet/controllers/observability/common-metrics.ts';
import { countedHardware } from '@vfleet/controllers/observability/node-metrics.ts';
import type { LogLevel } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import type { HttpKube } from '@vfleet/kube/adapters/http-kube.ts';
import { kubeFromServiceAccount } from '@vfleet/kube/adapters/service-account.ts';
import type { CliContext } from '../../context.ts';
import { CliFailure } from '../../failure.ts';
import { kubeconfigPath } from '../../home.ts';
import { thisExecutable } from '../../host-ports/this-executable.ts';
import { createPeerUid } from '../../host-ports/peer-uid.ts';
import { keepMemorySmall } from '../../host-ports/small-memory.ts';
import { rootedFiles } from '../../host-ports/rooted-files.ts';
import { aborted, onInterrupt } from '../../interrupt.ts';
import { JsonLinesLog } from '../../log.ts';
import { startSharedStatus } from '../../status.ts';
import { startTracing } from '../../tracing.ts';
import type { NodeOptions } from './command.ts';
import { realHardware, removeStandIns, simulatedHardware } from './hardware.ts';
import { NodeProcess } from './node-process.ts';

/** `vfleet node`: the composition root of the node side. Gives the exit status. */
export async function node(options: NodeOptions, context: CliContext): Promise<number> {
  keepMemorySmall();
  const interrupted = onInterrupt();
  await using open = new AsyncDisposableStack();
  open.defer(() => interrupted.dispose());
  const clock = new RealClock();
  const random = new SystemRandom();
  const asked: { level?: LogLevel | undefined } = {};
  const log = new JsonLinesLog(context.terminal.err, () => options.logLevel ?? asked.level ?? 'info');
  const nodeName = options.nodeName ?? context.environment['NODE_NAME'] ?? hostname();
  if (options.removeStandIns === true) return removeStandIns({ clock, random, log }, options, nodeName);
  const client = open.adopt(await connect(options, context), (one) => one.close());
  const status = open.use(await startSharedStatus('node', options, { log, clock }));
  const tracer = open.use(await startTracing('vfleet-node', context, { clock, random, log }));
  const countedClient = status === undefined ? client : countedKube(status.metrics, client, clock);
  const kube = tracer === undefined ? countedClient : tracedKube(tracer, countedClient, clock);
  const root = options.root.replace(/\/+$/, '');
  const files = rootedFiles(new NodeFiles(clock, random), root);
  const bootExecutable = options.bootExecutable ?? (isOwnRoot(options.root) ? thisExecutable() : undefined);
  const { hardware, host, namespaces, podLinks, bootServices, statistics, monitorProblem } = open.adopt(options.fleet === undefined ? await realHardware({ clock, files, log }, options.root, bootExecutable) : await simulatedHardware({ clock, random, log, files }, options.fleet, nodeName, options.standIns === true ? 'interfaces' : 'none'), (one) => one.close());
  const counted = status === undefined ? hardware : countedHardware(status.metrics, hardware, clock);
  const ports = {
    kube, host, files, clock, random, log, onLogLevel: (level: LogLevel | undefined) => void (asked.level = level), namespaces, ...(podLinks === undefined ? {} : { podLinks }), ...(bootServices === undefined ? {} : { bootServices }), plugins: createPluginRunner({ clock }, undefined, undefined, root), peerUid: createPeerUid(),
    hardware: tracer === undefined ? counted : tracedHardware(tracer, counted), ...(tracer === undefined ? {} : { tracer }), ...(status === undefined ? {} : { status: { ...status, statistics, monitorProblem } }),
  };
  const { namespace, resourcePrefix, kubeletFolder, cniSocket } = options;
  const running = await NodeProcess.start(ports, { nodeName, namespace, resourcePrefix, kubeletFolder, cniSocket, useCdi: options.useCdi === true }).catch((error: unknown): never => {
    throw new CliFailure(`the node's daemon cannot start: ${error instanceof Error ? error.message : String(error)}`, 'It runs as root, with the host\'s folders mounted; see --root, --cni-socket and --kubelet-folder.');
  });
  open.adopt(running, (one) => one.stop());
  log.info('the node runs', { node: nodeName, cniSocket, kubeletFolder, nics: options.fleet === undefined ? 'this machine\'s' : 'simulated' });
  await aborted(interrupted.signal);
  log.info('the node ends');
  return 0;
}

function isOwnRoot(root: string): boolean {
  return root.replace(/\/+$/, '') === '';
}

/** What reads YAML is loaded here only: a pod has no use for its 8 MB. */
async function connect(options: NodeOptions, context: CliContext): Promise<HttpKube> {
  if (options.kubeconfig === undefined && context.environment['KUBECONFIG'] === undefined && context.environment['KUBERNETES_SERVICE_HOST'] !== undefined) return kubeFromServiceAccount(context.environment);
  const path = kubeconfigPath(options.kubeconfig, context.environment);
  if (!existsSync(path)) throw new CliFailure(`there is no kubeconfig at ${path}`, 'Point --kubeconfig or $KUBECONFIG at a cluster.');
  const { kubeFromConfigFile } = await import('@vfleet/kube/adapters/kubeconfig.ts');
  return kubeFromConfigFile(path);
}
