import { pfsUnderWay } from '@vfleet/controllers/config-daemon/under-way.ts';
import type { Files } from '@vfleet/core';

/** Of the config daemon: its journal and saved states survive a reboot there. */
export const CONFIG_FOLDER = '/etc/sriov-operator';

/** Whether the node's config daemon is at a PF just now. What cannot be read counts as yes: the runtime tries again. */
export async function isUnderWay(files: Files, pf: string): Promise<boolean> {
  const pfs = await pfsUnderWay(files, CONFIG_FOLDER);
  return !pfs.ok || pfs.value.includes(pf);
}
