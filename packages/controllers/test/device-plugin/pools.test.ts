// Goal: each function has at most one owner, the right one, and the order of devices does not depend on anything but the hardware.
// Method: properties over drawn inventories and resources; the rules of the stand-alone plugin by hand.
import { pciAddress } from '@vfleet/core';
import type { DeviceSelectors, Inventory } from '@vfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDevicePluginConfig } from '../../src/device-plugin/config.ts';
import type { ResourceConfig } from '../../src/device-plugin/config.ts';
import { functionsOf } from '../../src/device-plugin/functions.ts';
import { assignPools } from '../../src/device-plugin/pools.ts';
import { inventoryOf, pfOf, vfioVfOf, vfOf } from '../node-fakes/inventories.ts';

type Selectors = DeviceSelectors | readonly DeviceSelectors[];

function resources(...selectors: readonly Selectors[]): readonly ResourceConfig[] {
  const text = JSON.stringify({ resourceList: selectors.map((one, index) => ({ resourceName: `r${index}`, selectors: one })) });
  return (parseDevicePluginConfig(text, 'intel.com').entries ?? []).flatMap((entry) => (entry.usable ? [entry.resource] : []));
}

const members = (inventory: Inventory, ...selectors: readonly Selectors[]) =>
  assignPools(resources(...selectors), functionsOf(inventory)).map((pool) => pool.members.map((member) => member.function.id as string));

const A = '0000:81:00.0';
const B = '0000:af:00.0';
const two = inventoryOf(pfOf(A, 'ens1f0', [0, 1, 2, 3].map((index) => vfOf(A, index))), pfOf(B, 'ens2f0', [vfioVfOf(B, 0), vfioVfOf(B, 1)], { numaNode: 1 }));
const vfA = (index: number) => `0000:81:01.${index}`;
const vfB = (index: number) => `0000:af:01.${index}`;

