import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOperator } from '@vfleet/controllers';
import { nodeEnvironment } from '@vfleet/controllers/installation/workloads.ts';
import { silentLog } from '@vfleet/core';
import type { Kube } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { installCrds, namespaces, nodePolicies, nodes, operatorConfigs } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { PlayedKubelet } from '../../packages/controllers/test/device-plugin/edge/played-kubelet.ts';

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const NAMESPACE = 'sriov-network-operator';
export const NODE = 'worker-0';
export const PF = '0000:81:00.0';

/** One node with `vfleet node` as the process it is, beside the operator, the embedded API server over HTTPS and a kubelet that the test plays. */
export class NodeRig {
  readonly folder: string;
  readonly kubelet: PlayedKubelet;
  readonly kube: Kube;
  readonly #kubeconfig: string;
  readonly #end: () => Promise<void>;
  /** The exit status of the process, or the signal that ended it; also of one that ended by itself. */
  #exited: Promise<unknown> = Promise.resolve();
  /** The exit status, once everything that the process said is in {@link log}. */
  closed: Promise<unknown> = Promise.resolve();
  child: ChildProcess | undefined;
  /** What the process logged, parsed. */
  readonly log: Record<string, unknown>[] = [];

  private constructor(folder: string, kubelet: PlayedKubelet, kube: Kube, kubeconfig: string, end: () => Promise<void>) {
    this.folder = folder;
    this.kubelet = kubelet;
    this.kube = kube;
    this.#kubeconfig = kubeconfig;
    this.#end = end;
  }

  /** `premade`: the VFs are there before the daemon is, as after its restart. */
  static async create(numVfs: number, { premade = false } = {}): Promise<NodeRig> {
    const ports = { clock: new RealClock(), random: new SystemRandom(), log: silentLog };
    const folder = await mkdtemp(join(tmpdir(), 'vfleet-node-'));
    const kubelet = await PlayedKubelet.create('plugins_registry', 'device-plugins', 'pod-resources');
    await kubelet.startPodResources();
    const server = createApiServer(ports);
    const kube = server.client();
    const served = await serve(server, { port: 0, host: '127.0.0.1', folder: join(folder, 'api') });
    const installed = await installCrds({ ...ports, kube });
    if (!installed.ok) throw new Error(installed.error.cause);
    await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    await kube.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE, labels: { sriov: 'true' } } });
    await kube.create(operatorConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovOperatorConfig', metadata: { namespace: NAMESPACE, name: 'default' }, spec: {} });
    await kube.create(nodePolicies, {
      apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { namespace: NAMESPACE, name: 'vfs' },
      spec: { resourceName: 'vfs', nodeSelector: { sriov: 'true' }, numVfs, priority: 99, nicSelector: { pfNames: ['ens801f0'] }, deviceType: 'netdevice' },
    });
    const operator = createOperator({ ...ports, kube }, { namespace: NAMESPACE, identity: 'test', leaderElection: false });
    operator.start();
    await writeFile(join(folder, 'fleet.yaml'), `nodes:\n  - name: ${NODE}\n    pfs:\n      - { personality: E810-CQDA2, pciAddress: "${PF}", name: ens801f0, numaNode: 1, totalVfs: ${Math.max(128, numVfs)}${premade ? `, numVfs: ${numVfs}` : ''} }\n`);
    await mkdir(join(folder, 'run'), { mode: 0o700 });
    return new NodeRig(folder, kubelet, kube, served.kubeconfigPath, async () => {
      await operator.stop();
      await served.close();
      await kubelet.end();
      await rm(folder, { recursive: true, force: true });
    });
  }

  get socket(): string {
    return join(this.folder, 'run', 'cni.sock');
  }

  start(...more: readonly string[]): ChildProcess {
    return this.startFrom(MAIN, 'simulated', ...more);
  }

  /** The executable from another place, with simulated NICs or this machine's. */
  startFrom(main: string, nics: 'simulated' | 'real', ...more: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [
      '--disable-warning=ExperimentalWarning', main, 'node', '--kubeconfig', this.#kubeconfig, '--node-name', NODE, ...(nics === 'simulated' ? ['--fleet', join(this.folder, 'fleet.yaml')] : []),
      '--root', join(this.folder, 'root'), '--kubelet-folder', this.kubelet.folder, '--cni-socket', this.socket, ...more,
    ], { stdio: ['ignore', 'inherit', 'pipe'], env: { ...process.env, ...nodeEnvironment } });
    this.child = child;
    this.#exited = new Promise((resolve) => child.once('exit', (status, bySignal) => resolve(status ?? bySignal)));
    this.closed = new Promise((resolve) => child.once('close', resolve));
    let rest = '';
    child.stderr.on('data', (piece: Buffer) => {
      const lines = (rest + piece.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.log.push(line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : { message: line });
    });
    return child;
  }

  /** Ends the process; the answer is its exit status, or the signal. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<unknown> {
    const child = this.child!;
    this.child = undefined;
    child.kill(signal);
    return this.#exited;
  }

  async close(): Promise<void> {
    if (this.child !== undefined) await this.end('SIGKILL');
    await this.#end();
  }
}
