// Goal: what attachment does to interfaces beyond a VF's own settings: alternative names, representors, announcements, a look into the pod, and MACs
// that are taken. Method: fakes of the hardware and of pods' interfaces, which refuse or kill the process at every change in turn.
import { MemFiles, SimClock, pciAddress, silentLog } from '@vfleet/core';
import type { Inventory } from '@vfleet/core';
import { describe, expect, test } from 'vitest';
import { SriovCni } from '../../src/cni/index.ts';
import type { JsonObject } from '../../src/json/fields.ts';
import { FakeHardware } from '../node-fakes/fake-hardware.ts';
import { fakeNamespaces } from '../node-fakes/fake-namespaces.ts';
import { FakePodLinks } from '../node-fakes/fake-pod-links.ts';
import { inventoryOf, pfOf, vfOf } from '../node-fakes/inventories.ts';

const PF = '0000:81:00.0';
const VF = pciAddress('0000:81:01.0');
const OTHER = pciAddress('0000:81:01.1');
const NETNS = '/var/run/netns/pod-1';
const owner = { containerId: 'c1', ifname: 'net1' };
const ipam = { type: 'static', addresses: [{ address: '192.0.2.1/24' }, { address: '2001:DB8::1/64' }], routes: [{ dst: '198.51.100.7/24', gw: '192.0.2.254' }] };

class Killed extends Error {}

function named(index: number) {
  const vf = vfOf(PF, index, { representor: `rep${index}` });
  return { ...vf, netdev: { ...vf.netdev!, altNames: ['enp129s0v0', 'net1'] } };
}

function world(inventory: Inventory = inventoryOf(pfOf(PF, 'ens1f0', [named(0), vfOf(PF, 1)], { eswitchMode: 'switchdev' }))) {
  const clock = new SimClock();
  const hardware = new FakeHardware(inventory);
  for (const netns of [NETNS, '/var/run/netns/pod-2']) hardware.namespaces.add(netns);
  const podLinks = new FakePodLinks(hardware);
  podLinks.ports.set('rep0', { up: false, mtu: 1500, master: 'br-old' }).set('br-old', { up: true, mtu: 1500 }).set('br-new', { up: true, mtu: 1500 });
  const files = new MemFiles();
  const process = () => new SriovCni({ hardware, files, clock, log: silentLog, podLinks, namespaces: fakeNamespaces(hardware) });
  const state = () => JSON.stringify([hardware.state(), [...podLinks.ports]]);
  return { clock, hardware, podLinks, process, cni: process(), state, before: state(), leftovers: () => files.paths() };
}

function request(more: JsonObject = {}, containerId = 'c1') {
  const number = containerId.slice(1);
  return { pod: { namespace: 'default', name: `pod-${number}`, uid: `uid-${number}`, containerId, netns: `/var/run/netns/pod-${number}` }, ifname: 'net1', config: { type: 'sriov', name: 'net', deviceID: VF, bridge: 'br-new', mtu: 1400, ipam, ...more } };
}