describe('assignPools', () => {
  test.each<[string, DeviceSelectors, readonly string[]]>([
    ['nothing said: everything', {}, [vfA(0), vfA(1), vfA(2), vfA(3), vfB(0), vfB(1)]],
    ['drivers', { drivers: ['vfio-pci'] }, [vfB(0), vfB(1)]],
    ['vendors AND devices', { vendors: ['8086'], devices: ['ffff'] }, []],
    ['a PF in another case, with ranges', { pfNames: ['ENS1F0#0,2-3'] }, [vfA(0), vfA(2), vfA(3)]],
    ['several items for one PF unite', { pfNames: ['ens1f0#0', 'ens1f0#3'] }, [vfA(0), vfA(3)]],
    ['a PF by its altname', { pfNames: ['ens1f0np0#1'] }, [vfA(1)]],
    ['rootDevices', { rootDevices: ['0000:AF:00.0#1-7'] }, [vfB(1)]],
    ['pciAddresses', { pciAddresses: [vfB(1), vfA(0)] }, [vfA(0), vfB(1)]],
    ['linkTypes', { linkTypes: ['infiniband'] }, []],
    ['RDMA where there is none', { isRdma: true }, []],
    ['a partition where there is none', { pKeys: ['0x1'] }, []],
    ['a profile where there is none', { ddpProfiles: ['GTPv1'] }, []],
    ['an ACPI index where there is none', { acpiIndexes: ['0'] }, []],
    ['an item that cannot match does not widen the list', { pfNames: ['ens1f0#x'] }, []],
  ])('%s', (_name, selectors, expected) => {
    expect(members(two, selectors)).toEqual([expected]);
  });

  test('by what the firmware, the fabric and the package of packet types say', () => {
    const marked = inventoryOf(
      pfOf(A, 'ens1f0', [{ ...vfOf(A, 0), acpiIndex: 101 }, { ...vfOf(A, 1), acpiIndex: 102, pKey: '0x8001' }], { ddpProfile: 'ICE COMMS Package' }),
      pfOf(B, 'ens2f0', [{ ...vfOf(B, 0), acpiIndex: 101, pKey: '0x8002' }], { ddpProfile: 'ICE OS Default Package' }),
    );
    expect(members(marked, { acpiIndexes: ['101'] })).toEqual([[vfA(0), vfB(0)]]);
    expect(members(marked, { pKeys: ['0x8001', '0X8002'] })).toEqual([[vfA(1)]]);
    expect(members(marked, { ddpProfiles: ['ICE COMMS Package'] })).toEqual([[vfA(0), vfA(1)]]);
    expect(members(marked, { ddpProfiles: ['ICE COMMS Package'], acpiIndexes: ['102'] })).toEqual([[vfA(1)]]);
  });

  test('the first resource that selects a function owns it, in the order of resources and of selectors', () => {
    expect(members(two, { pfNames: ['ens1f0#1-2'] }, [{ pciAddresses: [vfB(1)] }, { pfNames: ['ens1f0'] }], {})).toEqual([[vfA(1), vfA(2)], [vfA(0), vfA(3), vfB(1)], [vfB(0)]]);
  });

  test('a PF is a device only without VFs, with a driver, and without the default route', () => {
    const bare = (more: Parameters<typeof pfOf>[3]) => inventoryOf(pfOf(A, 'ens1f0', [], more));
    expect(members(bare({}), { pfNames: ['ens1f0'] })).toEqual([[A]]);
    expect(members(bare({}), { pfNames: ['ens1f0#0'] })).toEqual([[]]);
    expect(members(bare({ holdsDefaultRoute: true }), {})).toEqual([[]]);
    const { driver: _, ...driverless } = pfOf(A, 'ens1f0', []);
    expect(members(inventoryOf(driverless), {})).toEqual([[]]);
    const { driver: __, ...driverlessVf } = vfOf(A, 0);
    expect(members(inventoryOf(pfOf(A, 'ens1f0', [driverlessVf])), {})).toEqual([[]]);
  });

  test('a PF without netdev has no name, so only rootDevices find its VFs', () => {
    const { netdev: _, ...pf } = pfOf(A, 'x', [vfOf(A, 0)]);
    expect(members(inventoryOf(pf), { pfNames: ['x'] }, { rootDevices: [A] })).toEqual([[], [vfA(0)]]);
  });

  test('RDMA and vDPA by what the function has; in exclusive mode a VF inside a pod keeps its RDMA', () => {
    const { netdev: _, ...away } = vfOf(A, 1);
    const pf = pfOf(A, 'ens1f0', [vfOf(A, 0, { rdmaDevices: ['mlx5_2'] }), away, vfOf(A, 2, { vdpaType: 'vhost' })], { rdmaDevices: ['mlx5_0'] });
    expect(members(inventoryOf(pf), { isRdma: true }, { vdpaType: 'virtio' }, { vdpaType: 'vhost' })).toEqual([[vfA(0)], [], [vfA(2)]]);
    expect(members({ ...inventoryOf(pf), rdmaMode: 'exclusive' }, { isRdma: true })).toEqual([[vfA(0), vfA(1)]]);
  });

  const drawnSelectors = fc.record(
    {
      drivers: fc.subarray(['iavf', 'vfio-pci'], { minLength: 1 }),
      pfNames: fc.subarray(['ens1f0', 'ens2f0#0', 'ens1f0#2-3', 'ENS2F0#1'], { minLength: 1 }),
      rootDevices: fc.subarray([A, `${B}#0-1`], { minLength: 1 }),
      vendors: fc.subarray(['8086', '15b3'], { minLength: 1 }),
    },
    { requiredKeys: [] },
  );

  test('no function has two owners, and what a resource gets is a part of what it would get alone, in hardware order', () => {
    fc.assert(fc.property(fc.array(drawnSelectors, { minLength: 1, maxLength: 5 }), (selectors) => {
      const given = members(two, ...selectors);
      const order = functionsOf(two).map(({ id }) => id as string);
      expect(new Set(given.flat()).size).toBe(given.flat().length);
      for (const [index, own] of given.entries()) {
        const alone = members(two, selectors[index]!)[0]!;
        const earlier = new Set(given.slice(0, index).flat());
        expect(own).toEqual(alone.filter((id) => !earlier.has(id)));
        expect(own).toEqual(order.filter((id) => own.includes(id)));
      }
    }));
  });
});

test('functions come in the order of PF, then VF index, whatever their addresses', () => {
  const pf = pfOf(A, 'ens1f0', [vfOf(A, 0), { ...vfOf(A, 1), pciAddress: pciAddress('0000:82:00.0') }, vfOf(A, 2)]);
  expect(functionsOf(inventoryOf(pf)).map(({ vfIndex }) => vfIndex)).toEqual([0, 1, 2]);
});
