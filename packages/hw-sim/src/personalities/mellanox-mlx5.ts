import { ethernetAttributes, firmwareDelays } from './common.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

const esw = 'drivers/net/ethernet/mellanox/mlx5/core/esw/legacy.c';

/** What the ConnectX cards share: one driver for PF and VF, RDMA on both, switchdev over VFs that exist. */
export const mellanoxMlx5 = {
  vendor: known('15b3', 'supported NIC list of the SR-IOV network operator'),
  pfDriver: known('mlx5_core', 'supported NIC list of the SR-IOV network operator (Nvidia_mlx5_…)'),
  vfDriver: known('mlx5_core', 'the Antrea offload guide unbinds VFs from mlx5_core'),
  layout: known({ kind: 'functionPerPort', ports: 2 }, 'NVIDIA product pages: dual-port cards'),
  totalVfs: known(8, 'the Antrea offload guide prints sriov_totalvfs 8, the firmware’s NUM_OF_VFS as delivered'),
  maxTotalVfs: known(127, 'NVIDIA MFT documentation: NUM_OF_VFS up to 127'),
  vfOffset: known(2, 'the Antrea offload guide: PF 03:00.0 has its first VF at 03:00.2'),
  vfStride: known(1, 'the Antrea offload guide: VFs at 03:00.2, .3, .4, .5'),
  vfPlacement: assumed('blocks', 'lspci listings of dual-port cards'),
  createWhilePfDown: assumed('ok'),
  namesPort: known(true, 'drivers/net/ethernet/mellanox/mlx5/core: devlink port gives phys_port_name p0'),
  eswitch: assumed(
    {
      order: 'afterVfs',
      wrongOrder: 'ok',
      withBoundVfs: 'EBUSY',
      attributes: { vlan: 'EOPNOTSUPP', vlan8021ad: 'EOPNOTSUPP', spoofCheck: 'EOPNOTSUPP', trust: 'EOPNOTSUPP', maxTxRate: 'EOPNOTSUPP', minTxRate: 'EOPNOTSUPP' },
    },
    `the Antrea guide unbinds VFs first, EBUSY stands for skipping that; attributes as ${esw}, which answers only in legacy mode`,
  ),
  devlinkAbsent: known('EOPNOTSUPP', 'net/devlink/dev.c'),
  vfAttributes: known(
    { ...ethernetAttributes, vlan8021ad: 'EPROTONOSUPPORT' },
    'drivers/net/ethernet/mellanox/mlx5/core/en_main.c: mlx5e_set_vf_vlan takes 802.1q; mlx5e_set_vf_rate, mlx5e_set_vf_link_state',
  ),
  vfDefaults: known({ spoofCheck: false, trust: false }, `${esw}: a VF’s vport starts without spoofchk`),
  maxTxRateAboveLink: assumed('ok'),
  macRules: known(
    { effective: 'afterRebind', override: 'ok', trustedMayOverride: true },
    'drivers/net/ethernet/mellanox/mlx5/core/eswitch.c: the admin MAC is the vport’s permanent address, read at probe',
  ),
  rdma: known({ pf: true, vf: true }, 'drivers/infiniband/hw/mlx5'),
  features: known(['hw-tc-offload', 'ntuple'], 'drivers/net/ethernet/mellanox/mlx5/core/en_main.c: mlx5e_build_nic_netdev'),
  devlinkParams: known(
    {
      flow_steering_mode: { value: 'dmfs', permanent: false },
      enable_roce: { value: true, permanent: false },
      enable_sriov: { value: true, permanent: true },
      total_vfs: { value: 8, permanent: true },
    },
    'Documentation/networking/devlink/mlx5.rst',
  ),
  minMtu: known(68, 'drivers/net/ethernet/mellanox/mlx5/core/en_main.c: ETH_MIN_MTU'),
  maxMtu: known(9978, 'mlx5 hardware MTU 10000 less the header'),
  vfMaxMtu: known(9978, 'mlx5 hardware MTU 10000 less the header'),
  msixVectorsPerVf: known(12, 'NVIDIA MFT documentation: NUM_VF_MSIX as delivered (11 and one for async events)'),
  oui: known('b8:ce:f6', 'IEEE OUI list: Mellanox Technologies'),
  delays: firmwareDelays({ createMs: 300, perVfMs: 60, eswitchMs: 700, linkMs: 1000 }),
} satisfies Partial<Personality>;
