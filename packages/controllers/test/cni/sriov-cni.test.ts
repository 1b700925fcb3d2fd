// Goal: a VF comes into a pod as configured, and whatever fails or dies on the way, it is as it was before.
// Method: fake hardware and files that refuse, or kill the process, at every write in turn; the state before and after is compared
// as a whole.
import { MemFiles, SimClock, pciAddress, silentLog } from '@vfleet/core';
import type { HardwareErrorCode, Inventory, PciAddress, WriteFault } from '@vfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SriovCni } from '../../src/cni/index.ts';
import type { SriovAttachRequest } from '../../src/cni/index.ts';
import type { JsonObject } from '../../src/json/fields.ts';
import { FakeHardware } from '../node-fakes/fake-hardware.ts';
import { fakeNamespaces } from '../node-fakes/fake-namespaces.ts';
import { inventoryOf, pfOf, vfioVfOf, vfOf, withoutDriver } from '../node-fakes/inventories.ts';

const PF = '0000:81:00.0';
const VF = pciAddress('0000:81:01.0');
const NETNS = '/var/run/netns/pod-1';
const RECORDS = '/var/lib/cni/vfleet/vfs';

const full: JsonObject = {
  type: 'sriov', name: 'net', deviceID: VF, vlan: 100, vlanQoS: 2, mac: '02:aa:00:00:00:01', min_tx_rate: 10, max_tx_rate: 100, spoofchk: 'off', trust: 'on', link_state: 'enable', mtu: 1400,
  ipam: { type: 'host-local', subnet: '10.10.10.0/24', rangeStart: '10.10.10.100', routes: [{ dst: '0.0.0.0/0' }] },
};

/** Thrown by a port: the process has died, and nothing of it runs any more. */
class Killed extends Error {}

function world(inventory: Inventory = inventoryOf(pfOf(PF, 'ens1f0', [vfOf(PF, 0), vfOf(PF, 1)]))) {
  const clock = new SimClock();
  const hardware = new FakeHardware(inventory);
  hardware.namespaces.add(NETNS);
  const fault: { file: WriteFault } = { file: () => 'none' };
  const files = new MemFiles((operation, path, text) => fault.file(operation, path, text));
  const quarantines: (readonly (readonly [PciAddress, string])[])[] = [];
  const process = () =>
    new SriovCni(
      { hardware, files, clock, log: silentLog, namespaces: fakeNamespaces(hardware) },
      { onQuarantine: (devices) => void quarantines.push([...devices]) },
    );
  return { clock, hardware, files, fault, quarantines, process, cni: process(), before: hardware.state(), leftovers: () => files.paths().filter((path) => !path.includes('last_reserved_ip')) };
}

const isolated: JsonObject = { ...full, rdmaIsolation: true };

/** RDMA devices that one namespace has at a time. */
function withRdma(): Inventory {
  return { ...inventoryOf(pfOf(PF, 'ens1f0', [vfOf(PF, 0, { rdmaDevices: ['rocep1s0v0'] }), vfOf(PF, 1)])), rdmaMode: 'exclusive' };
}

function request(more: { readonly config?: JsonObject; readonly containerId?: string; readonly netns?: string; readonly ifname?: string } = {}): SriovAttachRequest {
  const { containerId = 'c1', netns = NETNS, ifname = 'net1', config = full } = more;
  return { pod: { namespace: 'default', name: `pod-${containerId}`, uid: `uid-${containerId}`, containerId, netns }, ifname, config };
}

const owner = { containerId: 'c1', ifname: 'net1' };

