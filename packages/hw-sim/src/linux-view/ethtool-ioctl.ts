import { boundDriver } from '../kernel/drivers.ts';
import { setFeature } from '../kernel/devlink.ts';
import { devicesWithNetdev, hasCarrier, netdevName, rareOf } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import { get32, string, view } from './bytes.ts';

/** SIOCETHTOOL (include/uapi/linux/ethtool.h, net/ethtool/ioctl.c). */
const COMMAND = { getDriverInfo: 0x3, getStrings: 0x1b, getSetInfo: 0x37, getFeatures: 0x3a, setFeatures: 0x3b, getLinkSettings: 0x4c } as const;
const DRIVER_INFO_BYTES = 196;
const FEATURE_NAMES = 4;
const NAME_BYTES = 32;
const SPEED_UNKNOWN = 0xffff_ffff;
/** __ETHTOOL_LINK_MODE_MASK_NU32 of Linux 6.1. */
const MASK_WORDS = 4;

export function deviceOfName(node: NodeModel, netns: string, name: string): Device | undefined {
  for (const device of devicesWithNetdev(node)) if ((rareOf(node, device)?.netns ?? 'host') === netns && netdevName(node, device) === name) return device;
  return undefined;
}

export function driverInfo(node: NodeModel, device: Device): Uint8Array {
  const info = new Uint8Array(DRIVER_INFO_BYTES);
  info[0] = COMMAND.getDriverInfo;
  const put = (text: string, at: number) => info.set(string(text).subarray(0, 31), at);
  put(boundDriver(node, device) ?? '', 4);
  put(node.modelOf(device.pf).firmwareVersion, 68);
  put(node.addressOf(device), 100);
  return info;
}

/** The structure with the answer in it, or how it was refused. */
export async function ethtoolIoctl(node: NodeModel, device: Device, data: Uint8Array): Promise<Uint8Array | Outcome> {
  const { features } = node.modelOf(device.pf);
  const answer = data.slice();
  switch (get32(data)) {
    case COMMAND.getDriverInfo:
      return driverInfo(node, device);
    case COMMAND.getLinkSettings:
      return linkSettings(node, device, answer);
    case COMMAND.getSetInfo:
      view(answer).setUint32(16, features.length, true);
      return answer;
    case COMMAND.getStrings:
      if (get32(data, 4) !== FEATURE_NAMES) return 'EOPNOTSUPP';
      features.slice(0, get32(data, 8)).forEach((name, index) => answer.set(string(name).subarray(0, NAME_BYTES - 1), 12 + index * NAME_BYTES));
      return answer;
    case COMMAND.getFeatures:
      features.forEach((name, index) => putFeature(answer, index, rareOf(node, device)?.features?.get(name) === true));
      return answer;
    case COMMAND.setFeatures:
      return changeFeatures(node, device, data);
    default:
      return 'EOPNOTSUPP';
  }
}

/** Asked with another number of words than the kernel has, it tells that number, negative. */
function linkSettings(node: NodeModel, device: Device, answer: Uint8Array): Uint8Array {
  if (view(answer).getInt8(15) !== MASK_WORDS) {
    view(answer).setInt8(15, -MASK_WORDS);
    return answer;
  }
  const carrier = hasCarrier(node, device);
  view(answer).setUint32(4, carrier ? node.modelOf(device.pf).linkSpeedMbps : SPEED_UNKNOWN, true);
  answer[8] = carrier ? 1 : 0xff;
  answer[11] = 1;
  return answer;
}

/** struct ethtool_get_features_block: available, requested, active, never changed. */
function putFeature(answer: Uint8Array, index: number, isOn: boolean): void {
  const at = 8 + (index >> 5) * 16;
  const bit = (1 << (index & 31)) >>> 0;
  for (const field of isOn ? [0, 1, 2] : [0]) view(answer).setUint32(at + 4 * field, (get32(answer, at + 4 * field) | bit) >>> 0, true);
}

async function changeFeatures(node: NodeModel, device: Device, data: Uint8Array): Promise<Uint8Array | Outcome> {
  for (const [index, name] of node.modelOf(device.pf).features.entries()) {
    const at = 8 + (index >> 5) * 8;
    const bit = (1 << (index & 31)) >>> 0;
    if ((get32(data, at) & bit) === 0) continue;
    const outcome = await node.locked(device.pf, () => setFeature(node, device, name, (get32(data, at + 4) & bit) !== 0));
    if (outcome !== 'ok') return outcome;
  }
  return data;
}
