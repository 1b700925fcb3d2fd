// Goal: in the mode exclusive an RDMA device goes into a namespace and back out of it, and is back by itself when the namespace goes. Method: the
// kernel's RDMA core with rxe built so that it may be moved, and iproute2's rdma as the witness inside and outside.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { moveRdmaDevice } from '@vfleet/hw-linux/steps/rdma.ts';
import { MOVABLE_RXE } from '../rig/netdevsim-kernel.ts';
import { applied, inventory, ip, realHardware, until } from '../support.ts';

const hardware = realHardware();
const NETNS = '/var/run/netns/pod66';
const move = async (from: string, to: string, name = 'rxe66') => (await moveRdmaDevice(hardware.links, name, from, to))?.failure ?? 'ok';
const names = (text: string) => [...text.matchAll(/^\d+: (\w+):/gm)].map(([, name]) => name);
const onHost = () => names(execFileSync('rdma', ['dev'], { encoding: 'utf8' }));
const inPod = () => names(ip('netns', 'exec', 'pod66', 'rdma', 'dev'));

after(() => hardware.close());

/** Not as a hook of this file: those run before the tests of all files. */
function makeDevice(): void {
  // Debian's own takes its place again with the next modprobe.
  execFileSync('modprobe', ['-r', 'rdma_rxe']);
  execFileSync('modprobe', ['-a', 'ib_core', 'ib_uverbs', 'udp_tunnel', 'ip6_udp_tunnel']);
  execFileSync('insmod', [join('/usr/lib/modules', execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim(), MOVABLE_RXE)]);
  ip('link', 'add', 'rdma66', 'type', 'veth', 'peer', 'name', 'peer66');
  execFileSync('rdma', ['link', 'add', 'rxe66', 'type', 'rxe', 'netdev', 'rdma66']);
}

test('in, and back; and back with the namespace', async () => {
  makeDevice();
  assert.equal((await inventory(hardware)).rdmaMode, 'shared');
  await applied(hardware, { kind: 'setRdmaMode', mode: 'exclusive' });
  ip('netns', 'add', 'pod66');
  try {
    assert.deepEqual([onHost(), inPod()], [['rxe66'], []]);
    assert.deepEqual([await move(NETNS, 'host'), await move('host', NETNS), await move('host', NETNS)], ['ENODEV', 'ok', 'ENODEV']);
    assert.deepEqual([onHost(), inPod()], [[], ['rxe66']]);
    assert.deepEqual([await move(NETNS, 'host'), await move(NETNS, 'host')], ['ok', 'ENODEV']);
    assert.deepEqual([onHost(), inPod()], [['rxe66'], []]);
    // As udev does some time after a driver has made it.
    execFileSync('rdma', ['dev', 'set', 'rxe66', 'name', 'other66']);
    assert.deepEqual([await move('host', NETNS), await move('host', NETNS, 'other66')], ['ENODEV', 'ok']);
    ip('netns', 'del', 'pod66');
    await until('the device is back', () => onHost().includes('other66'));
    assert.equal(await move(NETNS, 'host'), 'ENODEV');
  } finally {
    ip('link', 'del', 'rdma66');
    execFileSync('sh', ['-c', 'ip netns del pod66 2>/dev/null; rmmod rdma_rxe']);
  }
  await applied(hardware, { kind: 'setRdmaMode', mode: 'shared' });
});
