import { firmwareDelays } from './common.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

const ef10 = 'drivers/net/ethernet/sfc/ef10_sriov.c';

/** Solarflare XtremeScale X2541: one 100G port, the card of the Cloud Onload article. */
export const solarflareX2541: Personality = {
  name: known('X2541', 'supported NIC list of the SR-IOV network operator (Solarflare_sfc_X2541)'),
  aliases: known(['Solarflare X2541', 'XtremeScale X2541', 'SFC9250'], 'the Cloud Onload article; controller name'),
  vendor: known('1924', 'supported NIC list of the SR-IOV network operator'),
  pfDeviceId: known('0b03', 'drivers/net/ethernet/sfc/efx.c: id table, SFC9250 PF'),
  vfDeviceId: known('1b03', 'drivers/net/ethernet/sfc/efx.c: id table, SFC9250 VF'),
  pfDriver: known('sfc', 'supported NIC list of the SR-IOV network operator'),
  vfDriver: known('sfc', 'drivers/net/ethernet/sfc/efx.c: one driver for both'),
  layout: known({ kind: 'functionPerPort', ports: 1 }, 'X2541 product brief: single-port adapter'),
  totalVfs: assumed(16, 'sfboot vf-count decides; 0 as delivered'),
  maxTotalVfs: assumed(240, 'Solarflare server adapter user guide: 240 VFs an adapter'),
  vfOffset: assumed(2),
  vfStride: assumed(1),
  vfPlacement: assumed('blocks'),
  createWhilePfDown: assumed('ok'),
  linkSpeedMbps: known(100_000, 'the Cloud Onload article: X2541 100G adapters'),
  linkTypes: known(['ETH'], 'X2541 product brief'),
  namesPort: known(true, 'drivers/net/ethernet/sfc: efx_get_phys_port_name gives p0'),
  eswitch: known('none', 'drivers/net/ethernet/sfc: switchdev exists on EF100 only'),
  devlinkAbsent: known('EOPNOTSUPP', 'net/devlink/dev.c: a device without eswitch_mode_set'),
  vfAttributes: known(
    {
      mac: 'ok', vlan: 'ok', vlan8021ad: 'EPROTONOSUPPORT', spoofCheck: 'ok', trust: 'EOPNOTSUPP', minTxRate: 'EOPNOTSUPP', maxTxRate: 'EOPNOTSUPP',
      linkState: 'ok', guid: 'EOPNOTSUPP',
    },
    `${ef10}: MAC, VLAN, spoofchk and link state; efx_netdev_ops has neither trust nor rate`,
  ),
  vfDefaults: assumed({ spoofCheck: false, trust: false }),
  maxTxRateAboveLink: known('EOPNOTSUPP', `${ef10}: no rate limits`),
  macRules: known(
    { effective: 'immediately', override: 'EADDRNOTAVAIL', trustedMayOverride: false },
    `${ef10}: efx_ef10_sriov_set_vf_mac changes the vport and the VF’s netdev; the override’s errno is assumed`,
  ),
  rdma: known({ pf: false, vf: false }, 'no driver in drivers/infiniband/hw'),
  vdpa: known(false, 'drivers/net/ethernet/sfc: vDPA was for EF100 only'),
  features: known(['ntuple'], 'drivers/net/ethernet/sfc/efx_common.c'),
  devlinkParams: assumed({}),
  minMtu: known(68, 'drivers/net/ethernet/sfc/efx.c: EFX_MIN_MTU is ETH_MIN_MTU'),
  maxMtu: known(9216, 'drivers/net/ethernet/sfc/net_driver.h: EFX_MAX_MTU is 9 × 1024'),
  vfMaxMtu: known(9216, 'as the PF'),
  msixVectorsPerVf: assumed(8, 'sfboot msix-vf-limit as delivered'),
  firmwareVersion: assumed('8.3.3.1000 rx1 tx1'),
  oui: known('00:0f:53', 'IEEE OUI list: Solarflare Communications'),
  delays: firmwareDelays({ createMs: 300, perVfMs: 40, eswitchMs: 0, linkMs: 700 }),
};
