// Goal: vDPA devices are made, bound to either driver, seen and removed as the kernel does it. Method: the kernel's own vDPA bus and netlink
// family with a device in user space (vduse) in place of a NIC's, and iproute2's vdpa as the witness. What a NIC's driver makes of its PCI
// address needs the NIC (mlx5_vdpa).
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RealSysfs } from '@vfleet/hw-linux';
import { readVdpa } from '@vfleet/hw-linux/inventory/device-files.ts';
import { addVdpa, bindVdpa, removeVdpa } from '@vfleet/hw-linux/steps/vdpa.ts';
import { realHardware, until } from '../support.ts';

const NAME = 'vdpa:0000:01:10.0';
const VDUSE = { device: 'vduse' };
const hardware = realHardware();
const { links } = hardware;
const sysfs = new RealSysfs();
let server: ChildProcess | undefined;

const vdpa = <Shape>(...words: readonly string[]) => JSON.parse(execFileSync('vdpa', ['-j', ...words], { encoding: 'utf8' })) as Shape;
const shown = () => Object.keys(vdpa<{ readonly dev: Readonly<Record<string, unknown>> }>('dev', 'show').dev);

before(async () => {
  // Without the module there is no family.
  assert.equal((await addVdpa(sysfs, links, VDUSE, NAME, 'vhost'))?.failure, 'EOPNOTSUPP');
  for (const module of ['vduse', 'vhost_vdpa', 'virtio_vdpa', 'virtio_net']) assert.equal(spawnSync('modprobe', [module], { stdio: 'inherit' }).status, 0, module);
  const program = join(import.meta.dirname, '../programs/serve-vduse.ts');
  server = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, NAME], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  server.stdout!.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until('the device is served', () => said === 'served\n');
});

after(async () => {
  server?.kill('SIGKILL');
  await hardware.close();
});

test('a management device that is not there, or that refuses, is told', async () => {
  assert.deepEqual((await addVdpa(sysfs, links, { bus: 'pci', device: '0000:01:10.0' }, NAME, 'vhost'))?.failure, 'EOPNOTSUPP');
  const refused = await addVdpa(sysfs, links, VDUSE, 'nobody-serves-this', 'vhost');
  assert.equal(refused?.failure, 'EINVAL');
  assert.equal((await removeVdpa(links, NAME))?.failure, 'ENODEV');
});

test('made with vhost_vdpa, which gives it a file; made twice is EEXIST', async () => {
  assert.equal(await addVdpa(sysfs, links, VDUSE, NAME, 'vhost'), undefined);
  assert.deepEqual(shown(), [NAME]);
  const seen = await readVdpa(sysfs, NAME);
  assert.deepEqual([seen.name, seen.type], [NAME, 'vhost']);
  assert.match(seen.vhostFile ?? '', /^\/dev\/vhost-vdpa-\d+$/);
  assert.ok(existsSync(seen.vhostFile!));
  assert.equal((await addVdpa(sysfs, links, VDUSE, NAME, 'vhost'))?.failure, 'EEXIST');
});

test('from vhost_vdpa to virtio_vdpa, which makes an interface, and back; the same again is nothing', async () => {
  assert.equal(await bindVdpa(sysfs, NAME, 'virtio'), undefined);
  const seen = await readVdpa(sysfs, NAME);
  assert.deepEqual([seen.type, seen.vhostFile], ['virtio', undefined]);
  assert.equal(await bindVdpa(sysfs, NAME, 'virtio'), undefined);
  assert.equal(await bindVdpa(sysfs, NAME, 'vhost'), undefined);
  assert.equal((await readVdpa(sysfs, NAME)).type, 'vhost');
});

test('removed, it is gone from the bus and for the witness', async () => {
  assert.equal(await removeVdpa(links, NAME), undefined);
  assert.deepEqual(shown(), []);
  assert.ok(!existsSync(`/sys/bus/vdpa/devices/${NAME}`));
  assert.equal((await removeVdpa(links, NAME))?.failure, 'ENODEV');
});
