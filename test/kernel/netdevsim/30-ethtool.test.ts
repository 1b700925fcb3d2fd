// Goal: the two doors to ethtool, netlink and the ioctl, say and do the same. Method: interfaces whose drivers have features and link
// settings, asked and changed through both.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ethtool } from '@vfleet/hw-linux';
import { ip, realHardware } from '../support.ts';
import { SimDevice, told, valueOf } from './support.ts';

const hardware = realHardware();
let device: SimDevice;

before(async () => {
  device = await SimDevice.make(hardware, 30);
  ip('tuntap', 'add', 'dev', 'tap30', 'mode', 'tap');
  ip('link', 'add', 'veth30', 'type', 'veth', 'peer', 'name', 'peer30');
});
after(async () => {
  ip('link', 'del', 'veth30');
  ip('link', 'del', 'tap30');
  device.remove();
  await hardware.close();
});

async function doors(name: string): Promise<readonly [Ethtool, Ethtool]> {
  const link = valueOf(await hardware.links.list('host')).find((one) => one.name === name);
  assert.ok(link !== undefined, name);
  return [new Ethtool(hardware.links, link), new Ethtool(hardware.links, link, 'host', 'ioctl')];
}

test('features are the same through both doors, and what one changes the other sees', async () => {
  for (const name of [(await device.links())[0]!.name, 'veth30', 'tap30']) {
    const [netlink, ioctl] = await doors(name);
    const [a, b] = [valueOf(await netlink.features()), valueOf(await ioctl.features())];
    assert.ok(a.active.size > 3, name);
    assert.deepEqual([[...a.active].sort(), [...a.changeable].sort()], [[...b.active].sort(), [...b.changeable].sort()], name);
  }
  const [netlink, ioctl] = await doors('veth30');
  for (const [first, second] of [[netlink, ioctl], [ioctl, netlink]] as const) {
    for (const enabled of [false, true]) {
      assert.equal(told(await first.setFeature('tx-checksum-ip-generic', enabled)), 'ok');
      assert.equal(valueOf(await second.features()).active.has('tx-checksum-ip-generic'), enabled);
    }
  }
  assert.match(told(await ioctl.setFeature('no-such-feature', true)), /^EOPNOTSUPP/);
  assert.match(told(await netlink.setFeature('no-such-feature', true)), /^E/);
});

test('hw-tc-offload of a device with an eswitch is turned on and off', async () => {
  const [netlink, ioctl] = await doors((await device.links())[0]!.name);
  for (const enabled of [true, false, true]) {
    assert.equal(told(await (enabled ? netlink : ioctl).setFeature('hw-tc-offload', enabled)), 'ok');
    assert.equal(valueOf(await ioctl.features()).active.has('hw-tc-offload'), enabled);
  }
});

test('link settings are the same through both doors, and are set through both', async () => {
  for (const name of ['veth30', 'tap30']) {
    const [netlink, ioctl] = await doors(name);
    assert.deepEqual(valueOf(await netlink.linkSettings()), valueOf(await ioctl.linkSettings()), name);
  }
  const [netlink, ioctl] = await doors('tap30');
  assert.equal(told(await netlink.setLinkSettings({ speedMbps: 1000, duplex: 'full' })), 'ok');
  assert.deepEqual([valueOf(await ioctl.linkSettings()).speedMbps, valueOf(await ioctl.linkSettings()).duplex], [1000, 'full']);
  assert.equal(told(await ioctl.setLinkSettings({ speedMbps: 100, duplex: 'half' })), 'ok');
  assert.deepEqual([valueOf(await netlink.linkSettings()).speedMbps, valueOf(await netlink.linkSettings()).duplex], [100, 'half']);
});

test('an interface that is not there is ENODEV through both doors', async () => {
  for (const door of ['any', 'ioctl'] as const) assert.match(told(await new Ethtool(hardware.links, { index: 99_999, name: 'nobody' }, 'host', door).features()), /^ENODEV/);
});
