// Goal: what a pod has stays with it while its network namespace cannot be seen, and comes back when the kernel, or a boot, says that it has ended. Method: the CNI plugin's own work on the
// simulator's port, and on the Linux backend with the simulator's view of a kernel, both without the folder of namespaces; NICs and the pod's interfaces are compared as a whole.
import { describe, expect, test } from 'vitest';
import { MemFiles, SimClock, ok, silentLog } from '@vfleet/core';
import { SriovCni } from '@vfleet/controllers';
import { SimNamespaces } from '@vfleet/hw-sim/namespaces.ts';
import { WithoutNamespaces } from '@vfleet/sim/faults/hidden-namespaces.ts';
import { BACKENDS, during, simulatedMachine } from './backends.ts';
import type { BackendName } from './backends.ts';
import { NETNS, PF } from './sequences.ts';

const OWNER = { containerId: 'c1', ifname: 'net1' };

/** A pod that has its VF, and a daemon that was started after that without the mount. */
async function blindDaemon(backend: BackendName, driver: 'netdevice' | 'vfio-pci') {
  const clock = new SimClock();
  const node = simulatedMachine(clock);
  const hardware = BACKENDS[backend](node, clock);
  expect(await during(clock, hardware.apply({ kind: 'setNumVfs', pf: PF, count: 2 }))).toEqual(ok(undefined));
  await clock.run(10_000);
  const look = async () => {
    const seen = await during(clock, hardware.discover());
    if (!seen.ok) throw new Error(seen.error.cause);
    return { inventory: seen.value, inPod: node.interfaces(NETNS) };
  };
  const device = (await look()).inventory.pfs[0]!.vfs[0]!.pciAddress;
  if (driver === 'vfio-pci') expect(await during(clock, hardware.apply({ kind: 'bindDriver', device, driver }))).toEqual(ok(undefined));
  const before = await look();
  const files = new MemFiles();
  const process = (isHidden: boolean) => new SriovCni({ hardware: new WithoutNamespaces(hardware, () => isHidden), files, clock, log: silentLog, namespaces: new SimNamespaces(node, () => isHidden) });
  const pod = { namespace: 'default', name: 'p', uid: 'u', containerId: OWNER.containerId, netns: NETNS };
  expect(await during(clock, process(false).attach({ pod, ifname: OWNER.ifname, config: { type: 'sriov', name: 'net', deviceID: device, vlan: 100 } }))).toMatchObject({ ok: true });
  const attached = await look();
  expect(attached).not.toEqual(before);
  const blind = process(true);
  const collect = async () => {
    expect(await during(clock, blind.collectOrphans())).toEqual(ok(undefined));
    return (await blind.attachments()) as { readonly ok: true; readonly value: readonly unknown[] };
  };
  expect((await collect()).value).toHaveLength(1);
  expect(await look()).toEqual(attached);
  expect([...blind.witness.unknown.keys()]).toEqual([OWNER.containerId]);
  return { clock, node, look, before, attached, blind, seeing: process(false), collect };
}

describe.each(['hw-sim', 'hw-linux'] as const)('%s', (backend) => {
  test('an interface that the kernel has given back says that its namespace has ended, seen or not', async () => {
    const { node, look, before, collect, blind } = await blindDaemon(backend, 'netdevice');
    node.deleteNetns(NETNS);
    expect((await collect()).value).toEqual([]);
    expect(await look()).toEqual({ ...before, inPod: [] });
    expect(blind.witness.unknown.size).toBe(0);
  });

  test('a daemon that sees again goes on', async () => {
    const { clock, look, before, attached, seeing } = await blindDaemon(backend, 'netdevice');
    expect(await during(clock, seeing.collectOrphans())).toEqual(ok(undefined));
    expect(await look()).toEqual(attached);
    expect(await during(clock, seeing.check(OWNER))).toEqual(ok(undefined));
    expect(await during(clock, seeing.detach(OWNER))).toEqual(ok(undefined));
    expect(await look()).toEqual(before);
  });

  test('of a VF without an interface nothing is seen until the node has booted', async () => {
    const { clock, node, look, attached, collect } = await blindDaemon(backend, 'vfio-pci');
    node.deleteNetns(NETNS);
    expect((await collect()).value).toHaveLength(1);
    expect((await look()).inventory).toEqual(attached.inventory);
    node.powerCycle();
    await clock.runUntil(() => node.up, 3_600_000, 'the boot');
    expect((await collect()).value).toEqual([]);
  });
});
