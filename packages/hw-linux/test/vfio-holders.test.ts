// Goal: who holds a device through VFIO is found before it is taken away, and nobody is accused who does not. Method: folders of files and
// links as /sys and /proc have them; only what a plain file cannot answer, EBUSY for a group that is open, is said by the test.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fail, pciAddress } from '@vfleet/core';
import { RealSysfs } from '../src/index.ts';
import { describeHolders, vfioHolders } from '../src/sysfs/vfio-holders.ts';

const VF = pciAddress('0000:01:10.0');
const NEIGHBOUR = pciAddress('0000:01:10.2');
let root = '';
let busy: readonly string[] = [];

class HostOfFiles extends RealSysfs {
  override async read(path: string): ReturnType<RealSysfs['read']> {
    return busy.includes(path) ? fail({ errno: 'EBUSY', path }) : super.read(path);
  }
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}

function program(pid: number, comm: string, ...open: readonly string[]): void {
  mkdirSync(join(root, `/proc/${pid}/fd`), { recursive: true });
  writeFileSync(join(root, `/proc/${pid}/comm`), `${comm}\n`);
  open.forEach((target, fd) => link(`/proc/${pid}/fd/${fd}`, target));
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vfleet-holders-'));
  busy = [];
  for (const [device, group] of [[VF, 12], [NEIGHBOUR, 13]] as const) {
    link(`/sys/bus/pci/devices/${device}/driver`, '../../../../bus/pci/drivers/vfio-pci');
    link(`/sys/bus/pci/devices/${device}/iommu_group`, `../../../../kernel/iommu_groups/${group}`);
  }
  program(1, 'init', '/dev/null', 'socket:[7]');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const asked = async (...devices: readonly (typeof VF)[]) => describeHolders(await vfioHolders(new HostOfFiles(root), devices));

test('nobody', async () => {
  program(40, 'other', '/dev/vfio/13', 'anon_inode:[vfio-device]', '/home/dev/vfio/12');
  expect(await asked(VF)).toBe('');
});

test('every process that has the group’s file open, a forked one too', async () => {
  program(40, 'dpdk-testpmd', '/dev/vfio/vfio', '/dev/vfio/12', 'anon_inode:[vfio-device]');
  program(41, 'a (b) c', '/dev/vfio/12');
  busy = ['/dev/vfio/12'];
  expect(await asked(VF, NEIGHBOUR)).toBe('process 40 (dpdk-testpmd) and process 41 (a (b) c) have /dev/vfio/12 of 0000:01:10.0 open');
});

test('the device’s own file of iommufd, and a group without an IOMMU', async () => {
  mkdirSync(join(root, `/sys/bus/pci/devices/${VF}/vfio-dev/vfio3`), { recursive: true });
  program(40, 'qemu', '/dev/vfio/devices/vfio3');
  program(41, 'app', '/dev/vfio/noiommu-13');
  expect(await asked(VF, NEIGHBOUR)).toBe('process 40 (qemu) has /dev/vfio/devices/vfio3 of 0000:01:10.0 open, process 41 (app) has /dev/vfio/noiommu-13 of 0000:01:10.2 open');
});

test('a group that is open without a name for who has it', async () => {
  busy = ['/dev/vfio/12'];
  expect(await asked(VF)).toBe('/dev/vfio/12 of 0000:01:10.0 is in use by a process that /proc does not show');
  program(40, 'vpp', 'anon_inode:[vfio-device]');
  expect(await asked(VF)).toBe('/dev/vfio/12 of 0000:01:10.0 is in use by a process that keeps only the device open, which may be process 40 (vpp)');
});

test('a group whose file is not there, as in a container: by what the device says', async () => {
  const enable = (count: string) => writeFileSync(join(root, `/sys/bus/pci/devices/${VF}/enable`), count);
  mkdirSync(join(root, `/sys/bus/pci/devices/${VF}`), { recursive: true });
  enable('0\n');
  program(40, 'vpp', 'anon_inode:[vfio-device]');
  expect(await asked(VF)).toBe('');
  enable('1\n');
  expect(await asked(VF)).toBe('/dev/vfio/12 of 0000:01:10.0 is in use by a process that keeps only the device open, which may be process 40 (vpp)');
  // Who has the file asks it: somebody may have switched a device on by hand.
  mkdirSync(join(root, '/dev/vfio'), { recursive: true });
  writeFileSync(join(root, '/dev/vfio/12'), '');
  expect(await asked(VF)).toBe('');
});

test('a driver of another kind, no /proc, a process that ends while it is looked at', async () => {
  rmSync(join(root, `/sys/bus/pci/devices/${VF}/driver`));
  link(`/sys/bus/pci/devices/${VF}/driver`, '../../../../bus/pci/drivers/igbvf');
  program(40, 'app', '/dev/vfio/12', '/dev/vfio/13');
  rmSync(join(root, '/proc/40/comm'));
  expect(await asked(VF, NEIGHBOUR)).toBe('process 40 (?) has /dev/vfio/13 of 0000:01:10.2 open');
  rmSync(join(root, '/proc'), { recursive: true });
  expect(await asked(VF, NEIGHBOUR)).toBe('');
});