describe('attach and detach', () => {
  test('a kernel VF comes into the pod as configured, and goes back as it was', async () => {
    const { cni, hardware, before, leftovers } = world();
    expect(await cni.attach(request())).toEqual({
      ok: true,
      value: {
        interface: 'net1', mac: '02:aa:00:00:00:01', mtu: 1400, ips: [{ address: '10.10.10.100/24', gateway: '10.10.10.1' }], routes: [{ dst: '0.0.0.0/0', gw: '10.10.10.1' }], gateway: ['10.10.10.1'], dns: {},
      },
    });
    expect(hardware.placed.get(VF)).toEqual({
      netns: NETNS, netdev: { name: 'net1', altNames: [], mac: '02:aa:00:00:00:01', mtu: 1400, adminState: 'up', carrier: false }, addresses: ['10.10.10.100/24'], routes: [{ dst: '0.0.0.0/0', gw: '10.10.10.1' }],
    });
    expect(hardware.vf(VF)!.vf.settings).toEqual({ mac: '02:aa:00:00:00:01', vlan: 100, vlanQos: 2, vlanProtocol: '802.1q', spoofCheck: false, trust: true, minTxRateMbps: 10, maxTxRateMbps: 100, linkState: 'enable' });
    expect(await cni.attachments()).toEqual({ ok: true, value: [{ device: VF, ...owner, state: 'attached', podNamespace: 'default', podName: 'pod-c1' }] });
    expect(await cni.check(owner)).toEqual({ ok: true, value: undefined });
    expect(await cni.detach(owner)).toEqual({ ok: true, value: undefined });
    expect(hardware.state()).toEqual(before);
    expect(leftovers()).toEqual([]);
  });

  test('only what is set is written, and nothing that is so already', async () => {
    const { cni, hardware } = world();
    await cni.attach(request({ config: { type: 'sriov', name: 'net', deviceID: VF, vlan: 0, vlanQoS: 0, spoofchk: 'on', link_state: 'auto', ipam: {} } }));
    expect(hardware.steps.map(({ kind }) => kind)).toEqual(['moveNetdev', 'setLink']);
  });

  test('a VF in user space gets its settings, and addresses that are only reported', async () => {
    const { cni, hardware, before, leftovers } = world(inventoryOf(pfOf(PF, 'ens1f0', [vfioVfOf(PF, 0)], { netdev: { ...pfOf(PF, 'ens1f0', []).netdev!, mtu: 9000 } })));
    const result = await cni.attach(request());
    expect(result.ok && result.value).toMatchObject({ interface: 'net1', mac: '02:aa:00:00:00:01', mtu: 9000, ips: [{ address: '10.10.10.100/24' }] });
    expect(new Set(hardware.steps.map(({ kind }) => kind))).toEqual(new Set(['setVf']));
    await cni.detach(owner);
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });

  test('where the PF fixes the MAC until the driver is bound again, it is bound again', async () => {
    const made = world();
    made.hardware.macNeedsRebind = true;
    const result = await made.cni.attach(request());
    expect(result.ok && result.value.mac).toBe('02:aa:00:00:00:01');
    expect(made.hardware.steps.map(({ kind }) => kind)).toContain('unbindDriver');
    await made.cni.detach(owner);
    expect(made.hardware.state()).toEqual(made.before);
  });

  test('with rdmaIsolation the RDMA device goes along, and comes back; CHECK sees that it did; without it stays', async () => {
    const { cni, hardware, before, leftovers } = world(withRdma());
    expect((await cni.attach(request({ config: isolated }))).ok).toBe(true);
    expect([...hardware.rdmaAway]).toEqual([['rocep1s0v0', NETNS]]);
    expect(await cni.check(owner)).toEqual({ ok: true, value: undefined });
    hardware.rdmaAway.clear();
    expect(await cni.check(owner)).toMatchObject({ ok: false, error: { cause: expect.stringContaining('the RDMA device rocep1s0v0 of 0000:81:01.0 is on the host') } });
    expect(await cni.detach(owner)).toEqual({ ok: true, value: undefined });
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
    // The plugin `rdma` after ours in a chain moves it.
    await cni.attach(request());
    expect(hardware.steps.filter(({ kind }) => kind === 'moveRdma').length).toBe(2);
  });

  test.each([0, 5])('an RDMA device that has another name after its driver was bound again, and appears after %i looks, goes along and comes back', async (afterSights) => {
    const { cni, clock, process, hardware, leftovers } = world(withRdma());
    hardware.macNeedsRebind = true;
    hardware.rdmaRenames.set('rocep1s0v0', { name: 'mlx5_7', afterSights });
    expect((await clock.settle(cni.attach(request({ config: isolated })))).ok).toBe(true);
    expect([...hardware.rdmaAway]).toEqual([['mlx5_7', NETNS]]);
    expect(await cni.check(owner)).toEqual({ ok: true, value: undefined });
    hardware.rdmaRenames.clear();
    // Another process knows it by its new name too.
    expect(await process().detach(owner)).toEqual({ ok: true, value: undefined });
    expect([[...hardware.rdmaAway], leftovers()]).toEqual([[], []]);
    expect(hardware.steps.filter(({ kind }) => kind === 'moveRdma').at(-1)).toMatchObject({ rdmaDevice: 'mlx5_7', to: 'host' });
  });

  test('killed when an RDMA device with a new name has moved: it comes back by that name', async () => {
    const { cni, process, hardware, leftovers } = world(withRdma());
    hardware.macNeedsRebind = true;
    hardware.rdmaRenames.set('rocep1s0v0', { name: 'mlx5_7', afterSights: 0 });
    hardware.after = (step) => {
      if (step.kind === 'moveRdma' && step.rdmaDevice === 'mlx5_7') throw new Killed();
    };
    await expect(cni.attach(request({ config: isolated }))).rejects.toThrow(Killed);
    expect([...hardware.rdmaAway]).toEqual([['mlx5_7', NETNS]]);
    hardware.after = () => {};
    hardware.rdmaRenames.clear();
    expect(await process().detach(owner)).toEqual({ ok: true, value: undefined });
    expect([[...hardware.rdmaAway], leftovers()]).toEqual([[], []]);
  });

  test('rdmaIsolation in the mode shared, or with a VF without RDMA: refused before anything is changed', async () => {
    for (const inventory of [{ ...withRdma(), rdmaMode: 'shared' as const }, { ...inventoryOf(pfOf(PF, 'ens1f0', [vfOf(PF, 0)])), rdmaMode: 'exclusive' as const }]) {
      const { cni, hardware, leftovers } = world(inventory);
      const refused = await cni.attach(request({ config: isolated }));
      expect(!refused.ok && refused.error).toMatchObject({ cause: expect.stringContaining('rdmaIsolation'), remedy: expect.stringContaining('rdmaMode: exclusive') });
      expect([hardware.steps, leftovers()]).toEqual([[], []]);
    }
  });

  test('an RDMA device that its driver does not give away: ADD fails and says so, and all is as before', async () => {
    const { cni, hardware, before, leftovers } = world(withRdma());
    hardware.before = (step) => (step.kind === 'moveRdma' && step.from === 'host' ? 'unsupported' : 'none');
    const refused = await cni.attach(request({ config: isolated }));
    expect(!refused.ok && refused.error.cause).toContain('moving the RDMA device');
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });

  test('InfiniBand: the GUID is set and the driver bound again', async () => {
    const { cni, hardware } = world(inventoryOf(pfOf(PF, 'ib0', [vfOf(PF, 0, { driver: 'mlx5_core', settings: { ...vfOf(PF, 0).settings, nodeGuid: '00:00:00:00:00:00:00:00', portGuid: '00:00:00:00:00:00:00:00' } })], { linkType: 'IB' })));
    const result = await cni.attach(request({ config: { type: 'ib-sriov', name: 'ib', deviceID: VF, link_state: 'enable', runtimeConfig: { infinibandGUID: '02:11:22:33:44:55:66:77' } } }));
    expect(result.ok).toBe(true);
    expect(hardware.vf(VF)!.vf.settings).toMatchObject({ nodeGuid: '02:11:22:33:44:55:66:77', portGuid: '02:11:22:33:44:55:66:77', linkState: 'enable' });
    expect(hardware.steps.map(({ kind }) => kind)).toEqual(['setVf', 'setVf', 'setVf', 'unbindDriver', 'bindDriver', 'moveNetdev', 'setLink']);
    await cni.detach(owner);
    expect(hardware.vf(VF)!.vf.settings.portGuid).toBe('00:00:00:00:00:00:00:00');
  });

  test('a repeated ADD gives the same result and does nothing; a repeated DEL succeeds', async () => {
    const { cni, hardware } = world();
    const first = await cni.attach(request());
    const steps = hardware.steps.length;
    expect(await cni.attach(request())).toEqual(first);
    expect(hardware.steps.length).toBe(steps);
    expect([await cni.detach(owner), await cni.detach(owner), await cni.detach({ containerId: 'never', ifname: 'net1' })]).toEqual(Array(3).fill({ ok: true, value: undefined }));
  });

  test('an ADD of the same interface with another configuration replaces the first', async () => {
    const { cni, hardware } = world();
    await cni.attach(request());
    await cni.attach(request({ config: { type: 'sriov', name: 'net', deviceID: VF, vlan: 7 } }));
    expect(hardware.vf(VF)!.vf.settings).toMatchObject({ vlan: 7, trust: false, mac: '00:00:00:00:00:00' });
  });

  test('what the pod itself changed is restored too', async () => {
    const { cni, hardware, before } = world();
    await cni.attach(request({ config: { type: 'sriov', name: 'net', deviceID: VF } }));
    const placed = hardware.placed.get(VF)!;
    placed.netdev = { ...placed.netdev, mac: '02:ba:d0:00:00:01', mtu: 9000, name: 'mine' };
    await cni.detach(owner);
    expect(hardware.state()).toEqual(before);
  });

  test('the default route of another interface is left to it, and a requested gateway replaces the network\'s own', async () => {
    const { cni } = world();
    const without = await cni.attach({ ...request(), routing: { defaultGateways: [], withoutDefault: [4] } });
    expect(without.ok && [without.value.routes, without.value.gateway]).toEqual([[], []]);
    await cni.detach(owner);
    const other = await cni.attach({ ...request(), routing: { defaultGateways: ['10.10.10.7'], withoutDefault: [] } });
    expect(other.ok && [other.value.routes, other.value.gateway]).toEqual([[{ dst: '0.0.0.0/0', gw: '10.10.10.7' }], ['10.10.10.7']]);
  });
});

