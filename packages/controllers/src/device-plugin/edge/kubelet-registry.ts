import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { join } from 'node:path';
import type { Clock, DevicePlugin, DevicePluginRegistry, Log, Random, Subscription, Timer } from '@vfleet/core';
import { isFolder } from '../../edge/own-socket.ts';
import { PluginRegistration } from './plugin-registration.ts';
import type { RegistrationView } from './plugin-registration.ts';

export interface KubeletRegistryPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface KubeletRegistrySettings {
  /** The kubelet's root; the default is `/var/lib/kubelet`. */
  readonly kubeletFolder?: string;
}

export const KUBELET_FOLDER = '/var/lib/kubelet';

/** Sockets are looked after this often where no event told of a change: inotify does not cross every mount. */
const LOOK_MS = 10_000;

/** A kubelet as device plugins reach it. */
export interface KubeletRegistry extends DevicePluginRegistry {
  registrations(): readonly RegistrationView[];
  /** Takes every plugin away; resolves when their sockets are gone. */
  close(): Promise<void>;
}

/**
 * Registers device plugins with this node's kubelet: through its plugin watcher where it has the folder `plugins_registry`, else by
 * calling Register on `device-plugins/kubelet.sock`. A kubelet that starts anew removes sockets (legacy) or asks again
 * (watcher); either way the plugins are back at once.
 */
export function createKubeletRegistry(ports: KubeletRegistryPorts, settings: KubeletRegistrySettings = {}): KubeletRegistry {
  return new Registry(ports, settings.kubeletFolder ?? KUBELET_FOLDER);
}

class Registry implements KubeletRegistry {
  readonly #ports: KubeletRegistryPorts;
  readonly #folders: { readonly registry: string; readonly legacy: string };
  readonly #watchers = new Map<string, FSWatcher>();
  #registrations: readonly PluginRegistration[] = [];
  #leaving: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;

  constructor(ports: KubeletRegistryPorts, kubeletFolder: string) {
    this.#ports = ports;
    this.#folders = { registry: join(kubeletFolder, 'plugins_registry'), legacy: join(kubeletFolder, 'device-plugins') };
  }

  register(plugin: DevicePlugin): Subscription {
    const registration = new PluginRegistration(this.#ports, plugin, () => this.#place());
    this.#registrations = [...this.#registrations, registration];
    this.#follow();
    registration.look();
    return {
      stop: () => {
        if (!this.#registrations.includes(registration)) return;
        this.#registrations = this.#registrations.filter((other) => other !== registration);
        const left = registration.stop();
        this.#leaving = Promise.all([this.#leaving, left]).then(() => undefined);
        if (this.#registrations.length === 0) this.#unfollow();
      },
    };
  }

  registrations(): readonly RegistrationView[] {
    return this.#registrations.map((registration) => registration.view());
  }

  async close(): Promise<void> {
    const left = this.#registrations.map((registration) => registration.stop());
    this.#registrations = [];
    this.#unfollow();
    await Promise.all([...left, this.#leaving]);
  }

  /** Where sockets belong now: asked anew each time, since a kubelet may come with another set of folders. */
  async #place(): Promise<{ readonly mode: 'registry' | 'legacy'; readonly folder: string }> {
    const registry = await isFolder(this.#folders.registry);
    return registry ? { mode: 'registry', folder: this.#folders.registry } : { mode: 'legacy', folder: this.#folders.legacy };
  }

  #follow(): void {
    this.#watchFolders();
    this.#timer ??= this.#ports.clock.setTimer(LOOK_MS, () => {
      this.#timer = undefined;
      this.#look();
      this.#follow();
    });
  }

  #unfollow(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #look(): void {
    for (const registration of this.#registrations) registration.look();
  }

  #watchFolders(): void {
    for (const folder of Object.values(this.#folders)) {
      if (this.#watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, (_event, name) => {
          // Our own temporary names say nothing.
          if (name === null || !name.startsWith('.')) this.#look();
        });
        const forget = () => {
          watcher.close();
          this.#watchers.delete(folder);
        };
        watcher.on('error', forget);
        this.#watchers.set(folder, watcher);
      } catch {
        // There is no such folder (yet); the next look tries again.
      }
    }
  }
}
