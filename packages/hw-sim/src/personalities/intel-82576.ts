import { igbDelays, intelDriverFiles } from './common.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

const measured = 'measured: igb on Linux 6.1 under QEMU 10';

/** Intel 82576, the NIC that QEMU emulates: the one card whose every answer was measured on a real kernel. */
export const intel82576: Personality = {
  name: known('82576', 'Intel 82576EB datasheet'),
  aliases: known(['igb', 'Intel 82576'], 'driver name'),
  vendor: known('8086', measured),
  pfDeviceId: known('10c9', measured),
  vfDeviceId: known('10ca', measured),
  pfDriver: known('igb', measured),
  vfDriver: known('igbvf', measured),
  layout: known({ kind: 'functionPerPort', ports: 2 }, 'Intel 82576EB datasheet: dual-port controller'),
  totalVfs: known(7, measured),
  maxTotalVfs: known(7, `${intelDriverFiles.igb}: IGB_MAX_VF_FUNCTIONS is 8, one pool is the PF’s`),
  vfOffset: known(128, measured),
  vfStride: known(2, measured),
  vfPlacement: known('interleaved', `${measured}: function 1 of the card has its VFs at odd functions`),
  createWhilePfDown: known('ok', measured),
  linkSpeedMbps: known(1000, 'Intel 82576EB datasheet'),
  linkTypes: known(['ETH'], 'Intel 82576EB datasheet'),
  namesPort: known(false, `${measured}: phys_port_name EOPNOTSUPP`),
  eswitch: known('none', `${measured}: devlink has no device`),
  devlinkAbsent: known('ENODEV', measured),
  vfAttributes: known(
    {
      mac: 'ok', vlan: 'ok', vlan8021ad: 'EPROTONOSUPPORT', spoofCheck: 'ok', trust: 'ok', minTxRate: 'EINVAL', maxTxRate: 'ok',
      linkState: 'EOPNOTSUPP', guid: 'EOPNOTSUPP',
    },
    measured,
  ),
  vfDefaults: known({ spoofCheck: true, trust: false }, `${intelDriverFiles.igb}: spoofchk_enabled is set for every VF at the start`),
  ratesNeedCarrier: known(true, `${measured}; ${intelDriverFiles.igb}: igb_ndo_set_vf_bw wants E1000_STATUS_LU`),
  spoofCheckWithoutVfs: known('EOPNOTSUPP', `${measured}; ${intelDriverFiles.igb}: igb_ndo_set_vf_spoofchk`),
  maxTxRateAboveLink: known('EINVAL', `${intelDriverFiles.igb}: igb_ndo_set_vf_bw`),
  macRules: known({ effective: 'afterRebind', override: 'EADDRNOTAVAIL', trustedMayOverride: true, unheardWhilePfDown: true }, measured),
  rdma: known({ pf: false, vf: false }, 'the card has none; rxe on a VF was tried and is software'),
  vdpa: known(false, 'no vDPA driver for it in drivers/vdpa'),
  features: known([], 'ethtool -k of igb: hw-tc-offload is there since 4.16 but serves only 802.1Qav; left out'),
  devlinkParams: known({}, `${measured}: no devlink device`),
  minMtu: known(68, 'include/uapi/linux/if_ether.h ETH_MIN_MTU'),
  maxMtu: known(9216, 'drivers/net/ethernet/intel/igb/igb.h MAX_STD_JUMBO_FRAME_SIZE'),
  vfMaxMtu: known(9216, 'drivers/net/ethernet/intel/igbvf/igbvf.h MAX_STD_JUMBO_FRAME_SIZE'),
  msixVectorsPerVf: known(3, 'Intel 82576EB datasheet: three MSI-X vectors a VF'),
  firmwareVersion: assumed('1.2.1'),
  oui: known('52:54:00', 'QEMU’s default prefix for emulated NICs'),
  delays: igbDelays,
};
