/** Where a container runtime looks, on the host; `root` is where this process sees the host's file system, empty for its own. */
export interface CniFolders {
  readonly root: string;
  readonly bin: string;
  readonly conf: string;
}

/** Names that networks call the executable by. */
export const PLUGIN_NAMES = ['sriov', 'ib-sriov', 'vfleet'] as const;

/** What somebody else's executable of such a name is called meanwhile. */
export const KEPT_SUFFIX = '.before-vfleet';

/** The configuration in front of the cluster's network: container runtimes take the first by name. */
export const CONFIGURATION = '00-vfleet.conflist';

/** In every executable of ours (the first word of a call, see socket-protocol.ts), and in no other. */
const MARK = 'vfleet-cni/1';

export function isOurs(executable: Buffer): boolean {
  return executable.includes(MARK);
}
