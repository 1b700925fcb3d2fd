import { broadcomBnxt } from './broadcom-bnxt.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

/** Broadcom BCM57414, two SFP28 ports. */
export const broadcomBcm57414: Personality = {
  ...broadcomBnxt,
  name: known('BCM57414', 'supported NIC list of the SR-IOV network operator (Broadcom_bnxt_BCM57414_2x25G)'),
  aliases: known(['P225P', 'NetXtreme-E BCM57414'], 'Broadcom product names'),
  pfDeviceId: known('16d7', 'supported NIC list of the SR-IOV network operator'),
  vfDeviceId: known('16dc', 'supported NIC list of the SR-IOV network operator'),
  totalVfs: assumed(64, 'NVM setting, 128 a device shared by two functions'),
  maxTotalVfs: known(128, 'drivers/net/ethernet/broadcom/bnxt/bnxt_sriov.c: the event bitmap holds 128 VFs'),
  linkSpeedMbps: known(25_000, 'supported NIC list of the SR-IOV network operator (2x25G)'),
  firmwareVersion: assumed('224.1.60.0/pkg 224.1.60.0'),
};