describe('alternative names and representors', () => {
  test('the pod sees its own name only; the representor is up, as large, and on the bridge; then all is as it was', async () => {
    const { cni, hardware, podLinks, state, before, leftovers } = world();
    expect((await cni.attach(request())).ok).toBe(true);
    expect(hardware.placed.get(VF)?.netdev).toMatchObject({ name: 'net1', altNames: [] });
    expect(podLinks.ports.get('rep0')).toEqual({ up: true, mtu: 1400, master: 'br-new' });
    // What the pod itself calls it goes with the pod.
    await podLinks.setAltNames(VF, NETNS, ['mine']);
    expect(await cni.detach(owner)).toEqual({ ok: true, value: undefined });
    expect([state(), leftovers()]).toEqual([before, []]);
  });

  test('a bridge that went meanwhile does not keep the VF, and neither does a representor that went', async () => {
    for (const gone of ['br-old', 'rep0']) {
      const { cni, podLinks, leftovers } = world();
      await cni.attach(request());
      podLinks.ports.delete(gone);
      expect(await cni.detach(owner)).toEqual({ ok: true, value: undefined });
      expect(leftovers()).toEqual([]);
      expect(podLinks.ports.get('rep0')).toEqual(gone === 'rep0' ? undefined : { up: false, mtu: 1500 });
    }
  });

  test('a bridge for a VF that has no representor is refused, and nothing is left', async () => {
    const { cni, state, before, leftovers } = world();
    const refused = await cni.attach(request({ deviceID: OTHER }));
    expect(!refused.ok && refused.error).toMatchObject({ code: 101, cause: `VF ${OTHER} has no representor that could be a port of br-new` });
    expect([state(), leftovers()]).toEqual([before, []]);
  });

  test('every change refused, and the process killed after every change, of ADD and of DEL: one more DEL, and all is as it was', async () => {
    const counted = world();
    await counted.cni.attach(request());
    const inAdd = counted.podLinks.changes;
    await counted.cni.detach(owner);
    const all = counted.podLinks.changes;
    expect([inAdd, all]).toEqual([2, 4]);
    for (let at = 0; at < all; at++) {
      for (const kind of ['refused', 'killed'] as const) {
        const made = world();
        if (kind === 'refused') made.podLinks.before = (number) => number === at;
        else {
          made.podLinks.after = (number) => {
            if (number === at) throw new Killed();
          };
        }
        const run = async () => {
          const added = await made.cni.attach(request());
          return added.ok ? made.cni.detach(owner) : added;
        };
        if (kind === 'killed') await expect(run()).rejects.toThrow(Killed);
        else expect((await run()).ok).toBe(false);
        // Of an attachment that failed nothing is left already.
        if (kind === 'refused' && at < inAdd) expect([made.state(), made.leftovers()]).toEqual([made.before, []]);
        expect(await made.process().detach(owner)).toEqual({ ok: true, value: undefined });
        expect([made.state(), made.leftovers()], `${kind} ${at}`).toEqual([made.before, []]);
      }
    }
  });
});

describe('announcements', () => {
  test('as soon as the link has a carrier, once, and ADD does not wait for it', async () => {
    const { cni, podLinks, clock } = world();
    podLinks.notYet = 3;
    await cni.attach(request());
    expect(podLinks.announced).toEqual([]);
    await clock.run(250);
    expect(podLinks.announced).toEqual([]);
    await clock.run(100);
    expect(podLinks.announced).toEqual([[VF, ['192.0.2.1/24', '2001:db8::1/64']]]);
    await clock.run(60_000);
    expect(podLinks.announced).toHaveLength(1);
  });

  test('not for a pod that has gone, not for ever, and not after the end', async () => {
    for (const end of [async ({ cni }: ReturnType<typeof world>) => void (await cni.detach(owner)), async ({ cni }: ReturnType<typeof world>) => cni.stop(), async ({ clock }: ReturnType<typeof world>) => clock.run(60_000)]) {
      const made = world();
      made.podLinks.notYet = 1_000;
      await made.cni.attach(request());
      await end(made);
      made.podLinks.notYet = 0;
      await made.clock.run(60_000);
      expect(made.podLinks.announced).toEqual([]);
    }
  });

  test('whoever cannot wait is told so', async () => {
    const { cni, podLinks, clock } = world();
    podLinks.notYet = 1_000;
    await cni.attach(request());
    let over = false;
    void cni.announced(200).then(() => (over = true));
    await clock.run(150);
    expect(over).toBe(false);
    await clock.run(100);
    expect(over).toBe(true);
  });
});