describe('who may have a VF', () => {
  test('a VF of a living pod is refused, and kept', async () => {
    const { cni, hardware } = world();
    await cni.attach(request());
    hardware.namespaces.add('/var/run/netns/pod-2');
    const refused = await cni.attach(request({ containerId: 'c2', netns: '/var/run/netns/pod-2' }));
    expect(!refused.ok && refused.error).toMatchObject({ code: 11, cause: `VF ${VF} is in use by pod default/pod-c1 (net1)` });
    expect(hardware.placed.get(VF)!.netns).toBe(NETNS);
  });

  test('two networks of one pod that were given the same VF are told so', async () => {
    const { cni, hardware } = world();
    await cni.attach(request());
    const refused = await cni.attach(request({ ifname: 'net2' }));
    expect(!refused.ok && refused.error).toMatchObject({ code: 11, cause: `VF ${VF} is in use by pod default/pod-c1 (net1), and its next network was given the same one`, remedy: expect.stringContaining('Use a resource for each') });
    expect(hardware.placed.get(VF)!.netns).toBe(NETNS);
  });

  test('a VF whose pod died without DEL is taken over clean; the late DEL does not touch its new owner', async () => {
    const { cni, hardware, leftovers } = world();
    await cni.attach(request());
    hardware.removeNamespace(NETNS);
    hardware.namespaces.add('/var/run/netns/pod-2');
    const plain = { type: 'sriov', name: 'net', deviceID: VF };
    expect((await cni.attach(request({ containerId: 'c2', netns: '/var/run/netns/pod-2', config: plain }))).ok).toBe(true);
    expect(hardware.vf(VF)!.vf.settings).toEqual(vfOf(PF, 0).settings);
    expect(await cni.detach(owner)).toEqual({ ok: true, value: undefined });
    expect(hardware.placed.get(VF)).toMatchObject({ netns: '/var/run/netns/pod-2', netdev: { name: 'net1' } });
    expect(leftovers()).toEqual([`${RECORDS}/${VF},c2,net1.json`]);
  });

  test('GC takes back what nobody owns any more', async () => {
    const { cni, hardware, before, leftovers } = world();
    await cni.attach(request());
    expect(await cni.collectGarbage((one) => one.containerId === 'c1' && one.ifname === 'net1')).toEqual({ ok: true, value: undefined });
    expect((await cni.check(owner)).ok).toBe(true);
    await cni.collectGarbage((one) => one.ifname === 'net2');
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });

  test('CHECK finds what somebody else changed', async () => {
    const { cni, hardware } = world();
    await cni.attach(request());
    await hardware.apply({ kind: 'setVf', pf: pciAddress(PF), vfIndex: 0, vlan: { id: 5, qos: 0, protocol: '802.1q' } });
    const checked = await cni.check(owner);
    expect(!checked.ok && checked.error).toMatchObject({ code: 103, cause: 'setting vlan of VF 0 on its PF was undone by somebody' });
    expect(await cni.check({ containerId: 'x', ifname: 'net1' })).toMatchObject({ ok: false, error: { code: 103 } });
  });
});

