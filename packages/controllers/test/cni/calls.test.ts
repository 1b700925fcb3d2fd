// Goal: each command of the specification does what it says, in every version, and nobody's VF but the owner's is touched. Method: the plugin on
// hardware as data; answers are compared letter by letter, the hardware as a whole.
import { MemFiles, SimClock, pciAddress, silentLog } from '@vfleet/core';
import { describe, expect, test } from 'vitest';
import { CniCalls, SriovCni } from '../../src/cni/index.ts';
import { FakeHardware } from '../node-fakes/fake-hardware.ts';
import { fakeNamespaces } from '../node-fakes/fake-namespaces.ts';
import { inventoryOf, pfOf, vfOf } from '../node-fakes/inventories.ts';

const PF = '0000:81:00.0';
const STATE = '/var/lib/cni/vfleet';
const ipam = { type: 'host-local', subnet: '10.1.1.0/24', routes: [{ dst: '0.0.0.0/0' }] };

function world() {
  const hardware = new FakeHardware(inventoryOf(pfOf(PF, 'ens1f0', [vfOf(PF, 0), vfOf(PF, 1)])));
  const fault: { files: 'none' | 'io' } = { files: 'none' };
  const files = new MemFiles();
  for (const name of ['a', 'b']) hardware.namespaces.add(`/run/netns/${name}`);
  const clock = new SimClock();
  const cni = new SriovCni({ hardware, files, clock, log: silentLog, namespaces: fakeNamespaces(hardware) });
  const list = async (folder: string) => (fault.files === 'none' ? files.list(folder) : ({ ok: false, error: { code: 'io', path: folder, cause: 'the disk is broken' } } as const));
  const calls = new CniCalls({ cni, hardware, files: { list }, log: silentLog }, { stateFolder: STATE });
  const call = async (command: string, config: object, pod = 'a', more: Readonly<Record<string, string>> = {}) => {
    const environment = { CNI_COMMAND: command, CNI_CONTAINERID: pod, CNI_NETNS: `/run/netns/${pod}`, CNI_IFNAME: 'net1', ...more };
    const reply = await calls.handle({ environment, input: JSON.stringify(config) });
    return { ...reply, json: reply.output === '' ? undefined : (JSON.parse(reply.output) as Record<string, unknown>) };
  };
  return { hardware, files, cni, call, fault, before: hardware.state() };
}

const net = (more: object = {}) => ({ cniVersion: '1.1.0', name: 'net', type: 'sriov', deviceID: '0000:81:01.0', ipam, ...more });

