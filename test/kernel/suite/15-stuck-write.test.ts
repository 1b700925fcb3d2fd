// Goal: a write to sriov_numvfs that the kernel does not let go costs the daemon nothing but that PF. Method: a process holds a VF through
// VFIO, and the backend is kept from seeing it, as if it had come between the look and the write; the write then hangs in a helper, its
// PF is told to be blocked, by this process and by others, which name the holder; the other PF is seen and configured as ever, and all is
// well again when the holder ends.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fail, pciAddressPlus } from '@vfleet/core';
import type { PciAddress } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { RealSysfs, createLinuxHardware } from '@vfleet/hw-linux';
import { answer, applied, hostVerb, inventory, machinePfs, pfOf, realHardware, until } from '../support.ts';

class BlindToProcesses extends RealSysfs {
  override async list(folder: string): ReturnType<RealSysfs['list']> {
    return folder === '/proc' ? fail({ errno: 'EACCES', path: folder }) : super.list(folder);
  }

  override async read(path: string): ReturnType<RealSysfs['read']> {
    return path.startsWith('/dev/vfio/') || path.endsWith('/enable') ? fail({ errno: 'EACCES', path }) : super.read(path);
  }
}

/** As in a container, which has no device files of the host's. */
class WithoutDeviceFiles extends RealSysfs {
  override async read(path: string): ReturnType<RealSysfs['read']> {
    return path.startsWith('/dev/') ? fail({ errno: 'ENOENT', path }) : super.read(path);
  }
}

const seeing = realHardware();
const contained = createLinuxHardware({ clock: new RealClock(), sysfs: new WithoutDeviceFiles() }, { writeDeadlineMs: 600_000 });
/** Sees nobody, and did not begin the write: it finds out by waiting. */
const patient = createLinuxHardware({ clock: new RealClock(), sysfs: new BlindToProcesses() }, { writeDeadlineMs: 4_000 });
const blind = createLinuxHardware({ clock: new RealClock(), sysfs: new BlindToProcesses() }, { writeDeadlineMs: 4_000 });
const [pf, other] = machinePfs() as [PciAddress, PciAddress];

after(async () => {
  await seeing.close();
  await contained.close();
  await blind.close();
  await patient.close();
});

/** A VF on vfio-pci, held by a process until `work` is over. */
async function whileHeld(words: readonly string[], work: (device: PciAddress, group: number, pid: number) => Promise<void>): Promise<void> {
  const device = pciAddressPlus(pf, 128);
  spawnSync('modprobe', ['vfio_iommu_type1']);
  await applied(seeing, { kind: 'setNumVfs', pf, count: 1 });
  await applied(seeing, { kind: 'bindDriver', device, driver: 'vfio-pci' });
  const { iommuGroup } = (await pfOf(seeing, pf)).vfs[0]!;
  const program = join(import.meta.dirname, '../programs/hold-vfio.ts');
  const holder = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, String(iommuGroup), device, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let said = '';
    holder.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await until('the device is held', () => said !== '');
    assert.equal(said, 'held\n');
    await work(device, iommuGroup!, holder.pid!);
  } finally {
    holder.kill('SIGKILL');
  }
}

/** Everything that a PF with two VFs is asked to do, but for their number. */
async function workOn(free: PciAddress): Promise<void> {
  const first = pciAddressPlus(free, 128);
  await applied(seeing, { kind: 'setDriversAutoprobe', pf: free, enabled: true });
  await applied(seeing, { kind: 'setVf', pf: free, vfIndex: 1, trust: true, vlan: { id: 7, qos: 0, protocol: '802.1q' } });
  await applied(seeing, { kind: 'bindDriver', device: first, driver: 'vfio-pci' });
  assert.deepEqual((await pfOf(seeing, free)).vfs.map(({ driver, settings }) => [driver, settings.vlan]), [['vfio-pci', 0], ['igbvf', 7]]);
  await applied(seeing, { kind: 'bindDriver', device: first, driver: 'default' });
  await until('the netdevs of its VFs', async () => (await pfOf(seeing, free)).vfs.every(({ netdev }) => netdev !== undefined));
  await applied(seeing, { kind: 'setMtu', device: free, netns: 'host', mtu: 9000 });
  await applied(seeing, { kind: 'setMtu', device: free, netns: 'host', mtu: 1500 });
  await applied(seeing, { kind: 'setVf', pf: free, vfIndex: 1, trust: false, vlan: { id: 0, qos: 0, protocol: '802.1q' } });
}

