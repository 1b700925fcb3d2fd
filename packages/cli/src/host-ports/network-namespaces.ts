import { statfs } from 'node:fs/promises';
import type { Namespaces } from '@vfleet/controllers';

/** File system type of namespace files (linux/magic.h, NSFS_MAGIC). */
const NSFS_MAGIC = 0x6e736673;

/** Network namespaces of this host. A path that was left behind without its mount is no namespace. */
export const hostNamespaces: Namespaces = {
  async exists(netns) {
    try {
      return (await statfs(netns)).type === NSFS_MAGIC;
    } catch (error) {
      // What cannot be looked at for another reason may be alive, and is left alone.
      return !(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'));
    }
  },
};
