import { createHash } from 'node:crypto';
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../kubelet/node-cluster.ts';
import type { DeliveredCluster } from './delivered-cluster.ts';

/** Where vfleet, the runtime and plugins keep things on a node. */
const FOLDERS = ['/opt/cni/bin', '/etc/cni', '/etc/sriov-operator', '/var/lib/cni', '/var/lib/vfleet', '/run/vfleet', '/run/cdi', '/run/k8s.cni.cncf.io', '/run/netns', '/var/lib/kubelet/plugins_registry', '/var/lib/kubelet/device-plugins'] as const;

/** Of others, and different each time: the plugin's memory of the last address, the kubelet's list of what it gave out. */
const OTHERS = /\/last_reserved_ip\.0$|\/kubelet_internal_checkpoint$/;

/** Everything on the node that an installation could leave: files with mode and content, interfaces. */
export async function nodeTraces(): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const folder of FOLDERS) await look(folder, found);
  const links = JSON.parse(await runProgram('ip', ['-json', 'link'])) as readonly { readonly ifname: string; readonly address: string; readonly mtu: number }[];
  for (const { ifname, mtu } of links) found[`interface ${ifname}`] = String(mtu);
  return found;
}

async function look(path: string, found: Record<string, string>): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined || OTHERS.test(path)) return;
  const mode = (stat.mode & 0o7777).toString(8);
  if (stat.isDirectory()) {
    found[path] = `folder ${mode}`;
    for (const name of await readdir(path)) await look(join(path, name), found);
  } else if (path.startsWith('/run/netns/')) found[path] = 'namespace';
  else if (stat.isFile()) found[path] = `${mode} ${createHash('sha256').update(await readFile(path)).digest('hex')}`;
  else found[path] = stat.isSymbolicLink() ? `link ${await readlink(path)}` : `socket ${mode}`;
}

/** Kinds whose objects come and go by themselves. */
const PASSING = /^(?:events|leases|endpoints|endpointslices|controllerrevisions|replicasets|pods|componentstatuses|podtemplates)(?:\.|$)/;

/** Names of all objects of the cluster, and what is on its node by labels and annotations. */
export async function clusterTraces(cluster: DeliveredCluster): Promise<readonly string[]> {
  const kinds = (await cluster.kubectl('api-resources', '--verbs=list', '--output=name')).trim().split('\n').filter((kind) => !PASSING.test(kind));
  const objects = (await cluster.kubectl('get', kinds.join(','), '--all-namespaces', '--output=jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\\n"}{end}')).trim().split('\n');
  const { metadata } = JSON.parse(await cluster.kubectl('get', 'node', cluster.node.name, '--output=json')) as { readonly metadata: { readonly labels: object; readonly annotations: object } };
  return [...kinds.map((kind) => `kind ${kind}`), ...objects, ...Object.keys(metadata.labels).map((name) => `label ${name}`), ...Object.keys(metadata.annotations).map((name) => `annotation ${name}`)].toSorted();
}
