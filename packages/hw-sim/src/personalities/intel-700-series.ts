import { firmwareDelays, intelDriverFiles } from './common.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

const i40e = intelDriverFiles.i40e;

/** What X710 and XL710 share: one driver, one virtualisation engine with 128 VFs a device. */
export const intel700Series = {
  vendor: known('8086', 'supported NIC list of the SR-IOV network operator'),
  vfDeviceId: known('154c', 'supported NIC list of the SR-IOV network operator'),
  pfDriver: known('i40e', 'supported NIC list of the SR-IOV network operator (Intel_i40e_…)'),
  vfDriver: known('iavf', 'drivers/net/ethernet/intel/iavf/iavf_main.c: id table has IAVF_DEV_ID_VF 154c'),
  vfOffset: assumed(16, 'lspci listings show the first VF of function 0 at device 02.0'),
  vfStride: assumed(1, 'lspci listings show VFs at consecutive functions'),
  vfPlacement: assumed('blocks', 'lspci listings of four-port cards show VFs at 02.0, 06.0, 0a.0 and 0e.0'),
  createWhilePfDown: assumed('ok'),
  linkTypes: known(['ETH'], 'Intel Ethernet Controller 700 Series datasheet'),
  namesPort: assumed(false, 'kernels from 6.7 register a devlink port, whose name systemd may append'),
  eswitch: known('none', 'drivers/net/ethernet/intel/i40e: no eswitch_mode_set among its devlink operations'),
  devlinkAbsent: known('EOPNOTSUPP', 'net/devlink/dev.c: a device without eswitch_mode_set'),
  vfAttributes: known(
    {
      mac: 'ok', vlan: 'ok', vlan8021ad: 'EPROTONOSUPPORT', spoofCheck: 'ok', trust: 'ok', minTxRate: 'EINVAL', maxTxRate: 'ok',
      linkState: 'ok', guid: 'EOPNOTSUPP',
    },
    `${i40e}: i40e_ndo_set_vf_port_vlan, i40e_ndo_set_vf_bw ("Invalid min tx rate"), i40e_ndo_set_vf_link_state`,
  ),
  vfDefaults: known({ spoofCheck: true, trust: false }, `${i40e}: i40e_alloc_vfs sets spoofchk`),
  maxTxRateAboveLink: known('EINVAL', 'drivers/net/ethernet/intel/i40e/i40e_main.c: i40e_set_bw_limit'),
  macRules: known(
    { effective: 'immediately', override: 'EADDRNOTAVAIL', trustedMayOverride: true },
    `${i40e}: i40e_ndo_set_vf_mac resets the VF; i40e_check_vf_permission lets trusted VFs through`,
  ),
  vdpa: known(false, 'no vDPA driver for it in drivers/vdpa'),
  features: known(['hw-tc-offload', 'ntuple'], 'drivers/net/ethernet/intel/i40e/i40e_main.c: i40e_config_netdev'),
  devlinkParams: assumed({}),
  minMtu: known(68, 'drivers/net/ethernet/intel/i40e/i40e_main.c: netdev->min_mtu is ETH_MIN_MTU'),
  maxMtu: known(9702, 'I40E_MAX_RXBUFFER 9728 less I40E_PACKET_HDR_PAD 26'),
  vfMaxMtu: known(9702, 'drivers/net/ethernet/intel/iavf/iavf_main.c: the maximum the PF advertises'),
  msixVectorsPerVf: known(5, 'I40E default: 5 vectors a VF with 4 queue pairs'),
  oui: known('3c:fd:fe', 'IEEE OUI list: Intel Corporate'),
  delays: firmwareDelays({ createMs: 150, perVfMs: 25, eswitchMs: 0, linkMs: 500 }),
} satisfies Partial<Personality>;
