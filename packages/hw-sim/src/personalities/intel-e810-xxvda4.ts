import { intel800Series } from './intel-800-series.ts';
import { known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

/** Intel E810-XXVDA4: four SFP28 ports. */
export const intelE810Xxvda4: Personality = {
  ...intel800Series,
  name: known('E810-XXVDA4', 'supported NIC list of the SR-IOV network operator (Intel_ice_Columbiaville_E810-XXVDA4)'),
  aliases: known(['E810-XXV', 'Intel E810-XXVDA4'], 'Intel product names'),
  pfDeviceId: known('1593', 'supported NIC list of the SR-IOV network operator'),
  layout: known({ kind: 'functionPerPort', ports: 4 }, 'Intel E810-XXVDA4 product brief'),
  totalVfs: known(64, 'Intel E810 datasheet: 256 VFs a device, shared evenly by four functions'),
  maxTotalVfs: known(256, 'Intel E810 datasheet: 256 VFs a device'),
  linkSpeedMbps: known(25_000, 'Intel E810-XXVDA4 product brief'),
};
