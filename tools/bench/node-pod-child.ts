/**
 * `vfleet node` with 128 VFs that are interfaces of the kernel, before and after pods have some: in network and mount namespaces of its own,
 * where node-memory.ts starts it. Prints resident kilobytes as JSON.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeStates } from '@vfleet/kube';
import { NODE, NodeRig } from '../../test/node-data-plane/node-rig.ts';
import { residentKb } from './processes.ts';

const [main = '', vfs = '128', pods = '3'] = process.argv.slice(2);
const CNI = join(import.meta.dirname, '../../packages/cli/src/cni/main.ts');
/** What comes after a change is over by then. */
const QUIET_MS = 8_000;

const rig = await NodeRig.create(Number(vfs));
try {
  rig.startFrom(main, 'simulated', '--stand-ins');
  const state = async () => (await rig.kube.get(nodeStates, { namespace: 'sriov-network-operator', name: NODE }).catch(() => undefined))?.status;
  while ((await state())?.syncStatus !== 'Succeeded') {
    if (rig.child?.exitCode !== null) throw new Error(`the node's process has ended: ${JSON.stringify(rig.log.slice(-3))}`);
    await sleep(100);
  }
  const devices = (await state())!.interfaces!.flatMap(({ Vfs = [] }) => Vfs.map(({ pciAddress }) => pciAddress!));
  await sleep(QUIET_MS);
  const beforeKb = await residentKb(rig.child!.pid!);
  const afterKb: number[] = [];
  for (const [index, device] of devices.slice(0, Number(pods)).entries()) {
    execFileSync('ip', ['netns', 'add', `pod${index}`]);
    await add(`pod${index}`, device);
    await sleep(QUIET_MS);
    afterKb.push(await residentKb(rig.child!.pid!));
  }
  process.stdout.write(`${JSON.stringify({ beforeKb, afterKb })}\n`);
} finally {
  await rig.close();
}

async function add(pod: string, deviceID: string): Promise<void> {
  const child = spawn(process.execPath, [CNI], {
    env: { PATH: process.env['PATH'], VFLEET_CNI_SOCKET: rig.socket, CNI_COMMAND: 'ADD', CNI_CONTAINERID: pod, CNI_NETNS: `/run/netns/${pod}`, CNI_IFNAME: 'net1' }, stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stdin.end(JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'sriov', vlan: 100, spoofchk: 'on', deviceID, ipam: { type: 'host-local', subnet: '198.51.100.0/24' } }));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(output);
}
