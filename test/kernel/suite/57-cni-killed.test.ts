// Goal: kill -9 of whoever carries out an ADD or a DEL, the daemon or the portable executable, costs nothing but time. Method: one run of each that
// nobody disturbs tells every write it makes, to the kernel and to files; then processes that are killed right after one of them. What comes
// next takes everything back: a DEL, or the start of the next daemon and a DEL. Some writes from the first to the last, or with --all-kills every
// single one, and every lock, of both.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { HostNamespaces } from '@vfleet/cli/host-ports/network-namespaces.ts';
import { SriovCni } from '@vfleet/controllers/cni/index.ts';
import { silentLog } from '@vfleet/core';
import type { AttachFailure, PciAddress, Result } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { LinuxPodLinks } from '@vfleet/hw-linux/pod-links/pod-links.ts';
import { PORTABLE, SHIM, environmentOf, execute, hostState, makeVfs, removeVfs, withPods } from '../cni/pods.ts';
import type { Call, Pod } from '../cni/pods.ts';
import type { Order } from '../programs/cni-and-die.ts';
import { ip, machinePfs, pfOf, realHardware, until } from '../support.ts';

const isComplete = process.env['VFLEET_ALL_KILLS'] !== undefined;
const clock = new RealClock();
const hardware = realHardware();
const podLinks = new LinuxPodLinks(hardware.links, async () => 0);
const files = new NodeFiles(clock, new SystemRandom());
const folder = mkdtempSync(join(tmpdir(), 'cni-killed-'));
const stateFolder = join(folder, 'state');
const addressFolder = join(folder, 'networks');
after(() => hardware.close());

type Form = 'daemon' | 'alone';

/** A process that is loaded now and goes on when it is told what to do, and where to die. */
class Dying {
  readonly #child: ChildProcess;
  readonly #said: string[] = [];

  constructor() {
    this.#child = fork(join(import.meta.dirname, '../programs/cni-and-die.ts'), [folder, stateFolder], { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    // host-local gives the next address every time.
    this.#child.on('message', (said) => this.#said.push(String(said).replace(/^(create|remove) [\d.]+$/, '$1 an address')));
  }

