// Goal: whether RDMA devices belong to network namespaces is read and set as the kernel has it. Method: the kernel's RDMA core with a device
// in software (rxe), and iproute2's rdma as the witness. Which RDMA devices a PCI function has needs a NIC that makes some: rxe's belong to
// none.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
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
