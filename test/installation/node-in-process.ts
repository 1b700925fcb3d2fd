import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@vfleet/core';
import type { Kube } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { callDaemon } from '@vfleet/controllers/cni/edge/client.ts';
import { createPluginRunner } from '@vfleet/controllers/cni/edge/real-plugin-runner.ts';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { SimNamespaces } from '@vfleet/hw-sim/namespaces.ts';
import { NodeProcess } from '../../packages/cli/src/verbs/node/node-process.ts';
import { rootedFiles } from '../../packages/cli/src/host-ports/rooted-files.ts';
import { PlayedKubelet } from '../../packages/controllers/test/device-plugin/edge/played-kubelet.ts';

/** `vfleet node` as its composition root makes it, in this process and with the API that a test gives it; NICs are simulated, the kubelet is played. */
export interface NodeInProcess extends AsyncDisposable {
  readonly kubelet: PlayedKubelet;
  /** One call of the CNI executable. */
  cni(command: 'ADD' | 'DEL', pod: { readonly namespace: string; readonly name: string }, config: object): Promise<{ readonly status: number; readonly output: string }>;
}

export async function startNode(kube: Kube, nodeName: string, namespace: string): Promise<NodeInProcess> {
  await using open = new AsyncDisposableStack();
  const folder = open.adopt(await mkdtemp(join(tmpdir(), 'vfleet-node-')), (path) => rm(path, { recursive: true, force: true }));
  const kubelet = open.adopt(await PlayedKubelet.create('plugins_registry', 'device-plugins', 'pod-resources'), (one) => one.end());
  await kubelet.startPodResources();
  await mkdir(join(folder, 'run'), { mode: 0o700 });
  const cniSocket = join(folder, 'run', 'cni.sock');
  const [clock, random] = [new RealClock(), new SystemRandom()];
  const parsed = parseFleet({
    nodes: [{
      name: nodeName, kernelArguments: ['intel_iommu=on', 'iommu=pt'],
      pfs: [{ personality: 'E810-CQDA2', pciAddress: '0000:81:00.0', name: 'ens801f0' }, { personality: 'E810-CQDA2', pciAddress: '0000:81:00.1', name: 'ens801f1' }],
    }],
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const node = createFleet({ clock, random }).addNode([...nodesOf(parsed.value)][0]!);
  const files = rootedFiles(new NodeFiles(clock, random), join(folder, 'root'));
  const ports = {
    kube, clock, random, log: silentLog, files, hardware: node.hardware, host: node.host, plugins: createPluginRunner({ clock }), peerUid: () => process.getuid?.(),
    namespaces: new SimNamespaces(node),
  };
  const settings = { nodeName, namespace, resourcePrefix: 'openshift.io', kubeletFolder: kubelet.folder, cniSocket, useCdi: false };
  open.adopt(await NodeProcess.start(ports, settings), (running) => running.stop());
  const kept = open.move();
  return {
    kubelet,
    cni: async (command, pod, config) => {
      const environment = { CNI_COMMAND: command, CNI_CONTAINERID: `sandbox-${pod.name}`, CNI_NETNS: `/run/netns/${pod.name}`, CNI_IFNAME: 'eth0', CNI_PATH: '/opt/cni/bin', CNI_ARGS: `K8S_POD_NAMESPACE=${pod.namespace};K8S_POD_NAME=${pod.name}` };
      const said = await callDaemon(cniSocket, { environment, input: JSON.stringify(config) });
      if (said.kind !== 'answer') throw new Error(`the CNI server did not answer: ${JSON.stringify(said)}`);
      return said.answer;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
