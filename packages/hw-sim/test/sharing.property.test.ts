// Goal: looks share what did not change and never show what was before. Method: random steps on two fleets of one seed; one is looked at
// after every step and keeps what it saw, the other is looked at once, at the end: both must see the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HardwareStep, Inventory, PciAddress } from '@vfleet/core';
import { lab } from './support.ts';

const PF = '0000:81:00.0' as PciAddress;
const VFS = 4;
const PODS = '/run/netns/pod';

const vfIndex = fc.nat(VFS - 1);
const addressOf = (index: number) => `0000:81:01.${index}` as PciAddress;
const step: fc.Arbitrary<HardwareStep | 'flap' | 'reboot'> = fc.oneof(
  fc.constantFrom(0, VFS, 2).map((count): HardwareStep => ({ kind: 'setNumVfs', pf: PF, count })),
  fc.tuple(vfIndex, fc.nat(4094)).map(([index, id]): HardwareStep => ({ kind: 'setVf', pf: PF, vfIndex: index, vlan: { id, qos: 0, protocol: '802.1q' } })),
  fc.tuple(vfIndex, fc.nat(255)).map(([index, last]): HardwareStep => ({ kind: 'setVf', pf: PF, vfIndex: index, mac: `02:00:00:00:00:${last.toString(16).padStart(2, '0')}` })),
  fc.tuple(vfIndex, fc.boolean()).map(([index, trust]): HardwareStep => ({ kind: 'setVf', pf: PF, vfIndex: index, trust })),
  fc.tuple(vfIndex, fc.constantFrom('default', 'vfio-pci')).map(([index, driver]): HardwareStep => ({ kind: 'bindDriver', device: addressOf(index), driver })),
  vfIndex.map((index): HardwareStep => ({ kind: 'unbindDriver', device: addressOf(index) })),
  fc.tuple(vfIndex, fc.boolean()).map(([index, goes]): HardwareStep => ({ kind: 'moveNetdev', device: addressOf(index), from: goes ? 'host' : PODS, to: goes ? PODS : 'host' })),
  fc.tuple(vfIndex, fc.constantFrom(1500, 9000)).map(([index, mtu]): HardwareStep => ({ kind: 'setMtu', device: addressOf(index), netns: 'host', mtu })),
  fc.boolean().map((up): HardwareStep => ({ kind: 'setLink', device: PF, netns: 'host', up })),
  fc.constantFrom('switchdev', 'legacy').map((mode): HardwareStep => ({ kind: 'setEswitchMode', pf: PF, mode })),
  fc.constant('flap' as const),
  fc.constant('reboot' as const),
);

async function run(steps: readonly (HardwareStep | 'flap' | 'reboot')[], looksAlways: boolean): Promise<Inventory> {
  const { clock, node, apply, wait } = lab({ pfs: [{ personality: 'E810-CQDA2', pciAddress: PF }], seed: 'sharing' });
  const kept: Inventory[] = [];
  await apply({ kind: 'setNumVfs', pf: PF, count: VFS });
  for (const one of steps) {
    if (one === 'flap') node.flapLink(PF, 100);
    else if (one === 'reboot') {
      node.powerCycle();
      await clock.run(600_000);
    } else await apply(one);
    if (looksAlways) kept.push(structuredClone(node.inspect()), node.inspect());
  }
  // What was kept is as it was: a look never changes what an earlier one gave.
  for (let at = 0; at < kept.length; at += 2) expect(kept[at + 1]).toEqual(kept[at]);
  const last = node.inspect();
  await wait(Promise.resolve());
  return last;
}

describe('looks at VFs', () => {
  it('see the same, whether or not somebody looked before', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      expect(await run(steps, true)).toEqual(await run(steps, false));
    }), { numRuns: 60 });
  });

  it('give the same objects while nothing changes, and others only for what did', async () => {
    const { node, apply } = lab({ pfs: [{ personality: 'E810-CQDA2', pciAddress: PF }] });
    await apply({ kind: 'setNumVfs', pf: PF, count: VFS });
    const [first, second] = [node.inspect().pfs[0]!.vfs, node.inspect().pfs[0]!.vfs];
    expect(second).toBe(first);
    await apply({ kind: 'setVf', pf: PF, vfIndex: 1, trust: true });
    const third = node.inspect().pfs[0]!.vfs;
    expect(third.map((vf, index) => vf === first[index])).toEqual([true, false, true, true]);
    expect(third[1]!.settings.trust).toBe(true);
  });
});
