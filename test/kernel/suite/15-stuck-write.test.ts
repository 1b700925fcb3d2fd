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
}

const seeing = realHardware();
const blind = createLinuxHardware({ clock: new RealClock(), sysfs: new BlindToProcesses() }, { writeDeadlineMs: 4_000 });
const [pf, other] = machinePfs() as [PciAddress, PciAddress];

after(async () => {
  await seeing.close();
  await blind.close();
});

test('a write that hangs blocks its PF only, until the holder of the VF ends', async () => {
  const device = pciAddressPlus(pf, 128);
  spawnSync('modprobe', ['vfio_iommu_type1']);
  await applied(seeing, { kind: 'setNumVfs', pf, count: 1 });
  await applied(seeing, { kind: 'bindDriver', device, driver: 'vfio-pci' });
  const { iommuGroup } = (await pfOf(seeing, pf)).vfs[0]!;
  const holder = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../programs/hold-vfio.ts'), String(iommuGroup), device], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let said = '';
    holder.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await until('the device is held', () => said !== '');
    assert.equal(said, 'held\n');
    assert.equal(await answer(seeing, { kind: 'setNumVfs', pf, count: 0 }), 'EBUSY');
    assert.equal(await answer(blind, { kind: 'setNumVfs', pf, count: 0 }), 'timeout');
    assert.equal(await answer(blind, { kind: 'setVf', pf, vfIndex: 0, trust: true }), 'blocked');
    const looked = await blind.discover();
    assert.ok(!looked.ok && looked.error.code === 'blocked' && /end the process/.test(looked.error.remedy));
    assert.equal(await answer(blind, { kind: 'setDriversAutoprobe', pf: other, enabled: true }), 'ok');
  } finally {
    holder.kill('SIGKILL');
  }
  await until('the PF is free', async () => (await blind.discover()).ok);
  await until('the VF is gone', () => readFileSync(`/sys/bus/pci/devices/${pf}/sriov_numvfs`, 'utf8') === '0\n');
  // Its own deadline is short on purpose: what may take as long as the machine is busy is left to the other one.
  assert.equal(await answer(blind, { kind: 'setDriversAutoprobe', pf, enabled: true }), 'ok');
  await applied(seeing, { kind: 'setNumVfs', pf, count: 1 });
  await applied(seeing, { kind: 'setNumVfs', pf, count: 0 });
});
