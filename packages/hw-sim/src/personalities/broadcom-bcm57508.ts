import { broadcomBnxt } from './broadcom-bnxt.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

/** Broadcom BCM57508 (Thor), two QSFP56 ports. supported NIC list of the SR-IOV network operator spells it BCM75508; the ids are those of the BCM57508. */
export const broadcomBcm57508: Personality = {
  ...broadcomBnxt,
  name: known('BCM57508', 'the SR-IOV operator article lists it with device 1750'),
  aliases: known(['BCM75508', 'P2100G', 'NetXtreme-E BCM57508'], 'supported NIC list of the SR-IOV network operator and Broadcom product names'),
  pfDeviceId: known('1750', 'supported NIC list of the SR-IOV network operator'),
  vfDeviceId: known('1806', 'supported NIC list of the SR-IOV network operator'),
  totalVfs: assumed(64, 'NVM setting'),
  maxTotalVfs: known(128, 'drivers/net/ethernet/broadcom/bnxt/bnxt_sriov.c: the event bitmap holds 128 VFs'),
  linkSpeedMbps: known(100_000, 'supported NIC list of the SR-IOV network operator (2x100G)'),
  firmwareVersion: assumed('226.0.145.0/pkg 226.0.145.0'),
};
