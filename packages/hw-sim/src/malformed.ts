import type { HardwareStep } from '@vfleet/core';
import { isCidr } from './kernel/netdevs.ts';
import { isInterfaceName } from './model/names.ts';

/** Steps with values that no message to a kernel could carry: refused before any device is looked for. */
export function isMalformed(step: HardwareStep): boolean {
  switch (step.kind) {
    case 'renameNetdev':
      return !isInterfaceName(step.name);
    case 'moveNetdev':
      return step.name !== undefined && !isInterfaceName(step.name);
    case 'setNetdevMac':
      return !isHexPairs(step.mac);
    case 'setMtu':
      return !isCount(step.mtu, 0x7fff_ffff);
    case 'setAddresses':
      return !step.addresses.every(isCidr) || !step.routes.every(({ dst }) => isCidr(dst));
    case 'setVf':
      return (
        !isCount(step.vfIndex, 0xffff) || (step.mac !== undefined && !isHexPairs(step.mac)) || [step.nodeGuid, step.portGuid].some((guid) => guid !== undefined && !/^[0-9a-f]{2}(?::[0-9a-f]{2}){7}$/i.test(guid)) ||
        [step.vlan?.id, step.vlan?.qos, step.rates?.minTxMbps, step.rates?.maxTxMbps].some((number) => number !== undefined && !isCount(number, 0x7fff_ffff))
      );
    default:
      return false;
  }
}

function isCount(value: number, maximum: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= maximum;
}

/** Bytes as `52:54:00`; how many there must be is the driver's to say. */
function isHexPairs(text: string): boolean {
  return /^[0-9a-f]{2}(?::[0-9a-f]{2}){0,31}$/i.test(text);
}
