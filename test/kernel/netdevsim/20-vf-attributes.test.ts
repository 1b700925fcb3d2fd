// Goal: VF attributes that igb does not have are written as the kernel reads them. Method: netdevsim takes every attribute and shows it
// again; iproute2 reads what was set.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { VfChange } from '@vfleet/core';
import { linkHeader, RTM } from '@vfleet/hw-linux/netlink/link.ts';
import { encodeSetVfs } from '@vfleet/hw-linux/netlink/vf-message.ts';
import { ipJson, realHardware } from '../support.ts';
import { SimDevice, told } from './support.ts';

const hardware = realHardware();
let device: SimDevice;
let pf: { readonly index: number; readonly name: string };

before(async () => {
  device = await SimDevice.make(hardware, 20);
  device.setVfs(2);
  pf = (await device.links())[0]!;
});
after(async () => {
  device.setVfs(0);
  device.remove();
  await hardware.close();
});

/** By the interface's own number: netdevsim's have no PCI address. */
async function set(...vfs: readonly VfChange[]): Promise<string> {
  const { payload } = encodeSetVfs(vfs);
  payload.set(linkHeader(pf.index));
  return told(await hardware.links.change('host', RTM.newLink, payload));
}

interface SeenVf {
  readonly vf: number;
  readonly address: string;
  readonly vlan_list?: readonly { readonly vlan: number; readonly qos: number; readonly protocol?: string }[];
  readonly rate?: { readonly max_tx: number; readonly min_tx: number };
  readonly spoofchk: boolean;
  readonly link_state: string;
  readonly trust: boolean;
}

const seen = () => ipJson<readonly { readonly vfinfo_list: readonly SeenVf[] }[]>('link', 'show', 'dev', pf.name)[0]!.vfinfo_list;

test('MAC, VLAN with 802.1ad, rates, spoof check, trust and link state, in one message and read by iproute2', async () => {
  const change: VfChange = {
    vfIndex: 1, mac: '02:00:00:00:00:09', vlan: { id: 77, qos: 5, protocol: '802.1ad' }, rates: { minTxMbps: 100, maxTxMbps: 900 }, spoofCheck: true, trust: true, linkState: 'disable',
  };
  assert.equal(await set(change), 'ok');
  const vf = seen()[1]!;
  assert.deepEqual([vf.address, vf.spoofchk, vf.trust, vf.link_state, vf.rate], ['02:00:00:00:00:09', true, true, 'disable', { max_tx: 900, min_tx: 100 }]);
  assert.deepEqual([vf.vlan_list?.[0]?.vlan, vf.vlan_list?.[0]?.qos], [77, 5]);
  const own = (await device.links())[0]!.vfs[1]!;
  assert.deepEqual(own, { index: 1, mac: '02:00:00:00:00:09', vlan: 77, vlanQos: 5, vlanProtocol: '802.1ad', spoofCheck: true, trust: true, minTxRateMbps: 100, maxTxRateMbps: 900, linkState: 'disable' });
});

test('what the driver refuses is refused with its errno', async () => {
  assert.equal(await set({ vfIndex: 0, mac: '01:00:5e:00:00:01' }), 'EINVAL');
  assert.equal(await set({ vfIndex: 2, trust: true }), 'EINVAL');
  assert.equal(await set({ vfIndex: 0, vlan: { id: 4096, qos: 0, protocol: '802.1q' } }), 'EINVAL');
  assert.match(await set({ vfIndex: 0, nodeGuid: '00:00:00:00:00:00:00:05' }), /^E(?:OPNOTSUPP|INVAL)/);
});

test('of several VFs in one message those before the refusal are set, and those after it are not', async () => {
  assert.equal(await set({ vfIndex: 0, vlan: { id: 5, qos: 0, protocol: '802.1q' } }, { vfIndex: 1, vlan: { id: 6, qos: 0, protocol: '802.1q' } }), 'ok');
  assert.equal(await set({ vfIndex: 0, vlan: { id: 7, qos: 0, protocol: '802.1q' } }, { vfIndex: 2, trust: true }, { vfIndex: 1, vlan: { id: 8, qos: 0, protocol: '802.1q' } }), 'EINVAL');
  assert.deepEqual(seen().map(({ vlan_list: tags }) => tags?.[0]?.vlan), [7, 6]);
});
