import { assumed, known } from './nic-model.ts';
import type { Delay, NicDelays, VfAttributeSupport } from './nic-model.ts';

/** Facts that several data files share, each with its source. */

const fixed = (ms: number): Delay => ({ minMs: ms, maxMs: ms });
const range = (minMs: number, maxMs: number, perVfMs?: number): Delay => (perVfMs === undefined ? { minMs, maxMs } : { minMs, maxMs, perVfMs });

/** Delays of the 82576 on kernel 6.1 in emulation; igb sleeps, so most of it is the driver's own time and not the emulator's. */
export const igbDelays = known<NicDelays>(
  {
    createVfsPfDown: range(490, 640),
    createVfsPfUp: range(1100, 1270),
    removeVfsPfDown: range(2030, 2420),
    removeVfsPfUp: range(2600, 2940),
    refuse: fixed(20),
    bindVf: fixed(40),
    unbindVf: fixed(40),
    bindVfio: fixed(5),
    unbindVfio: fixed(5),
    bindPf: fixed(446),
    unbindPf: fixed(1870),
    removePf: fixed(1870),
    rescan: fixed(446),
    resetPf: fixed(232),
    eswitch: fixed(0),
    moveNetdev: range(100, 160),
    vfAttribute: fixed(0),
    netdevAttribute: fixed(0),
    linkTraining: range(1500, 2500),
    devlink: fixed(0),
  },
  'measured: igb on Linux 6.1 under QEMU 10 (linkTraining and bindPf assumed)',
);

/** Delays of a driver that talks to firmware: a base and a share for every VF. Nobody measured these. */
export function firmwareDelays(scale: { readonly createMs: number; readonly perVfMs: number; readonly eswitchMs: number; readonly linkMs: number }) {
  const { createMs, perVfMs, eswitchMs, linkMs } = scale;
  return assumed<NicDelays>(
    {
      createVfsPfDown: range(createMs, createMs * 1.3, perVfMs),
      createVfsPfUp: range(createMs * 1.1, createMs * 1.5, perVfMs),
      removeVfsPfDown: range(createMs, createMs * 1.2, perVfMs / 2),
      removeVfsPfUp: range(createMs, createMs * 1.4, perVfMs / 2),
      refuse: fixed(2),
      bindVf: range(perVfMs, perVfMs * 1.5),
      unbindVf: range(perVfMs, perVfMs * 1.5),
      bindVfio: fixed(5),
      unbindVfio: fixed(5),
      bindPf: range(createMs * 2, createMs * 3),
      unbindPf: range(createMs, createMs * 2),
      removePf: range(createMs, createMs * 2),
      rescan: range(createMs * 2, createMs * 3),
      resetPf: range(createMs, createMs * 2),
      eswitch: range(eswitchMs, eswitchMs * 1.5, perVfMs / 2),
      moveNetdev: range(20, 60),
      vfAttribute: fixed(0),
      netdevAttribute: fixed(0),
      linkTraining: range(linkMs, linkMs * 2),
      devlink: fixed(2),
    },
    'of the order that operators’ logs show; vfio from the measurement on igb',
  );
}

/** Every attribute accepted on Ethernet, 802.1q only. */
export const ethernetAttributes: VfAttributeSupport = {
  mac: 'ok', vlan: 'ok', vlan8021ad: 'EPROTONOSUPPORT', spoofCheck: 'ok', trust: 'ok', minTxRate: 'ok', maxTxRate: 'ok', linkState: 'ok', guid: 'EOPNOTSUPP',
};

export const intelDriverFiles = {
  igb: 'drivers/net/ethernet/intel/igb/igb_main.c',
  i40e: 'drivers/net/ethernet/intel/i40e/i40e_virtchnl_pf.c',
  ice: 'drivers/net/ethernet/intel/ice/ice_sriov.c',
} as const;