describe('what cannot be', () => {
  test.each<[string, SriovAttachRequest, number, string]>([
    ['no such device', request({ config: { ...full, deviceID: '0000:81:05.0' } }), 100, 'no VF 0000:81:05.0'],
    ['a container id that would be a path', request({ containerId: '../x' }), 4, 'no container id'],
    ['an interface name that is too long', request({ ifname: 'a-name-that-is-too-long' }), 4, 'no interface name'],
    ['a bad configuration', request({ config: { ...full, vlan: 5000 } }), 7, '"vlan" is 5000'],
    ['an unknown IPAM plugin', request({ config: { ...full, ipam: { type: 'dhcp' } } }), 5, '"dhcp" is not built in'],
    ['a wrong ipam section', request({ config: { ...full, ipam: { type: 'host-local' } } }), 7, 'neither "ranges" nor "subnet"'],
    ['an address outside the range', request({ config: { ...full, runtimeConfig: { ips: ['10.9.9.9'] } } }), 102, '10.9.9.9'],
    ['a namespace that is not there', request({ netns: '/var/run/netns/none' }), 100, 'moving the interface'],
  ])('%s', async (_name, wrong, code, words) => {
    const { cni, hardware, before, leftovers } = world();
    const refused = await cni.attach(wrong);
    expect(!refused.ok && refused.error).toMatchObject({ code, cause: expect.stringContaining(words), remedy: expect.stringMatching(/./) });
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });

  test('a VF without driver, and one whose interface is not there yet', async () => {
    const driverless = await world(inventoryOf(pfOf(PF, 'ens1f0', [withoutDriver(vfOf(PF, 0))]))).cni.attach(request());
    expect(!driverless.ok && driverless.error).toMatchObject({ code: 100, cause: `VF ${VF} has no driver` });
    const { netdev: _, ...late } = vfOf(PF, 0);
    const waiting = await world(inventoryOf(pfOf(PF, 'ens1f0', [late]))).cni.attach(request());
    expect(!waiting.ok && waiting.error).toMatchObject({ code: 11 });
  });

  test('a VF that went away with a pod\'s interface is forgotten, with its address', async () => {
    const { cni, hardware, leftovers } = world();
    await cni.attach(request());
    hardware.become(inventoryOf(pfOf(PF, 'ens1f0', [])));
    expect(await cni.detach(owner)).toEqual({ ok: true, value: undefined });
    expect(leftovers()).toEqual([]);
  });

  test('a record that cannot be read is never guessed at', async () => {
    const { cni, files, hardware } = world();
    await files.create(`${RECORDS}/${VF},c0,net1.json`, '{"version": 9}');
    const refused = await cni.attach(request());
    expect(!refused.ok && refused.error).toMatchObject({ code: 6, remedy: expect.stringContaining('by hand') });
    expect(hardware.steps).toEqual([]);
  });
});

