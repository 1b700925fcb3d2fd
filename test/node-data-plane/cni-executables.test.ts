// Goal: what a runtime executes does what the CNI specification says, whichever of the two executables it is, and whatever happens to it or to
// the daemon. Method: both as real processes against the daemon's real socket, over a simulated host; then without a daemon.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CniCalls, SriovCni } from '@vfleet/controllers';
import type { CniReply, RawCall } from '@vfleet/controllers';
import { CniServer } from '@vfleet/controllers/cni/edge/server.ts';
import { SeededRandom, silentLog } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildShim } from '../../tools/build-shim.ts';

const PORTABLE = join(import.meta.dirname, '../../packages/cli/src/cni/main.ts');
const clock = new RealClock();
const random = new SystemRandom();

const built = await mkdtemp(join(tmpdir(), 'vfleet-shim-'));
const shim = join(built, 'vfleet-cni');
const build = buildShim(shim);
if (build.kind === 'noCompiler') process.stderr.write('No C compiler here: the native CNI executable is not tested.\n');
if (build.kind === 'failed') throw new Error(build.output);
afterAll(() => rm(built, { recursive: true, force: true }));

const executables: readonly (readonly [string, readonly string[]])[] = [...(build.kind === 'built' ? [['native', [shim]] as const] : []), ['portable', [process.execPath, PORTABLE]]];

interface Outcome {
  readonly status: number | null;
  readonly output: string;
  readonly json: Record<string, unknown> | undefined;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vfleet-cni-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).toReversed()) await end();
});

function execute(command: readonly string[], socket: string, environment: Readonly<Record<string, string>>): ChildProcess {
  return spawn(command[0]!, command.slice(1), { env: { PATH: process.env['PATH'] ?? '', VFLEET_CNI_SOCKET: socket, VFLEET_CNI_STATE_FOLDER: join(folder, 'alone'), ...environment }, stdio: ['pipe', 'pipe', 'inherit'] });
}

function outcomeOf(child: ChildProcess, input: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout!.on('data', (piece: Buffer) => (output += piece.toString()));
    child.on('error', reject);
    // Half an answer is what is left of one that was killed.
    child.on('close', (status, signal) => resolve({ status, output, json: signal !== null || output === '' ? undefined : (JSON.parse(output) as Record<string, unknown>) }));
    // Whoever has read enough, or is killed, need not read the rest.
    child.stdin!.on('error', () => undefined);
    child.stdin!.end(input);
  });
}