describe('CHECK looks into the pod', () => {
  test.each<[string, string, (hardware: FakeHardware) => void]>([
    ['another MAC', 'net1 has the MAC 02:00:00:00:00:77 and not 02:00:00:00:81:00', (hardware) => change(hardware, { mac: '02:00:00:00:00:77' })],
    ['another name', `the interface of ${VF} is called eth7 and not net1`, (hardware) => change(hardware, { name: 'eth7' })],
    ['set down', 'net1 is down', (hardware) => change(hardware, { adminState: 'down' })],
    ['no address', 'net1 has no address 192.0.2.1/24', (hardware) => void (hardware.placed.get(VF)!.addresses = ['2001:0db8:0000:0000:0000:0000:0000:0001/64'])],
    ['no route', 'the route to 198.51.100.7/24 by 192.0.2.254 is gone', (hardware) => void (hardware.placed.get(VF)!.routes = [])],
    ['not there', `the interface of ${VF} is not in ${NETNS}`, (hardware) => void hardware.placed.delete(VF)],
  ])('%s', async (_, says, spoil) => {
    const { cni, hardware } = world();
    await cni.attach(request());
    expect(await cni.check(owner)).toEqual({ ok: true, value: undefined });
    spoil(hardware);
    const checked = await cni.check(owner);
    expect(!checked.ok && checked.error).toMatchObject({ code: 103, cause: says });
  });

  test('the words of the kernel for the same addresses and routes do, and more of them do no harm; a MAC that the chain has set is right', async () => {
    const { cni, hardware } = world();
    await cni.attach(request());
    Object.assign(hardware.placed.get(VF)!, { addresses: ['192.0.2.1/24', '2001:0db8:0000:0000:0000:0000:0000:0001/64', '203.0.113.9/32'], routes: [{ dst: '198.51.100.0/24', gw: '192.0.2.254' }, { dst: '203.0.113.0/24' }] });
    expect(await cni.check(owner)).toEqual({ ok: true, value: undefined });
    change(hardware, { mac: '02:00:00:00:00:88' });
    expect(await cni.check(owner, '02:00:00:00:00:88')).toEqual({ ok: true, value: undefined });
  });

  test('the representor too', async () => {
    const { cni, podLinks } = world();
    await cni.attach(request());
    podLinks.ports.set('rep0', { up: false, mtu: 1400, master: 'br-old' });
    const checked = await cni.check(owner);
    expect(!checked.ok && checked.error.cause).toBe('the representor rep0 of net1 is down; the representor rep0 of net1 is no port of br-new');
  });
});

describe('a MAC that somebody has', () => {
  const mac = '02:aa:00:00:00:01';

  test('behind the same PF, in the same VLAN: refused until the other is gone', async () => {
    const { cni, hardware } = world();
    await cni.attach(request({ mac }));
    const steps = hardware.steps.length;
    const refused = await cni.attach(request({ mac, deviceID: OTHER, bridge: null }, 'c2'));
    expect(!refused.ok && refused.error).toMatchObject({ code: 11, cause: `VF ${VF} of pod default/pod-1 (net1) has the MAC ${mac} already` });
    expect(hardware.steps).toHaveLength(steps);
    await cni.detach(owner);
    expect((await cni.attach(request({ mac, deviceID: OTHER, bridge: null }, 'c2'))).ok).toBe(true);
  });

  test('in another VLAN it is another station; the PF has one too', async () => {
    const { cni } = world();
    await cni.attach(request({ mac, vlan: 5 }));
    expect((await cni.attach(request({ mac, vlan: 6, deviceID: OTHER, bridge: null }, 'c2'))).ok).toBe(true);
    const ofPf = await world().cni.attach(request({ mac: '02:00:00:00:00:01' }));
    expect(!ofPf.ok && ofPf.error.cause).toBe('its PF ens1f0 has the MAC 02:00:00:00:00:01 already');
  });
});

function change(hardware: FakeHardware, netdev: Readonly<Record<string, string>>): void {
  const placed = hardware.placed.get(VF)!;
  placed.netdev = { ...placed.netdev, ...netdev };
}