function policyFor(pfs: readonly PciAddress[]): string {
  const file = join(mkdtempSync(join(tmpdir(), 'stuck-')), 'policy.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { name: 'net' }, spec: { resourceName: 'net', nodeSelector: {}, numVfs: 2, mtu: 2000, nicSelector: { rootDevices: pfs } } }));
  return file;
}

test('a holder that keeps nothing open but the device itself is found, by the group or without its file, and named as far as /proc tells', async () => {
  await whileHeld(['closes'], async (device, group, pid) => {
    const steps = [{ kind: 'setNumVfs', pf, count: 0 }, { kind: 'unbindDriver', device }, { kind: 'bindDriver', device, driver: 'default' }] as const;
    for (const [hardware, step] of [seeing, contained].flatMap((one) => steps.map((step) => [one, step] as const))) {
      const refused = await hardware.apply(step);
      assert.ok(!refused.ok);
      assert.equal(refused.error.code, 'busy');
      assert.match(refused.error.cause, new RegExp(`/dev/vfio/${group} of ${device} is in use by a process that keeps only the device open, which may be process ${pid} \\(`));
    }
    assert.equal(readFileSync(`/sys/bus/pci/devices/${pf}/sriov_numvfs`, 'utf8'), '1\n');
  });
  await until('the VF is free', async () => (await contained.apply({ kind: 'setNumVfs', pf, count: 0 })).ok);
});

test('a write that hangs blocks its PF only, until the holder of the VF ends', async () => {
  await whileHeld([], async (device, group, pid) => {
    await applied(seeing, { kind: 'setNumVfs', pf: other, count: 2 });
    await until('the netdevs of its VFs', async () => (await pfOf(seeing, other)).vfs.every(({ netdev }) => netdev !== undefined));
    const before = await inventory(seeing);
    assert.equal(await answer(seeing, { kind: 'setNumVfs', pf, count: 0 }), 'EBUSY');
    assert.equal(await answer(blind, { kind: 'setNumVfs', pf, count: 0 }), 'timeout');
    assert.equal(await answer(blind, { kind: 'setVf', pf, vfIndex: 0, trust: true }), 'blocked');
    // The helper that was left alone may not have come to its write yet.
    await until('the kernel waits for the holder', () => !existsSync(`/sys/bus/pci/devices/${pf}/virtfn0`));
    // Who began it knows that it hangs; who cannot see the holder says so much.
    assert.match((await pfOf(blind, pf)).blocked!.remedy, /end the process/);
    // Others find out by the VF that is on its way out, and name the holder.
    const seen = await inventory(seeing);
    const [stuck, free] = seen.pfs;
    assert.deepEqual([stuck!.pciAddress, stuck!.numVfs, stuck!.vfs, stuck!.driver, stuck!.totalVfs], [pf, 0, [], 'igb', 7]);
    assert.match(stuck!.blocked!.cause, new RegExp(`stuck in the kernel \\(process ${pid} \\(\\S+\\) has /dev/vfio/${group} of ${device} open`));
    assert.deepEqual(free, before.pfs[1]);
    // And those who see neither wait for a while only.
    assert.ok((await pfOf(patient, pf)).blocked !== undefined);
    await workOn(other);
    // For its number of VFs the kernel would wait too, and nobody could read it meanwhile: refused.
    for (const count of [0, 3]) {
      const refused = await seeing.apply({ kind: 'setNumVfs', pf: other, count });
      assert.ok(!refused.ok && refused.error.errno === 'EBUSY');
      assert.match(refused.error.cause, new RegExp(`held up at ${pf}: process ${pid} `));
    }
    const shown = await hostVerb(seeing, 'discover');
    assert.equal(shown.status, 0);
    assert.match(shown.said, new RegExp(`${pf} is blocked: .*process ${pid} .* What can be done: end the process`));
    const planned = await hostVerb(seeing, 'plan', '-f', policyFor([pf, other]));
    assert.equal(planned.status, 1);
    assert.match(planned.said, new RegExp(`${pf} cannot be touched: .*process ${pid} `));
    const done = await hostVerb(seeing, 'apply', '-y', '-f', policyFor([pf, other]));
    assert.equal(done.status, 1);
    const configured = await pfOf(seeing, other);
    assert.deepEqual([configured.numVfs, configured.netdev!.mtu, configured.netdev!.adminState], [2, 2000, 'up']);
  });
  await until('the PF is free', async () => (await pfOf(blind, pf)).blocked === undefined);
  assert.equal((await pfOf(patient, pf)).blocked, undefined);
  assert.equal((await pfOf(seeing, pf)).blocked, undefined);
  await until('the VF is gone', () => readFileSync(`/sys/bus/pci/devices/${pf}/sriov_numvfs`, 'utf8') === '0\n');
  // Its own deadline is short on purpose: what may take as long as the machine is busy is left to the other one.
  assert.equal(await answer(blind, { kind: 'setDriversAutoprobe', pf, enabled: true }), 'ok');
  await applied(seeing, { kind: 'setNumVfs', pf, count: 1 });
  await applied(seeing, { kind: 'setNumVfs', pf, count: 0 });
  assert.equal((await hostVerb(seeing, 'reset', '-y')).status, 0);
  assert.equal((await pfOf(seeing, other)).numVfs, 0);
});
