import { fail, ok } from '../result.ts';
import type { Result } from '../result.ts';

/** A NIC family by its PCI ids: four lower-case hexadecimal digits each. */
export interface SupportedNic {
  readonly family: string;
  readonly vendor: string;
  /** Absent: any PF of the vendor (families whose ports have one id each). */
  readonly pfDeviceId?: string;
  /** Absent: not known; the VFs are then selected by their PF. */
  readonly vfDeviceId?: string;
}

/**
 * NICs known to work, and the id that their VFs carry. Facts published by the Go SR-IOV network operator (its ConfigMap
 * `supported-nic-ids`, 2026) and the PCI ID database; Chelsio T6 from Chelsio's own Kubernetes paper (VF 1425:680d). The list is advice: a NIC not on
 * it is selected by its PF instead of by VF id.
 */
export const builtInNics: readonly SupportedNic[] = [
  { family: 'Intel_i40e_XXV710', vendor: '8086', pfDeviceId: '158a', vfDeviceId: '154c' },
  { family: 'Intel_i40e_25G_SFP28', vendor: '8086', pfDeviceId: '158b', vfDeviceId: '154c' },
  { family: 'Intel_i40e_10G_X710_SFP', vendor: '8086', pfDeviceId: '1572', vfDeviceId: '154c' },
  { family: 'Intel_ixgbe_10G_X550', vendor: '8086', pfDeviceId: '1563', vfDeviceId: '1565' },
  { family: 'Intel_ixgbe_82576', vendor: '8086', pfDeviceId: '10c9', vfDeviceId: '10ca' },
  { family: 'Intel_i40e_X710_X557_AT_10G', vendor: '8086', pfDeviceId: '1589', vfDeviceId: '154c' },
  { family: 'Intel_i40e_10G_X710_BACKPLANE', vendor: '8086', pfDeviceId: '1581', vfDeviceId: '154c' },
  { family: 'Intel_i40e_10G_X710_BASE_T', vendor: '8086', pfDeviceId: '15ff', vfDeviceId: '154c' },
  { family: 'Intel_i40e_XXV710_N3000', vendor: '8086', pfDeviceId: '0d58', vfDeviceId: '154c' },
  { family: 'Intel_i40e_40G_XL710_QSFP', vendor: '8086', pfDeviceId: '1583', vfDeviceId: '154c' },
  { family: 'Intel_ice_Columbiaville_E810-CQDA2_2CQDA2', vendor: '8086', pfDeviceId: '1592', vfDeviceId: '1889' },
  { family: 'Intel_ice_Columbiaville_E810-XXVDA4', vendor: '8086', pfDeviceId: '1593', vfDeviceId: '1889' },
  { family: 'Intel_ice_Columbiaville_E810-XXVDA2', vendor: '8086', pfDeviceId: '159b', vfDeviceId: '1889' },
  { family: 'Intel_ice_Columbiaville_E810-XXV_BACKPLANE', vendor: '8086', pfDeviceId: '1599', vfDeviceId: '1889' },
  { family: 'Intel_ice_Columbiaville_E810', vendor: '8086', pfDeviceId: '1591', vfDeviceId: '1889' },
  { family: 'Intel_ice_Columbiapark_E823C', vendor: '8086', pfDeviceId: '188a', vfDeviceId: '1889' },
  { family: 'Intel_ice_Columbiapark_E823L_SFP', vendor: '8086', pfDeviceId: '124d', vfDeviceId: '1889' },
  { family: 'Intel_ice_Columbiapark_E823L_BACKPLANE', vendor: '8086', pfDeviceId: '124c', vfDeviceId: '1889' },
  { family: 'Intel_ice_Columbiapark_E825C_BACKPLANE', vendor: '8086', pfDeviceId: '579c', vfDeviceId: '1889' },
  { family: 'Intel_ice_Columbiapark_E825C_QSFP', vendor: '8086', pfDeviceId: '579d', vfDeviceId: '1889' },
  { family: 'Intel_ice_Columbiapark_E825C_SFP', vendor: '8086', pfDeviceId: '579e', vfDeviceId: '1889' },
  { family: 'Intel_ice_Connorsville_E830_QSFP', vendor: '8086', pfDeviceId: '12d2', vfDeviceId: '1889' },
  { family: 'Intel_ice_Connorsville_E830_SFP', vendor: '8086', pfDeviceId: '12d3', vfDeviceId: '1889' },
  { family: 'Intel_ice_Connorsville_E835CC_QSFP', vendor: '8086', pfDeviceId: '1249', vfDeviceId: '1889' },
  { family: 'Intel_ice_Connorsville_E835CC_SFP', vendor: '8086', pfDeviceId: '124a', vfDeviceId: '1889' },
  { family: 'Nvidia_mlx5_ConnectX-4', vendor: '15b3', pfDeviceId: '1013', vfDeviceId: '1014' },
  { family: 'Nvidia_mlx5_ConnectX-4LX', vendor: '15b3', pfDeviceId: '1015', vfDeviceId: '1016' },
  { family: 'Nvidia_mlx5_ConnectX-5', vendor: '15b3', pfDeviceId: '1017', vfDeviceId: '1018' },
  { family: 'Nvidia_mlx5_ConnectX-5_Ex', vendor: '15b3', pfDeviceId: '1019', vfDeviceId: '101a' },
  { family: 'Nvidia_mlx5_ConnectX-6', vendor: '15b3', pfDeviceId: '101b', vfDeviceId: '101c' },
  { family: 'Nvidia_mlx5_ConnectX-6_Dx', vendor: '15b3', pfDeviceId: '101d', vfDeviceId: '101e' },
  { family: 'Nvidia_mlx5_ConnectX-6_Lx', vendor: '15b3', pfDeviceId: '101f', vfDeviceId: '101e' },
  { family: 'Nvidia_mlx5_ConnectX-7', vendor: '15b3', pfDeviceId: '1021', vfDeviceId: '101e' },
  { family: 'Nvidia_mlx5_ConnectX-8', vendor: '15b3', pfDeviceId: '1023', vfDeviceId: '101e' },
  { family: 'Nvidia_mlx5_ConnectX-9', vendor: '15b3', pfDeviceId: '1025', vfDeviceId: '101e' },
  { family: 'Nvidia_mlx5_MT42822_BlueField-2_integrated_ConnectX-6_Dx', vendor: '15b3', pfDeviceId: 'a2d6', vfDeviceId: '101e' },
  { family: 'Nvidia_mlx5_MT43244_BlueField-3_integrated_ConnectX-7_Dx', vendor: '15b3', pfDeviceId: 'a2dc', vfDeviceId: '101e' },
  { family: 'Broadcom_bnxt_BCM57414_2x25G', vendor: '14e4', pfDeviceId: '16d7', vfDeviceId: '16dc' },
  { family: 'Broadcom_bnxt_BCM75508_2x100G', vendor: '14e4', pfDeviceId: '1750', vfDeviceId: '1806' },
  { family: 'Qlogic_qede_QL45000_50G', vendor: '1077', pfDeviceId: '1654', vfDeviceId: '1664' },
  { family: 'Red_Hat_Virtio_network_device', vendor: '1af4', pfDeviceId: '1000', vfDeviceId: '1000' },
  { family: 'Red_Hat_Virtio_1_0_network_device', vendor: '1af4', pfDeviceId: '1041', vfDeviceId: '1041' },
  { family: 'Marvell_OCTEON_TX2_CN96XX', vendor: '177d', pfDeviceId: 'b200', vfDeviceId: 'b203' },
  { family: 'Marvell_OCTEON_TX2_CN98XX', vendor: '177d', pfDeviceId: 'b100', vfDeviceId: 'b103' },
  { family: 'Marvell_OCTEON_Fusion_CNF95XX', vendor: '177d', pfDeviceId: 'b600', vfDeviceId: 'b603' },
  { family: 'Marvell_OCTEON10_CN10XXX', vendor: '177d', pfDeviceId: 'b900', vfDeviceId: 'b903' },
  { family: 'Marvell_OCTEON_Fusion_CNF105XX', vendor: '177d', pfDeviceId: 'ba00', vfDeviceId: 'ba03' },
  { family: 'Amazon_Elastic_Network_Adapter', vendor: '1d0f', pfDeviceId: 'ec20', vfDeviceId: 'ec20' },
  { family: 'Chelsio_cxgb4_T62100', vendor: '1425', vfDeviceId: '680d' },
  { family: 'Solarflare_sfc_X2541', vendor: '1924' },
];

