// Goal: pods of a node with simulated NICs pass traffic, also while the node's process is killed and comes back, and what they had goes with
// the policy. Method: `vfleet node` with stand-ins, the CNI executable, network namespaces as pods and ping. It makes interfaces: it runs in
// network and mount namespaces of its own, where stand-ins.test.ts starts it.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pciAddress, silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createStandInHardware } from '@vfleet/hw-linux/standin/stand-in-hardware.ts';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { nodePolicies, nodeStates } from '@vfleet/kube';
import { parse } from 'yaml';
import { NODE, NodeRig, PF } from './node-rig.ts';

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const CNI = join(import.meta.dirname, '../../packages/cli/src/cni/main.ts');
const NAMESPACE = 'sriov-network-operator';
const PATIENCE_MS = 300_000;
let rig: NodeRig;
let untouched = '';

const links = () => execFileSync('ip', ['-d', '-j', 'link'], { encoding: 'utf8' });
const netnsOf = (pod: string) => `/run/netns/${pod}`;

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, `not within ${PATIENCE_MS / 1000} s: ${what}\n${rig.log.slice(-20).map((line) => JSON.stringify(line)).join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function state() {
  return (await rig.kube.get(nodeStates, { namespace: NAMESPACE, name: NODE }).catch(() => undefined))?.status;
}

const vfs = async () => (await state())?.interfaces?.flatMap((one) => one.Vfs ?? []) ?? [];
const configured = (count: number) => until(`${count} VFs`, async () => (await state())?.syncStatus === 'Succeeded' && (await vfs()).length === count);
const runs = (times: number) => until('the node runs', () => rig.log.filter(({ message }) => message === 'the node runs').length === times);

const results = new Map<string, Record<string, unknown>>();

async function cni(command: string, pod: string, deviceID: string, vlan: number): Promise<Record<string, unknown> | undefined> {
  const child = spawn(process.execPath, [CNI], {
    env: { PATH: process.env['PATH'], VFLEET_CNI_SOCKET: rig.socket, CNI_COMMAND: command, CNI_CONTAINERID: pod, CNI_NETNS: netnsOf(pod), CNI_IFNAME: 'net1', CNI_ARGS: `K8S_POD_NAMESPACE=x;K8S_POD_NAME=${pod}` }, stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stdin.end(JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'sriov', vlan, spoofchk: 'on', deviceID, ipam: { type: 'host-local', subnet: '198.51.100.0/24' }, ...(command === 'CHECK' ? { prevResult: results.get(pod) } : {}) }));
  const status = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(status, 0, output);
  const result = output === '' ? undefined : (JSON.parse(output) as Record<string, unknown>);
  if (command === 'ADD' && result !== undefined) results.set(pod, result);
  return result;
}

const ping = (from: string, to: string, tries = 1) => spawnSync('ip', ['netns', 'exec', from, 'busybox', 'ping', '-c', String(tries), '-W', '1', to]).status === 0;
const reaches = (from: string, to: string) => until(`${to} answers ${from}`, () => ping(from, to));

before(async () => {
  for (const pod of ['a', 'b', 'c']) execFileSync('ip', ['netns', 'add', pod]);
  untouched = links();
  rig = await NodeRig.create(4);
  rig.start('--stand-ins');
});

after(async () => {
  await rig.close();
});

test('two pods of one VLAN reach each other through net1, one of another does not', { timeout: 2 * PATIENCE_MS }, async () => {
  await configured(4);
  const devices = (await vfs()).map(({ pciAddress }) => pciAddress!);
  const added = await cni('ADD', 'a', devices[0]!, 100);
  await cni('ADD', 'b', devices[1]!, 100);
  await cni('ADD', 'c', devices[2]!, 200);
  assert.deepEqual(added?.['interfaces'], [{ name: 'net1', sandbox: netnsOf('a'), mac: (JSON.parse(execFileSync('ip', ['-n', 'a', '-j', 'link', 'show', 'net1'], { encoding: 'utf8' })) as [{ address: string }])[0].address }]);
  await reaches('a', '198.51.100.3');
  assert.equal(ping('c', '198.51.100.2', 3), false);
});

test('a node that is killed takes nothing from its pods, and goes on with what they have', { timeout: 2 * PATIENCE_MS }, async () => {
  const before = (await vfs()).map(({ vfID, pciAddress }) => ({ vfID, pciAddress }));
  await rig.end('SIGKILL');
  await reaches('a', '198.51.100.3');
  rig.start('--stand-ins');
  await runs(2);
  await configured(4);
  await reaches('b', '198.51.100.2');
  assert.deepEqual((await vfs()).map(({ vfID, pciAddress }) => ({ vfID, pciAddress })), before);
  for (const [pod, vlan] of [['a', 100], ['b', 100], ['c', 200]] as const) await cni('CHECK', pod, before[{ a: 0, b: 1, c: 2 }[pod]]!.pciAddress!, vlan);
});

test('a node that does not see the namespaces of its pods takes nothing from them, says so, and goes on when it sees them', { timeout: 2 * PATIENCE_MS }, async () => {
  await rig.end('SIGTERM');
  const said = () => rig.log.filter(({ message }) => message === 'It cannot be said whether a network namespace has gone; what its pod has stays with it.');
  // As in a container without the mount: the folder is there, and nothing is in it.
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run/netns']);
  try {
    rig.start('--stand-ins');
    await runs(3);
    await until('all three are told of', () => said().length === 3);
    await configured(4);
  } finally {
    execFileSync('umount', ['/run/netns']);
  }
  await reaches('a', '198.51.100.3');
  await rig.end('SIGTERM');
  rig.start('--stand-ins');
  await runs(4);
  await configured(4);
  const devices = (await vfs()).map(({ pciAddress }) => pciAddress!);
  for (const [pod, vlan] of [['a', 100], ['b', 100], ['c', 200]] as const) await cni('CHECK', pod, devices[{ a: 0, b: 1, c: 2 }[pod]]!, vlan);
  await reaches('b', '198.51.100.2');
  assert.equal(said().length, 3);
});

test('what they had is given back, and without the policy nothing is left', { timeout: 2 * PATIENCE_MS }, async () => {
  const devices = (await vfs()).map(({ pciAddress }) => pciAddress!);
  await cni('DEL', 'a', devices[0]!, 100);
  await cni('DEL', 'b', devices[1]!, 100);
  // A pod that goes without a word.
  execFileSync('ip', ['netns', 'delete', 'c']);
  await cni('DEL', 'c', devices[2]!, 200);
  await rig.kube.delete(nodePolicies, { namespace: NAMESPACE, name: 'vfs' });
  await configured(0);
  assert.equal(links(), untouched);
  assert.equal(await rig.end('SIGTERM'), 0);
  assert.deepEqual(rig.log.filter(({ level }) => level === 'error'), []);
});

test('what an ended process left goes at a word', async () => {
  const fleet = join(rig.folder, 'fleet.yaml');
  const parsed = parseFleet(parse(readFileSync(fleet, 'utf8')));
  assert.ok(parsed.ok);
  const simulated = createFleet({ clock: new RealClock(), random: new SystemRandom(), delayFactor: 0 }).addNode([...nodesOf(parsed.value)][0]!);
  const hardware = createStandInHardware({ simulated: simulated.hardware, log: silentLog }, { node: NODE });
  assert.ok((await hardware.apply({ kind: 'setNumVfs', pf: pciAddress(PF), count: 3 })).ok);
  await hardware.close();
  assert.notEqual(links(), untouched);
  const removed = spawnSync(process.execPath, [MAIN, 'node', '--fleet', fleet, '--remove-stand-ins'], { encoding: 'utf8' });
  assert.equal(removed.status, 0, removed.stderr);
  assert.equal(links(), untouched);
});