  /** The places that it came by, and whether it was killed. */
  async run(form: Form, call: Call, killAt: number): Promise<{ readonly places: readonly string[]; readonly killed: boolean }> {
    await until('the program is loaded', () => this.#said[0] === 'loaded');
    const ended = new Promise<NodeJS.Signals | null>((resolve) => this.#child.once('close', (_, signal) => resolve(signal)));
    const alone = { environment: environmentOf(call), input: JSON.stringify({ cniVersion: '1.1.0', ...call.config }) };
    this.#child.send((form === 'alone' ? { killAt, alone } : { killAt }) satisfies Order);
    if (form === 'daemon') {
      await until('it listens', () => this.#said.includes('listening'));
      const { status, json } = await execute(existsSync(SHIM) ? [SHIM] : PORTABLE, call, { VFLEET_CNI_SOCKET: join(folder, 'run', 'cni.sock') });
      // Either it has answered, or it went away, and the runtime is to try again.
      assert.ok(status === 0 || json['code'] === 11, JSON.stringify(json));
      if (killAt === 0) this.end();
    }
    const signal = await ended;
    const places = this.#said.filter((said) => said !== 'loaded' && said !== 'listening');
    return { places, killed: signal === 'SIGKILL' && places.length === killAt };
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

function configOf(device: PciAddress): Readonly<Record<string, unknown>> {
  const ipam = { type: 'host-local', dataDir: addressFolder, ranges: [[{ subnet: '192.0.2.0/24' }]] };
  return { type: 'sriov', name: 'net', deviceID: device, vlan: 100, mac: '02:11:22:33:44:55', trust: 'on', mtu: 1400, ipam };
}

async function inThisProcess<Value>(work: (cni: SriovCni) => Promise<Result<Value, AttachFailure>>): Promise<void> {
  const cni = new SriovCni({ hardware, podLinks, files, clock, log: silentLog, namespaces: new HostNamespaces() }, { stateFolder });
  const done = await work(cni);
  cni.stop();
  assert.ok(done.ok, done.ok ? '' : `${done.error.cause}; ${done.error.remedy}`);
}

const ownerOf = (pod: Pod) => ({ containerId: `sandbox-${pod.name}`, ifname: 'net1' });
const add = (pod: Pod, config: Call['config']) => inThisProcess((cni) => cni.attach({ pod: { namespace: 'default', name: pod.name, uid: 'uid', containerId: `sandbox-${pod.name}`, netns: pod.netns }, ifname: 'net1', config: config as never }));
const del = (pod: Pod) => inThisProcess((cni) => cni.detach(ownerOf(pod)));
/** What a daemon does when it starts. */
const start = () => inThisProcess(async (cni) => {
  await cni.recover();
  return cni.collectOrphans();
});

const state = (devices: readonly PciAddress[]) => ({ host: hostState(devices), kept: readdirSync(join(stateFolder, 'vfs')), addresses: readdirSync(join(addressFolder, 'net')).filter((name) => /[.:]/.test(name) && !name.startsWith('last_')) });

/** Which places to die at: all, or so many of those that are no locks, from the first to the last. */
function chosen(form: Form, places: readonly string[]): readonly { readonly what: string; readonly killAt: number }[] {
  const all = places.map((what, index) => ({ what, killAt: index + 1 }));
  if (isComplete) return all;
  const writes = all.filter(({ what }) => !what.startsWith('lock '));
  const count = form === 'daemon' ? 4 : 1;
  return Array.from({ length: count }, (_, number) => writes[Math.round(((number + (count === 1 ? 0.5 : 0)) * (writes.length - 1)) / Math.max(1, count - 1))]!);
}

for (const form of ['daemon', 'alone'] as const) {
  for (const verb of ['ADD', 'DEL'] as const) {
    const who = form === 'daemon' ? 'the daemon' : 'the portable executable';
    test(`${who} killed after a write of ${verb}: taken back by a DEL, or by the next start`, () => withVf((pod, device) => dieAtEach(form, { verb, pod, config: configOf(device) }, [...machinePfs(), device])));
  }
}

/** A pod, and a VF that has an alternative name and was with a pod once. */
async function withVf(work: (pod: Pod, device: PciAddress) => Promise<void>): Promise<void> {
  const [vfs] = await makeVfs(hardware, 1);
  const device = vfs![0]!;
  ip('link', 'property', 'add', 'dev', (await pfOf(hardware, machinePfs()[0]!)).vfs[0]!.netdev!.name, 'altname', 'the-first-vf');
  await withPods(['a'], async (pod) => {
    await add(pod!, configOf(device));
    await del(pod!);
    await work(pod!, device);
  });
  await removeVfs(hardware);
}

async function dieAtEach(form: Form, call: Call, devices: readonly PciAddress[]): Promise<void> {
  const { verb, pod, config } = call;
  const before = state(devices);
  let next = new Dying();
  try {
    const run = async (killAt: number) => {
      if (verb === 'DEL') await add(pod, config);
      const ended = next.run(form, call, killAt);
      // The next one loads while the kernel is busy.
      next = new Dying();
      return ended;
    };
    const { places } = await run(0);
    assert.ok(places.length >= 10, places.join('\n'));
    if (verb === 'ADD') await del(pod);
    assert.deepEqual(state(devices), before);
    const deaths = chosen(form, places);
    process.stdout.write(`  ${places.length} places, a kill at ${deaths.length} of them\n`);
    for (const [number, { what, killAt }] of deaths.entries()) {
      const said = `killed at place ${killAt} (${what})`;
      const { places: came, killed } = await run(killAt);
      assert.ok(killed && came.at(-1) === what, `${said}: ${came.join(', ')}`);
      const byStart = number % 2 === 1;
      if (byStart) await start();
      // Only a finished attachment survives a start: the record says so.
      if (!byStart || state(devices).kept.length > 0) await del(pod);
      assert.deepEqual(state(devices), before, `${said}, then ${byStart ? 'the next start' : 'DEL'}`);
      process.stdout.write(`  ${said}\n`);
    }
  } finally {
    next.end();
  }
}
