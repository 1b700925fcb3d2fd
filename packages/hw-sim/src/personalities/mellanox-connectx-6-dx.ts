import { mellanoxMlx5 } from './mellanox-mlx5.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

/** Mellanox ConnectX-6 Dx, two ports, Ethernet only, vDPA. */
export const mellanoxConnectx6Dx: Personality = {
  ...mellanoxMlx5,
  name: known('ConnectX-6 Dx', 'supported NIC list of the SR-IOV network operator (Nvidia_mlx5_ConnectX-6_Dx)'),
  aliases: known(['CX6-Dx', 'MT2892'], 'vendor and PCI ID names'),
  pfDeviceId: known('101d', 'supported NIC list of the SR-IOV network operator'),
  vfDeviceId: known('101e', 'supported NIC list of the SR-IOV network operator'),
  linkSpeedMbps: known(100_000, 'NVIDIA ConnectX-6 Dx product brief'),
  linkTypes: known(['ETH'], 'NVIDIA ConnectX-6 Dx product brief: Ethernet SmartNIC'),
  vdpa: known(true, 'drivers/vdpa/mlx5/net/mlx5_vnet.c'),
  firmwareVersion: assumed('22.35.2000'),
};