/** Counts the writes of one run without faults. */
async function writesOf(run: (cni: SriovCni) => Promise<unknown>, prepare: (cni: SriovCni) => Promise<unknown> = async () => {}) {
  const made = world();
  await prepare(made.cni);
  const stepsBefore = made.hardware.steps.length;
  let fileWrites = 0;
  made.fault.file = () => {
    fileWrites++;
    return 'none';
  };
  await run(made.cni);
  return { steps: made.hardware.steps.length - stepsBefore, fileWrites };
}

const add = (cni: SriovCni) => cni.attach(request());
const del = (cni: SriovCni) => cni.detach(owner);

describe('every write may fail', () => {
  test('a step refused during ADD: everything is taken back, the answer says which step', async () => {
    const { steps } = await writesOf(add);
    expect(steps).toBeGreaterThan(9);
    for (const code of ['busy', 'unsupported', 'gone'] satisfies HardwareErrorCode[]) {
      for (let at = 0; at < steps; at++) {
        const made = world();
        made.hardware.before = (_, number) => (number === at ? code : 'none');
        const refused = await add(made.cni);
        expect(!refused.ok && refused.error).toMatchObject({ code: { busy: 11, unsupported: 101, gone: 100 }[code], cause: expect.stringContaining(`of ${made.hardware.steps[at]!.kind === 'setVf' ? PF : VF} failed`) });
        expect([made.hardware.state(), made.leftovers()]).toEqual([made.before, []]);
        made.hardware.before = () => 'none';
        expect((await add(made.cni)).ok).toBe(true);
      }
    }
  });

  test('a step refused during DEL: the record stays, and the repeated DEL completes', async () => {
    const { steps } = await writesOf(del, add);
    expect(steps).toBeGreaterThan(7);
    for (let at = 0; at < steps; at++) {
      const made = world();
      await add(made.cni);
      const offset = made.hardware.steps.length;
      made.hardware.before = (_, number) => (number === offset + at ? 'busy' : 'none');
      const refused = await del(made.cni);
      expect(!refused.ok && refused.error.code).toBe(11);
      expect(made.leftovers().some((path) => path.startsWith(RECORDS))).toBe(true);
      expect(await del(made.cni)).toEqual({ ok: true, value: undefined });
      expect([made.hardware.state(), made.leftovers()]).toEqual([made.before, []]);
    }
  });

  test('a file write refused during ADD or DEL: taken back, or repeated to completion', async () => {
    for (const [run, prepare] of [[add, async () => {}], [del, add]] as const) {
      const { fileWrites } = await writesOf(run, prepare);
      expect(fileWrites).toBeGreaterThan(2);
      for (let at = 0; at < fileWrites; at++) {
        const made = world();
        await prepare(made.cni);
        let writes = 0;
        made.fault.file = () => (writes++ === at ? 'noSpace' : 'none');
        const refused = await run(made.cni);
        expect(!refused.ok && refused.error.code).toBe(5);
        made.fault.file = () => 'none';
        expect((await del(made.cni)).ok).toBe(true);
        expect([made.hardware.state(), made.leftovers()]).toEqual([made.before, []]);
      }
    }
  });
});

