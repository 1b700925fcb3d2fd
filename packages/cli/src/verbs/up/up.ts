import { join, relative } from 'node:path';
import type { Clock } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { serveAdmission } from '@vfleet/controllers/admission/edge/admission-service.ts';
import { nodePolicies } from '@vfleet/kube';
import { StorageError } from '@vfleet/kube-sim';
import { openDataFile } from '@vfleet/kube-sim/adapters/sqlite/data-file.ts';
import type { DataFile } from '@vfleet/kube-sim/adapters/sqlite/data-file.ts';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import type { World } from '@vfleet/sim';
import { createWorld } from '@vfleet/sim';
import { vfleetHome } from '../../home.ts';
import { INTERRUPTED, aborted, onInterrupt } from '../../interrupt.ts';
import { CliFailure } from '../../failure.ts';
import { JsonLinesLog } from '../../log.ts';
import type { Terminal } from '../../output/terminal.ts';
import { paint } from '../../output/terminal.ts';
import type { CliContext } from '../../context.ts';
import { renderFleet } from '../get/command.ts';
import type { UpOptions } from './command.ts';
import { claimClusterFolder } from './cluster-folder.ts';
import { applyFile, examplesFolder, waitUntilSettled } from './demo.ts';
import { loadFleet } from './fleet.ts';
import { startNarrator } from './narrator.ts';
import type { Outlook } from './settled.ts';

const DEFAULT_PORT = 16_443;
/** The node of the demo's fleet that examples/demo/before.yaml speaks of. */
const BUSY_NODE = 'node-b';
/** Without --exit a person is there to look; the table is shown after this even when something is missing. */
const SHOW_TABLE_AFTER_MS = 120_000;

/** `vfleet up`: the composition root of the world in one process. Gives the exit status. */
export async function up(options: UpOptions, context: CliContext): Promise<number> {
  const { terminal, environment } = context;
  const clock = new RealClock();
  const random = new SystemRandom();
  const fleet = loadFleet(options);
  const log = new JsonLinesLog(terminal.err, environment['VFLEET_DEBUG'] === undefined ? 'error' : 'debug');
  const interrupted = onInterrupt();

  // Last opened, first closed, also when a later one cannot be opened: what stays open would keep the process alive.
  await using open = new AsyncDisposableStack();
  open.defer(() => interrupted.dispose());
  const data = options.data === undefined ? undefined : open.adopt(openData(options.data), (file) => file.close());
  const world = open.adopt(dataErrorsExplained(() => createWorld({ clock, random, log }, fleet, data === undefined ? {} : { storage: data.storage, disk: (node) => data.disk(node) })), (created) => created.stop());
  await world.start();
  const folder = open.adopt(await claimClusterFolder(vfleetHome(environment)), (claimed) => claimed.release());
  const server = open.adopt(await listen(world, options.port, folder.path), (listening) => listening.close());
  open.adopt(await serveAdmission({ kube: world.apiServer.client({ fieldManager: 'sriov-network-operator' }), clock, random, log }, { port: 0, reachedBy: { kind: 'url', address: '127.0.0.1' } }), (admission) => admission.stop());
  open.adopt(startNarrator({ kube: world.kube, clock, random, log }, terminal, world.nodeNames.length), (narrator) => narrator.stop());

  greet(terminal, world, server.url, folder.isSecond);
  const withDemo = options.demo && options.fleet === undefined;
  const withinMs = options.exit === true ? options.timeout * 1000 : SHOW_TABLE_AFTER_MS;
  const settled = withDemo ? await playDemo(world, clock, terminal, withinMs, interrupted.signal) : await waitUntilSettled(world.kube, clock, world.nodeNames.length, withinMs, interrupted.signal);
  if (!interrupted.signal.aborted) {
    showTables(terminal, settled, world.nodeNames.length);
    if (options.exit === true) return verdict(settled);
    showAccess(terminal, settled, server.kubeconfigPath);
    await aborted(interrupted.signal);
  }
  terminal.err(`\n${paint(terminal, 'dim', 'ending …')}\n`);
  return options.exit === true ? INTERRUPTED : 0;
}

function openData(path: string): DataFile {
  return dataErrorsExplained(() => openDataFile(path));
}

function dataErrorsExplained<Value>(work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    if (error instanceof StorageError) throw new CliFailure(error.message, error.remedy);
    throw error;
  }
}

type Server = Awaited<ReturnType<typeof serve>>;

