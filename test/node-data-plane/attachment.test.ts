// Goal: on every simulated NIC, a pod's VF comes and goes without a trace, whatever the NIC's driver supports or refuses.
// Method: the production attachment on hw-sim, one attribute after the other; the whole inventory is compared before and after.
import { SriovCni } from '@vfleet/controllers';
import type { SriovAttachRequest } from '@vfleet/controllers';
import { MemFiles, SeededRandom, SimClock, silentLog } from '@vfleet/core';
import type { JsonValue, PfObservation } from '@vfleet/core';
import { createFleet, nodesOf, parseFleet, personalities } from '@vfleet/hw-sim';
import type { FaultPlan } from '@vfleet/hw-sim';
import { describe, expect, test } from 'vitest';

const NETNS = '/var/run/netns/cni-1';
const names = personalities.map(({ name }) => name.value);

async function world(personality: string, faults?: FaultPlan) {
  const parsed = parseFleet({ nodes: [{ name: 'node', pfs: [{ personality, pciAddress: '0000:81:00.0' }] }] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const clock = new SimClock();
  const fleet = createFleet({ clock, random: new SeededRandom('data plane'), ...(faults === undefined ? {} : { faults }) });
  const node = fleet.addNode([...nodesOf(parsed.value)][0]!);
  const { hardware } = node;
  const wait = async <Value>(promise: Promise<Value>): Promise<Value> => {
    let done = false;
    void promise.finally(() => (done = true));
    await clock.runUntil(() => done, 3_600_000);
    return promise;
  };
  const sriovPf = () => node.inspect().pfs.find(({ totalVfs }) => totalVfs > 0)!;
  for (const { pciAddress, netdev } of node.inspect().pfs) if (netdev !== undefined) await wait(hardware.apply({ kind: 'setLink', device: pciAddress, netns: 'host', up: true }));
  const made = await wait(hardware.apply({ kind: 'setNumVfs', pf: sriovPf().pciAddress, count: 2 }));
  if (!made.ok) throw new Error(made.error.cause);
  await clock.run(10_000);
  const files = new MemFiles();
  const cni = new SriovCni({ hardware, files, clock, log: silentLog });
  return { clock, node, files, cni, wait, sriovPf, leftovers: () => files.paths().filter((path) => !path.includes('last_reserved_ip')) };
}

function request(pf: PfObservation, more: Readonly<Record<string, JsonValue>>): SriovAttachRequest {
  const config = { type: 'sriov', name: 'net', deviceID: pf.vfs[0]!.pciAddress, ipam: { type: 'host-local', subnet: '10.1.1.0/24', routes: [{ dst: '0.0.0.0/0' }] }, ...more };
  return { pod: { namespace: 'default', name: 'app', uid: 'u', containerId: 'c1', netns: NETNS }, ifname: 'net1', config };
}

const wishes: readonly Readonly<Record<string, JsonValue>>[] = [
  {}, { vlan: 100, vlanQoS: 3 }, { vlan: 100, vlanProto: '802.1ad' }, { mac: '02:aa:00:00:00:01' }, { max_tx_rate: 1000 }, { min_tx_rate: 100, max_tx_rate: 1000 }, { spoofchk: 'off' }, { trust: 'on' },
  { link_state: 'enable' }, { link_state: 'disable' }, { mtu: 1400 }, { mac: '02:aa:00:00:00:01', trust: 'on', vlan: 5 },
];
const owner = { containerId: 'c1', ifname: 'net1' };

describe('every NIC', () => {
  test.each(names)('%s: a VF comes and goes without a trace, and a refusal has a remedy', async (name) => {
    const { clock, node, cni, wait, sriovPf, leftovers } = await world(name);
    const before = node.inspect();
    const [vf] = sriovPf().vfs;
    for (const wish of wishes) {
      const attached = await wait(cni.attach(request(sriovPf(), wish)));
      const inPod = node.interfaces(NETNS);
      expect(inPod.map(({ device, netdev, addresses }) => [device, netdev.name, netdev.adminState, addresses])).toEqual(attached.ok ? [[vf!.pciAddress, 'net1', 'up', attached.value.ips.map(({ address }) => address)]] : []);
      expect(attached.ok ? inPod[0]!.netdev.mac : 'none').toBe(attached.ok ? attached.value.mac : 'none');
      expect(attached.ok || ([101, 7].includes(attached.error.code) && attached.error.remedy.length > 0)).toBe(true);
      expect((await wait(cni.detach(owner))).ok).toBe(true);
      await clock.run(10_000);
      expect(node.inspect(), JSON.stringify(wish)).toEqual(before);
      expect(leftovers()).toEqual([]);
    }
  });

  test.each(names)('%s: a pod that dies with its namespace gives its VF back', async (name) => {
    const { clock, node, cni, wait, sriovPf, leftovers } = await world(name);
    const before = node.inspect();
    expect((await wait(cni.attach(request(sriovPf(), {})))).ok).toBe(true);
    node.deleteNetns(NETNS);
    expect((await wait(cni.detach(owner))).ok).toBe(true);
    await clock.run(10_000);
    expect(node.inspect()).toEqual(before);
    expect(leftovers()).toEqual([]);
  });
});
