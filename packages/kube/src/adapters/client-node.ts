/**
 * The Kube port over HTTP, with @kubernetes/client-node for what a kubeconfig means: contexts, credentials, exec plugins,
 * certificates. Import it by its own path, `@vfleet/kube/adapters/client-node.ts`, so that only those who talk to a cluster over
 * HTTP pay for loading it.
 */
import type { KubeConfig } from '@kubernetes/client-node';
// The library's index also loads every typed client, twice the time of this module.
import { KubeConfig as LoadedKubeConfig } from '@kubernetes/client-node/dist/config.js';
import { Connection } from './connection.ts';
import type { HttpKubeOptions } from './http-kube.ts';
import { HttpKube } from './http-kube.ts';

export { HttpKube, httpKubeDefaults } from './http-kube.ts';
export type { HttpKubeOptions } from './http-kube.ts';

/** A Kube over HTTP to the cluster of the configuration's current context. `close()` lets go of idle connections. */
export function httpKube(config: KubeConfig, options: Partial<HttpKubeOptions> = {}): HttpKube {
  return new HttpKube(new Connection(config), options);
}

/** As {@link httpKube}, by the kubeconfig file at `path` and its current context, or the one named. Throws when the file cannot be read. */
export function kubeFromConfigFile(path: string, options: Partial<HttpKubeOptions> & { readonly context?: string } = {}): HttpKube {
  const { context, ...rest } = options;
  const config = new LoadedKubeConfig();
  config.loadFromFile(path);
  if (context !== undefined) config.setCurrentContext(context);
  return httpKube(config, rest);
}

/** As {@link httpKube}, with the service account of the pod that this runs in. */
export function kubeFromServiceAccount(options: Partial<HttpKubeOptions> = {}): HttpKube {
  const config = new LoadedKubeConfig();
  config.loadFromCluster();
  return httpKube(config, options);
}
