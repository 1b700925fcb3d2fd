// Goal: whether RDMA devices belong to network namespaces is read and set as the kernel has it, and moving one is refused as the kernel refuses it.
// Method: the kernel's RDMA core with a device in software (rxe), and iproute2's rdma as the witness. Which RDMA devices a PCI function has needs
// a NIC that makes some: rxe's belong to none. Its driver does not let its users go in this kernel (no disassociate_ucontext), so the core
// gives it to no namespace: that the whole way in is right shows in the answer, which comes after the device and the namespace were found.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import { moveRdmaDevice } from '@vfleet/hw-linux/steps/rdma.ts';
import { RDMA_GET, decodeRdmaDevice } from '@vfleet/hw-linux/netlink/rdma.ts';
import { answer, applied, inventory, ip, realHardware } from '../support.ts';

const hardware = realHardware();
const shown = () => /netns (\w+)/.exec(execFileSync('rdma', ['system', 'show'], { encoding: 'utf8' }))?.[1];

after(() => hardware.close());

test('the kernel loads its RDMA core when it is asked for the mode, which is shared at first', async () => {
  assert.equal((await inventory(hardware)).rdmaMode, 'shared');
  assert.ok(existsSync('/sys/module/ib_core'));
});

test('exclusive and back, as rdma shows it', async () => {
  assert.equal(spawnSync('modprobe', ['rdma_rxe'], { stdio: 'inherit' }).status, 0);
  ip('link', 'add', 'rdma65', 'type', 'veth', 'peer', 'name', 'peer65');
  execFileSync('rdma', ['link', 'add', 'rxe65', 'type', 'rxe', 'netdev', 'rdma65']);
  for (const mode of ['exclusive', 'exclusive', 'shared', 'exclusive', 'shared'] as const) {
    await applied(hardware, { kind: 'setRdmaMode', mode });
    assert.deepEqual([shown(), (await inventory(hardware)).rdmaMode], [mode, mode]);
  }
});

test('an RDMA device is one namespace’s in the mode exclusive, everybody’s in the mode shared; and rxe is given to none', async () => {
  const NETNS = '/var/run/netns/pod65';
  const seenIn = async (netns: string) => {
    const seen = await hardware.links.ask(netns, 'rdma', RDMA_GET, new Uint8Array(), decodeRdmaDevice, true);
    assert.ok(seen.ok);
    return seen.value.map(({ name }) => name);
  };
  const move = async (from: string, to: string, name = 'rxe65') => (await moveRdmaDevice(hardware.links, name, from, to))?.failure ?? 'ok';
  for (const [mode, elsewhere] of [['shared', ['rxe65']], ['exclusive', []]] as const) {
    await applied(hardware, { kind: 'setRdmaMode', mode });
    ip('netns', 'add', 'pod65');
    try {
      assert.deepEqual([await seenIn('host'), await seenIn(NETNS)], [['rxe65'], elsewhere]);
      assert.equal(await move('host', NETNS), 'EOPNOTSUPP');
      assert.match(spawnSync('rdma', ['dev', 'set', 'rxe65', 'netns', 'pod65'], { encoding: 'utf8' }).stderr, /not supported/);
      assert.deepEqual([await move('host', '/var/run/netns/nowhere'), await move('/var/run/netns/nowhere', 'host'), await move('host', NETNS, 'no_such0'), await move('host', 'host')], ['ENOENT', 'ENODEV', 'ENODEV', 'ok']);
      assert.equal(await move(NETNS, 'host'), mode === 'shared' ? 'EOPNOTSUPP' : 'ENODEV');
      assert.deepEqual(await seenIn('host'), ['rxe65']);
    } finally {
      ip('netns', 'del', 'pod65');
    }
  }
  await applied(hardware, { kind: 'setRdmaMode', mode: 'shared' });
});

test('while there are network namespaces the mode stays as it is, and a reboot is named', async () => {
  ip('netns', 'add', 'rdma65');
  try {
    assert.equal(await answer(hardware, { kind: 'setRdmaMode', mode: 'exclusive' }), 'EBUSY');
    const refused = await hardware.apply({ kind: 'setRdmaMode', mode: 'exclusive' });
    assert.ok(!refused.ok);
    assert.match(refused.error.remedy, /reboot/);
    assert.equal(shown(), 'shared');
  } finally {
    ip('netns', 'del', 'rdma65');
    ip('link', 'del', 'rdma65');
  }
});
