// Goal: whoever is told EBUSY is told by whom. Method: a VF's interface as a port of a bridge; the error names both.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { PciAddress } from '@vfleet/core';
import { applied, ip, machinePfs, pfOf, realHardware, until } from '../support.ts';

const hardware = realHardware();
const [pf] = machinePfs() as [PciAddress];

after(() => hardware.close());

test('EBUSY names the bridge that a VF is a port of', async () => {
  await applied(hardware, { kind: 'setNumVfs', pf, count: 2 });
  await until('the VF has an interface', async () => (await pfOf(hardware, pf)).vfs[1]?.netdev !== undefined);
  const { netdev } = (await pfOf(hardware, pf)).vfs[1]!;
  // A bridge asks for its VLAN at each port, which the VF asks of a PF that is down.
  ip('link', 'add', 'br-users', 'type', 'bridge', 'vlan_default_pvid', '0');
  try {
    ip('link', 'set', netdev!.name, 'master', 'br-users');
    const refused = await hardware.apply({ kind: 'setNumVfs', pf, count: 1 });
    assert.ok(!refused.ok);
    assert.equal(refused.error.errno, 'EBUSY');
    assert.match(refused.error.cause, new RegExp(`${netdev!.name} of \\S+ is a port of br-users`));
  } finally {
    ip('link', 'del', 'br-users');
    await applied(hardware, { kind: 'setNumVfs', pf, count: 0 });
  }
});
