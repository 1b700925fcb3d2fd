// Goal: `vfleet host` configures a machine, and takes no VF away that is in use. Method: the executable itself for plan, apply and reset;
// then the same verbs in this process, with and without a yes, and with a process that holds a VF; sysfs and the inventory tell what became of it.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { HardwareEvent, PciAddress } from '@vfleet/core';
import { eventsOf, hostVerb, machinePfs, pfOf, realHardware, until } from '../support.ts';

const root = join(import.meta.dirname, '../../..');
const hardware = realHardware();
const [pf] = machinePfs() as [PciAddress];
const folder = mkdtempSync(join(tmpdir(), 'host-'));
const stateFolder = join(folder, 'state');
const policy = join(folder, 'policy.yaml');
wantVfs(2);

function wantVfs(numVfs: number): void {
  writeFileSync(policy, `apiVersion: sriovnetwork.openshift.io/v1
kind: SriovNetworkNodePolicy
metadata: {name: dpdk}
spec: {resourceName: dpdk, nodeSelector: {}, numVfs: ${numVfs}, mtu: 4000, deviceType: vfio-pci, nicSelector: {rootDevices: ["${pf}"]}}
`);
}

after(() => hardware.close());

function vfleet(...words: readonly string[]): { readonly status: number | null; readonly out: string } {
  const main = join(root, 'packages/cli/src/main.ts');
  const done = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'host', ...words, '--state-folder', stateFolder], { encoding: 'utf8' });
  return { status: done.status, out: done.stdout + done.stderr };
}

async function state(): Promise<unknown> {
  const seen = await pfOf(hardware, pf);
  return [seen.numVfs, seen.netdev?.mtu, seen.netdev?.adminState, seen.vfs.map(({ driver }) => driver), readFileSync(`/sys/bus/pci/devices/${pf}/sriov_drivers_autoprobe`, 'utf8')];
}

test('plan, apply, plan, reset, with the statuses that the help tells', async () => {
  const planned = vfleet('plan', '-f', policy);
  assert.equal(planned.status, 3, planned.out);
  assert.match(planned.out, new RegExp(`create 2 VFs on ${pf}`));
  const applied = vfleet('apply', '-f', policy);
  assert.equal(applied.status, 0, applied.out);
  assert.deepEqual(await state(), [2, 4000, 'up', ['vfio-pci', 'vfio-pci'], '1\n']);
  // Starting the executable costs seconds in the machine; what only looks is asked in this process.
  assert.equal((await hostVerb(hardware, 'plan', '-f', policy, '--state-folder', stateFolder)).status, 0);
  assert.match((await hostVerb(hardware, 'discover')).said, new RegExp(`${pf} .*2 of 7`));
  const reset = vfleet('reset', '-y');
  assert.equal(reset.status, 0, reset.out);
  const seen = await pfOf(hardware, pf);
  assert.deepEqual([seen.numVfs, seen.netdev?.mtu], [0, 1500]);
});

test('another number of VFs: not without a yes, not while one is held, and by way of 0 when it is free', async () => {
  const apply = (...words: readonly string[]) => hostVerb(hardware, 'apply', '-f', policy, '--state-folder', stateFolder, ...words);
  assert.equal((await apply()).status, 0);
  wantVfs(3);
  const unasked = await apply();
  assert.equal(unasked.status, 1);
  assert.match(unasked.said, /--yes/);
  const { vfs } = await pfOf(hardware, pf);
  const { iommuGroup } = vfs[1]!;
  const group = openSync(`/dev/vfio/${iommuGroup}`, 'r+');
  const holder = spawn('sleep', ['3600'], { stdio: ['ignore', 'ignore', 'ignore', group] });
  closeSync(group);
  try {
    const refused = await apply('-y');
    assert.equal(refused.status, 1);
    assert.match(refused.said, new RegExp(`process ${holder.pid} \\(sleep\\) has /dev/vfio/${iommuGroup} of ${vfs[1]!.pciAddress} open`));
    assert.equal((await pfOf(hardware, pf)).numVfs, 2);
  } finally {
    holder.kill('SIGKILL');
  }
  const events: HardwareEvent[] = [];
  const subscription = hardware.watch((event) => events.push(event));
  try {
    await until('the VFs are free', async () => (await apply('-y')).status === 0);
    await until('it is told that the first VF went and came', () => {
      const kinds = eventsOf(events, vfs[0]!.pciAddress);
      return kinds.indexOf('removed') >= 0 && kinds.lastIndexOf('added') > kinds.indexOf('removed');
    });
  } finally {
    subscription.stop();
  }
  assert.deepEqual(await state(), [3, 4000, 'up', ['vfio-pci', 'vfio-pci', 'vfio-pci'], '1\n']);
  assert.equal((await hostVerb(hardware, 'reset', '-y', '--state-folder', stateFolder)).status, 0);
});

test('a read-only sysfs: the host is shown and planned for, apply says what is wrong and what to do, and nothing is changed', async () => {
  const words = ['-f', policy, '--state-folder', stateFolder];
  const before = await state();
  assert.equal(spawnSync('mount', ['-o', 'remount,ro', '/sys'], { stdio: 'inherit' }).status, 0);
  try {
    assert.equal((await hostVerb(hardware, 'discover')).status, 0);
    assert.equal((await hostVerb(hardware, 'plan', ...words)).status, 3);
    const refused = await hostVerb(hardware, 'apply', '-y', ...words);
    assert.equal(refused.status, 1);
    assert.match(refused.said, /\/sys is mounted read-only .*; mount the host’s \/sys read-write/);
    assert.deepEqual(await state(), before);
  } finally {
    assert.equal(spawnSync('mount', ['-o', 'remount,rw', '/sys'], { stdio: 'inherit' }).status, 0);
  }
});