describe('ADD', () => {
  test('answers with interface, addresses and routes', async () => {
    const { call } = world();
    expect(await call('ADD', net())).toMatchObject({
      status: 0,
      json: {
        cniVersion: '1.1.0', interfaces: [{ name: 'net1', mac: '02:00:00:00:81:00', mtu: 1500, sandbox: '/run/netns/a', pciID: '0000:81:01.0' }],
        ips: [{ interface: 0, address: '10.1.1.2/24', gateway: '10.1.1.1' }], routes: [{ dst: '0.0.0.0/0', gw: '10.1.1.1' }], dns: {},
      },
    });
  });

  test.each([['0.2.0', 'ip4'], ['0.3.0', 'ips'], ['0.3.1', 'ips'], ['0.4.0', 'ips'], ['1.0.0', 'ips']])('in version %s', async (cniVersion, key) => {
    const { call } = world();
    const { status, json } = await call('ADD', net({ cniVersion }));
    expect([status, json?.['cniVersion'], key in json!]).toEqual([0, cniVersion, true]);
  });

  test('a repeated one gives the same answer', async () => {
    const { call } = world();
    const first = await call('ADD', net());
    expect((await call('ADD', net())).output).toBe(first.output);
  });

  test('in a chain, what was before stays before', async () => {
    const { call } = world();
    const prevResult = { cniVersion: '1.0.0', interfaces: [{ name: 'eth0', sandbox: '/run/netns/a' }], ips: [{ interface: 0, address: '192.168.0.2/24' }], dns: { domain: 'x' } };
    const { json } = await call('ADD', net({ cniVersion: '1.0.0', prevResult }));
    expect(json).toMatchObject({ interfaces: [{ name: 'eth0' }, { name: 'net1' }], ips: [{ interface: 0, address: '192.168.0.2/24' }, { interface: 1, address: '10.1.1.2/24' }], dns: { domain: 'x' } });
  });

  test('a previous result that is none is refused before anything is done', async () => {
    const { call, hardware } = world();
    expect(await call('ADD', net({ prevResult: { ips: 5 } }))).toMatchObject({ status: 1, json: { code: 7, msg: expect.stringContaining('prevResult') as string } });
    expect(hardware.steps).toEqual([]);
  });

  test('errors are in the caller\'s version, with cause and remedy', async () => {
    const { call } = world();
    expect((await call('ADD', net({ cniVersion: '0.4.0', deviceID: '0000:99:00.1' }))).json).toEqual({ cniVersion: '0.4.0', code: 100, msg: 'the node has no VF 0000:99:00.1', details: 'Delete the pod, so that it gets another device.' });
    expect((await call('ADD', net({ cniVersion: '0.4.0', name: '/' }))).json).toMatchObject({ cniVersion: '0.4.0', code: 7 });
    expect((await call('ADD', net({ cniVersion: '8.0.0' }))).json).toMatchObject({ cniVersion: '1.1.0', code: 1 });
  });

  test('a VF of another pod is refused, with "try again"', async () => {
    const { call } = world();
    await call('ADD', net());
    expect((await call('ADD', net(), 'b')).json).toMatchObject({ code: 11, msg: expect.stringContaining('is in use by pod') as string });
  });
});

describe('an ADD whose caller has gone', () => {
  test('is taken back', async () => {
    const { call, hardware, before } = world();
    const { undo } = await call('ADD', net());
    await undo?.();
    expect(hardware.state()).toEqual(before);
  });

  test('is taken back also when the runtime\'s DEL has overtaken it and found nothing', async () => {
    const { call, cni, hardware, before } = world();
    const adding = call('ADD', net());
    expect(await call('DEL', net())).toMatchObject({ status: 0 });
    const { undo } = await adding;
    expect(await cni.attachments()).toMatchObject({ value: [{ containerId: 'a', state: 'attached' }] });
    await undo?.();
    expect(hardware.state()).toEqual(before);
  });

  test('is left alone when the same owner has asked again meanwhile, or has been deleted and attached anew', async () => {
    const { call, cni } = world();
    const first = await call('ADD', net());
    const second = await call('ADD', net());
    await first.undo?.();
    expect(await cni.attachments()).toMatchObject({ value: [{ containerId: 'a', state: 'attached' }] });
    await call('DEL', net());
    await call('ADD', net());
    await second.undo?.();
    expect(await cni.attachments()).toMatchObject({ value: [{ containerId: 'a', state: 'attached' }] });
  });
});

describe('DEL', () => {
  test('gives the VF back, twice, without namespace, and when there never was one', async () => {
    const { call, hardware, before } = world();
    await call('ADD', net());
    expect(await call('DEL', net(), 'a', { CNI_NETNS: '' })).toMatchObject({ status: 0, output: '' });
    expect(hardware.state()).toEqual(before);
    expect(await call('DEL', net())).toMatchObject({ status: 0, output: '' });
    expect(await call('DEL', { name: 'other', type: 'sriov' }, 'b')).toMatchObject({ status: 0, output: '' });
  });

  test('a late one does not touch the next pod\'s attachment of the same VF', async () => {
    const { call, cni } = world();
    await call('ADD', net());
    await call('DEL', net());
    await call('ADD', net(), 'b');
    await call('DEL', net());
    expect(await cni.attachments()).toMatchObject({ value: [{ containerId: 'b', state: 'attached' }] });
  });
});

