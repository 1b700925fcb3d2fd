import { mellanoxMlx5 } from './mellanox-mlx5.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

/** Mellanox ConnectX-4 Lx, two SFP28 ports, Ethernet only. */
export const mellanoxConnectx4Lx: Personality = {
  ...mellanoxMlx5,
  name: known('ConnectX-4 Lx', 'supported NIC list of the SR-IOV network operator (Nvidia_mlx5_ConnectX-4LX)'),
  aliases: known(['CX4-Lx', 'MT27710'], 'vendor and PCI ID names'),
  pfDeviceId: known('1015', 'supported NIC list of the SR-IOV network operator'),
  vfDeviceId: known('1016', 'supported NIC list of the SR-IOV network operator'),
  linkSpeedMbps: known(25_000, 'NVIDIA ConnectX-4 Lx product brief'),
  linkTypes: known(['ETH'], 'NVIDIA ConnectX-4 Lx product brief: EN card'),
  vdpa: known(false, 'drivers/vdpa/mlx5 needs the virtio emulation of ConnectX-6 Dx and newer'),
  firmwareVersion: assumed('14.32.1010'),
};
