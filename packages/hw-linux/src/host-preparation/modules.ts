import type { NodeStateSpec } from '@vfleet/core';

/** Kernel modules that the VFs of a node state need beside their NICs' own drivers. */
export function neededModules(spec: NodeStateSpec): readonly string[] {
  const groups = (spec.interfaces ?? []).flatMap(({ vfGroups }) => vfGroups ?? []);
  const modules = new Set<string>();
  for (const { deviceType, vdpaType, isRdma } of groups) {
    if (deviceType === 'vfio-pci') modules.add('vfio_pci');
    if (vdpaType === 'virtio') modules.add('virtio_vdpa');
    if (vdpaType === 'vhost') modules.add('vhost_vdpa');
    if (isRdma === true) for (const name of ['rdma_ucm', 'ib_umad', 'ib_uverbs']) modules.add(name);
  }
  return [...modules].sort();
}

/** In names of modules `-` and `_` are the same (kernel/module/main.c); /sys/module and /proc/modules show `_`. */
export function moduleName(name: string): string {
  return name.replaceAll('-', '_');
}

/** What modules-load.d(5) takes. */
export function isModuleName(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(name);
}

/** modules-load.d(5): one name a line. Undefined when there is nothing to load. */
export function modulesLoadFile(modules: readonly string[]): string | undefined {
  const names = [...new Set(modules.map(moduleName))].sort();
  return names.length === 0 ? undefined : `# Loaded at boot for the VFs that vfleet configures.\n${names.map((name) => `${name}\n`).join('')}`;
}

/** Of `wanted`, what the kernel has neither loaded nor built in, by the names in /sys/module and the text of modules.builtin. */
export function unloadedModules(wanted: readonly string[], loaded: readonly string[], builtin: string): readonly string[] {
  const there = new Set([...loaded.map(moduleName), ...[...builtin.matchAll(/([^/\n]+)\.ko$/gm)].map((match) => moduleName(match[1]!))]);
  return [...new Set(wanted.map(moduleName))].filter((name) => !there.has(name));
}
