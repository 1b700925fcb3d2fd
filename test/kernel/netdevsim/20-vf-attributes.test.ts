// Goal: VF attributes that igb does not have are written as the kernel reads them. Method: netdevsim takes every attribute and shows it
// again; iproute2 reads what was set.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodeSetVf, RTM } from '@vfleet/hw-linux/netlink/link.ts';
import type { VfChange } from '@vfleet/hw-linux/netlink/link.ts';
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

const set = async (vf: number, change: VfChange) => told(await hardware.links.change('host', RTM.newLink, encodeSetVf(pf.index, vf, change)));

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
    mac: new Uint8Array([2, 0, 0, 0, 0, 9]), vlan: { id: 77, qos: 5, protocol: '802.1ad' }, rates: { minTxMbps: 100, maxTxMbps: 900 }, spoofCheck: true, trust: true, linkState: 'disable',
  };
  assert.equal(await set(1, change), 'ok');
  const vf = seen()[1]!;
  assert.deepEqual([vf.address, vf.spoofchk, vf.trust, vf.link_state, vf.rate], ['02:00:00:00:00:09', true, true, 'disable', { max_tx: 900, min_tx: 100 }]);
  assert.deepEqual([vf.vlan_list?.[0]?.vlan, vf.vlan_list?.[0]?.qos], [77, 5]);
  const own = (await device.links())[0]!.vfs[1]!;
  assert.deepEqual(own, { index: 1, mac: '02:00:00:00:00:09', vlan: 77, vlanQos: 5, vlanProtocol: '802.1ad', spoofCheck: true, trust: true, minTxRateMbps: 100, maxTxRateMbps: 900, linkState: 'disable' });
});

test('what the driver refuses is refused with its errno', async () => {
  assert.equal(await set(0, { mac: new Uint8Array([1, 0, 0x5e, 0, 0, 1]) }), 'EINVAL');
  assert.equal(await set(2, { trust: true }), 'EINVAL');
  assert.equal(await set(0, { vlan: { id: 4096, qos: 0, protocol: '802.1q' } }), 'EINVAL');
  assert.match(await set(0, { nodeGuid: 5n }), /^E(?:OPNOTSUPP|INVAL)/);
});
