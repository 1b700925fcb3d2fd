// Goal: with an ADD the representor of a VF comes up and becomes a port of the network's bridge, with the DEL it is what it was. Method: a device with
// real representors; its VFs have no PCI function, so that the inventory is told one, used in user space, which leaves the plugin the representor
// as the only thing to change; iproute2 reads what became of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SriovCni } from '@vfleet/controllers/cni/index.ts';
import { MemFiles, fail, hardwareError, ok, pciAddress, silentLog, sightOfVf } from '@vfleet/core';
import type { Hardware, PfObservation, VfObservation } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { LinuxPodLinks } from '@vfleet/hw-linux/pod-links/pod-links.ts';
import { representorOf } from '@vfleet/hw-linux/links.ts';
import { ip, ipJson, realHardware } from '../support.ts';
import { SimDevice, told, valueOf } from './support.ts';

const PF = pciAddress('0000:81:00.0');
const VF = pciAddress('0000:81:01.0');
const hardware = realHardware();
const podLinks = new LinuxPodLinks(hardware.links);
let device: SimDevice;
let representor: string;

before(async () => {
  device = await SimDevice.make(hardware, 50);
  device.setVfs(1);
  assert.equal(told(await device.devlink.setEswitchMode('switchdev')), 'ok');
  representor = representorOf(await device.links(), 0)!.name;
  for (const bridge of ['br-old', 'br-new']) ip('link', 'add', bridge, 'type', 'bridge');
});
after(async () => {
  for (const bridge of ['br-old', 'br-new']) ip('link', 'del', bridge);
  device.remove();
  await hardware.close();
});

/** The VF behind the representor as a NIC with PCI functions has it. Every step is refused: none is expected. */
function hardwareOf(): Hardware {
  const settings = { mac: '00:00:00:00:00:00', vlan: 0, vlanQos: 0, vlanProtocol: '802.1q', spoofCheck: false, trust: false, minTxRateMbps: 0, maxTxRateMbps: 0, linkState: 'auto' } as const;
  const vf: VfObservation = { index: 0, pciAddress: VF, vendor: '15b3', deviceId: '101e', driver: 'vfio-pci', settings, rdmaDevices: [], representor };
  const pf: PfObservation = {
    pciAddress: PF, vendor: '15b3', deviceId: '101d', driver: 'mlx5_core', linkType: 'ETH', linkSpeedMbps: -1, eswitchMode: 'switchdev', totalVfs: 1, numVfs: 1, vfs: [vf], numaNode: -1, rdmaDevices: [], holdsDefaultRoute: false,
  };
  return { discover: async () => ok({ pfs: [pf], rdmaMode: 'shared' }), lookAtVf: async (device) => ok(sightOfVf({ pfs: [pf], rdmaMode: 'shared' }, device)), apply: async (step) => fail(hardwareError({ operation: step.kind, failure: 'EIO', device: VF, step })), watch: () => ({ stop() {} }) };
}

interface Shown {
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly master?: string;
}

function shown(): { readonly up: boolean; readonly mtu: number; readonly master: string | undefined } {
  const [link] = ipJson<readonly Shown[]>('link', 'show', 'dev', representor);
  return { up: link!.flags.includes('UP'), mtu: link!.mtu, master: link!.master };
}

const owner = { containerId: 'sandbox', ifname: 'net1' };
const request = (bridge: string) => ({ pod: { namespace: 'default', name: 'pod', uid: 'uid', containerId: owner.containerId, netns: '/proc/self/ns/net' }, ifname: owner.ifname, config: { type: 'sriov', name: 'net', deviceID: VF, bridge, mtu: 1400 } });

test('ADD brings it up on the bridge, CHECK looks at it, DEL gives it back as it was: of another bridge, or of none', async () => {
  for (const master of [undefined, 'br-old']) {
    ip('link', 'set', representor, ...(master === undefined ? ['nomaster'] : ['master', master]));
    const was = shown();
    const cni = new SriovCni({ hardware: hardwareOf(), podLinks, files: new MemFiles(), clock: new RealClock(), log: silentLog });
    const added = await cni.attach(request('br-new'));
    assert.ok(added.ok, added.ok ? '' : added.error.cause);
    assert.deepEqual(shown(), { up: true, mtu: 1400, master: 'br-new' });
    assert.deepEqual(await cni.check(owner), { ok: true, value: undefined });
    ip('link', 'set', representor, 'nomaster');
    const checked = await cni.check(owner);
    assert.match(checked.ok ? '' : checked.error.cause, new RegExp(`${representor} of net1 is no port of br-new`));
    assert.deepEqual(await cni.detach(owner), { ok: true, value: undefined });
    assert.deepEqual(shown(), was);
    cni.stop();
  }
});

test('a bridge that is not there fails the ADD, and the representor is as it was', async () => {
  const was = shown();
  const cni = new SriovCni({ hardware: hardwareOf(), podLinks, files: new MemFiles(), clock: new RealClock(), log: silentLog });
  const refused = await cni.attach(request('br-none'));
  assert.match(refused.ok ? '' : refused.error.cause, new RegExp(`representor ${representor}.*br-none`));
  assert.deepEqual(shown(), was);
  assert.deepEqual(await cni.attachments(), { ok: true, value: [] });
  assert.equal(valueOf(await hardware.links.list('host')).some(({ name }) => name === 'br-none'), false);
});
