import { ethernetAttributes, firmwareDelays } from './common.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

const sriov = 'drivers/net/ethernet/broadcom/bnxt/bnxt_sriov.c';

/** What the NetXtreme-E cards share: one driver for PF and VF. */
export const broadcomBnxt = {
  vendor: known('14e4', 'supported NIC list of the SR-IOV network operator'),
  pfDriver: known('bnxt_en', 'drivers/net/ethernet/broadcom/bnxt'),
  vfDriver: known('bnxt_en', 'drivers/net/ethernet/broadcom/bnxt/bnxt.c: id table has the VF ids'),
  layout: known({ kind: 'functionPerPort', ports: 2 }, 'supported NIC list of the SR-IOV network operator: 2x25G and 2x100G cards'),
  vfOffset: assumed(16),
  vfStride: assumed(1),
  vfPlacement: assumed('blocks'),
  createWhilePfDown: known('noEffect', `${sriov}: bnxt_sriov_configure returns 0 with a warning when the PF is down`),
  linkTypes: known(['ETH'], 'Broadcom NetXtreme-E product briefs'),
  namesPort: known(true, 'drivers/net/ethernet/broadcom/bnxt/bnxt.c: bnxt_get_phys_port_name gives p0'),
  eswitch: known(
    { order: 'afterVfs', wrongOrder: 'ok', withBoundVfs: 'ok', attributes: {} },
    `${sriov}: bnxt_sriov_enable makes representors when the mode was set before (from 6.10; older kernels want VFs first and answer EPERM)`,
  ),
  devlinkAbsent: known('EOPNOTSUPP', 'net/devlink/dev.c'),
  vfAttributes: known(ethernetAttributes, `${sriov}: bnxt_set_vf_vlan takes 802.1ad only with a firmware capability; bnxt_set_vf_bw, bnxt_set_vf_link_state`),
  vfDefaults: known({ spoofCheck: false, trust: false }, `${sriov}: bnxt_set_vf_attr zeroes the VFs' flags`),
  maxTxRateAboveLink: known('EINVAL', `${sriov}: bnxt_set_vf_bw`),
  macRules: assumed(
    { effective: 'afterRebind', override: 'EADDRNOTAVAIL', trustedMayOverride: true },
    `${sriov}: bnxt_approve_mac, a trusted VF may use its own`,
  ),
  rdma: known({ pf: true, vf: true }, 'drivers/infiniband/hw/bnxt_re'),
  vdpa: known(false, 'no vDPA driver for it in drivers/vdpa'),
  features: known(['hw-tc-offload', 'ntuple'], 'drivers/net/ethernet/broadcom/bnxt/bnxt.c: bnxt_init_one'),
  devlinkParams: known(
    { enable_sriov: { value: true, permanent: true }, enable_remote_dev_reset: { value: true, permanent: false } },
    'Documentation/networking/devlink/bnxt.rst',
  ),
  minMtu: known(60, 'drivers/net/ethernet/broadcom/bnxt/bnxt.c: dev->min_mtu is ETH_ZLEN'),
  maxMtu: known(9500, 'drivers/net/ethernet/broadcom/bnxt/bnxt.h: BNXT_MAX_MTU'),
  vfMaxMtu: known(9500, 'drivers/net/ethernet/broadcom/bnxt/bnxt.h: BNXT_MAX_MTU'),
  msixVectorsPerVf: assumed(16),
  oui: known('bc:97:e1', 'IEEE OUI list: Broadcom Limited'),
  delays: firmwareDelays({ createMs: 250, perVfMs: 40, eswitchMs: 400, linkMs: 800 }),
} satisfies Partial<Personality>;
