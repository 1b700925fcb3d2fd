// Goal: a write to sriov_numvfs that the kernel does not let go costs the daemon nothing but that PF. Method: a process holds a VF through
// VFIO, and the backend is kept from seeing it, as if it had come between the look and the write; the write then hangs in a helper, its
// PF is blocked, the other PF works, and all is well again when the holder ends.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fail, pciAddressPlus } from '@vfleet/core';
import type { PciAddress } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { RealSysfs, createLinuxHardware } from '@vfleet/hw-linux';
import { answer, applied, machinePfs, pfOf, realHardware, until } from '../support.ts';

class BlindToProcesses extends RealSysfs {
  override async list(folder: string): ReturnType<RealSysfs['list']> {
    return folder === '/proc' ? fail({ errno: 'EACCES', path: folder }) : super.list(folder);
  }

  override async read(path: string): ReturnType<RealSysfs['read']> {
    return path.startsWith('/dev/vfio/') ? fail({ errno: 'EACCES', path }) : super.read(path);
  }
}

const seeing = realHardware();
const blind = createLinuxHardware({ clock: new RealClock(), sysfs: new BlindToProcesses() }, { writeDeadlineMs: 4_000 });
const [pf, other] = machinePfs() as [PciAddress, PciAddress];

after(async () => {
  await seeing.close();
  await blind.close();
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

test('a holder that keeps nothing open but the device itself is found by the group, and named as far as /proc tells', async () => {
  await whileHeld(['closes'], async (device, group, pid) => {
    for (const step of [{ kind: 'setNumVfs', pf, count: 0 }, { kind: 'unbindDriver', device }, { kind: 'bindDriver', device, driver: 'default' }] as const) {
      const refused = await seeing.apply(step);
      assert.ok(!refused.ok);
      assert.equal(refused.error.code, 'busy');
      assert.match(refused.error.cause, new RegExp(`/dev/vfio/${group} of ${device} is in use by a process that keeps only the device open, which may be process ${pid} \\(`));
    }
    assert.equal(readFileSync(`/sys/bus/pci/devices/${pf}/sriov_numvfs`, 'utf8'), '1\n');
  });
  await until('the VF is free', async () => (await seeing.apply({ kind: 'setNumVfs', pf, count: 0 })).ok);
});

test('a write that hangs blocks its PF only, until the holder of the VF ends', async () => {
  await whileHeld([], async () => {
    assert.equal(await answer(seeing, { kind: 'setNumVfs', pf, count: 0 }), 'EBUSY');
    assert.equal(await answer(blind, { kind: 'setNumVfs', pf, count: 0 }), 'timeout');
    assert.equal(await answer(blind, { kind: 'setVf', pf, vfIndex: 0, trust: true }), 'blocked');
    const looked = await blind.discover();
    assert.ok(!looked.ok && looked.error.code === 'blocked' && /end the process/.test(looked.error.remedy));
    assert.equal(await answer(blind, { kind: 'setDriversAutoprobe', pf: other, enabled: true }), 'ok');
  });
  await until('the PF is free', async () => (await blind.discover()).ok);
  await until('the VF is gone', () => readFileSync(`/sys/bus/pci/devices/${pf}/sriov_numvfs`, 'utf8') === '0\n');
  // Its own deadline is short on purpose: what may take as long as the machine is busy is left to the other one.
  assert.equal(await answer(blind, { kind: 'setDriversAutoprobe', pf, enabled: true }), 'ok');
  await applied(seeing, { kind: 'setNumVfs', pf, count: 1 });
  await applied(seeing, { kind: 'setNumVfs', pf, count: 0 });
});
