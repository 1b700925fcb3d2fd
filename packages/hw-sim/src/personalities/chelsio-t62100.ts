import { firmwareDelays } from './common.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

const cxgb4 = 'drivers/net/ethernet/chelsio/cxgb4/cxgb4_main.c';

/**
 * Chelsio T62100-CR. SR-IOV lives on functions 0–3, which own no port; function 4 has both ports' netdevs; 5 and 6 are storage.
 * Each of functions 0–3 makes up to 16 VFs, 64 together.
 */
export const chelsioT62100: Personality = {
  name: known('T62100', 'supported NIC list of the SR-IOV network operator (Chelsio_cxgb4_T62100)'),
  aliases: known(['T62100-CR', 'Chelsio T62100', 'T6'], 'the Chelsio paper'),
  vendor: known('1425', 'supported NIC list of the SR-IOV network operator'),
  pfDeviceId: known('600d', 'drivers/net/ethernet/chelsio/cxgb4/t4_pci_id_tbl.h: 0x600d is T62100-CR; functions 0–3 have 0 in the second digit'),
  vfDeviceId: known('680d', 'the Chelsio paper, step vii'),
  pfDriver: known('cxgb4', 'the Chelsio paper, step vii'),
  vfDriver: known('cxgb4vf', 'the Chelsio paper, step vii'),
  layout: known(
    {
      kind: 'sharedPorts',
      sriovFunctions: [0, 1, 2, 3],
      portFunction: 4,
      portFunctionDeviceId: '640d',
      ports: 2,
      otherFunctions: [
        { number: 5, deviceId: '650d', pciClass: '0x010000' },
        { number: 6, deviceId: '660d', pciClass: '0x0c0400' },
      ],
      managementNetdev: 'mgmtpf{card},{pf}',
    },
    `${cxgb4}: cxgb4_iov_configure registers the management netdev with the first VF (the model gives it the port’s MTU); t4_pci_id_tbl.h for the ids of functions 4–6`,
  ),
  totalVfs: known(16, `${cxgb4}: each of functions 0–3 supports up to 16 VFs`),
  maxTotalVfs: known(16, `${cxgb4}: each of functions 0–3 supports up to 16 VFs`),
  vfOffset: known(8, 'the Chelsio paper, step vii: the first VF of 02:00.0 is 02:01.0'),
  vfStride: assumed(4, 'four functions interleave'),
  vfPlacement: assumed('interleaved', 'four functions interleave'),
  createWhilePfDown: known('ok', `${cxgb4}: cxgb4_iov_configure looks at the firmware, not at the ports`),
  linkSpeedMbps: known(100_000, 'the Chelsio paper'),
  linkTypes: known(['ETH'], 'Chelsio T62100-CR product brief'),
  namesPort: known(false, `${cxgb4}: no phys_port_name; the second port is dev_port 1`),
  eswitch: known('none', `${cxgb4}: no devlink`),
  devlinkAbsent: known('ENODEV', `${cxgb4}: no devlink`),
  vfAttributes: known(
    {
      mac: 'ok', vlan: 'ok', vlan8021ad: 'EPROTONOSUPPORT', spoofCheck: 'EOPNOTSUPP', trust: 'EOPNOTSUPP', minTxRate: 'EINVAL', maxTxRate: 'ok',
      linkState: 'ok', guid: 'EOPNOTSUPP',
    },
    `${cxgb4}: cxgb4_mgmt_netdev_ops has MAC, VLAN, rate and link state, no spoofchk and no trust`,
  ),
  vfDefaults: known({ spoofCheck: false, trust: false }, `${cxgb4}: no such attribute`),
  maxTxRateAboveLink: known('EINVAL', `${cxgb4}: cxgb4_mgmt_set_vf_rate refuses a rate above the link's`),
  macRules: assumed({ effective: 'afterRebind', override: 'ok', trustedMayOverride: true }, 'cxgb4vf reads its ACL MAC at probe'),
  rdma: known({ pf: false, vf: false }, 'drivers/infiniband/hw/cxgb4 stands on function 4 only'),
  vdpa: known(false, 'no vDPA driver for it in drivers/vdpa'),
  features: known(['hw-tc-offload', 'ntuple'], `${cxgb4}: init_one`),
  devlinkParams: known({}, `${cxgb4}: no devlink`),
  minMtu: known(81, `${cxgb4}: init_one sets min_mtu`),
  maxMtu: known(9600, 'drivers/net/ethernet/chelsio/cxgb4/cxgb4.h: MAX_MTU'),
  vfMaxMtu: known(9600, 'drivers/net/ethernet/chelsio/cxgb4vf/cxgb4vf_main.c: ETH_MAX_MTU bounded by the port'),
  msixVectorsPerVf: assumed(4),
  firmwareVersion: assumed('1.27.4.0', 'Unified Wire 3.19 as the paper installs'),
  oui: known('00:07:43', 'IEEE OUI list: Chelsio Communications'),
  delays: firmwareDelays({ createMs: 200, perVfMs: 30, eswitchMs: 0, linkMs: 600 }),
};