const HEX_ID = /^[0-9a-f]{4}$/;

/** One entry of the ConfigMap `supported-nic-ids`: `"vendor pfID vfID"`. The failure is a sentence. */
export function parseSupportedNicEntry(family: string, value: string): Result<SupportedNic, string> {
  const ids = value.trim().toLowerCase().split(/\s+/);
  const [vendor, pfDeviceId, vfDeviceId] = ids;
  if (ids.length !== 3 || vendor === undefined || pfDeviceId === undefined || vfDeviceId === undefined || !ids.every((id) => HEX_ID.test(id))) {
    return fail(`entry "${family}" is "${value}"; write three ids of four hexadecimal digits, "vendor pfID vfID", such as "8086 1592 1889"`);
  }
  return ok({ family, vendor, pfDeviceId, vfDeviceId });
}

/** The data of a `supported-nic-ids` ConfigMap: the entries that can be read, by name, and a sentence for each that cannot. */
export function parseSupportedNics(data: Readonly<Record<string, string>>): { readonly nics: readonly SupportedNic[]; readonly problems: readonly string[] } {
  const nics: SupportedNic[] = [];
  const problems: string[] = [];
  for (const family of Object.keys(data).sort()) {
    const parsed = parseSupportedNicEntry(family, data[family]!);
    if (parsed.ok) nics.push(parsed.value);
    else problems.push(parsed.error);
  }
  return { nics, problems };
}

/** The VF device id that PFs with `pfDeviceId` create; undefined when the list does not say. `vendor` narrows the search when given. */
export function vfDeviceIdOf(nics: readonly SupportedNic[], pfDeviceId: string, vendor?: string): string | undefined {
  const pf = pfDeviceId.toLowerCase();
  const wanted = vendor?.toLowerCase();
  return nics.find((nic) => nic.pfDeviceId === pf && (wanted === undefined || nic.vendor === wanted))?.vfDeviceId;
}

/** Whether the list names this PF. */
export function isSupportedNic(nics: readonly SupportedNic[], vendor: string, pfDeviceId: string): boolean {
  const pf = pfDeviceId.toLowerCase();
  return nics.some((nic) => nic.vendor === vendor.toLowerCase() && (nic.pfDeviceId === undefined || nic.pfDeviceId === pf));
}
