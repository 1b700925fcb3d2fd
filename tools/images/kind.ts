/**
 * `npm run demo:kind`: the demo in a cluster of kind on this machine. Takes docker and kind, and says so. The steps are those that
 * test/cluster/images goes through on a real kubelet; with kind itself nobody has tried them where the project is built. Docs: docs/kind-demo.md.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildImage } from './build.ts';
import { attachTwoPods, installDemo, offerVfs, podWithVf, program } from './demo.ts';
import { ImageError } from './image-error.ts';

const CLUSTER = 'vfleet';
const NODE = `${CLUSTER}-control-plane`;
const CONTEXT = `kind-${CLUSTER}`;
/** Has ping, iperf3, ip. */
const TOOLS = 'nicolaka/netshoot:v0.13';
const print = (line: string) => void process.stdout.write(`${line}\n`);
const kubectl = (words: readonly string[], input?: string) => program('kubectl', ['--context', CONTEXT, ...words], input);

const missing = ([['docker', 'info'], ['kind', 'version'], ['kubectl', 'version', '--client']] as const).filter(([file, ...words]) => spawnSync(file, words, { stdio: 'ignore' }).status !== 0).map(([file]) => file);
if (missing.length > 0) {
  process.stderr.write(`The demo takes docker (with a daemon that runs), kind and kubectl; here ${missing.join(' and ')} cannot be used.\nWithout them: \`npm start\` shows the same on an embedded cluster, and \`npm run test:cluster -- --ensure --part images\` on a real kubelet.\n`);
  process.exitCode = 3;
} else {
  try {
    await demo();
  } catch (error) {
    process.stderr.write(error instanceof ImageError ? `${error.message}\n${error.remedy}\n` : `${error instanceof Error ? error.message : String(error)}\nThe cluster stays: kubectl --context ${CONTEXT} get events --all-namespaces; kind delete cluster --name ${CLUSTER} removes it.\n`);
    process.exitCode = 1;
  }
}

async function demo(): Promise<void> {
  print('1. The image');
  const { archive } = await buildImage({ output: join(import.meta.dirname, '../../.vfleet/images') });
  print('2. A cluster with one node, and the image on it');
  const clusters = (await program('kind', ['get', 'clusters'])).split('\n');
  if (!clusters.includes(CLUSTER)) await program('kind', ['create', 'cluster', '--name', CLUSTER, '--wait', '300s']);
  await program('kind', ['load', 'image-archive', archive, '--name', CLUSTER]);
  print('3. Operator and daemon, on simulated NICs: deploy/demo.yaml');
  await installDemo(kubectl);
  print('4. The article\'s policy and network: four VFs');
  await offerVfs(kubectl, NODE);
  print('5. The article\'s pod and another one; ping from VF to VF');
  print(await attachTwoPods(kubectl, { name: 'second', image: TOOLS, command: ['sleep', 'infinity'] }));
  print('6. iperf3 from VF to VF');
  await kubectl(['apply', '-f', '-'], JSON.stringify(podWithVf({ name: 'iperf-server', image: TOOLS, command: ['iperf3', '--server'] })));
  await kubectl(['wait', '--for=condition=Ready', 'pod/iperf-server', '--timeout=300s']);
  const address = /inet (\S+)\//.exec(await kubectl(['exec', 'iperf-server', '--', 'ip', 'address', 'show', 'net1']))?.[1] ?? '';
  print(await kubectl(['exec', 'second', '--', 'iperf3', '--client', address, '--time', '5']));
  print(`Next:
  kubectl --context ${CONTEXT} get pods --output=custom-columns='POD:.metadata.name,NETWORKS:.metadata.annotations.k8s\\.v1\\.cni\\.cncf\\.io/network-status'
  kubectl --context ${CONTEXT} --namespace sriov-network-operator get sriovnetworknodestates --output=yaml
  npm run --silent vfleet -- explain node ${NODE} --kubeconfig ~/.kube/config
  kind delete cluster --name ${CLUSTER}`);
}
