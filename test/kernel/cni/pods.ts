import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { PciAddress } from '@vfleet/core';
import type { LinuxHardware } from '@vfleet/hw-linux';
import { applied, ip, ipJson, machinePfs, pfOf, until } from '../support.ts';

/** Built by the host into the folder that the machine shares with it; absent where the host has no C compiler. */
export const SHIM = '/run/vfleet-rig/vfleet-cni';
export const PORTABLE: readonly string[] = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../../../packages/cli/src/cni/main.ts')];

/** A network namespace that stands for a pod's sandbox. */
export interface Pod {
  readonly name: string;
  readonly netns: string;
}

function makePod(name: string): Pod {
  ip('netns', 'add', name);
  ip('-n', name, 'link', 'set', 'lo', 'up');
  return { name, netns: `/var/run/netns/${name}` };
}

/** Runs work with pods that are gone afterwards, whatever becomes of it. */
export async function withPods<Value>(names: readonly string[], work: (...pods: readonly Pod[]) => Promise<Value>): Promise<Value> {
  const pods = names.map(makePod);
  try {
    return await work(...pods);
  } finally {
    for (const { name } of pods) ip('netns', 'del', name);
  }
}

export interface Outcome {
  readonly status: number | null;
  readonly output: string;
  readonly json: Record<string, unknown>;
}

export interface Call {
  readonly verb: 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC' | 'VERSION';
  readonly pod: Pod;
  readonly config: Readonly<Record<string, unknown>>;
  readonly ifname?: string;
}

export function environmentOf({ verb, pod, ifname = 'net1' }: Call): Readonly<Record<string, string>> {
  return { CNI_COMMAND: verb, CNI_CONTAINERID: `sandbox-${pod.name}`, CNI_NETNS: pod.netns, CNI_IFNAME: ifname, CNI_PATH: '/opt/cni/bin', CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod.name};K8S_POD_UID=uid-${pod.name}` };
}

/** Runs a CNI executable as a runtime does. */
export function execute(command: readonly string[], call: Call, more: Readonly<Record<string, string>>): Promise<Outcome> {
  const child = spawn(command[0]!, command.slice(1), { env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '', ...environmentOf(call), ...more }, stdio: ['pipe', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output, json: output === '' ? {} : (JSON.parse(output) as Record<string, unknown>) }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify({ cniVersion: '1.1.0', ...call.config }));
  });
}

export function succeeded(outcome: Outcome): Record<string, unknown> {
  assert.equal(outcome.status, 0, outcome.output);
  return outcome.json;
}

/** VFs on both PFs, which are up: what the config daemon leaves. Gives their addresses, PF by PF. */
export async function makeVfs(hardware: LinuxHardware, count: number): Promise<readonly (readonly PciAddress[])[]> {
  const all: (readonly PciAddress[])[] = [];
  for (const pf of machinePfs()) {
    await applied(hardware, { kind: 'setLink', device: pf, netns: 'host', up: true });
    await applied(hardware, { kind: 'setNumVfs', pf, count });
    await until('the netdevs of the VFs', async () => (await pfOf(hardware, pf)).vfs.every(({ netdev }) => netdev !== undefined));
    await until('carrier of the PF', async () => (await pfOf(hardware, pf)).netdev?.carrier === true);
    const { vfs } = await pfOf(hardware, pf);
    // Whose interface has been up once: igb's PF shows the MAC of a VF only from then on, whoever it was that set it up.
    for (const up of [true, false]) for (const { pciAddress: device } of vfs) await applied(hardware, { kind: 'setLink', device, netns: 'host', up });
    all.push(vfs.map(({ pciAddress: address }) => address));
  }
  return all;
}

export async function removeVfs(hardware: LinuxHardware): Promise<void> {
  for (const pf of machinePfs()) {
    await applied(hardware, { kind: 'setNumVfs', pf, count: 0 });
    await applied(hardware, { kind: 'setLink', device: pf, netns: 'host', up: false });
  }
}

/** Until the peer answers: an emulated link comes up about a second after its interface. */
export async function pings(from: Pod, address: string): Promise<void> {
  await until(`${from.name} reaches ${address}`, () => spawnSync('ip', ['netns', 'exec', from.name, 'busybox', 'ping', ...(address.includes(':') ? ['-6'] : []), '-c', '1', '-W', '1', address]).status === 0);
}

/** That it does not answer, three times. */
export function cannotPing(from: Pod, address: string): void {
  assert.notEqual(spawnSync('ip', ['netns', 'exec', from.name, 'busybox', 'ping', '-c', '3', '-W', '1', address]).status, 0, `${from.name} reaches ${address}`);
}

/** What changes by itself and says nothing of who did what; the queueing discipline is made anew whenever an interface comes up, and one that has moved has none until then. */
const PASSING = new Set(['ifindex', 'operstate', 'flags', 'qdisc']);

/** All interfaces of the host as iproute2 shows them, whole but for what passes; flags without the carrier. */
export function hostLinks(keepIndexes: boolean): unknown {
  const all = ipJson<readonly Readonly<Record<string, unknown>>[]>('link', 'show');
  const steady = all.map((link) => ({
    ...Object.fromEntries(Object.entries(link).filter(([key]) => !PASSING.has(key) || (key === 'ifindex' && keepIndexes))),
    up: (link['flags'] as readonly string[]).includes('UP'),
  }));
  return steady.sort((a, b) => String(Reflect.get(a, 'ifname')).localeCompare(String(Reflect.get(b, 'ifname'))));
}

/**
 * Every file of a PCI function that can be read and its links, and those of its interface, but for what passes: counters, the carrier,
 * and who gave name and MAC last (`name_assign_type`, `addr_assign_type`), which nobody can set.
 */
export function sysfsOf(device: PciAddress): Readonly<Record<string, string>> {
  const home = `/sys/bus/pci/devices/${device}`;
  const seen: Record<string, string> = {};
  const look = (folder: string, skip: RegExp) => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const kind = lstatSync(path);
      if (skip.test(name)) continue;
      if (kind.isSymbolicLink()) seen[path] = readlinkSync(path);
      else if (kind.isFile() && (kind.mode & 0o444) !== 0 && kind.size <= 4096) seen[path] = readable(path);
    }
  };
  look(home, /^(?:config|resource\d.*|rom|vpd|uevent|power_state|current_link_.*|msi_bus)$/);
  if (existsSync(join(home, 'net'))) for (const name of readdirSync(join(home, 'net'))) look(join(home, 'net', name), /^(?:carrier.*|operstate|speed|duplex|ifindex|iflink|addr_assign_type|name_assign_type|uevent|device|subsystem)$/);
  return seen;
}

function readable(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return `cannot be read: ${error instanceof Error && 'code' in error ? String(error.code) : String(error)}`;
  }
}

/** All that an attachment may change on the host, as one comparable value. */
export function hostState(devices: readonly PciAddress[], keepIndexes = false): unknown {
  return { links: hostLinks(keepIndexes), sysfs: devices.map(sysfsOf) };
}
