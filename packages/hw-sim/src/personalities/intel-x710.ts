import { intel700Series } from './intel-700-series.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

/** Intel X710 with SFP+ ports (X710-DA2). */
export const intelX710: Personality = {
  ...intel700Series,
  name: known('X710', 'supported NIC list of the SR-IOV network operator (Intel_i40e_10G_X710_SFP)'),
  aliases: known(['X710-DA2', 'Intel X710'], 'Intel product names'),
  pfDeviceId: known('1572', 'supported NIC list of the SR-IOV network operator'),
  layout: known({ kind: 'functionPerPort', ports: 2 }, 'Intel X710-DA2 product brief'),
  totalVfs: known(64, 'Intel 700 Series datasheet: 128 VFs a device, shared evenly by two functions'),
  maxTotalVfs: known(64, 'Intel 700 Series datasheet'),
  linkSpeedMbps: known(10_000, 'Intel X710-DA2 product brief'),
  rdma: known({ pf: false, vf: false }, 'Intel: X710 has no RDMA (X722 has)'),
  firmwareVersion: assumed('9.20 0x8000d8c5 1.3353.0'),
};