/** A daemon over simulated NICs with `count` VFs. `gate` holds calls up. */
async function daemon(count: number) {
  const parsed = parseFleet({ nodes: [{ name: 'node', pfs: [{ personality: 'intel-e810-cqda2', pciAddress: '0000:81:00.0' }] }] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const node = createFleet({ clock, random: new SeededRandom('cni') }).addNode([...nodesOf(parsed.value)][0]!);
  const pf = () => node.inspect().pfs[0]!;
  await node.hardware.apply({ kind: 'setLink', device: pf().pciAddress, netns: 'host', up: true });
  const made = await node.hardware.apply({ kind: 'setNumVfs', pf: pf().pciAddress, count });
  if (!made.ok) throw new Error(made.error.cause);
  await vi.waitFor(() => expect(pf().vfs.filter(({ netdev }) => netdev !== undefined)).toHaveLength(count), { timeout: 120_000 });
  const home = await mkdtemp(join(folder, 'daemon-'));
  const stateFolder = join(home, 'state');
  const files = new NodeFiles(clock, random);
  const cni = new SriovCni({ hardware: node.hardware, files, clock, log: silentLog }, { stateFolder });
  const calls = new CniCalls({ cni, hardware: node.hardware, files, log: silentLog }, { stateFolder });
  const gate: { hold: (call: RawCall) => Promise<void> } = { hold: async () => undefined };
  const handle = async (call: RawCall): Promise<CniReply> => {
    await gate.hold(call);
    return calls.handle(call);
  };
  const path = join(home, 'run', 'cni.sock');
  const server = new CniServer({ clock, random, log: silentLog, handle }, { path });
  await server.listen();
  toEnd.push(async () => {
    await server.close();
    cni.stop();
  });
  const dataDir = join(home, 'networks');
  const config = (index: number, more: object = {}) =>
    JSON.stringify({ cniVersion: '1.1.0', name: 'net', type: 'sriov', deviceID: pf().vfs[index]!.pciAddress, ipam: { type: 'host-local', subnet: '10.1.0.0/16', dataDir }, ...more });
  const pod = (command: string, index: number) => {
    node.createNetns(`/run/netns/p${index}`);
    return { CNI_COMMAND: command, CNI_CONTAINERID: `p${index}`, CNI_NETNS: `/run/netns/p${index}`, CNI_IFNAME: 'net1', CNI_ARGS: `K8S_POD_NAMESPACE=x;K8S_POD_NAME=pod-${index}` };
  };
  const reserved = async () => (await readdir(join(dataDir, 'net')).catch(() => [])).filter((name) => /^\d/.test(name));
  return { node, cni, server, path, gate, config, pod, reserved, inspect: () => node.inspect() };
}

describe.each(executables)('the %s executable', (name, command) => {
  const run = (socket: string, environment: Readonly<Record<string, string>>, input: string) => outcomeOf(execute(command, socket, environment), input);

  test('ADD, CHECK and DEL: the VF comes into the pod and goes back without a trace', async () => {
    const { node, path, config, pod, reserved, inspect } = await daemon(2);
    const before = inspect();
    const added = await run(path, pod('ADD', 0), config(0, { vlan: 100, mac: '02:aa:00:00:00:01' }));
    expect(added).toMatchObject({ status: 0, json: { cniVersion: '1.1.0', interfaces: [{ name: 'net1', mac: '02:aa:00:00:00:01', sandbox: '/run/netns/p0' }], ips: [{ interface: 0, address: '10.1.0.2/16' }] } });
    expect(node.interfaces('/run/netns/p0')).toMatchObject([{ netdev: { name: 'net1', adminState: 'up' }, addresses: ['10.1.0.2/16'] }]);
    expect(await run(path, pod('CHECK', 0), config(0, { vlan: 100, mac: '02:aa:00:00:00:01', prevResult: added.json }))).toEqual({ status: 0, output: '', json: undefined });
    expect(await run(path, pod('DEL', 0), config(0))).toEqual({ status: 0, output: '', json: undefined });
    expect([inspect(), await reserved()]).toEqual([before, []]);
  });

  test('STATUS, GC and VERSION', async () => {
    const { path, config, pod, cni } = await daemon(2);
    expect(await run(path, { CNI_COMMAND: 'STATUS' }, config(0))).toMatchObject({ status: 0, output: '' });
    await run(path, pod('ADD', 0), config(0));
    await run(path, pod('ADD', 1), config(1));
    expect(await run(path, { CNI_COMMAND: 'GC', CNI_PATH: '/opt/cni/bin' }, config(0, { 'cni.dev/valid-attachments': [{ containerID: 'p1', ifname: 'net1' }] }))).toMatchObject({ status: 0 });
    expect(await cni.attachments()).toMatchObject({ value: [{ containerId: 'p1' }] });
    expect((await run(path, { CNI_COMMAND: 'VERSION' }, '{"cniVersion":"1.0.0"}')).json).toEqual({ cniVersion: '1.0.0', supportedVersions: ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] });
  });

  test('errors come with their codes', async () => {
    const { path, config, pod } = await daemon(1);
    const { CNI_NETNS: _, ...withoutNetns } = pod('ADD', 0);
    const codes = async (environment: Readonly<Record<string, string>>, input: string) => (await run(path, environment, input)).json?.['code'];
    expect(await codes({}, config(0))).toBe(4);
    expect(await codes(withoutNetns, config(0))).toBe(4);
    expect(await codes(pod('ADD', 0), '')).toBe(6);
    expect(await codes(pod('ADD', 0), '\u0000{"')).toBe(6);
    expect(await codes(pod('ADD', 0), `{"name":"${'x'.repeat(1 << 20)}"}`)).toBe(6);
    expect(await codes(pod('ADD', 0), config(0, { cniVersion: '7.0.0' }))).toBe(1);
    expect(await codes(pod('ADD', 0), config(0, { vlan: 5_000 }))).toBe(7);
    expect(await codes(pod('ADD', 0), config(0, { deviceID: '0000:99:00.1' }))).toBe(100);
    expect(await codes({ CNI_COMMAND: 'STATUS' }, config(0, { cniVersion: '1.0.0' }))).toBe(1);
  });

  test('text beyond ASCII arrives whole', async () => {
    const { path, config, pod } = await daemon(1);
    expect(await run(path, pod('ADD', 0), config(0, { comment: 'Größe → 尺寸 🙂', vlan: 'Größe' }))).toMatchObject({ status: 1, json: { code: 7, msg: expect.stringContaining('Größe') as string } });
  });

  test('a caller that is killed leaves nothing behind', async () => {
    const { path, config, pod, gate, cni, reserved, inspect } = await daemon(1);
    const before = inspect();
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    gate.hold = async () => {
      arrived.resolve();
      await go.promise;
    };
    const child = execute(command, path, pod('ADD', 0));
    const over = outcomeOf(child, config(0));
    await arrived.promise;
    child.kill('SIGKILL');
    await over;
    go.resolve();
    await vi.waitFor(async () => expect([await cni.attachments(), await reserved(), inspect()]).toEqual([{ ok: true, value: [] }, [], before]), { timeout: 120_000 });
  });

  test('a daemon that dies during the call, or speaks nonsense, is "try again"', async () => {
    const home = await mkdtemp(join(folder, 'odd-'));
    for (const [index, says] of ['', 'nonsense\n', '0 5\nabc', '2 0\n', '0 0\nmore'].entries()) {
      const path = join(home, `${index}.sock`);
      const odd = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(says));
      });
      await new Promise<void>((resolve) => odd.listen(path, resolve));
      expect(await run(path, { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c' }, '{}')).toMatchObject({ status: 1, json: { code: 11 } });
      odd.close();
    }
  });

  test('without a daemon it says so, or does the work itself', async () => {
    const nowhere = join(folder, 'nowhere.sock');
    const alone = (environment: Readonly<Record<string, string>>, input = '{"cniVersion":"1.1.0","name":"net","type":"sriov"}') => run(nowhere, environment, input);
    expect((await alone({ CNI_COMMAND: 'VERSION' })).json).toMatchObject({ cniVersion: '1.1.0' });
    const status = await alone({ CNI_COMMAND: 'STATUS' });
    const pod = { CNI_CONTAINERID: 'c', CNI_IFNAME: 'net1', CNI_NETNS: '/run/netns/never' };
    const added = await alone({ CNI_COMMAND: 'ADD', ...pod }, '{"cniVersion":"1.1.0","name":"net","type":"sriov","deviceID":"0000:ff:1f.7"}');
    const deleted = await alone({ CNI_COMMAND: 'DEL', ...pod });
    if (name === 'native') {
      expect([status.json?.['code'], added.json?.['code'], deleted.json?.['code']]).toEqual([50, 11, 11]);
    } else if (process.platform === 'linux') {
      expect([status.output, added.json?.['msg'], deleted.status]).toEqual(['', 'the node has no VF 0000:ff:1f.7', 0]);
    }
  });
});

describe.runIf(build.kind === 'built')('the native executable alone', () => {
  test('hands over to the portable one beside it when no daemon runs, with its input untouched', async () => {
    const beside = join(built, 'vfleet-cni-node');
    await writeFile(beside, `#!/bin/sh\nexec ${process.execPath} ${PORTABLE}\n`);
    await chmod(beside, 0o755);
    const pod = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c', CNI_IFNAME: 'net1', CNI_NETNS: '/run/netns/never' };
    const { json } = await outcomeOf(execute([shim], join(folder, 'nowhere.sock'), pod), '{"cniVersion":"1.0.0","name":"net","type":"sriov","deviceID":"0000:ff:1f.7","vlan":9999}');
    await rm(beside);
    expect(json).toMatchObject({ cniVersion: '1.0.0', code: 7, msg: '"vlan" is 9999; it must be a whole number from 0 to 4094' });
  });

  test.runIf(process.getuid?.() === 0)('does not talk to a socket that another user has put there', async () => {
    const home = await mkdtemp(join(folder, 'strange-'));
    await chmod(home, 0o755);
    await mkdir(join(home, 'run'));
    await chown(join(home, 'run'), 65_534, 65_534);
    await chmod(folder, 0o755);
    const path = join(home, 'run', 'cni.sock');
    // It becomes the other user by itself: that one may not be let into the folder where Node is.
    const stranger = spawn(process.execPath, ['-e', `process.setgid(65534); process.setuid(65534); require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => stranger.stdout.once('data', resolve));
    const { json } = await outcomeOf(execute([shim], path, { CNI_COMMAND: 'STATUS' }), '{}');
    stranger.kill();
    expect(json).toMatchObject({ code: 5, msg: 'the socket of the vfleet daemon belongs to another user' });
  });
});

describe('the daemon\'s socket', () => {
  test('is its owner\'s alone, in a folder that nobody else can write to', async () => {
    const { path } = await daemon(1);
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe('600');
    const open = await mkdtemp(join(folder, 'open-'));
    await chmod(open, 0o777);
    const server = new CniServer({ clock, random, log: silentLog, handle: async () => ({ status: 0, output: '' }) }, { path: join(open, 'cni.sock') });
    await expect(server.listen()).rejects.toThrow('can be written to by others');
  });

  test('turns away a caller who is neither root nor its own user', async () => {
    const home = await mkdtemp(join(folder, 'uid-'));
    const path = join(home, 'cni.sock');
    let uid = 1_000;
    const server = new CniServer({ clock, random, log: silentLog, handle: async () => ({ status: 0, output: '{}' }), peerUid: () => uid }, { path, uid: 2_000 });
    await server.listen();
    const answers: unknown[] = [];
    for (uid of [1_000, 2_000, 0]) answers.push((await outcomeOf(execute([process.execPath, PORTABLE], path, { CNI_COMMAND: 'VERSION' }), '')).json?.['code']);
    await server.close();
    expect(answers).toEqual([11, undefined, undefined]);
  });

  test('survives garbage, callers that say nothing and callers that leave early', async () => {
    const { path, config, pod } = await daemon(1);
    await Promise.all(['GET / HTTP/1.1\r\n\r\n', '', 'vfleet-cni/1 5 5\nab', '\u0000'.repeat(100), 'vfleet-cni/1 99999999 1\n'].map((text) => new Promise<void>((resolve) => {
      const socket = connect(path, () => socket.end(text));
      socket.on('close', () => resolve());
      socket.on('error', () => resolve());
      socket.resume();
    })));
    expect(await outcomeOf(execute(executables[0]![1], path, pod('ADD', 0)), config(0))).toMatchObject({ status: 0 });
  });
});

test('a hundred pods at once get a hundred addresses, and those whose caller is killed leave none', async () => {
  const { node, path, config, pod, cni, reserved } = await daemon(100);
  const [, command] = executables[0]!;
  const indices = Array.from({ length: 100 }, (_, index) => index);
  const killed = new Set(indices.filter((index) => index % 2 === 1));
  const outcomes = await Promise.all(indices.map(async (index) => {
    const child = execute(command, path, pod('ADD', index));
    if (killed.has(index)) setTimeout(() => child.kill('SIGKILL'), random.integer(300));
    return outcomeOf(child, config(index)).catch(() => undefined);
  }));
  const given = outcomes.map((outcome) => (outcome?.json?.['ips'] as readonly { readonly address: string }[] | undefined)?.[0]?.address);
  for (const index of indices) if (!killed.has(index)) expect(given[index]).toMatch(/^10\.1\.\d+\.\d+\/16$/);
  const all = given.filter((address) => address !== undefined);
  expect(new Set(all).size).toBe(all.length);
  // The runtime deletes what it has killed; by then, or before, it is all taken back.
  for (const index of killed) expect(await outcomeOf(execute(command, path, pod('DEL', index)), config(index))).toMatchObject({ status: 0 });
  const survivors = indices.filter((index) => !killed.has(index));
  await vi.waitFor(async () => expect((await reserved()).toSorted()).toEqual(survivors.map((index) => given[index]!.split('/')[0]!).toSorted()), { timeout: 120_000 });
  const attached = await cni.attachments();
  expect(attached.ok && attached.value.map(({ containerId }) => containerId).toSorted()).toEqual(survivors.map((index) => `p${index}`).toSorted());
  expect(survivors.flatMap((index) => node.interfaces(`/run/netns/p${index}`))).toHaveLength(50);
});