async function listen(world: World, port: number | undefined, folder: string): Promise<Server> {
  try {
    return await serve(world.apiServer, { port: port ?? DEFAULT_PORT, host: '127.0.0.1', folder });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    if (port !== undefined) throw new CliFailure(`port ${port} of 127.0.0.1 is in use`, 'Choose another --port, or 0 for a free one.');
    return await serve(world.apiServer, { port: 0, host: '127.0.0.1', folder });
  }
}

function greet(terminal: Terminal, world: World, url: string, isSecond: boolean): void {
  terminal.err(`${paint(terminal, 'bold', 'vfleet')}: ${world.nodeNames.length} simulated node${world.nodeNames.length === 1 ? '' : 's'}, API server at ${url}\n\n`);
  if (isSecond) terminal.err('Another cluster is up and keeps the usual kubeconfig; this one has its own, named below.\n\n');
}

/** The demo's two acts: how the fleet is found, then the article's manifests. */
async function playDemo(world: World, clock: Clock, terminal: Terminal, withinMs: number, signal: AbortSignal): Promise<Outlook> {
  const examples = examplesFolder();
  const deadlineMs = clock.monotonicMs() + withinMs;
  const act = async (title: string, files: readonly string[]): Promise<Outlook> => {
    const settled = await waitUntilSettled(world.kube, clock, world.nodeNames.length, deadlineMs - clock.monotonicMs(), signal);
    if (settled.missing.length > 0 || signal.aborted) return settled;
    terminal.err(`\n${paint(terminal, 'bold', title)}\n`);
    for (const file of files) {
      terminal.err(`        $ kubectl apply -f ${asTyped(join(examples, file))}\n`);
      await applyFile(world.kube, join(examples, file));
    }
    return waitUntilSettled(world.kube, clock, world.nodeNames.length, deadlineMs - clock.monotonicMs(), signal);
  };
  const article = ['sriov-operator-article/policy.yaml', 'sriov-operator-article/network.yaml', 'sriov-operator-article/pod.yaml'];
  // A cluster that goes on from a data file has its past already.
  const hasPast = (await world.kube.list(nodePolicies)).items.length > 0;
  if (hasPast || !world.nodeNames.includes(BUSY_NODE)) return act('The article\'s policy, network and pod.', article);
  const before = await act(`Before: ${BUSY_NODE} already runs two pods on two VFs.`, ['demo/before.yaml']);
  if (before.missing.length > 0) return before;
  return act(`Now the article's policy, network and pod. On ${BUSY_NODE} four VFs instead of two take a drain.`, article);
}

/** A path as a person would type it here: relative where the file is below this folder. */
function asTyped(path: string): string {
  const below = relative(process.cwd(), path);
  return below.startsWith('..') ? path : below;
}

function showTables(terminal: Terminal, settled: Outlook, nodeCount: number): void {
  if (nodeCount <= 50) terminal.out(`\n${renderFleet(settled.view, 'all', 'table')}`);
  else terminal.out(`\n${nodeCount} nodes, ${settled.view.pfs.length} PFs, ${settled.view.pfs.reduce((sum, { numVfs }) => sum + numVfs, 0)} VFs. \`vfleet get\` lists them.\n`);
  for (const sentence of settled.missing.slice(0, 20)) terminal.err(`${paint(terminal, 'yellow', 'missing:')} ${sentence}\n`);
}

/** How to go on: only a cluster that stays up can be talked to. */
function showAccess(terminal: Terminal, settled: Outlook, kubeconfigPath: string): void {
  terminal.out(`\nKUBECONFIG=${kubeconfigPath}\n`);
  const hints = [
    `export KUBECONFIG=${kubeconfigPath}`,
    'kubectl get sriovnetworknodestates -n sriov-network-operator',
    ...settled.view.attachments.slice(-1).map(({ pod }) => `kubectl describe pod -n ${pod.replace('/', ' ')}`),
    `npm run --silent vfleet -- describe node ${settled.view.nodes[0]?.node ?? 'NAME'}`,
  ];
  terminal.err(`\nTry:  ${hints.join('\n      ')}\n\nThe cluster stays up until Ctrl-C.\n`);
}

function verdict(settled: Outlook): number {
  if (settled.missing.length === 0) return 0;
  throw new CliFailure(`not all is attached:\n${settled.missing.slice(0, 20).map((sentence) => `  ${sentence}`).join('\n')}`, 'Run without --exit and look with `kubectl describe`; VFLEET_DEBUG=1 shows the controllers\' logs.');
}
