import { intel700Series } from './intel-700-series.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

/** Intel XL710 with QSFP+ ports (XL710-QDA2). */
export const intelXl710: Personality = {
  ...intel700Series,
  name: known('XL710', 'supported NIC list of the SR-IOV network operator (Intel_i40e_40G_XL710_QSFP)'),
  aliases: known(['XL710-QDA2', 'Intel XL710'], 'Intel product names'),
  pfDeviceId: known('1583', 'supported NIC list of the SR-IOV network operator'),
  layout: known({ kind: 'functionPerPort', ports: 2 }, 'Intel XL710-QDA2 product brief'),
  totalVfs: known(64, 'Intel 700 Series datasheet: 128 VFs a device, shared evenly by two functions'),
  maxTotalVfs: known(64, 'Intel 700 Series datasheet'),
  linkSpeedMbps: known(40_000, 'Intel XL710-QDA2 product brief'),
  rdma: known({ pf: false, vf: false }, 'Intel: XL710 has no RDMA'),
  firmwareVersion: assumed('9.20 0x8000d8c5 1.3353.0'),
};
