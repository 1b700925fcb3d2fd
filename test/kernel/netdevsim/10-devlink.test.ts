// Goal: what the backend says and does by devlink is what the kernel means. Method: devices of netdevsim, a driver that has no hardware
// and the kernel's real devlink; iproute2's devlink says the same of them, or sees what was changed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Devlink } from '@vfleet/hw-linux';
import { isRepresentor, primaryLink, representorOf } from '@vfleet/hw-linux/links.ts';
import { realHardware, until } from '../support.ts';
import { SimDevice, told, valueOf, witness } from './support.ts';

const hardware = realHardware();
let device: SimDevice;

before(async () => {
  device = await SimDevice.make(hardware, 10, 2);
});
after(async () => {
  device.remove();
  await hardware.close();
});

test('devices are listed, and one that is not there is ENODEV', async () => {
  assert.ok(valueOf(await Devlink.devices(hardware.links)).some(({ bus, device: name }) => bus === 'netdevsim' && name === 'netdevsim10'));
  const nobody = new Devlink(hardware.links, { bus: 'netdevsim', device: 'netdevsim99' });
  assert.equal(told(await nobody.eswitchMode()), 'ENODEV');
  assert.deepEqual(valueOf(await nobody.ports()), []);
});

test('ports are those that iproute2 sees', async () => {
  const ports = valueOf(await device.devlink.ports());
  const seen = witness<{ port: Record<string, { netdev?: string; flavour: string; port?: number }> }>('port', 'show').port;
  assert.equal(ports.length, 2);
  for (const port of ports) {
    const other = seen[`netdevsim/netdevsim10/${port.index}`];
    assert.deepEqual([port.flavour, port.netdevName, port.number], [other?.flavour, other?.netdev, other?.port]);
  }
});

test('information has the driver and its versions', async () => {
  const info = valueOf(await device.devlink.info());
  const seen = witness<{ info: Record<string, { driver?: string; serial_number?: string; versions?: Record<string, Record<string, string>> }> }>('dev', 'info', 'netdevsim/netdevsim10').info['netdevsim/netdevsim10'];
  assert.equal(info?.driver, seen?.driver);
  const versions = Object.assign({}, ...['fixed', 'stored', 'running'].map((kind) => seen?.versions?.[kind] ?? {})) as Record<string, string>;
  assert.deepEqual(Object.fromEntries(info?.versions ?? []), versions);
});

test('parameters of every type are read, set and refused', async () => {
  const all = valueOf(await device.devlink.parameters());
  const seen = witness<{ param: Record<string, readonly { name: string; values: readonly { cmode: string; value: unknown }[] }[]> }>('dev', 'param', 'show').param['netdevsim/netdevsim10']!;
  assert.deepEqual(
    all.map(({ name, values }) => [name, values.map(({ mode, value }) => [mode, value])]).sort(),
    seen.map(({ name, values }) => [name, values.map(({ cmode, value }) => [cmode, value])]).sort(),
  );
  const read = async (name: string) => valueOf(await device.devlink.parameter(name))!;
  const flag = await read('test1');
  for (const value of [false, true]) {
    assert.equal(told(await device.devlink.setParameter(flag, value)), 'ok');
    assert.equal((await read('test1')).values[0]?.value, value);
  }
  const number = await read('max_macs');
  assert.equal(told(await device.devlink.setParameter(number, 16)), 'ok');
  assert.equal((await read('max_macs')).values[0]?.value, 16);
  assert.match(told(await device.devlink.setParameter(number, 'many')), /^EINVAL/);
  assert.match(told(await device.devlink.setParameter(number, 2 ** 32)), /^EINVAL/);
  assert.match(told(await device.devlink.parameter('no_such_parameter')), /^EINVAL/);
});

test('legacy to switchdev and back, with VFs: representors come, are named, and go', async () => {
  device.setVfs(3);
  assert.equal(valueOf(await device.devlink.eswitchMode()), 'legacy');
  assert.ok(!(await device.links()).some(isRepresentor));
  for (let round = 0; round < 2; round++) {
    assert.equal(told(await device.devlink.setEswitchMode('switchdev')), 'ok');
    assert.equal(valueOf(await device.devlink.eswitchMode()), 'switchdev');
    assert.equal(witness<{ dev: Record<string, { mode: string }> }>('dev', 'eswitch', 'show', 'netdevsim/netdevsim10').dev['netdevsim/netdevsim10']?.mode, 'switchdev');
    const links = await device.links();
    assert.deepEqual([0, 1, 2, 3].map((index) => representorOf(links, index)?.physPortName), ['pf0vf0', 'pf0vf1', 'pf0vf2', undefined]);
    assert.equal(new Set(links.map(({ physSwitchId }) => physSwitchId)).size, 1);
    assert.match(primaryLink(links)?.physPortName ?? '', /^p\d+$/);
    const ports = valueOf(await device.devlink.ports()).filter(({ flavour }) => flavour === 'pcivf');
    assert.deepEqual(ports.map(({ pf, vf, controller }) => [pf, vf, controller ?? 0]).sort(), [[0, 0, 0], [0, 1, 0], [0, 2, 0]]);
    for (const port of ports) assert.equal(representorOf(links, port.vf!)?.name, port.netdevName);
    // Asking for the mode that is in force changes nothing.
    assert.equal(told(await device.devlink.setEswitchMode('switchdev')), 'ok');
    assert.equal(told(await device.devlink.setEswitchMode('legacy')), 'ok');
    assert.ok(!(await device.links()).some(isRepresentor));
  }
  device.setVfs(0);
});

test('a health reporter tells of an error, and mends it', async () => {
  const dummy = async () => valueOf(await device.devlink.healthReporters()).find(({ name }) => name === 'dummy');
  const before = await dummy();
  assert.deepEqual([before?.isHealthy, before?.errors], [true, 0]);
  device.breakHealth();
  await until('the error is counted', async () => (await dummy())?.errors === 1);
  const broken = await dummy();
  if (broken?.isHealthy === false) assert.equal(told(await device.devlink.recover('dummy')), 'ok');
  await until('it is healthy again', async () => (await dummy())?.isHealthy === true);
  assert.equal((await dummy())?.recoveries, 1);
  assert.match(told(await device.devlink.recover('no_such_reporter')), /^E/);
});
