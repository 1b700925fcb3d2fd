import type { FaultPlan, FaultPoint, HardwareFault } from '@vfleet/hw-sim';
import type { FaultName } from './catalog.ts';
import type { Chance, Strike } from './chance.ts';

const ANY_STEP: readonly FaultName[] = [
  'hardware.busy', 'hardware.invalid', 'hardware.noMemory', 'hardware.failsAfter', 'hardware.slow', 'hardware.hangs', 'hardware.linkFlap', 'hardware.unplug', 'hardware.eventsLost',
];
const BY_OPERATION: Partial<Record<FaultPoint['operation'], readonly FaultName[]>> = {
  discover: ['hardware.unreadable', 'hardware.slow', 'hardware.shortRead'],
  readFacts: ['hardware.unreadable'],
  setKernelArguments: ['hardware.invalid'],
  reboot: ['hardware.busy'],
  setNumVfs: [...ANY_STEP, 'hardware.noSpace', 'hardware.partialVfs', 'hardware.lateNetdev', 'hardware.otherName'],
  setEswitchMode: [...ANY_STEP, 'hardware.eswitchDropsVfs'],
  bindDriver: [...ANY_STEP, 'hardware.bindFails', 'hardware.lateNetdev'],
};

/** Firmware as it was delivered: decided once for each kind of node, before the machines are switched on. */
export function withFirmware(nodes: readonly Readonly<Record<string, unknown>>[], chance: Chance): readonly Readonly<Record<string, unknown>>[] {
  return nodes.map((node) => {
    const pfs: readonly Readonly<Record<string, unknown>>[] = Array.isArray(node['pfs']) ? node['pfs'] : [];
    const site = `${String(node['name'])}/firmware`;
    const noNuma = chance.strike(site, ['hardware.numaUnknown']) !== undefined;
    const settable = pfs.some(isSettable);
    const fewVfs = settable && chance.strike(`${site}/vfs`, ['hardware.firmwarePending']) !== undefined;
    return { ...node, pfs: pfs.map((pf) => ({ ...pf, ...(noNuma ? { numaNode: -1 } : {}), ...(fewVfs && isSettable(pf) ? { totalVfs: 1 } : {}) })) };
  });
}

/** NICs whose firmware can be told to offer more VFs, which they do from the next boot on. */
function isSettable({ personality }: Readonly<Record<string, unknown>>): boolean {
  return String(personality).startsWith('ConnectX');
}

/** The hardware of a whole fleet failing as the chance has it. */
export function hardwareFaultPlan(chance: Chance): FaultPlan {
  return {
    consult: (point) => {
      const strike = chance.strike(`${point.node}/${point.pf ?? point.device}/${point.operation}`, BY_OPERATION[point.operation] ?? ANY_STEP);
      return strike === undefined ? [] : [faultOf(strike, point)];
    },
  };
}

function faultOf(strike: Strike, point: FaultPoint): HardwareFault {
  switch (strike.fault) {
    case 'hardware.busy':
      return { kind: 'errno', errno: 'EBUSY' };
    case 'hardware.invalid':
      return { kind: 'errno', errno: 'EINVAL' };
    case 'hardware.noSpace':
      return { kind: 'errno', errno: 'ENOSPC' };
    case 'hardware.noMemory':
      return { kind: 'errno', errno: 'ENOMEM' };
    case 'hardware.unreadable':
      return { kind: 'errno', errno: 'EINTR' };
    case 'hardware.failsAfter':
      return { kind: 'errnoAfter', errno: 'EIO' };
    case 'hardware.slow':
      return { kind: 'delay', byMs: Math.floor(strike.draw() * 20_000) };
    case 'hardware.hangs':
      return { kind: 'hang', forMs: Math.floor(strike.draw() * 240_000) };
    case 'hardware.partialVfs':
      return { kind: 'partialCreation', created: Math.floor(strike.draw() * 3), ...(strike.draw() < 0.5 ? { errno: 'ENOMEM' } : {}) };
    case 'hardware.lateNetdev':
      return { kind: 'lateNetdev', byMs: Math.floor(strike.draw() * 3000) };
    case 'hardware.otherName':
      return { kind: 'otherName' };
    case 'hardware.bindFails':
      return { kind: 'bindFails' };
    case 'hardware.linkFlap':
      return { kind: 'linkFlap', downMs: Math.floor(strike.draw() * 10_000) };
    case 'hardware.unplug':
      return { kind: 'hotUnplug', returnAfterMs: Math.floor(strike.draw() * 20_000) };
    case 'hardware.shortRead':
      return { kind: 'errno', errno: 'EIO' };
    case 'hardware.eswitchDropsVfs':
      return { kind: 'eswitchDropsVfs' };
    case 'hardware.eventsLost':
      return { kind: 'eventsLost' };
    default:
      throw new TypeError(`${strike.fault} is no fault of hardware (${point.operation})`);
  }
}
