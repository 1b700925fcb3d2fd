import type { KubeConfig } from '@kubernetes/client-node';
import type * as https from 'node:https';
import type { AccessSource } from './access-source.ts';

/**
 * What only the client library knows: exec plugins, refreshed tokens, proxies, impersonation. Its index of a thousand modules takes 80 MB of memory
 * and a third of a second, so it is loaded when the first request needs it.
 */
export class LibraryAccess implements AccessSource {
  readonly server: string | undefined;
  readonly isStatic: boolean;
  readonly isProxied: boolean;
  readonly #load: () => Promise<KubeConfig>;
  #config: Promise<KubeConfig> | undefined;

  constructor(known: Omit<AccessSource, 'apply'>, load: () => Promise<KubeConfig>) {
    this.server = known.server;
    this.isStatic = known.isStatic;
    this.isProxied = known.isProxied;
    this.#load = load;
  }

  static of(config: KubeConfig): LibraryAccess {
    const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
    const isStatic = user === null || (user.exec === undefined && user.authProvider === undefined);
    return new LibraryAccess({ server: cluster?.server, isStatic, isProxied: cluster?.proxyUrl !== undefined }, () => Promise.resolve(config));
  }

  async apply(options: https.RequestOptions): Promise<void> {
    this.#config ??= this.#load();
    await (await this.#config).applyToHTTPSOptions(options);
  }
}
