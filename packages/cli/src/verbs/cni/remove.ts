import { lstat, readFile, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DEFAULT_STATE_FOLDER } from '@vfleet/controllers/cni/index.ts';
import { CliFailure } from '../../failure.ts';
import { CONFIG_FOLDER } from '../../host-ports/under-way.ts';
import { CONFIGURATION, KEPT_SUFFIX, PLUGIN_NAMES, isOurs } from './node-folders.ts';
import type { CniFolders } from './node-folders.ts';

/** Records, journals and sockets: nothing of them means anything without a daemon. */
const FOLDERS: readonly string[] = [DEFAULT_STATE_FOLDER, '/var/lib/vfleet', CONFIG_FOLDER, '/run/vfleet'];
/** What the device plugin has told of devices (device information specification 1.1), named by resource and device. */
const DEVICE_INFORMATION = '/run/k8s.cni.cncf.io/devinfo/dp';
/** Shared with others: only what is left empty goes. */
const SHARED: readonly string[] = [DEVICE_INFORMATION, '/run/k8s.cni.cncf.io/devinfo', '/run/k8s.cni.cncf.io', dirname(DEFAULT_STATE_FOLDER)];
/** Addresses by host-local, a folder for each network. */
const NETWORKS = '/var/lib/cni/networks';

/** Gives a line for each thing that was done. `resourcePrefix` is the daemon's. */
export async function removeCni({ root, bin, conf }: CniFolders, resourcePrefix: string): Promise<readonly string[]> {
  const held = await names(root + join(DEFAULT_STATE_FOLDER, 'vfs'));
  if (held.length > 0) throw new CliFailure(`pods of this node still have VFs: ${held.slice(0, 5).join(', ')}`, 'Delete those pods, while the daemon runs; then do this again.');
  const done: string[] = [];
  // First of all: from now on the runtime asks the cluster's network itself.
  if (await removeFile(root + join(conf, CONFIGURATION))) done.push(`removed ${join(conf, CONFIGURATION)}`);
  for (const name of PLUGIN_NAMES) {
    const path = root + join(bin, name);
    const present = await readFile(path).catch(() => undefined);
    if (present !== undefined && !isOurs(present)) continue;
    if (present !== undefined) await rm(path);
    if (await isThere(path + KEPT_SUFFIX)) {
      await rename(path + KEPT_SUFFIX, path);
      done.push(`put back ${join(bin, name)}`);
    } else if (present !== undefined) done.push(`removed ${join(bin, name)}`);
  }
  for (const folder of FOLDERS) {
    if (!(await isThere(root + folder))) continue;
    // One that is mounted here stays, empty, until whoever mounted it goes.
    for (const name of await names(root + folder)) await rm(root + join(folder, name), { recursive: true, force: true });
    await rmdir(root + folder).catch(() => undefined);
    done.push(`removed ${folder}`);
  }
  for (const name of await names(root + DEVICE_INFORMATION)) if (name.startsWith(`${resourcePrefix}-`) && name.endsWith('-device.json')) await rm(root + join(DEVICE_INFORMATION, name), { force: true });
  for (const network of await names(root + NETWORKS)) {
    // What is left when every address is back. The CNI project's plugin leaves a lock as well: such a network is its, not ours.
    const left = await names(root + join(NETWORKS, network));
    if (left.every((name) => name.startsWith('last_reserved_ip.'))) await rm(root + join(NETWORKS, network), { recursive: true, force: true });
  }
  for (const folder of SHARED) await rmdir(root + folder).catch(() => undefined);
  return done;
}

async function removeFile(path: string): Promise<boolean> {
  if (!(await isThere(path))) return false;
  await rm(path);
  return true;
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(() => true, () => false);
}

async function names(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
