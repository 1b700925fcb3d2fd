// Goal: one process is a whole node: VFs as policies want them, VFs to the kubelet, VFs to pods, and again after it was killed. Method: `vfleet node`
// as a process with simulated NICs, the embedded API server over HTTPS with the operator, a kubelet that the test plays, and the CNI executable.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { nodeStates } from '@vfleet/kube';
import { afterEach, expect, test, vi } from 'vitest';
import { NODE, NodeRig } from './node-rig.ts';

const PORTABLE = join(import.meta.dirname, '../../packages/cli/src/cni/main.ts');
const SOCKET = 'openshift.io_vfs.sock';
const soon = <Value>(check: () => Value | Promise<Value>) => vi.waitFor(check, { timeout: 120_000, interval: 50 });

let rig: NodeRig;
afterEach(() => rig.close());

async function cni(command: string, device: string, pod: string) {
  const child = spawn(process.execPath, [PORTABLE], {
    env: { VFLEET_CNI_SOCKET: rig.socket, CNI_COMMAND: command, CNI_CONTAINERID: pod, CNI_NETNS: `/run/netns/${pod}`, CNI_IFNAME: 'net1', CNI_ARGS: `K8S_POD_NAMESPACE=x;K8S_POD_NAME=${pod}` }, stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stdin.end(JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'sriov', vlan: 100, deviceID: device, ipam: { type: 'host-local', subnet: '10.1.1.0/24' } }));
  const status = await new Promise((resolve) => child.once('close', resolve));
  return { status, json: output === '' ? undefined : (JSON.parse(output) as Record<string, unknown>) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function registered() {
  await soon(async () => expect(await rig.kubelet.sockets(rig.kubelet.registry)).toEqual([SOCKET]));
  const { connection } = await rig.kubelet.meet(SOCKET);
  await soon(() => expect(connection.devices).toHaveLength(4));
  return connection;
}

test('from the policy to the pod and back', async () => {
  rig = await NodeRig.create(4);
  rig.start();
  const connection = await registered();
  await soon(async () => expect((await rig.kube.get(nodeStates, { namespace: 'sriov-network-operator', name: NODE })).status).toMatchObject({ syncStatus: 'Succeeded' }));
  const [device] = connection.devices!;
  expect(connection.lists.at(-1)).toMatchObject({ devices: [{ topology: { nodes: [{ ID: 1 }] } }, {}, {}, {}] });
  expect(await connection.call('allocate', { container_requests: [{ ids: [device!] }] })).toMatchObject({ container_responses: [{ envs: { PCIDEVICE_OPENSHIFT_IO_VFS: device } }] });
  expect(existsSync(join(rig.folder, 'root/run/k8s.cni.cncf.io/devinfo/dp', `openshift.io-vfs-${device}-device.json`))).toBe(true);
  expect(await cni('ADD', device!, 'a')).toMatchObject({ status: 0, json: { interfaces: [{ name: 'net1', sandbox: '/run/netns/a' }], ips: [{ address: '10.1.1.2/24' }] } });
  expect(await cni('ADD', device!, 'b')).toMatchObject({ status: 1, json: { code: 11 } });
  expect(await cni('DEL', device!, 'a')).toEqual({ status: 0, json: undefined });
  expect(await readdir(join(rig.folder, 'root/var/lib/cni/vfleet/vfs'))).toEqual([]);
  expect(await rig.end('SIGTERM')).toBe(0);
  expect([await readdir(rig.kubelet.registry), existsSync(rig.socket)]).toEqual([[], false]);
});

test('killed, it is back with what it knew: the socket is replaced, the list is whole, what a pod has is known', async () => {
  rig = await NodeRig.create(4);
  rig.start();
  const before = await registered();
  const [device] = before.devices!;
  await before.call('allocate', { container_requests: [{ ids: [device!] }] });
  rig.kubelet.pods = [{ name: 'a', namespace: 'x', containers: [{ name: 'app', devices: [{ resource_name: 'openshift.io/vfs', device_ids: [device] }] }] }];
  expect(await cni('ADD', device!, 'a')).toMatchObject({ status: 0 });
  expect(await rig.end('SIGKILL')).toBe('SIGKILL');
  await soon(() => expect(before.ended).toBe(true));
  expect(before.devices).toHaveLength(4);
  rig.start();
  await soon(() => expect(rig.log.filter(({ message }) => message === 'the node runs')).toHaveLength(2));
  const after = await soon(async () => {
    const { connection } = await rig.kubelet.meet(SOCKET);
    await soon(() => expect(connection.devices?.length).toBe(4));
    return connection;
  });
  expect(after.devices).toEqual(before.devices);
  expect(existsSync(join(rig.folder, 'root/run/k8s.cni.cncf.io/devinfo/dp', `openshift.io-vfs-${device}-device.json`))).toBe(true);
  // The VF is in the pod's namespace as before, and not given back as one whose namespace has gone.
  await soon(async () => expect((await rig.kube.get(nodeStates, { namespace: 'sriov-network-operator', name: NODE })).status).toMatchObject({ syncStatus: 'Succeeded' }));
  expect(await cni('ADD', device!, 'b')).toMatchObject({ status: 1, json: { code: 11 } });
  expect(await cni('DEL', device!, 'a')).toEqual({ status: 0, json: undefined });
  expect(await readdir(join(rig.folder, 'root/var/lib/cni/vfleet/vfs'))).toEqual([]);
  expect(rig.log.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a second process takes over while the first runs, and the first takes back what it leaves', async () => {
  rig = await NodeRig.create(4);
  const port = await freePort();
  const says = async (path: string) => (await fetch(`http://127.0.0.1:${port}/${path}`).catch(() => undefined))?.status;
  const first = rig.start('--status-port', String(port));
  const before = await registered();
  await soon(async () => expect(await says('readyz')).toBe(200));
  const lists = before.lists.length;
  const { ino } = await stat(join(rig.kubelet.registry, SOCKET));
  const second = rig.start('--status-port', String(port));
  await soon(async () => expect((await stat(join(rig.kubelet.registry, SOCKET))).ino).not.toBe(ino));
  // A kubelet that has not gone over yet still has every device, and gets what it asks for.
  expect([before.ended, before.lists.length]).toEqual([false, lists]);
  expect(await before.call('allocate', { container_requests: [{ ids: [before.devices![0]!] }] })).toMatchObject({ container_responses: [{}] });
  const after = await registered();
  expect(after.devices).toEqual(before.devices);
  before.close();
  const messages = (message: string) => rig.log.filter((line) => line['message'] === message).length;
  // The first leaves the port, and the second has it.
  await soon(() => expect(messages('metrics and health are served')).toBe(2));
  await soon(async () => expect(await says('readyz')).toBe(200));
  expect(await cni('ADD', after.devices![1]!, 'a')).toMatchObject({ status: 0 });
  second.kill('SIGKILL');
  await soon(() => expect(messages('Nobody serves this node any more: this process goes on.')).toBe(1));
  await soon(() => expect(messages('metrics and health are served')).toBe(3));
  expect(await cni('DEL', after.devices![1]!, 'a')).toMatchObject({ status: 0 });
  await soon(async () => expect((await registered()).devices).toEqual(before.devices));
  first.kill('SIGTERM');
  await soon(() => expect(first.exitCode).toBe(0));
  expect([await readdir(rig.kubelet.registry), existsSync(rig.socket)]).toEqual([[], false]);
});

test('what stands in its way is said in a sentence', async () => {
  rig = await NodeRig.create(1);
  rig.start('--node-name', 'nobody', '--cni-socket', join(rig.folder, 'fleet.yaml', 'cni.sock'));
  const status = await rig.closed;
  rig.child = undefined;
  expect(status).toBe(1);
  expect(rig.log.map(({ message }) => String(message)).join('\n')).toMatch(/vfleet: the node's daemon cannot start: .*\n.*--cni-socket/);
});
