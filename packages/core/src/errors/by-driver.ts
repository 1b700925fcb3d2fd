import type { Errno, Explanation, HardwareCondition, HardwareOperation } from './errno.ts';

type Table = Readonly<Partial<Record<Errno | HardwareCondition, Explanation>>>;

/**
 * What a driver means by an errno where it means something of its own. Each entry names the function it was read in; everything else is
 * explained by the operation alone.
 */
export const explanationsByDriver: Readonly<Record<string, Readonly<Partial<Record<HardwareOperation, Table>>>>> = {
  // drivers/net/ethernet/intel/ice/ice_sriov.c: ice_check_sriov_allowed, ice_sriov_configure; ice_eswitch.c: ice_eswitch_mode_set
  ice: {
    setNumVfs: {
      EOPNOTSUPP: { code: 'unsupported', cause: 'ice makes no VFs: the card is in safe mode (no DDP package), or asked for more than its resources allow', remedy: 'install the DDP package (/lib/firmware/intel/ice/ddp) and reload ice; otherwise lower numVfs' },
      EBUSY: { code: 'busy', cause: 'ice is being reset, VFs are assigned to virtual machines, or the number changes without going through 0', remedy: 'write 0 first, once no virtual machine or pod has a VF; dmesg names which of them it is' },
    },
    setEswitchMode: { EOPNOTSUPP: { code: 'unsupported', cause: 'ice changes the eswitch mode only while there are no VFs', remedy: 'remove the VFs, change the mode, make them again' } },
  },
  // drivers/net/ethernet/intel/i40e/i40e_virtchnl_pf.c: i40e_pci_sriov_configure
  i40e: {
    setNumVfs: {
      EAGAIN: { code: 'busy', cause: 'i40e is still busy with an earlier request of a VF', remedy: 'retry in a second' },
      EINVAL: { code: 'busy', cause: 'i40e refuses the number, or cannot free VFs because some are assigned to virtual machines', remedy: 'end the virtual machines that have a VF; dmesg says whether that is it' },
    },
  },
  // drivers/net/ethernet/intel/igb/igb_main.c: igb_ndo_set_vf_bw, igb_ndo_set_vf_spoofchk, igb_ndo_set_vf_vlan
  igb: {
    setVf: {
      EINVAL: { code: 'invalid', cause: 'igb refuses the value, a rate while the PF has no link, a minimum rate at all, or the PF has no VF of that index', remedy: 'set the PF up and wait for its link before rates are set; use minTxRate 0 and a unicast MAC' },
      EOPNOTSUPP: { code: 'unsupported', cause: 'igb has no link state and no GUIDs of VFs, and no spoof check without VFs', remedy: 'leave linkState out of the network' },
    },
  },
  // drivers/net/ethernet/broadcom/bnxt/bnxt_sriov.c: bnxt_sriov_configure answers 0 where it does nothing
  bnxt_en: {
    setNumVfs: {
      writeWithoutEffect: { code: 'io', cause: 'bnxt_en accepted the write and made another number of VFs: the PF is down, its firmware is being reset, VFs are assigned to virtual machines, or there were resources for fewer', remedy: 'set the PF’s link up first and write 0 before the next attempt; dmesg names the reason' },
    },
  },
  // drivers/net/ethernet/mellanox/mlx5/core/esw/legacy.c; NVIDIA MFT documentation: NUM_OF_VFS, SRIOV_EN
  mlx5_core: {
    setNumVfs: {
      ERANGE: { code: 'outOfRange', cause: 'more VFs than the firmware of the ConnectX offers (NUM_OF_VFS)', remedy: 'raise NUM_OF_VFS with mstconfig or the devlink parameter total_vfs, and reboot' },
      ENOENT: { code: 'unsupported', cause: 'the firmware of the ConnectX has SR-IOV turned off, or mlx5_core is not bound', remedy: 'set SRIOV_EN with mstconfig and reboot, and bind the PF to mlx5_core' },
    },
    setVf: { EOPNOTSUPP: { code: 'unsupported', cause: 'mlx5_core sets this only in legacy mode: in switchdev mode it belongs to the representor', remedy: 'set it on the representor (tc, OVS), or use eSwitchMode legacy' } },
    setEswitchMode: { EBUSY: { code: 'busy', cause: 'mlx5_core changes the mode only while no VF is bound to a driver and no rules are offloaded', remedy: 'unbind the VFs and remove tc and OVS rules first' } },
  },
  // drivers/net/ethernet/chelsio/cxgb4/cxgb4_main.c: cxgb4_mgmt_set_vf_rate; drivers/net/ethernet/chelsio/cxgb4 has no devlink
  cxgb4: {
    setVf: { EINVAL: { code: 'invalid', cause: 'cxgb4 refuses the value: a rate above the speed of the link, or no VF of that index', remedy: 'use a rate that the port’s link can carry, and set the port (function 4) up first' } },
  },
};