describe('CHECK', () => {
  test('is content with what ADD did, and not with what somebody else did to it', async () => {
    const { call, hardware } = world();
    const { json } = await call('ADD', net({ vlan: 5 }));
    const checked = () => call('CHECK', net({ vlan: 5, prevResult: json }));
    expect(await checked()).toMatchObject({ status: 0, output: '' });
    await hardware.apply({ kind: 'setVf', pf: pciAddress(PF), vfIndex: 0, vlan: { id: 6, qos: 0, protocol: '802.1q' } });
    expect(await checked()).toMatchObject({ status: 1, json: { code: 103, msg: 'setting vlan of VF 0 on its PF was undone by somebody' } });
  });

  test('needs the result of ADD, and one that has the interface', async () => {
    const { call } = world();
    await call('ADD', net());
    expect((await call('CHECK', net())).json).toMatchObject({ code: 7 });
    expect((await call('CHECK', net({ prevResult: { interfaces: [{ name: 'eth0', sandbox: '/run/netns/a' }] } }))).json).toMatchObject({ code: 103 });
    expect((await call('CHECK', net({ prevResult: { interfaces: [{ name: 'net1', sandbox: '/run/netns/b' }] } }))).json).toMatchObject({ code: 103 });
  });
});

describe('STATUS', () => {
  const status = { cniVersion: '1.1.0', name: 'net', type: 'sriov' };

  test('is silent while all is well', async () => {
    expect(await world().call('STATUS', status)).toMatchObject({ status: 0, output: '' });
  });

  test('50 when the NICs cannot be read, 51 when what runs cannot be taken down either', async () => {
    const made = world();
    made.fault.files = 'io';
    expect((await made.call('STATUS', status)).json).toMatchObject({ code: 51, msg: 'the disk is broken' });
    made.hardware.failDiscovery = { code: 'io', device: 'host', cause: 'netlink is gone', remedy: 'Reboot.' };
    expect((await made.call('STATUS', status)).json).toMatchObject({ code: 50, msg: 'the NICs cannot be read: netlink is gone', details: 'Reboot.' });
  });
});

describe('GC', () => {
  const gc = (...valid: readonly object[]) => ({ cniVersion: '1.1.0', name: 'net', type: 'sriov', 'cni.dev/valid-attachments': valid });

  test('takes back what is not valid, of its own network only', async () => {
    const { call, cni } = world();
    await call('ADD', net());
    await call('ADD', net({ name: 'other', deviceID: '0000:81:01.1' }), 'b');
    expect(await call('GC', gc({ containerID: 'a', ifname: 'net1' }))).toMatchObject({ status: 0 });
    expect(await cni.attachments()).toMatchObject({ value: [{ containerId: 'a' }, { containerId: 'b' }] });
    expect(await call('GC', gc({ containerID: 'a', ifname: 'net2' }))).toMatchObject({ status: 0 });
    expect(await cni.attachments()).toMatchObject({ value: [{ containerId: 'b' }] });
  });

  test.each([[{ 'cni.dev/valid-attachments': undefined }], [{ 'cni.dev/valid-attachments': {} }], [{ 'cni.dev/valid-attachments': [{ containerID: 'a' }] }], [{ 'cni.dev/valid-attachments': ['a'] }]])('a list that is none takes nothing: %j', async (more) => {
    const { call, cni } = world();
    await call('ADD', net());
    expect((await call('GC', { ...gc(), ...more })).json).toMatchObject({ code: 7 });
    expect(await cni.attachments()).toMatchObject({ value: [{ containerId: 'a' }] });
  });
});

test('VERSION names all versions', async () => {
  expect((await world().call('VERSION', { cniVersion: '1.0.0' })).json).toEqual({ cniVersion: '1.0.0', supportedVersions: ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] });
});

test('orphans: what is with a namespace that has gone is taken back, the rest stays', async () => {
  const { call, cni, hardware } = world();
  await call('ADD', net());
  await call('ADD', net({ deviceID: '0000:81:01.1' }), 'b');
  hardware.removeNamespace('/run/netns/a');
  expect((await cni.collectOrphans()).ok).toBe(true);
  expect(await cni.attachments()).toMatchObject({ value: [{ containerId: 'b' }] });
});
