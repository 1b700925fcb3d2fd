// Goal: where RDMA devices belong to one namespace each, a pod has its VF's, and the host has it again afterwards, whichever way the pod ends.
// Method: the CNI plugin's own work on the simulator's port, and on the Linux backend with the simulator's view of a kernel; the node's whole
// inventory before and after is compared.
import { describe, expect, test } from 'vitest';
import { MemFiles, SimClock, ok, silentLog } from '@vfleet/core';
import type { Inventory } from '@vfleet/core';
import { SriovCni } from '@vfleet/controllers';
import { SimNamespaces } from '@vfleet/hw-sim/namespaces.ts';
import type { SriovAttachRequest } from '@vfleet/controllers';
import { BACKENDS, during, simulatedMachine } from './backends.ts';
import type { BackendName } from './backends.ts';
import { NETNS, PF } from './sequences.ts';

const OWNER = { containerId: 'c1', ifname: 'net1' };

async function machine(backend: BackendName) {
  const clock = new SimClock();
  const node = simulatedMachine(clock, 'ConnectX-6 Dx');
  const hardware = BACKENDS[backend](node, clock);
  // The mode is as it was before the first namespace.
  node.deleteNetns(NETNS);
  for (const step of [{ kind: 'setRdmaMode', mode: 'exclusive' }, { kind: 'setNumVfs', pf: PF, count: 2 }] as const) expect(await during(clock, hardware.apply(step))).toEqual(ok(undefined));
  await clock.run(10_000);
  node.createNetns(NETNS);
  const cni = new SriovCni({ hardware, files: new MemFiles(), clock, log: silentLog, namespaces: new SimNamespaces(node) });
  const look = async (): Promise<Inventory> => {
    const seen = await during(clock, hardware.discover());
    if (!seen.ok) throw new Error(seen.error.cause);
    return seen.value;
  };
  const before = await look();
  const [vf] = before.pfs[0]!.vfs;
  const request: SriovAttachRequest = { pod: { namespace: 'default', name: 'p', uid: 'u', containerId: OWNER.containerId, netns: NETNS }, ifname: OWNER.ifname, config: { type: 'sriov', name: 'net', deviceID: vf!.pciAddress, vlan: 100, rdmaIsolation: true } };
  const rdma = async () => (await look()).pfs[0]!.vfs.map(({ rdmaDevices }) => rdmaDevices.length);
  expect(before.pfs[0]!.vfs.map(({ rdmaDevices }) => rdmaDevices.length)).toEqual([1, 1]);
  expect(await during(clock, cni.attach(request))).toMatchObject({ ok: true });
  expect(await rdma()).toEqual([0, 1]);
  expect(await during(clock, cni.check(OWNER))).toEqual(ok(undefined));
  return { node, cni, look, before, detach: () => during(clock, cni.detach(OWNER)) };
}

describe.each(['hw-sim', 'hw-linux'] as const)('%s', (backend) => {
  test('a pod that ends with a DEL', async () => {
    const { look, before, detach } = await machine(backend);
    expect(await detach()).toEqual(ok(undefined));
    expect(await look()).toEqual(before);
  });

  test('a pod whose namespace goes before the DEL', async () => {
    const { node, look, before, detach } = await machine(backend);
    node.deleteNetns(NETNS);
    expect(await detach()).toEqual(ok(undefined));
    expect(await look()).toEqual(before);
  });
});
