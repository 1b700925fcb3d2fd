import type { Clock, HardwareStep, PciAddress, VfChange } from '@vfleet/core';
import { createLinuxHardware } from './linux-hardware.ts';
import { attribute, bytesOf, text } from './netlink/attributes.ts';
import type { NetlinkAnswer } from './netlink/exchange.ts';
import { IFLA, RTM, linkHeader } from './netlink/link.ts';

/** V8 compiles what has run some hundred times; these take some milliseconds in all. */
const ROUNDS = 300;
const VFS = 8;
const PF = '0000:00:00.0' as PciAddress;

/**
 * Applies settings of VFs that nobody has, on a kernel that is not there, so that the first ones that matter find the code compiled: a new
 * process takes many times as long for them as the kernel does. For a process that lives long, while it has nothing else to do.
 */
export async function warmUp(clock: Clock): Promise<void> {
  const hardware = createLinuxHardware({ clock, netlink: { ask: async (asked) => (asked.kind === 'netlink' && asked.request.type === RTM.getLink ? ONE_LINK : TAKEN) }, monitor: { listen: () => ({ stop() {} }) } });
  for (let round = 0; round < ROUNDS; round++) {
    const outcome = await hardware.apply(madeUp(round));
    if (!outcome.ok) throw new Error(`a kernel that takes everything has refused: ${outcome.error.cause}`);
  }
}

const TAKEN: NetlinkAnswer = { ok: true, payloads: [] };
const ONE_LINK: NetlinkAnswer = { ok: true, payloads: [bytesOf(linkHeader(1), attribute(IFLA.name, text('none')), attribute(IFLA.parentBus, text('pci')), attribute(IFLA.parentDevice, text(PF)))] };

/** Of the shapes that plans have: what is right already is left out of them. */
function madeUp(round: number): HardwareStep {
  const vfs = Array.from({ length: VFS }, (_, vfIndex): VfChange => {
    const mac = `02:00:00:00:${(round & 0xff).toString(16).padStart(2, '0')}:${vfIndex.toString(16).padStart(2, '0')}`;
    const vlan = { id: 1 + vfIndex, qos: 0, protocol: '802.1q' } as const;
    return round % 2 === 0 ? { vfIndex, mac, vlan, spoofCheck: true, trust: false } : { vfIndex, mac, trust: true };
  });
  return { kind: 'setVfs', pf: PF, vfs };
}
