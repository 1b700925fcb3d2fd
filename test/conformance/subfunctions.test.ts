// Goal: subfunctions are told alike by the simulator and by the Linux backend on its view of a kernel, and with none nothing is told.
// Method: ConnectX nodes looked at by each backend, as they are and after the PF lost its driver or left the bus; uevents written by hand.
import { SimClock, pciAddress } from '@vfleet/core';
import type { Inventory, SubfunctionObservation } from '@vfleet/core';
import type { SimulatedNode } from '@vfleet/hw-sim';
import { EventReader } from '@vfleet/hw-linux/events.ts';
import { expect, test } from 'vitest';
import { BACKENDS, during, simulatedMachine } from './backends.ts';
import type { BackendName } from './backends.ts';

const A = pciAddress('0000:3b:00.0');
const B = pciAddress('0000:3b:00.1');
const PFS = [{ personality: 'ConnectX-6 Dx', pciAddress: A, name: 'p0', subfunctions: 3 }, { personality: 'ConnectX-6 Dx', pciAddress: B, subfunctions: 2 }];

async function looks(pfs: readonly object[], change: (node: SimulatedNode, clock: SimClock) => Promise<unknown> = () => Promise.resolve()): Promise<readonly Inventory[]> {
  const told: Inventory[] = [];
  for (const backend of Object.keys(BACKENDS) as BackendName[]) {
    const clock = new SimClock();
    const node = simulatedMachine(clock, 'ConnectX-6 Dx', { pfs });
    await during(clock, change(node, clock));
    const seen = await during(clock, BACKENDS[backend](node, clock).discover());
    if (!seen.ok) throw new Error(seen.error.cause);
    told.push(seen.value);
  }
  return told;
}

const short = (list: readonly SubfunctionObservation[] | undefined) => list?.map(({ name, pf, sfNumber }) => `${name} ${pf} ${sfNumber}`);

test('each with its PF, number, netdev and RDMA device, alike by every backend', async () => {
  const told = await looks(PFS);
  for (const inventory of told) expect(inventory).toEqual(told[0]);
  const { subfunctions = [] } = told[0]!;
  expect(short(subfunctions)).toEqual([`mlx5_core.sf.2 ${A} 0`, `mlx5_core.sf.3 ${A} 1`, `mlx5_core.sf.4 ${A} 2`, `mlx5_core.sf.5 ${B} 0`, `mlx5_core.sf.6 ${B} 1`]);
  expect(subfunctions.map(({ netdev }) => netdev?.name)).toEqual(['p0s0', 'p0s1', 'p0s2', 'enp59s0f1s0', 'enp59s0f1s1']);
  expect(subfunctions.map(({ rdmaDevices }) => rdmaDevices)).toEqual([['rocep59s0f0s0'], ['rocep59s0f0s1'], ['rocep59s0f0s2'], ['rocep59s0f1s0'], ['rocep59s0f1s1']]);
  expect(new Set(subfunctions.map(({ netdev }) => netdev?.mac)).size).toBe(5);
});

test('they go with their PF and with its driver', async () => {
  const ofB = [`mlx5_core.sf.5 ${B} 0`, `mlx5_core.sf.6 ${B} 1`];
  for (const { subfunctions } of await looks(PFS, (node) => Promise.resolve(node.unplug(A)))) expect(short(subfunctions)).toEqual(ofB);
  for (const { subfunctions } of await looks(PFS, (node) => node.hardware.apply({ kind: 'unbindDriver', device: A }))) expect(short(subfunctions)).toEqual(ofB);
});

test('where there are none, there is no list', async () => {
  for (const inventory of await looks([{ personality: 'ConnectX-6 Dx', pciAddress: A }])) expect(Object.keys(inventory).toSorted()).toEqual(['pfs', 'rdmaMode']);
});

test.each([
  ['mlx5_core.sf.4', [{ kind: 'changed', device: A }]],
  // A part of the NIC itself.
  ['mlx5_core.eth.0', []],
])('the uevent of %s', (name, events) => {
  const path = `/devices/pci0000:3a/${A}/${name}`;
  const bytes = new TextEncoder().encode([`add@${path}`, 'ACTION=add', `DEVPATH=${path}`, 'SUBSYSTEM=auxiliary', 'SEQNUM=1', ''].join('\0'));
  expect(new EventReader().read({ kind: 'uevent', bytes })).toEqual(events);
});
