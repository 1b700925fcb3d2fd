/**
 * `npm run demo:kind`: the demo in a cluster of kind on this machine. Takes docker, kind and kubectl, and says so. The steps are those that
 * test/cluster/images goes through on a real kubelet. Docs: docs/kind-demo.md.
 */
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildImage } from './build.ts';
import { addressOf, attachTwoPods, installDemo, offerVfs, podWithVf, program, startPod } from './demo.ts';
import { ImageError } from './image-error.ts';

const HELP = `npm run demo:kind [-- OPTIONS]

The demo in a cluster of kind, of one node and named vfleet. One that is there already is used, and gets the image anew.

  --node-image IMAGE   what kind makes the node of, where its own image cannot be pulled, or for another version of Kubernetes
  --tools-image IMAGE  what the demo's pods run, the article's as well: an image of Docker's with sleep, bash, ip, ping and iperf3. It is loaded into
                       the node. Default: the node pulls nicolaka/netshoot, and what the article names
  --build-in-docker    build vfleet's image by the Containerfile, not on this machine; so it is done anyway where this is no Linux
  --help               print this
`;
const ROOT = join(import.meta.dirname, '../..');
const CLUSTER = 'vfleet';
const NODE = `${CLUSTER}-control-plane`;
const CONTEXT = `kind-${CLUSTER}`;
/** Has ping, iperf3, ip. */
const TOOLS = 'nicolaka/netshoot:v0.13';
/**
 * A NIC's switch knows no packet filter, and the bridge that stands in for it does where br_netfilter is loaded (net/bridge/br_netfilter_hooks.c): kind's
 * own rules would give frames between VFs a sender's address that the bridge does not have. Pods of kind hang on no bridge, so nothing else misses it.
 */
const LEAVE_FRAMES_ALONE = 'for file in /proc/sys/net/bridge/bridge-nf-call-*; do if [ -e "$file" ]; then echo 0 > "$file"; fi; done';
const print = (line: string) => void process.stdout.write(`${line}\n`);
/** Our own, whatever $KUBECONFIG says and which cluster is the current one. */
const KUBECONFIG = join(ROOT, '.vfleet/kind.kubeconfig');
const kubectl = (words: readonly string[], input?: string) => program('kubectl', ['--kubeconfig', KUBECONFIG, ...words], input);

const vfleet = (...words: readonly string[]) => program(process.execPath, ['--disable-warning=ExperimentalWarning', join(ROOT, 'packages/cli/src/main.ts'), ...words, '--kubeconfig', KUBECONFIG]);

interface Choices {
  readonly nodeImage?: string;
  readonly toolsImage?: string;
  readonly buildInDocker: boolean;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const choices = readWords();
  if (typeof choices === 'number') return choices;
  const missing = ([['docker', 'info'], ['kind', 'version'], ['kubectl', 'version', '--client']] as const).filter(([file, ...words]) => spawnSync(file, words, { stdio: 'ignore' }).status !== 0).map(([file]) => file);
  if (missing.length > 0) {
    process.stderr.write(`The demo takes docker (with a daemon that runs), kind and kubectl; here ${missing.join(' and ')} cannot be used.\nWithout them: \`npm start\` shows the same on an embedded cluster, and \`npm run test:cluster -- --ensure --part images\` on a real kubelet.\n`);
    return 3;
  }
  try {
    await demo(choices);
    return 0;
  } catch (error) {
    process.stderr.write(error instanceof ImageError ? `${error.message}\n${error.remedy}\n` : `${error instanceof Error ? error.message : String(error)}\n${await vfleet('explain', 'node', NODE).catch(() => '')}What is there stays: kubectl --context ${CONTEXT} get events --all-namespaces; kind delete cluster --name ${CLUSTER} removes it.\n`);
    return 1;
  }
}

/** What was asked for, or the status to end with. */
function readWords(): Choices | number {
  try {
    const { values } = parseArgs({ options: { 'node-image': { type: 'string' }, 'tools-image': { type: 'string' }, 'build-in-docker': { type: 'boolean' }, help: { type: 'boolean' } } });
    if (values.help === true) {
      process.stdout.write(HELP);
      return 0;
    }
    return {
      buildInDocker: values['build-in-docker'] ?? process.platform !== 'linux',
      ...(values['node-image'] === undefined ? {} : { nodeImage: values['node-image'] }), ...(values['tools-image'] === undefined ? {} : { toolsImage: values['tools-image'] }),
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
}

async function demo({ nodeImage, toolsImage, buildInDocker }: Choices): Promise<void> {
  print('1. The image');
  const archive = await (buildInDocker ? builtInDocker() : buildImage({ output: join(ROOT, '.vfleet/images') }).then((built) => built.archive));
  print('2. A cluster with one node, and the image on it');
  const isThere = (await program('kind', ['get', 'clusters'])).split('\n').includes(CLUSTER);
  if (!isThere) await program('kind', ['create', 'cluster', '--name', CLUSTER, '--wait', '300s', ...(nodeImage === undefined ? [] : ['--image', nodeImage])]);
  await program('kind', ['export', 'kubeconfig', '--name', CLUSTER, '--kubeconfig', KUBECONFIG]);
  await program('docker', ['exec', NODE, 'sh', '-c', LEAVE_FRAMES_ALONE]);
  await program('kind', ['load', 'image-archive', archive, '--name', CLUSTER]);
  if (toolsImage !== undefined) await program('kind', ['load', 'docker-image', toolsImage, '--name', CLUSTER]);
  print('3. Operator and daemon, on simulated NICs: deploy/demo.yaml');
  await installDemo(kubectl, { renew: isThere });
  print('4. The article\'s policy and network: four VFs');
  await offerVfs(kubectl, NODE);
  print('5. The article\'s pod and another one; ping from VF to VF');
  const image = toolsImage ?? TOOLS;
  print(await attachTwoPods(kubectl, { name: 'second', image, command: ['sleep', 'infinity'] }, toolsImage));
  print('6. iperf3 from VF to VF');
  await startPod(kubectl, 'iperf-server', JSON.stringify(podWithVf({ name: 'iperf-server', image, command: ['iperf3', '--server'] })));
  print(await kubectl(['exec', 'second', '--', 'iperf3', '--client', await addressOf(kubectl, 'iperf-server'), '--time', '5']));
  print('7. What there is now');
  print(await vfleet('get'));
  print(`Next:
  kubectl --context ${CONTEXT} describe pod sriov-test-pod
  kubectl --context ${CONTEXT} --namespace sriov-network-operator get sriovnetworknodestates --output=yaml
  npm run --silent vfleet -- explain node ${NODE} --kubeconfig .vfleet/kind.kubeconfig
  kind delete cluster --name ${CLUSTER}`);
}

/** The archive that the Containerfile makes. Its kind of processor is the Docker daemon's. */
async function builtInDocker(): Promise<string> {
  const output = join(ROOT, '.vfleet');
  await program('docker', ['buildx', 'build', '--file', join(ROOT, 'Containerfile'), '--output', `type=local,dest=${output}`, ROOT]);
  const archives = (await readdir(join(output, 'images'))).filter((name) => name.endsWith('.oci.tar'));
  if (archives.length !== 1) throw new ImageError(`${join(output, 'images')} has ${archives.length} archives, and one is needed.`, 'Remove the folder, and try again.');
  return join(output, 'images', archives[0]!);
}
