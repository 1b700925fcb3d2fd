// Goal: kill -9 of `vfleet host apply` costs nothing but time, whatever it had just done. Method: one run that nobody disturbs tells
// every write it makes, to the kernel and to its state folder; then runs that are killed right after one of them, or while VFs come,
// each followed by a plain apply and a reset, which must end as they do without the kill. One write of each kind, or with --all-kills
// every single one, and every lock. The other PF has a configuration of its own, which must come through untouched.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PciAddress } from '@vfleet/core';
import { applied, hostVerb, machinePfs, pfOf, realHardware, until } from '../support.ts';

const isComplete = process.env['VFLEET_ALL_KILLS'] !== undefined;
const hardware = realHardware();
const [pf, other] = machinePfs() as [PciAddress, PciAddress];
const folder = mkdtempSync(join(tmpdir(), 'killed-'));
const stateFolder = join(folder, 'state');
const policy = join(folder, 'policy.yaml');

/** Not as a hook of this file: those run before the tests of all files. */
async function configure(): Promise<void> {
  const { name } = (await pfOf(hardware, pf)).netdev!;
  writeFileSync(policy, ['netdevice', 'vfio-pci'].map((deviceType, index) => `apiVersion: sriovnetwork.openshift.io/v1
kind: SriovNetworkNodePolicy
metadata: {name: ${deviceType}}
spec: {resourceName: r${index}, nodeSelector: {}, numVfs: 2, mtu: 4000, deviceType: ${deviceType}, nicSelector: {pfNames: ["${name}#${index}-${index}"]}}
`).join('---\n'));
  await applied(hardware, { kind: 'setNumVfs', pf: other, count: 1 });
  await applied(hardware, { kind: 'setMtu', device: other, netns: 'host', mtu: 1400 });
}

async function giveBack(): Promise<void> {
  await applied(hardware, { kind: 'setNumVfs', pf: other, count: 0 });
  await applied(hardware, { kind: 'setMtu', device: other, netns: 'host', mtu: 1500 });
}

after(() => hardware.close());

async function vfleet(...words: readonly string[]): Promise<void> {
  const { status, said } = await hostVerb(hardware, ...words, '--state-folder', stateFolder);
  assert.equal(status, 0, said);
}

interface End {
  readonly signal: NodeJS.Signals | null;
  readonly status: number | null;
  readonly points: readonly string[];
}

/** An apply that is loaded now and goes on when it is told at which write to die. */
class DyingApply {
  readonly #child: ChildProcess;
  readonly #points: string[] = [];

  constructor() {
    this.#child = fork(join(import.meta.dirname, '../programs/apply-and-die.ts'), [policy, stateFolder], { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (point) => this.#points.push(String(point)));
  }

  async run(killAt: number): Promise<End> {
    await until('the program is loaded', () => this.#points[0] === 'loaded');
    const ended = new Promise<Pick<End, 'signal' | 'status'>>((resolve) => this.#child.once('close', (status, signal) => resolve({ status, signal })));
    this.#child.send(killAt);
    return { ...(await ended), points: this.#points.slice(1) };
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Without what chance decides: random MACs, kernel names, numbers of groups. */
async function state(): Promise<unknown> {
  const { numVfs, netdev, vfs } = await pfOf(hardware, pf);
  const file = (device: string, name: string) => readFileSync(`/sys/bus/pci/devices/${device}/${name}`, 'utf8').trim();
  return {
    numVfs, mtu: netdev?.mtu, adminState: netdev?.adminState, autoprobe: file(pf, 'sriov_drivers_autoprobe'),
    vfs: vfs.map(({ pciAddress: address, driver, netdev: own, settings: { mac, ...settings } }) => ({ driver, override: file(address, 'driver_override'), mtu: own?.mtu, adminState: own?.adminState, hasItsMac: own === undefined ? mac.length : own.mac === mac, ...settings })),
    kept: readdirSync(stateFolder).sort(),
  };
}

/** All that the inventory says of the PF that nobody shall touch, but whether its link is up again after its MTU was set: igb negotiates anew. */
async function otherPf(): Promise<unknown> {
  const { linkSpeedMbps: _, netdev, ...rest } = await pfOf(hardware, other);
  const { carrier: __, ...interfaceRest } = netdev!;
  return { ...rest, netdev: interfaceRest };
}

test('killed after a write, applied again, reset: the same end', async () => {
  await configure();
  const untouched = await otherPf();
  await vfleet('apply', '-y', '-f', policy);
  await vfleet('reset', '-y');
  const first = await state();
  let next = new DyingApply();
  try {
    const { points, ...ended } = await next.run(0);
    next = new DyingApply();
    assert.deepEqual(ended, { signal: null, status: 0 });
    const wanted = await state();
    await vfleet('reset', '-y');
    assert.deepEqual(await state(), first);
    assert.ok(points.length >= 12, points.join('\n'));
    const chosen = points.map((what, index) => ({ what, killAt: index + 1 })).filter(({ what }, index) => isComplete || (points.indexOf(what) === index && !what.startsWith('lock ')));
    process.stdout.write(`  ${points.length} writes, a kill at ${chosen.length} of them\n`);
    for (const { what, killAt } of chosen) {
      const told = `killed at write ${killAt} (${what})`;
      const died = await next.run(killAt);
      // The next one loads while the kernel is busy with VFs.
      next = new DyingApply();
      assert.equal(died.signal, 'SIGKILL', told);
      assert.equal(died.points.at(-1), what, told);
      await vfleet('apply', '-y', '-f', policy);
      assert.deepEqual(await state(), wanted, told);
      await vfleet('reset', '-y');
      assert.deepEqual(await state(), first, `${told}, then reset`);
      if (isComplete) process.stdout.write(`  ${told}\n`);
    }
    assert.deepEqual(await otherPf(), untouched);
  } finally {
    next.end();
    // Also after a failure: what comes after this file makes VFs of both PFs.
    await giveBack();
  }
});
