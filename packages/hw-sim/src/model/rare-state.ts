/** What most devices never have; kept in sparse maps beside the columns. */
export interface RareState {
  /** Path of the namespace its netdev is in; absent: the host's. */
  netns?: string;
  /** Path of the namespace its RDMA devices are in; absent: the host's. */
  rdmaNetns?: string;
  /** Name of its netdev when it is not the one it was born with. */
  name?: string;
  altNames: readonly string[];
  addresses: readonly string[];
  routes: readonly { readonly dst: string; readonly gw?: string }[];
  nodeGuid?: string;
  portGuid?: string;
  /** True while a process has its VFIO group open. */
  held: boolean;
  /** A fault delays its netdev: bound to a driver, not yet visible. */
  netdevLate: boolean;
  /** MAC set on a PF's own netdev, if any. */
  mac?: string;
  features?: Map<string, boolean>;
  devlinkParams?: Map<string, string | number | boolean>;
  /** Permanent devlink parameters that a reboot will bring into force. */
  pendingParams?: Map<string, string | number | boolean>;
}

export function emptyRareState(): RareState {
  return { altNames: [], addresses: [], routes: [], held: false, netdevLate: false };
}
