// Goal: the first network of a resource has the VF that the container's variable names first, the second the second. Method: what the device
// plugin hands out, in drawn orders, with the record that it keeps, against kubelet's lists of the same devices in other orders and parts.
import { MemFiles, SimClock, silentLog } from '@vfleet/core';
import type { PodDevices } from '@vfleet/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeviceShares } from '../../src/attachment/device-shares.ts';
import { allocateContainer } from '../../src/device-plugin/allocation.ts';
import { parseDevicePluginConfig } from '../../src/device-plugin/config.ts';
import { functionsOf } from '../../src/device-plugin/functions.ts';
import { Holdings } from '../../src/device-plugin/holdings.ts';
import { assignPools } from '../../src/device-plugin/pools.ts';
import { inOrderOfVariables } from '../../src/meta-plugin/device-order.ts';
import { inventoryOf, pfOf, vfOf } from '../node-fakes/inventories.ts';

const PF = '0000:81:00.0';
const COUNT = 8;
const RESOURCE = 'intel.com/vfs';
const entry = parseDevicePluginConfig(JSON.stringify({ resourceList: [{ resourceName: 'vfs', selectors: {} }] }), 'intel.com').entries![0]!;
const pool = assignPools(entry.usable ? [entry.resource] : [], functionsOf(inventoryOf(pfOf(PF, 'ens1f0', Array.from({ length: COUNT }, (_, index) => vfOf(PF, index))))))[0]!;

/** An order of VFs to hand out, kubelet's order of them, and into how many NUMA nodes it parts them. */
const container = (indexes: readonly number[]) => fc.record({ asked: fc.shuffledSubarray([...indexes], { minLength: 1 }), seed: fc.infiniteStream(fc.nat(1_000)), parts: fc.integer({ min: 1, max: 3 }) });

test('variables and networks have one order, also after a restart', async () => {
  await fc.assert(
    fc.asyncProperty(container([0, 1, 2, 3]), container([4, 5, 6, 7]), fc.boolean(), async (first, second, restarts) => {
      const [files, clock] = [new MemFiles(), new SimClock()];
      const open = () => new Holdings({ files, podResources: { list: async () => listed }, clock, log: silentLog });
      let holdings = open();
      const variables: string[] = [];
      const devices: PodDevices['containers'][number][] = [];
      for (const { asked, seed, parts } of [first, second]) {
        const members = asked.map((index) => pool.members[index]!);
        const ids = members.map((member) => member.function.id);
        await holdings.note(RESOURCE, ids);
        variables.push(...Object.values(allocateContainer(pool.resource, members).env)[0]!.split(','));
        const shuffled = ids.map((id) => ({ id, at: seed.next().value ?? 0, part: (seed.next().value ?? 0) % parts })).toSorted((a, b) => a.at - b.at);
        const byPart = [...Map.groupBy(shuffled, ({ part }) => part).values()].map((part) => ({ resourceName: RESOURCE, ids: part.map(({ id }) => id) }));
        devices.push({ name: `c${devices.length}`, devices: [...byPart, { resourceName: 'intel.com/other', ids: ['x'] }] });
      }
      const listed: readonly PodDevices[] = [{ namespace: 'x', name: 'a', containers: devices }];
      if (restarts) {
        holdings = open();
        await holdings.load();
      }
      await holdings.reconcile();
      const shares = new DeviceShares(inOrderOfVariables(devices, (id) => holdings.placeOf(id)));
      expect(variables.map(() => shares.next(RESOURCE))).toEqual(variables);
      expect([shares.next(RESOURCE), shares.count('intel.com/other')]).toEqual([undefined, 2]);
    }),
  );
});

test('devices whose place nobody knows come last, as the kubelet lists them', () => {
  const containers = [{ name: 'app', devices: [{ resourceName: 'a/a', ids: ['z', 'y', 'b'] }, { resourceName: 'a/a', ids: ['x', 'a'] }] }];
  const places = new Map([['a', 0], ['b', 1]]);
  expect(inOrderOfVariables(containers, (id) => places.get(id))).toEqual([{ name: 'app', devices: [{ resourceName: 'a/a', ids: ['a', 'b', 'z', 'y', 'x'] }] }]);
  expect(inOrderOfVariables(containers, () => undefined)[0]!.devices[0]!.ids).toEqual(['z', 'y', 'b', 'x', 'a']);
});
