import type { Files } from '@vfleet/core';
import type { ComponentName } from '../process-host.ts';

/** Folders in which a component keeps JSON documents of its own. */
const FOLDERS: Readonly<Record<ComponentName, readonly string[]>> = {
  'operator': [], 'device-plugin': [], 'config-daemon': ['/etc/sriov-operator', '/etc/sriov-operator/pci'], 'attachment': ['/var/lib/cni/vfleet/pods', '/var/lib/cni/vfleet/vfs'],
};

/** Gives every document of a component a field that the present version does not know. */
export async function writtenByNewer(files: Files, component: ComponentName): Promise<void> {
  for (const folder of FOLDERS[component]) {
    const names = await files.list(folder);
    if (!names.ok) continue;
    for (const name of names.value.filter((one) => one.endsWith('.json'))) {
      const path = `${folder}/${name}`;
      const text = await files.read(path);
      if (text.ok) await files.replace(path, JSON.stringify({ ...asFields(text.value), ofANewerVersion: { since: 2 } }));
    }
  }
}

/** A process that was killed leaves whole documents: they are replaced in one step. */
function asFields(text: string): object {
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? value : {};
}