describe('the process may die at every write', () => {
  const runs = [['ADD', add, async () => {}], ['DEL', del, add]] as const;
  const afterwards = [
    ['the runtime repeats the call', async (made: ReturnType<typeof world>, run: (cni: SriovCni) => Promise<{ readonly ok: boolean }>) => run(made.process())],
    ['the new process recovers by itself, then the call is repeated', async (made: ReturnType<typeof world>, run: (cni: SriovCni) => Promise<{ readonly ok: boolean }>) => {
      const cni = made.process();
      await cni.recover();
      return run(cni);
    }],
  ] as const;

  async function die(made: ReturnType<typeof world>, run: (cni: SriovCni) => Promise<unknown>, arm: () => void) {
    arm();
    const outcome = await run(made.cni).catch((error: unknown) => error);
    made.hardware.before = () => 'none';
    made.hardware.after = () => {};
    made.fault.file = () => 'none';
    expect(outcome).toBeInstanceOf(Killed);
  }

  const kill = (): never => {
    throw new Killed();
  };

  async function consistent(made: ReturnType<typeof world>, run: typeof add | typeof del, after: (typeof afterwards)[number][1]) {
    expect((await after(made, run)).ok).toBe(true);
    const clean = run === add ? [VF] : [];
    expect([...made.hardware.placed].filter(([, placed]) => placed.netns === NETNS).map(([device]) => device)).toEqual(clean);
    expect((await made.process().detach(owner)).ok).toBe(true);
    expect([made.hardware.state(), made.leftovers()]).toEqual([made.before, []]);
  }

  for (const [name, run, prepare] of runs) {
    test.each(afterwards)(`${name}: %s`, async (_after, after) => {
      const { steps, fileWrites } = await writesOf(run, prepare);
      expect(Math.min(steps, fileWrites)).toBeGreaterThan(2);
      for (let at = 0; at < steps; at++) {
        for (const when of ['before', 'after'] as const) {
          const made = world();
          await prepare(made.cni);
          const offset = made.hardware.steps.length;
          await die(made, run, () => {
            const dieAt = (number: number): 'none' => (number === offset + at ? kill() : 'none');
            if (when === 'before') made.hardware.before = (_, number) => dieAt(number);
            else made.hardware.after = (_, number) => void dieAt(number);
          });
          await consistent(made, run, after);
        }
      }
      for (let at = 0; at < fileWrites; at++) {
        const made = world();
        await prepare(made.cni);
        let writes = 0;
        await die(made, run, () => {
          made.fault.file = () => (writes++ === at ? kill() : 'none');
        });
        await consistent(made, run, after);
      }
    });
  }

  test('any number of deaths, refusals and repetitions in any order: one more DEL, and all is as before', async () => {
    const life = fc.record({
      call: fc.constantFrom<(cni: SriovCni) => Promise<unknown>>(add, del, (cni) => cni.recover()),
      at: fc.nat(14),
      how: fc.constantFrom('die before', 'die after', 'refuse', 'no space', 'die at file', 'nothing'),
      namespaceGoes: fc.boolean(),
    });
    await fc.assert(fc.asyncProperty(fc.array(life, { maxLength: 8 }), fc.boolean(), fc.boolean(), async (lives, macNeedsRebind, hasRdma) => {
      const made = hasRdma ? world(withRdma()) : world();
      made.hardware.macNeedsRebind = macNeedsRebind;
      for (const { call, at, how, namespaceGoes } of lives) {
        const offset = made.hardware.steps.length;
        let writes = 0;
        made.hardware.before = (_, number) => (number !== offset + at ? 'none' : how === 'die before' ? kill() : how === 'refuse' ? 'busy' : 'none');
        made.hardware.after = (_, number) => (number === offset + at && how === 'die after' ? kill() : undefined);
        made.fault.file = () => (writes++ !== at ? 'none' : how === 'die at file' ? kill() : how === 'no space' ? 'noSpace' : 'none');
        const cni = made.process();
        const thrown = await (call === add && hasRdma ? cni.attach(request({ config: isolated })) : call(cni)).then(() => undefined, (error: unknown) => error);
        expect(thrown === undefined || thrown instanceof Killed).toBe(true);
        cni.stop();
        if (namespaceGoes) made.hardware.removeNamespace(NETNS);
        made.hardware.namespaces.add(NETNS);
      }
      made.hardware.before = () => 'none';
      made.hardware.after = () => {};
      made.fault.file = () => 'none';
      expect((await made.process().detach(owner)).ok).toBe(true);
      expect([made.hardware.state(), made.leftovers()]).toEqual([made.before, []]);
    }), { numRuns: 300 });
  });

  test('a driver that was taken away for its MAC is bound again', async () => {
    const made = world();
    made.hardware.macNeedsRebind = true;
    await die(made, add, () => {
      made.hardware.after = (step) => (step.kind === 'unbindDriver' ? kill() : undefined);
    });
    await made.process().recover();
    expect([made.hardware.state(), made.leftovers()]).toEqual([made.before, []]);
  });
});

