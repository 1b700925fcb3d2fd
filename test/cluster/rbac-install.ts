import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { componentNames } from '@vfleet/controllers/installation/roles.ts';
import type { Component } from '@vfleet/controllers/installation/access.ts';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import type { RealApiServer } from '../../tools/rigs/real-cluster.ts';

export const MANIFEST = join(import.meta.dirname, '../../deploy/install.yaml');
const NAMESPACE = 'sriov-network-operator';

/** kubectl against a server of the rig, as its administrator: all that it says, warnings too. */
export async function kubectl({ assetsDir, kubeconfig }: RealApiServer, ...words: readonly string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(join(assetsDir, 'kubectl'), ['--kubeconfig', kubeconfig, ...words], { maxBuffer: 2 ** 24 });
  return stdout + stderr;
}

/** Applies deploy/install.yaml as it is. A line for each object, in order, and one for each warning. */
export async function install(server: RealApiServer): Promise<readonly string[]> {
  const said = await kubectl(server, 'apply', '-f', MANIFEST);
  await kubectl(server, 'wait', '--for=condition=Established', '--timeout=120s', 'crd', '--all');
  return said.trim().split('\n');
}

/** A kubeconfig for a component's service account, which has what the manifest grants it and nothing else. */
export async function kubeconfigOf(server: RealApiServer, component: Component): Promise<string> {
  const token = (await kubectl(server, 'create', 'token', componentNames[component], '--namespace', NAMESPACE, '--duration=4h')).trim();
  const config = JSON.parse(await readFile(server.kubeconfig, 'utf8')) as { users: { name: string; user: object }[] };
  const path = join(dirname(server.kubeconfig), `kubeconfig-${component}`);
  await writeFile(path, JSON.stringify({ ...config, users: config.users.map(({ name }) => ({ name, user: { token } })) }), { mode: 0o600 });
  return path;
}

/** A client of its own for a component. */
export async function clientOf(server: RealApiServer, component: Component): Promise<ReturnType<typeof kubeFromConfigFile>> {
  return kubeFromConfigFile(await kubeconfigOf(server, component));
}
