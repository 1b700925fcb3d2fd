import type { VfLinkState } from '@vfleet/core';
import { addAltName, moveNetdev, removeAltName, renameNetdev, setLink, setMtu, setNetdevMac } from '../kernel/netdevs.ts';
import { setVfAttributes } from '../kernel/vf-attributes.ts';
import type { VfAttributes } from '../kernel/vf-attributes.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import { BadRequest, attrMap, get32, get64, getPairs, getString, readAttrs } from './bytes.ts';
import { LINK, VF_ATTR, deviceOfIndex } from './link-messages.ts';

const UP = 0x1;
const LINK_STATES: readonly VfLinkState[] = ['auto', 'enable', 'disable'];
/** IFNAMSIZ - 1, which the policy of the attribute checks before anything is looked up. */
const NAME_BYTES_MAX = 15;

/** RTM_NEWLINK on an interface that exists, in the order of net/core/rtnetlink.c do_setlink; it stops at the first refusal. */
export async function changeLink(node: NodeModel, netns: string, payload: Uint8Array, netnsOfFd: (fd: number) => string | undefined): Promise<Outcome> {
  const table = attrMap(payload.subarray(16));
  const nameBytes = table.get(LINK.name);
  if (nameBytes !== undefined && nameBytes.length > NAME_BYTES_MAX + 1) throw new BadRequest('ERANGE', 'attribute too long');
  const name = nameBytes === undefined ? undefined : getString(nameBytes);
  const device = deviceOfIndex(node, netns, get32(payload, 4));
  if (device === undefined) return 'ENODEV';
  const locked = (work: () => Outcome | Promise<Outcome>) => node.locked(device.pf, work);
  let place = netns;
  const changes: (() => Promise<Outcome>)[] = [];
  const fd = table.get(LINK.netnsFd);
  if (fd !== undefined) {
    const target = netnsOfFd(get32(fd));
    if (target === undefined) return 'EINVAL';
    changes.push(() => locked(() => moveNetdev(node, device, netns, target, name)));
    place = target;
  }
  const mac = table.get(LINK.address);
  if (mac !== undefined) changes.push(() => locked(() => setNetdevMac(node, device, place, getPairs(mac.subarray(0, 6)))));
  const mtu = table.get(LINK.mtu);
  if (mtu !== undefined) changes.push(() => locked(() => setMtu(node, device, place, get32(mtu))));
  if (name !== undefined && name !== '' && fd === undefined) changes.push(() => locked(() => renameNetdev(node, device, place, name)));
  if ((get32(payload, 12) & UP) !== 0) changes.push(() => locked(() => setLink(node, device, place, (get32(payload, 8) & UP) !== 0)));
  const vfs = table.get(LINK.vfInfoList);
  if (vfs !== undefined) for (const { value } of readAttrs(vfs)) changes.push(() => changeVf(node, device, value));
  for (const change of changes) {
    const outcome = await change();
    if (outcome !== 'ok') return outcome;
  }
  return 'ok';
}

async function changeVf(node: NodeModel, device: Device, info: Uint8Array): Promise<Outcome> {
  if (device.vf >= 0) return 'EOPNOTSUPP';
  const attributes = readAttrs(info);
  const first = attributes[0];
  if (first === undefined) return 'EINVAL';
  const index = first.type === VF_ATTR.vlanList ? get32(vlanInfo(first.value)) : get32(first.value);
  return setVfAttributes(node, device.pf, index, attributes.reduce<VfAttributes>((all, { type, value }) => ({ ...all, ...vfAttribute(type, value) }), {}));
}

function vlanInfo(list: Uint8Array): Uint8Array {
  const info = attrMap(list).get(VF_ATTR.vlanInfo);
  if (info === undefined) throw new BadRequest('EOPNOTSUPP', 'no VLAN in the list');
  return info;
}

function vfAttribute(type: number, value: Uint8Array): VfAttributes {
  switch (type) {
    case VF_ATTR.mac:
      return { mac: getPairs(value.subarray(4, 10)) };
    case VF_ATTR.vlanList: {
      const info = vlanInfo(value);
      return { vlan: { id: get32(info, 4), qos: get32(info, 8), protocol: info[12] === 0x88 ? '802.1ad' : '802.1q' } };
    }
    case VF_ATTR.rate:
      return { rates: { minTxMbps: get32(value, 4), maxTxMbps: get32(value, 8) } };
    case VF_ATTR.spoofCheck:
      return { spoofCheck: get32(value, 4) !== 0 };
    case VF_ATTR.linkState:
      return { linkState: LINK_STATES[get32(value, 4)] ?? 'auto' };
    case VF_ATTR.trust:
      return { trust: get32(value, 4) !== 0 };
    case VF_ATTR.nodeGuid:
      return { nodeGuid: guidText(get64(value, 8)) };
    case VF_ATTR.portGuid:
      return { portGuid: guidText(get64(value, 8)) };
    default:
      throw new BadRequest('EOPNOTSUPP', `VF attribute ${type}`);
  }
}

function guidText(value: bigint): string {
  return value.toString(16).padStart(16, '0').match(/../g)!.join(':');
}

/** RTM_NEWLINKPROP and RTM_DELLINKPROP: alternative names. */
export async function changeAltNames(node: NodeModel, netns: string, payload: Uint8Array, add: boolean): Promise<Outcome> {
  const device = deviceOfIndex(node, netns, get32(payload, 4));
  if (device === undefined) return 'ENODEV';
  const list = attrMap(payload.subarray(16)).get(LINK.propertyList);
  for (const { type, value } of list === undefined ? [] : readAttrs(list)) {
    if (type !== LINK.altName) return 'EINVAL';
    const name = getString(value);
    const outcome = await node.locked(device.pf, () => (add ? addAltName(node, device, netns, name) : removeAltName(node, device, netns, name)));
    if (outcome !== 'ok') return outcome;
  }
  return 'ok';
}