describe('when taking back fails', () => {
  test('it is retried in the background, and then nothing is left', async () => {
    const { cni, hardware, clock, before, leftovers } = world();
    await add(cni);
    hardware.before = ({ kind }) => (kind === 'moveNetdev' ? 'busy' : 'none');
    expect((await del(cni)).ok).toBe(false);
    hardware.before = () => 'none';
    await clock.run(1_500);
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
    expect(clock.pending).toBe(0);
  });

  test('after four tries the VF is quarantined, refused to others and tried again every five minutes; then it is free', async () => {
    const { cni, hardware, clock, before, leftovers, quarantines, process } = world();
    await add(cni);
    hardware.before = (step) => (step.kind === 'setVf' && step.vlan?.id === 0 ? 'invalid' : 'none');
    expect((await del(cni)).ok).toBe(false);
    await clock.run(20_000);
    expect(quarantines).toEqual([[[VF, expect.stringContaining('setting vlan of VF 0')]]]);
    expect(await cni.attachments()).toMatchObject({ ok: true, value: [{ state: 'quarantined' }] });
    const refused = await cni.attach(request({ containerId: 'c2' }));
    expect(!refused.ok && refused.error).toMatchObject({ code: 11, cause: expect.stringContaining('has not been given back by net1 of c1 yet') });
    cni.stop();
    const next = process();
    await next.recover();
    hardware.before = () => 'none';
    await clock.run(301_000);
    expect(quarantines.at(-1)).toEqual([]);
    expect([hardware.state(), leftovers(), clock.pending]).toEqual([before, [], 0]);
  });

  test('a process that starts tells which VFs are unfit, also that none is any more', async () => {
    const { cni, hardware, clock, quarantines, process } = world();
    await add(cni);
    hardware.before = (step) => (step.kind === 'setVf' && step.vlan?.id === 0 ? 'invalid' : 'none');
    await del(cni);
    await clock.run(20_000);
    cni.stop();
    const second = process();
    await second.recover();
    expect(quarantines.at(-1)).toEqual([[VF, expect.stringContaining('setting vlan of VF 0')]]);
    expect([...second.quarantined.keys()]).toEqual([VF]);
    second.stop();
    hardware.before = () => 'none';
    await process().recover();
    expect(quarantines.at(-1)).toEqual([]);
  });

  test('an interface that cannot have its name on the host comes back under another, and gets it when it is free', async () => {
    const { cni, hardware, clock, before } = world();
    await add(cni);
    const other = hardware.placed.get(pciAddress('0000:81:01.1'))!;
    const [ownName, othersName] = ['81v0', other.netdev.name];
    other.netdev = { ...other.netdev, name: ownName };
    expect((await del(cni)).ok).toBe(false);
    expect(hardware.placed.get(VF)).toMatchObject({ netns: 'host', netdev: { name: 'vf000081010' } });
    other.netdev = { ...other.netdev, name: othersName };
    await clock.run(1_500);
    expect(hardware.state()).toEqual(before);
  });

  test('a setting that the hardware accepts and does not take is noticed', async () => {
    const { cni, hardware } = world();
    await add(cni);
    const apply = hardware.apply.bind(hardware);
    hardware.apply = async (step) => (step.kind === 'setVf' && step.trust === false ? { ok: true, value: undefined } : apply(step));
    const refused = await del(cni);
    expect(!refused.ok && refused.error.cause).toContain('is not as it was before the pod: setting trust of VF 0 on its PF had no effect');
  });
});
