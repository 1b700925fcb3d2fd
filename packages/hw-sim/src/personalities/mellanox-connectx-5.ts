import { mellanoxMlx5 } from './mellanox-mlx5.ts';
import { assumed, known } from './nic-model.ts';
import type { Personality } from './nic-model.ts';

/** Mellanox ConnectX-5 VPI, two ports, Ethernet or InfiniBand. The card of the Antrea offload guide. */
export const mellanoxConnectx5: Personality = {
  ...mellanoxMlx5,
  name: known('ConnectX-5', 'supported NIC list of the SR-IOV network operator (Nvidia_mlx5_ConnectX-5)'),
  aliases: known(['CX5', 'MT27800'], 'vendor and PCI ID names'),
  pfDeviceId: known('1017', 'supported NIC list of the SR-IOV network operator'),
  vfDeviceId: known('1018', 'supported NIC list of the SR-IOV network operator'),
  linkSpeedMbps: known(100_000, 'NVIDIA ConnectX-5 product brief'),
  linkTypes: known(['ETH', 'IB'], 'NVIDIA ConnectX-5 VPI product brief'),
  vdpa: known(false, 'drivers/vdpa/mlx5 needs the virtio emulation of ConnectX-6 Dx and newer'),
  firmwareVersion: assumed('16.35.2000'),
};
