import { intel800Series } from './intel-800-series.ts';
import { known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

/** Intel E810-CQDA2: two QSFP28 ports. The card of the SR-IOV operator article. */
export const intelE810Cqda2: Personality = {
  ...intel800Series,
  name: known('E810-CQDA2', 'supported NIC list of the SR-IOV network operator (Intel_ice_Columbiaville_E810-CQDA2_2CQDA2)'),
  aliases: known(['E810', 'E810-C', 'Intel E810-CQDA2'], 'Intel product names'),
  pfDeviceId: known('1592', 'supported NIC list of the SR-IOV network operator'),
  layout: known({ kind: 'functionPerPort', ports: 2 }, 'the article’s node state: ens801f0 and ens801f1'),
  totalVfs: known(128, 'the article’s node state prints totalvfs 128'),
  maxTotalVfs: known(256, 'Intel E810 datasheet: 256 VFs a device'),
  linkSpeedMbps: known(100_000, 'Intel E810-CQDA2 product brief'),
};
