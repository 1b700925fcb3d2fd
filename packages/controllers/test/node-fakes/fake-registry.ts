import type { DevicePlugin, DevicePluginRegistry, PluginDevice, Subscription } from '@vfleet/core';

/** A kubelet's side of registration that remembers every list it was sent. */
export class FakeRegistry implements DevicePluginRegistry {
  readonly plugins = new Map<string, DevicePlugin>();
  readonly lists: { readonly resourceName: string; readonly devices: readonly PluginDevice[] }[] = [];

  register(plugin: DevicePlugin): Subscription {
    this.plugins.set(plugin.resourceName, plugin);
    const watch = plugin.listAndWatch((devices) => this.lists.push({ resourceName: plugin.resourceName, devices }));
    return {
      stop: () => {
        watch.stop();
        if (this.plugins.get(plugin.resourceName) === plugin) this.plugins.delete(plugin.resourceName);
      },
    };
  }

  /** Ids of the newest list of a resource, unhealthy ones marked with `!`. */
  devices(resourceName: string): readonly string[] | undefined {
    if (!this.plugins.has(resourceName)) return undefined;
    return this.lists.findLast((list) => list.resourceName === resourceName)?.devices.map(({ id, healthy }) => (healthy ? id : `!${id}`));
  }
}
