// Goal: accelerators are told alike by the simulator and by the Linux backend on its view of a kernel, and with none nothing is told.
// Method: nodes with and without IOMMU, ACS and drivers, looked at by each backend, while one is pulled out and put back.
import { SimClock, pciAddress } from '@vfleet/core';
import type { HardwareEvent, Inventory } from '@vfleet/core';
import type { SimulatedNode } from '@vfleet/hw-sim';
import { describe, expect, test } from 'vitest';
import { BACKENDS, during, simulatedMachine } from './backends.ts';
import type { BackendName } from './backends.ts';

const A = pciAddress('0000:c1:00.0');
const B = pciAddress('0000:c1:00.1');
const ACCELERATORS = [{ pciAddress: B, vendor: '1172', deviceId: '09C4', numaNode: -1 }, { pciAddress: A, vendor: '8086', deviceId: '0d90', driver: 'vfio-pci', numaNode: 1 }];

async function looks(more: Readonly<Record<string, unknown>>, change: (node: SimulatedNode) => void = () => {}): Promise<readonly Inventory[]> {
  const told: Inventory[] = [];
  for (const backend of Object.keys(BACKENDS) as BackendName[]) {
    const clock = new SimClock();
    const node = simulatedMachine(clock, '82576', more);
    const hardware = BACKENDS[backend](node, clock);
    change(node);
    const seen = await during(clock, hardware.discover());
    if (!seen.ok) throw new Error(seen.error.cause);
    told.push(seen.value);
  }
  return told;
}

const first = { pciAddress: A, vendor: '8086', deviceId: '0d90', driver: 'vfio-pci', numaNode: 1 };
const second = { pciAddress: B, vendor: '1172', deviceId: '09c4', numaNode: -1 };

describe('what is told', () => {
  test.each<[string, Readonly<Record<string, unknown>>, readonly unknown[]]>([
    ['each in a group of its own', {}, [{ ...first, iommuGroup: 24 }, { ...second, iommuGroup: 25 }]],
    ['one group for all without ACS', { acs: false }, [{ ...first, iommuGroup: 1 }, { ...second, iommuGroup: 1 }]],
    ['no group without IOMMU', { kernelArguments: [] }, [first, second]],
  ])('%s', async (_name, more, expected) => {
    for (const inventory of await looks({ accelerators: ACCELERATORS, ...more })) expect(inventory.accelerators).toEqual(expected);
  });

  test('one that was pulled out is not told; one that is back is', async () => {
    for (const { accelerators } of await looks({ accelerators: ACCELERATORS }, (node) => node.unplug(A))) expect(accelerators!.map(({ pciAddress: at }) => at)).toEqual([B]);
    const back = (node: SimulatedNode) => {
      node.unplug(A);
      node.replug(A);
    };
    for (const { accelerators } of await looks({ accelerators: ACCELERATORS }, back)) expect(accelerators!.map(({ pciAddress: at }) => at)).toEqual([A, B]);
  });

  test('where there are none, there is no list', async () => {
    for (const inventory of await looks({})) expect(Object.keys(inventory).toSorted()).toEqual(['pfs', 'rdmaMode']);
  });
});

test('events tell when one goes and comes', () => {
  const clock = new SimClock();
  const node = simulatedMachine(clock, '82576', { accelerators: ACCELERATORS });
  const told = Object.values(BACKENDS).map((backend) => {
    const events: HardwareEvent[] = [];
    backend(node, clock).watch((event) => void events.push(event));
    return events;
  });
  node.unplug(A);
  node.replug(A);
  for (const events of told) expect(events).toEqual([{ kind: 'removed', device: A }, { kind: 'added', device: A }, { kind: 'driver', device: A, driver: 'vfio-pci' }]);
});
