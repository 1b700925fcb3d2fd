// Goal: VFs of simulated NICs are interfaces that pass traffic as the NIC would let it pass, and leave nothing behind. Method: the stand-ins
// on this kernel, pods as network namespaces, ping as the traffic, iproute2 as the witness. It needs no NIC: in a network namespace of its
// own it runs on any machine (`unshare -n -m node --test` on this file).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import type { HardwareStep, NetnsPath, PciAddress, VfObservation } from '@vfleet/core';
import { pciAddress, silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { KernelThread } from '@vfleet/hw-linux/kernel-thread/kernel-thread.ts';
import type { Netlink } from '@vfleet/hw-linux/kernel-thread/kernel-thread.ts';
import { createStandInHardware } from '@vfleet/hw-linux/standin/stand-in-hardware.ts';
import type { StandInHardware } from '@vfleet/hw-linux/standin/stand-in-hardware.ts';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { describe, ip, until } from '../support.ts';

const PF = pciAddress('0000:81:00.0');
const pods = ['stand-in-a', 'stand-in-b', 'stand-in-c'] as const;
const netnsOf = (pod: string): NetnsPath => `/run/netns/${pod}`;
let hardware: StandInHardware;

/** A process that is killed after so many words with the kernel. */
function mortal(kernel: Netlink, words: number): Netlink & { readonly spoken: () => number } {
  let spoken = 0;
  return { ask: async (request) => (++spoken > words ? { ok: false, failure: { errno: 5, says: 'killed' } } : kernel.ask(request)), spoken: () => spoken };
}

/** A node whose simulated NICs know nothing of what was before. */
function boot(node = 'worker-0', netlink?: Netlink): StandInHardware {
  const parsed = parseFleet({ nodes: [{ name: node, kernelArguments: ['intel_iommu=on', 'iommu=pt'], pfs: [{ personality: 'E810-CQDA2', pciAddress: PF, name: 'ens801f0' }] }] });
  assert.ok(parsed.ok);
  const [spec] = [...nodesOf(parsed.value)];
  const simulated = createFleet({ clock: new RealClock(), random: new SystemRandom(), delayFactor: 0 }).addNode(spec!);
  return createStandInHardware({ simulated: simulated.hardware, log: silentLog, ...(netlink === undefined ? {} : { netlink }) }, { node });
}

async function apply(step: HardwareStep, on = hardware): Promise<void> {
  const applied = await on.apply(step);
  assert.ok(applied.ok, applied.ok ? '' : `${step.kind}: ${describe(applied.error)}`);
}

async function vf(index: number, on = hardware): Promise<VfObservation> {
  const seen = await on.discover();
  assert.ok(seen.ok, seen.ok ? '' : describe(seen.error));
  const found = seen.value.pfs[0]!.vfs[index];
  assert.ok(found !== undefined, `no VF ${index}`);
  return found;
}

const address = async (index: number): Promise<PciAddress> => (await vf(index)).pciAddress;
const set = (vfIndex: number, change: Partial<Extract<HardwareStep, { kind: 'setVf' }>>) => apply({ kind: 'setVf', pf: PF, vfIndex, ...change });

/** What a CNI plugin does with a VF for a pod, in its order. */
async function attach(index: number, pod: string, host: number): Promise<void> {
  const device = await address(index);
  const netns = netnsOf(pod);
  await apply({ kind: 'moveNetdev', device, from: 'host', to: netns, name: 'net1' });
  await apply({ kind: 'setLink', device, netns, up: true });
  await apply({ kind: 'setAddresses', device, netns, addresses: [`192.0.2.${host}/24`, `2001:db8::${host}/64`], routes: [] });
}

async function detach(index: number, pod: string, name: string): Promise<void> {
  await apply({ kind: 'moveNetdev', device: await address(index), from: netnsOf(pod), to: 'host', name });
}

function inside(pod: string, ...words: readonly string[]) {
  return spawnSync('ip', ['netns', 'exec', pod, ...words], { encoding: 'utf8' });
}

const ping = (from: string, to: number, tries = 1) => inside(from, 'busybox', 'ping', '-c', String(tries), '-W', '1', `192.0.2.${to}`).status === 0;
const reaches = (from: string, to: number) => until(`192.0.2.${to} answers ${from}`, () => ping(from, to));
const isCutOff = (from: string, to: number) => assert.equal(ping(from, to, 3), false, `192.0.2.${to} answers ${from}`);
/** Without the timers of bridges, which run. */
const links = () => JSON.parse(ip('-d', '-j', 'link'), (key, value: unknown) => (key.endsWith('_timer') ? undefined : value)) as readonly { readonly ifname: string; readonly ifalias?: string }[];
const macIn = (pod: string) => (JSON.parse(ip('-n', pod, '-j', 'link', 'show', 'net1')) as [{ address: string }])[0].address;

let untouched: ReturnType<typeof links> = [];

// Not as a hook, which would run before the tests of all files: some of those need a machine without other namespaces.
test('a host with pods, and with interfaces of somebody else', async () => {
  for (const pod of pods) ip('netns', 'add', pod);
  ip('link', 'add', 'someone', 'type', 'veth', 'peer', 'name', 'else');
  untouched = links();
  hardware = boot();
  await apply({ kind: 'setLink', device: PF, netns: 'host', up: true });
});

after(async () => {
  await hardware.removeAll();
  await hardware.close();
  for (const pod of pods) ip('netns', 'delete', pod);
  ip('link', 'delete', 'someone');
});

test('VFs are interfaces of the host when their step is over', async () => {
  await apply({ kind: 'setNumVfs', pf: PF, count: 4 });
  for (const index of [0, 1, 2, 3]) {
    const { netdev } = await vf(index);
    const [shown] = JSON.parse(ip('-d', '-j', 'link', 'show', netdev!.name)) as [{ address: string; mtu: number; ifname: string; linkinfo: { info_kind: string } }];
    assert.deepEqual({ name: shown.ifname, mac: shown.address, mtu: shown.mtu, kind: shown.linkinfo.info_kind }, { name: `ens801f0v${index}`, mac: netdev!.mac, mtu: netdev!.mtu, kind: 'veth' });
  }
});

test('two pods reach each other, by IPv4 and IPv6', async () => {
  await attach(0, pods[0], 1);
  await attach(1, pods[1], 2);
  await reaches(pods[0], 2);
  await reaches(pods[1], 1);
  await until('IPv6', () => inside(pods[0], 'busybox', 'ping', '-6', '-c', '1', '-W', '1', '2001:db8::2').status === 0);
  assert.equal((await vf(0)).netdev, undefined);
});

test('not across VLANs; in one VLAN they do, and its kind of tag counts', async () => {
  await set(0, { vlan: { id: 100, qos: 0, protocol: '802.1q' } });
  isCutOff(pods[0], 2);
  await set(1, { vlan: { id: 200, qos: 0, protocol: '802.1q' } });
  isCutOff(pods[0], 2);
  await set(1, { vlan: { id: 100, qos: 0, protocol: '802.1q' } });
  await reaches(pods[0], 2);
  await set(1, { vlan: { id: 100, qos: 0, protocol: '802.1ad' } });
  isCutOff(pods[0], 2);
  await set(1, { vlan: { id: 100, qos: 0, protocol: '802.1q' } });
  await reaches(pods[1], 1);
});

test('a VF without a VLAN reaches one by its tag, where the kernel knows tags', async () => {
  const [from, to] = [netnsOf(pods[2]), pods[0]];
  await attach(2, pods[2], 3);
  isCutOff(pods[2], 1);
  const made = spawnSync('ip', ['-n', pods[2], 'link', 'add', 'link', 'net1', 'name', 'tagged', 'type', 'vlan', 'id', '100'], { encoding: 'utf8' });
  if (made.status === 0) {
    ip('-n', pods[2], 'link', 'set', 'tagged', 'up');
    ip('-n', pods[2], 'address', 'add', '192.0.2.33/32', 'dev', 'tagged');
    ip('-n', pods[2], 'route', 'replace', '192.0.2.1/32', 'dev', 'tagged', 'src', '192.0.2.33');
    await until(`${from} reaches ${to} by tag`, () => ping(pods[2], 1));
    ip('-n', pods[2], 'link', 'delete', 'tagged');
  } else assert.match(made.stderr, /Unknown device type|not supported/);
  await detach(2, pods[2], 'ens801f0v2');
});

test('a spoofed address is dropped as long as it is checked', async () => {
  const mac = macIn(pods[0]);
  await set(0, { spoofCheck: true });
  await reaches(pods[0], 2);
  ip('-n', pods[0], 'link', 'set', 'net1', 'address', '02:00:00:00:00:99');
  isCutOff(pods[0], 2);
  await set(0, { spoofCheck: false });
  await reaches(pods[0], 2);
  await set(0, { spoofCheck: true });
  isCutOff(pods[0], 2);
  ip('-n', pods[0], 'link', 'set', 'net1', 'address', mac);
  await reaches(pods[0], 2);
});

test('the administrative address is the one that is checked', async () => {
  const device = await address(0);
  const mac = macIn(pods[0]);
  await set(0, { mac: '02:00:00:00:00:42' });
  isCutOff(pods[0], 2);
  await apply({ kind: 'setNetdevMac', device, netns: netnsOf(pods[0]), mac: '02:00:00:00:00:42' });
  assert.equal(macIn(pods[0]), '02:00:00:00:00:42');
  await reaches(pods[0], 2);
  await set(0, { mac: '00:00:00:00:00:00' });
  await apply({ kind: 'setNetdevMac', device, netns: netnsOf(pods[0]), mac });
  await reaches(pods[0], 2);
});

test('a link that is disabled passes nothing; an automatic one follows the PF', async () => {
  const carrier = () => inside(pods[0], 'cat', '/sys/class/net/net1/carrier').stdout.trim();
  await set(0, { linkState: 'disable' });
  assert.equal(carrier(), '0');
  isCutOff(pods[0], 2);
  await set(0, { linkState: 'auto' });
  await reaches(pods[0], 2);
  await apply({ kind: 'setLink', device: PF, netns: 'host', up: false });
  isCutOff(pods[0], 2);
  await set(0, { linkState: 'enable' });
  await set(1, { linkState: 'enable' });
  await reaches(pods[0], 2);
  await apply({ kind: 'setLink', device: PF, netns: 'host', up: true });
  await set(0, { linkState: 'auto' });
  await set(1, { linkState: 'auto' });
  await reaches(pods[0], 2);
  assert.equal(carrier(), '1');
});

test('only a trusted VF hears what is sent to nobody', async () => {
  await attach(2, pods[2], 3);
  await set(2, { vlan: { id: 100, qos: 0, protocol: '802.1q' } });
  await reaches(pods[2], 1);
  const heard = () => Number(inside(pods[2], 'cat', '/sys/class/net/net1/statistics/rx_packets').stdout);
  // Sent to an address that nobody has, by a neighbour that says so.
  ip('-n', pods[0], 'neigh', 'replace', '192.0.2.200', 'lladdr', '02:00:00:00:00:77', 'dev', 'net1');
  const shout = () => inside(pods[0], 'busybox', 'ping', '-c', '20', '-i', '0.02', '-W', '1', '192.0.2.200');
  const before = heard();
  shout();
  assert.ok(heard() - before < 20, 'an untrusted VF heard it');
  await set(2, { trust: true });
  await until('a trusted VF hears it', () => {
    const start = heard();
    shout();
    return heard() - start >= 20;
  });
  await set(2, { trust: false });
});

test('a rate is a limit on what the VF sends, and goes with it', async () => {
  await set(0, { rates: { minTxMbps: 0, maxTxMbps: 100 } });
  const queues = () => JSON.parse(spawnSync('tc', ['-j', '-s', 'qdisc', 'show'], { encoding: 'utf8' }).stdout) as { kind: string; packets?: number; options?: { rate?: number } }[];
  const bucket = () => queues().find(({ kind }) => kind === 'tbf');
  assert.equal(bucket()?.options?.rate, 100_000_000 / 8);
  const passed = bucket()!.packets!;
  await reaches(pods[0], 2);
  assert.ok(bucket()!.packets! > passed, 'nothing went through the queue');
  await set(0, { rates: { minTxMbps: 0, maxTxMbps: 50 } });
  assert.equal(bucket()?.options?.rate, 50_000_000 / 8);
  await reaches(pods[0], 2);
  await set(0, { rates: { minTxMbps: 0, maxTxMbps: 0 } });
  assert.equal(bucket(), undefined);
  assert.equal(queues().some(({ kind }) => kind === 'ingress'), false);
  await reaches(pods[0], 2);
});

test('frames up to the MTU pass', async () => {
  const big = () => inside(pods[0], 'busybox', 'ping', '-c', '1', '-W', '1', '-s', '8000', '192.0.2.2').status === 0;
  await apply({ kind: 'setMtu', device: PF, netns: 'host', mtu: 9000 });
  for (const index of [0, 1]) await apply({ kind: 'setMtu', device: await address(index), netns: netnsOf(pods[index]!), mtu: 9000 });
  await until('8000 bytes pass', big);
});

test('the next process takes up where the last one was killed', async () => {
  const before = links();
  await set(0, { trust: true });
  const settings = (await vf(0)).settings;
  // As after a SIGKILL: nothing was told to the kernel, and the simulated NICs start anew.
  await hardware.close();
  hardware = boot();
  assert.ok((await hardware.adopt()).ok);
  await apply({ kind: 'setLink', device: PF, netns: 'host', up: true });
  assert.deepEqual((await vf(0)).settings, settings);
  assert.equal((await vf(0)).netdev, undefined);
  assert.equal((await vf(3)).netdev?.name, 'ens801f0v3');
  await set(0, { trust: false });
  await reaches(pods[0], 2);
  assert.deepEqual(links(), before);
  await detach(2, pods[2], 'ens801f0v2');
  assert.equal((await vf(2)).netdev?.name, 'ens801f0v2');
});

test('of two processes, while one takes over from the other, either knows what the other one does', async () => {
  const next = boot();
  assert.ok((await next.adopt()).ok);
  await apply({ kind: 'setLink', device: PF, netns: 'host', up: true }, next);
  const [device, netns, none] = [await address(2), netnsOf(pods[2]), (await vf(2)).settings];
  for (const [one, other] of [[hardware, next], [next, hardware], [hardware, hardware]] as const) {
    await apply({ kind: 'setVf', pf: PF, vfIndex: 2, vlan: { id: 200, qos: 3, protocol: '802.1q' }, mac: '02:00:00:00:00:05', trust: true }, one);
    const before = links();
    await apply({ kind: 'moveNetdev', device, from: 'host', to: netns, name: 'net1' }, one);
    await apply({ kind: 'setLink', device, netns, up: true }, one);
    for (const each of [one, other]) assert.deepEqual([(await vf(2, each)).netdev, (await vf(2, each)).settings.vlan, (await vf(2, each)).settings.mac], [undefined, 200, '02:00:00:00:00:05']);
    // Nobody takes anything for torn.
    assert.deepEqual(links().map(({ ifname, ifalias }) => [ifname, ifname === 'ens801f0v2' ? '' : ifalias?.replace(netns, 'host')]), before.filter(({ ifname }) => ifname !== 'ens801f0v2').map(({ ifname, ifalias }) => [ifname, ifalias]));
    await apply({ kind: 'moveNetdev', device, from: netns, to: 'host', name: 'ens801f0v2' }, other);
    await apply({ kind: 'setVf', pf: PF, vfIndex: 2, vlan: { id: none.vlan, qos: none.vlanQos, protocol: none.vlanProtocol }, mac: none.mac, trust: none.trust }, other);
    for (const each of [one, other]) assert.deepEqual([(await vf(2, each)).netdev?.name, (await vf(2, each)).settings], ['ens801f0v2', none]);
  }
  await next.close();
});

test('what a process left half made is made anew', async () => {
  const before = await vf(3);
  const representor = links().find(({ ifalias }) => ifalias?.includes(` ${before.pciAddress} `) === true)!.ifname;
  // The record is written last.
  ip('link', 'set', representor, 'alias', '');
  await hardware.close();
  hardware = boot();
  assert.ok((await hardware.adopt()).ok);
  await apply({ kind: 'setLink', device: PF, netns: 'host', up: true });
  const after = await vf(3);
  assert.ok(after.netdev !== undefined);
  await attach(3, pods[2], 3);
  await set(3, { vlan: { id: 100, qos: 0, protocol: '802.1q' } });
  await reaches(pods[2], 1);
});

test('a VF whose pod is gone is on the host again', async () => {
  ip('netns', 'delete', pods[2]);
  await until('the namespace is gone', async () => (await vf(3)).netdev !== undefined);
  ip('netns', 'add', pods[2]);
  await set(3, { vlan: { id: 0, qos: 0, protocol: '802.1q' } });
});

test('a bound program driver has no interface, and gives it back', async () => {
  const device = await address(2);
  await apply({ kind: 'bindDriver', device, driver: 'vfio-pci' });
  assert.equal((await vf(2)).netdev, undefined);
  assert.equal(links().some(({ ifname }) => ifname === 'ens801f0v2'), false);
  await apply({ kind: 'bindDriver', device, driver: 'default' });
  assert.equal((await vf(2)).netdev?.name, 'ens801f0v2');
});

test('names that are taken are left to who has them, also by another node with the same NICs', async () => {
  const other = boot('worker-1');
  assert.ok((await other.adopt()).ok);
  await apply({ kind: 'setNumVfs', pf: PF, count: 2 }, other);
  const names = [(await vf(2)).netdev!.name, (await vf(0, other)).netdev!.name, (await vf(1, other)).netdev!.name];
  assert.equal(new Set(names).size, 3);
  assert.equal(names[0], 'ens801f0v2');
  await apply({ kind: 'setNumVfs', pf: PF, count: 0 }, other);
  await other.close();
  await reaches(pods[0], 2);
});

test('without VFs the links are exactly those that were there', async () => {
  await detach(0, pods[0], 'ens801f0v0');
  await detach(1, pods[1], 'ens801f0v1');
  await apply({ kind: 'setNumVfs', pf: PF, count: 0 });
  assert.deepEqual(links(), untouched);
});

test('everything goes at one word, also what is with pods', async () => {
  await apply({ kind: 'setNumVfs', pf: PF, count: 4 });
  await attach(0, pods[0], 1);
  assert.ok((await hardware.removeAll()).ok);
  assert.deepEqual(links(), untouched);
  assert.equal(ip('-n', pods[0], '-br', 'link', 'show', 'type', 'veth'), '');
});

test('killed after any word with the kernel, the next process makes it whole and leaves nothing', async () => {
  const life = async (on: StandInHardware): Promise<boolean> => {
    const steps: readonly HardwareStep[] = [
      { kind: 'setNumVfs', pf: PF, count: 2 },
      { kind: 'setVf', pf: PF, vfIndex: 0, vlan: { id: 7, qos: 0, protocol: '802.1q' }, rates: { minTxMbps: 0, maxTxMbps: 10 } },
    ];
    for (const step of steps) if (!(await on.apply(step)).ok) return false;
    const { pciAddress: device } = await vf(0, on).catch(() => ({ pciAddress: undefined }));
    if (device === undefined) return false;
    const moves: readonly HardwareStep[] = [{ kind: 'moveNetdev', device, from: 'host', to: netnsOf(pods[0]), name: 'net1' }, { kind: 'moveNetdev', device, from: netnsOf(pods[0]), to: 'host', name: 'ens801f0v0' }];
    for (const step of moves) if (!(await on.apply(step)).ok) return false;
    return (await on.apply({ kind: 'setNumVfs', pf: PF, count: 0 })).ok;
  };
  const kernel = new KernelThread();
  // Every single one where there is time.
  for (let words = 1; ; words += process.env['VFLEET_ALL_KILLS'] === undefined ? 23 : 1) {
    const dead = mortal(kernel, words);
    const dying = boot('worker-0', dead);
    const lived = await life(dying);
    await dying.close();
    const next = boot('worker-0', kernel);
    const adopted = await next.adopt();
    assert.ok(adopted.ok, `after ${words}: ${adopted.ok ? '' : describe(adopted.error)}`);
    const device = pciAddress('0000:81:01.0');
    // Whoever holds the VF for a pod gives it back first.
    await next.apply({ kind: 'moveNetdev', device, from: netnsOf(pods[0]), to: 'host', name: 'ens801f0v0' });
    await apply({ kind: 'setNumVfs', pf: PF, count: 0 }, next);
    await apply({ kind: 'setNumVfs', pf: PF, count: 2 }, next);
    assert.deepEqual([(await vf(0, next)).netdev?.name, (await vf(1, next)).netdev?.name], ['ens801f0v0', 'ens801f0v1'], `after ${words}`);
    await apply({ kind: 'setNumVfs', pf: PF, count: 0 }, next);
    await next.close();
    assert.deepEqual(links(), untouched, `after ${words}`);
    assert.equal(ip('-n', pods[0], '-br', 'link', 'show', 'type', 'veth'), '', `after ${words}`);
    if (!lived) continue;
    assert.ok(dead.spoken() > 50);
    return kernel.close();
  }
});
