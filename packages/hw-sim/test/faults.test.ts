// Goal: every kind of fault does what its name says, strikes where its rule says, and is counted. Method: one rule at a time on a small node.
import { describe, expect, test } from 'vitest';
import type { PciAddress } from '@vfleet/core';
import { faultRules } from '@vfleet/hw-sim';
import type { FaultRule } from '@vfleet/hw-sim';
import { inventoryOf, lab, outcomeOf } from './support.ts';

const AT = '0000:81:00.0' as PciAddress;
const OTHER = '0000:18:00.0' as PciAddress;

function rig(rules: readonly FaultRule[]) {
  const faults = faultRules(rules);
  return { faults, ...lab({ pfs: [{ personality: 'X710', pciAddress: AT, name: 'ens1f0' }, { personality: 'X710', pciAddress: OTHER }], options: { faults }, node: { rebootSeconds: 5 } }) };
}

const create = { kind: 'setNumVfs', pf: AT, count: 4 } as const;

describe('faults', () => {
  test('an errno on the second attempt only, and what fired is counted', async () => {
    const { apply, faults, pf } = rig([{ name: 'no memory', operation: 'setNumVfs', device: AT, nth: 2, fault: { kind: 'errno', errno: 'ENOMEM' } }]);
    expect(await apply(create)).toBe('ok');
    expect(await apply({ ...create, count: 0 })).toBe('ENOMEM');
    expect(pf(1).numVfs).toBe(4);
    expect(await apply({ ...create, count: 0 })).toBe('ok');
    expect(await apply({ ...create, pf: OTHER })).toBe('ok');
    expect([...faults.fired()]).toEqual([['no memory', 1]]);
  });

  test('reported as failed though it was done', async () => {
    const { apply, pf } = rig([{ name: 'lost answer', operation: 'setNumVfs', fault: { kind: 'errnoAfter', errno: 'EIO' }, times: 1 }]);
    expect(await apply(create)).toBe('EIO');
    expect(pf(1).numVfs).toBe(4);
  });

  test('delay and hang: a hang makes the PF answer blocked, and the step goes on afterwards', async () => {
    const slow = rig([{ name: 'slow', operation: 'setLink', fault: { kind: 'delay', byMs: 700 } }]);
    expect(await slow.duration({ kind: 'setLink', device: AT, netns: 'host', up: false })).toBe(700);
    const { node, clock, wait, apply } = rig([{ name: 'hang', operation: 'setNumVfs', fault: { kind: 'hang', forMs: 10_000 }, times: 1 }]);
    const pending = node.hardware.apply(create);
    await clock.run(1000);
    expect(inventoryOf(await node.hardware.discover()).pfs.map((pf) => pf.blocked !== undefined)).toEqual([false, true]);
    expect(await apply({ kind: 'setLink', device: AT, netns: 'host', up: false })).toBe('blocked');
    expect(outcomeOf(await wait(pending))).toBe('ok');
    expect(inventoryOf(await node.hardware.discover()).pfs[1]!.numVfs).toBe(4);
  });

  test('partial creation, silent or with an errno', async () => {
    const silent = rig([{ name: 'partial', operation: 'setNumVfs', fault: { kind: 'partialCreation', created: 3 } }]);
    expect(await silent.apply(create)).toBe('io');
    expect(silent.pf(1).numVfs).toBe(3);
    const loud = rig([{ name: 'partial', operation: 'setNumVfs', fault: { kind: 'partialCreation', created: 1, errno: 'ENOSPC' } }]);
    expect(await loud.apply(create)).toBe('ENOSPC');
    expect(loud.pf(1).numVfs).toBe(1);
  });

  test('late netdevs and the kernel’s names', async () => {
    const { apply, node, clock, vf } = rig([
      { name: 'late', operation: 'setNumVfs', fault: { kind: 'lateNetdev', byMs: 5000 } },
      { name: 'kernel names', operation: 'setNumVfs', fault: { kind: 'otherName' } },
    ]);
    const events: string[] = [];
    await apply(create);
    expect(vf(0, 1).driver).toBe('iavf');
    expect(vf(0, 1)).not.toHaveProperty('netdev');
    node.watchUevents((event) => events.push(`${event.action} ${event.subsystem}`));
    await clock.run(5000);
    expect(vf(0, 1).netdev!.name).toBe('eth0');
    expect(vf(3, 1).netdev!.name).toBe('eth3');
    expect(events.filter((event) => event === 'add net')).toHaveLength(4);
  });

  test('a late netdev whose VF was made again meanwhile does not appear twice', async () => {
    const { apply, clock, vf, node } = rig([{ name: 'late', operation: 'setNumVfs', nth: 1, fault: { kind: 'lateNetdev', byMs: 60_000 } }]);
    await apply(create);
    await apply({ ...create, count: 0 });
    await apply(create);
    expect(vf(0, 1).netdev!.name).toBe('ens1f0v0');
    const events: unknown[] = [];
    node.watchUevents((event) => events.push(event));
    await clock.run(100_000);
    expect(events).toEqual([]);
  });

  test('a failing probe is reported as such', async () => {
    const { node, wait, apply, vf } = rig([{ name: 'probe', operation: 'bindDriver', fault: { kind: 'bindFails' } }]);
    await apply(create);
    const device = vf(0, 1).pciAddress;
    await apply({ kind: 'unbindDriver', device });
    const bound = await wait(node.hardware.apply({ kind: 'bindDriver', device, driver: 'default' }));
    expect(bound).toMatchObject({ ok: false, error: { code: 'io', cause: expect.stringContaining('without the driver') } });
    expect(bound.ok ? {} : bound.error).not.toHaveProperty('errno');
  });

  test('link flap, hot unplug with return, lost events', async () => {
    const { apply, node, clock } = rig([
      { name: 'flap', operation: 'setMtu', device: AT, fault: { kind: 'linkFlap', downMs: 1000 } },
      { name: 'unplug', operation: 'setMtu', device: OTHER, fault: { kind: 'hotUnplug', returnAfterMs: 3000 } },
      { name: 'overrun', operation: 'setFeature', fault: { kind: 'eventsLost' } },
    ]);
    const events: unknown[] = [];
    node.hardware.watch((event) => events.push(event));
    await apply({ kind: 'setMtu', device: AT, netns: 'host', mtu: 9000 });
    await clock.run(10_000);
    expect(events).toEqual([{ kind: 'changed', device: AT }, { kind: 'link', device: AT, carrier: false }, { kind: 'link', device: AT, carrier: true }]);
    events.length = 0;
    expect(await apply({ kind: 'setMtu', device: OTHER, netns: 'host', mtu: 9000 })).toBe('ok');
    expect(node.inspect().pfs.map(({ pciAddress }) => pciAddress)).toEqual([AT]);
    expect(events).toContainEqual({ kind: 'removed', device: OTHER });
    await clock.run(10_000);
    expect(node.inspect().pfs.map(({ pciAddress }) => pciAddress)).toEqual([OTHER, AT]);
    expect(events).toContainEqual({ kind: 'added', device: OTHER });
    events.length = 0;
    await apply({ kind: 'setFeature', device: AT, feature: 'ntuple', enabled: true });
    expect(events).toEqual([{ kind: 'resync' }]);
  });

  test('an eswitch change that drops VFs', async () => {
    const faults = faultRules([{ name: 'drop', operation: 'setEswitchMode', fault: { kind: 'eswitchDropsVfs' } }]);
    const { apply, pf } = lab({ pfs: [{ personality: 'BCM57414', pciAddress: AT, numVfs: 4 }], options: { faults } });
    expect(await apply({ kind: 'setEswitchMode', pf: AT, mode: 'switchdev' })).toBe('ok');
    expect(pf()).toMatchObject({ numVfs: 0, eswitchMode: 'switchdev' });
  });

  test('discovery and the host’s own operations can fail too; rules of one name are refused', async () => {
    const { node } = rig([
      { name: 'dump', operation: 'discover', nth: 1, fault: { kind: 'errno', errno: 'EINTR' } },
      { name: 'no reboot', operation: 'reboot', times: 1, fault: { kind: 'errno', errno: 'EPERM' } },
      { name: 'grub', operation: 'setKernelArguments', times: 1, fault: { kind: 'errno', errno: 'EROFS' } },
    ]);
    expect(outcomeOf(await node.hardware.discover())).toBe('EINTR');
    expect(outcomeOf(await node.hardware.discover())).toBe('ok');
    expect(outcomeOf(await node.host.reboot('test'))).toBe('EPERM');
    expect(outcomeOf(await node.host.ensureKernelArguments(['iommu=pt']))).toBe('EROFS');
    expect(outcomeOf(await node.host.ensureKernelArguments(['iommu=pt']))).toBe('ok');
    const rule: FaultRule = { name: 'a', fault: { kind: 'delay', byMs: 1 } };
    expect(() => faultRules([rule, rule])).toThrow(TypeError);
  });
});
