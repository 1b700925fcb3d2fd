import { ethernetAttributes, firmwareDelays, intelDriverFiles } from './common.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

const ice = intelDriverFiles.ice;

/** What the E810 cards share: driver ice, 256 VFs a device, eswitch mode changed only without VFs. */
export const intel800Series = {
  vendor: known('8086', 'supported NIC list of the SR-IOV network operator'),
  vfDeviceId: known('1889', 'supported NIC list of the SR-IOV network operator'),
  pfDriver: known('ice', 'supported NIC list of the SR-IOV network operator (Intel_ice_…); drivers/net/ethernet/intel/ice/ice_devids.h'),
  vfDriver: known('iavf', 'drivers/net/ethernet/intel/iavf/iavf_main.c: id table has IAVF_DEV_ID_ADAPTIVE_VF 1889'),
  vfOffset: assumed(8, 'lspci listings show the first VF of function 0 at device 01.0'),
  vfStride: assumed(1, 'lspci listings show VFs at consecutive functions'),
  vfPlacement: assumed('blocks', 'lspci listings of two-port cards show VFs at 01.0 and 11.0'),
  createWhilePfDown: assumed('ok'),
  linkTypes: known(['ETH'], 'Intel Ethernet Controller E810 datasheet'),
  namesPort: assumed(false, 'the article prints ens801f0; kernels with devlink ports make systemd append np0'),
  eswitch: known(
    { order: 'beforeVfs', wrongOrder: 'EOPNOTSUPP', withBoundVfs: 'ok', attributes: { trust: 'EOPNOTSUPP' } },
    `drivers/net/ethernet/intel/ice/ice_eswitch.c: ice_eswitch_mode_set refuses while VFs exist; ${ice}: ice_set_vf_trust is forbidden in switchdev`,
  ),
  devlinkAbsent: known('EOPNOTSUPP', 'net/devlink/dev.c'),
  vfAttributes: known(
    { ...ethernetAttributes, vlan8021ad: 'ok' },
    `${ice}: ice_set_vf_port_vlan takes 802.1ad in double-VLAN mode, ice_set_vf_bw takes minimum and maximum`,
  ),
  vfDefaults: known({ spoofCheck: true, trust: false }, 'drivers/net/ethernet/intel/ice/ice_vf_lib.c: spoofchk is set when VFs are made'),
  maxTxRateAboveLink: assumed('EINVAL'),
  macRules: known(
    { effective: 'immediately', override: 'EADDRNOTAVAIL', trustedMayOverride: true },
    `${ice}: ice_set_vf_mac resets the VF; ice_virtchnl.c: ice_can_vf_change_mac lets trusted VFs through`,
  ),
  rdma: known({ pf: true, vf: false }, 'drivers/infiniband/hw/irdma binds the PF; VFs of the E810 have none in mainline'),
  vdpa: known(false, 'no vDPA driver for it in drivers/vdpa'),
  features: known(['hw-tc-offload', 'ntuple'], 'drivers/net/ethernet/intel/ice/ice_main.c: ice_set_netdev_features'),
  devlinkParams: known(
    { enable_roce: { value: true, permanent: false }, enable_iwarp: { value: false, permanent: false } },
    'Documentation/networking/devlink/ice.rst',
  ),
  minMtu: known(68, 'drivers/net/ethernet/intel/ice/ice_main.c: netdev->min_mtu is ETH_MIN_MTU'),
  maxMtu: known(9702, 'drivers/net/ethernet/intel/ice/ice.h: ICE_MAX_MTU is 9728 less 26'),
  vfMaxMtu: known(9702, 'drivers/net/ethernet/intel/iavf/iavf_main.c: the maximum the PF advertises'),
  msixVectorsPerVf: known(17, `${ice}: ICE_NUM_VF_MSIX_MED is 17`),
  firmwareVersion: assumed('4.40 0x8001c7d4 1.3534.0'),
  oui: known('b4:96:91', 'IEEE OUI list: Intel Corporate'),
  delays: firmwareDelays({ createMs: 200, perVfMs: 20, eswitchMs: 500, linkMs: 800 }),
} satisfies Partial<Personality>;
